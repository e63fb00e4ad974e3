"""An example of a user's own folder: a few recordings of one place, with Audacity labels beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors
from earmark.recordings import Event, Recording
from earmark_corpora.synthesis.chance import Rng, generator
from earmark_corpora.tut.layout import CHANNELS, RATE_HZ

if TYPE_CHECKING:
    from earmark.protocols import Engine
    from earmark_corpora.synthesis.signals import Signal

VERSION = 1
"""Raised whenever the same options and seed give other sound or other labels."""

DAYS = ("monday", "tuesday", "wednesday", "thursday")
UNLABELLED = "thursday"
"""A recording to try a trained model on."""

EVENTS = {"bird singing": (10.0, 0.5, 4.0), "car": (3.0, 3.0, 9.0), "people talking": (4.0, 0.8, 5.0)}
"""Instances a minute, and shortest and longest duration in seconds."""

LEAST_MIN = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderStandIn:
    """Writes a small example of a folder of your own: recordings of a garden, three of them labelled in Audacity."""

    recording_min: float = 2.0
    """Minutes of each recording."""

    def __post_init__(self) -> None:
        if not LEAST_MIN <= self.recording_min <= 60:
            raise OptionError(
                f"FolderStandIn.recording_min is {self.recording_min:g}; give {LEAST_MIN:g} to 60 minutes."
            )

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the example; recordings that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the folder holds something else, or cannot be written.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from earmark_corpora.synthesis.signals import samples
        from earmark_corpora.synthesis.writing import SoundFile, write_files

        recordings = self.recordings(seed)
        sounds = [
            SoundFile(
                path=recording.path,
                n_samples=samples(recording.duration_s),
                rate_hz=RATE_HZ,
                subtype="PCM_16",
                render=partial(_rendered, recording, seed),
            )
            for recording in recordings
        ]
        labels = {
            recording.path.replace(".wav", ".txt"): "".join(
                f"{event.onset_s:.6f}\t{event.offset_s:.6f}\t{event.label}\n" for event in recording.events or ()
            )
            for recording in recordings
            if not recording.path.startswith(UNLABELLED)
        }
        files = [f"{day}{suffix}" for day in DAYS for suffix in (".wav", ".txt")]
        write_files(
            root,
            sounds,
            labels,
            self.identity(seed),
            foreign=files,
            workers=n_processors(),
            advance=advance,
            engine=engine,
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """What decides the example."""
        return {
            "corpus": "folder",
            "version": VERSION,
            "seed": seed,
            "options": {"recording_min": self.recording_min},
        }

    def recordings(self, seed: int) -> tuple[Recording, ...]:
        """What is going to be written."""
        return tuple(
            Recording(
                path=f"{day}.wav",
                duration_s=60 * self.recording_min,
                rate_hz=RATE_HZ,
                channels=CHANNELS,
                split="",
                scene="residential_area",
                group="garden",
                events=_heard(60 * self.recording_min, generator(seed, "labels", day)),
            )
            for day in DAYS
        )


def _heard(length_s: float, rng: Rng) -> tuple[Event, ...]:
    """Instances of each event that do not overlap their like: an annotator would unite those."""
    heard: list[Event] = []
    for label, (per_minute, least_s, most_s) in EVENTS.items():
        at_s = rng.exponential(60 / per_minute)
        while True:
            duration_s = rng.uniform(least_s, most_s)
            if at_s + duration_s > length_s:
                break
            heard.append(Event(round(at_s, 3), round(at_s + duration_s, 3), label))
            at_s += duration_s + 0.3 + rng.exponential(max(60 / per_minute - duration_s, 1.0))
    return tuple(sorted(heard))


def _rendered(recording: Recording, seed: int) -> Signal:
    from earmark_corpora.synthesis.mixing import render

    return render(recording, seed)
