"""The synthesiser of isolated events, on which a stand-in for a pretrained tagger is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors

if TYPE_CHECKING:
    from earmark.protocols import Engine
    from earmark_corpora.synthesis.signals import Signal

VERSION = 1
"""Raised whenever the same options and seed give other sound or other tags."""

RATE_HZ = 32_000
"""The higher of the two rates that taggers take."""

TAGS_FILE = "tags.tsv"
FOREIGN = ("audio", TAGS_FILE)


@dataclass(frozen=True, kw_only=True, slots=True)
class IsolatedStandIn:
    """Writes short clips of single sounds of the city stand-in on soft noise, tagged with names of AudioSet.

    What a tagger learns here it can hear in the scenes of the stand-in of TUT Urban Acoustic Scenes 2018, none of which
    it has heard: the sounds are of the same makers, the places are not.
    """

    n_train: int = 2000
    """Clips to train on."""
    n_test: int = 200
    """Clips to test on, of other voices, engines, shoes."""
    clip_s: float = 4.0
    """Length of each clip."""

    def __post_init__(self) -> None:
        if self.n_train < 1 or self.n_test < 1 or not 1 <= self.clip_s <= 60:
            raise OptionError(
                f"IsolatedStandIn: n_train = {self.n_train}, n_test = {self.n_test}, clip_s = {self.clip_s:g}; give at "
                "least a clip each, of 1 to 60 s."
            )

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the clips; those that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the folder holds something else, or cannot be written.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from earmark_corpora.synthesis.writing import SoundFile, write_files

        sounds = [
            SoundFile(
                path=path,
                n_samples=round(self.clip_s * RATE_HZ),
                rate_hz=RATE_HZ,
                subtype="PCM_16",
                render=partial(_rendered, path, self.clip_s, seed),
            )
            for path in self.paths()
        ]
        texts = {TAGS_FILE: self._tags(seed)}
        write_files(
            root,
            sounds,
            texts,
            self.identity(seed),
            foreign=FOREIGN,
            workers=n_processors(),
            advance=advance,
            engine=engine,
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """What decides the clips."""
        return {
            "corpus": "isolated-events",
            "version": VERSION,
            "seed": seed,
            "options": {"n_train": self.n_train, "n_test": self.n_test, "clip_s": self.clip_s},
        }

    def paths(self) -> list[str]:
        """Of all clips, those to train on first."""
        parts = {"development": self.n_train, "evaluation": self.n_test}
        return [f"audio/{split}/{number:05d}.wav" for split, count in parts.items() for number in range(count)]

    def _tags(self, seed: int) -> str:
        from earmark_corpora.synthesis.chance import generator
        from earmark_corpora.synthesis.isolated_events import drawn, tags_of

        lines = ["file\ttags"]  # names of AudioSet hold commas
        for path in self.paths():
            labels = [label for *_, label in drawn(generator(seed, "events", path), self.clip_s)]
            lines.append(f"{path}\t{'|'.join(tags_of(labels))}")
        return "\n".join(lines) + "\n"


def _rendered(path: str, clip_s: float, seed: int) -> Signal:
    """Sound (sample, 1) of a clip; every clip has a place and instruments of its own."""
    import soxr

    from earmark.recordings import Event
    from earmark_corpora.synthesis.chance import generator
    from earmark_corpora.synthesis.isolated_events import ISOLATED, NOISE, drawn
    from earmark_corpora.synthesis.mixing import mixed
    from earmark_corpora.synthesis.scenery import place_in
    from earmark_corpora.synthesis.signals import samples
    from earmark_corpora.tut.layout import RATE_HZ as SYNTHESIS_HZ

    events = [Event(*event) for event in drawn(generator(seed, "events", path), clip_s)]
    place = place_in(NOISE, generator(seed, "place", path))
    sound = mixed(place, events, samples(clip_s), ISOLATED, generator(seed, "sound", path)).mean(axis=1, keepdims=True)
    resampled: Signal = soxr.resample(sound, SYNTHESIS_HZ, RATE_HZ)
    return resampled[: round(clip_s * RATE_HZ)]
