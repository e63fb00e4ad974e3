"""The synthesiser of the stand-in of TUT Urban Acoustic Scenes 2018."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors
from earmark_corpora.tut.urban_2018 import CITIES, EVALUATE, FOLDER, META, RATE_HZ, SCENES, TEST, TRAIN, segment

if TYPE_CHECKING:
    from earmark.protocols import Engine
    from earmark.recordings import Event
    from earmark_corpora.synthesis.chance import Rng
    from earmark_corpora.synthesis.signals import Signal

VERSION = 1
"""Raised whenever the same options and seed give other sound or other lists."""

CLIP_S = 10.0

CLIPS_PER_LOCATION = 3
"""The real set has 30 of each of its 286 locations; a small stand-in needs many places more than long ones."""

FOREIGN = (FOLDER, "audio", META, "evaluation_setup")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tut2018StandIn:
    """Writes clips of ten synthetic city scenes in the layout of TUT Urban Acoustic Scenes 2018."""

    n_train: int = 240
    """Clips of the train list, of ten scenes in equal parts; the real one names 6122."""
    n_test: int = 120
    """Clips of the test list, of other locations; the real one names 2518."""

    def __post_init__(self) -> None:
        for name, count in (("n_train", self.n_train), ("n_test", self.n_test)):
            if count < len(SCENES):
                raise OptionError(
                    f"Tut2018StandIn.{name} is {count}; give at least {len(SCENES)}, so that every scene has a clip."
                )

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the stand-in; recordings that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the folder holds something else, or cannot be written.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from earmark_corpora.synthesis.writing import SoundFile, write_files

        sounds = [
            SoundFile(
                path=f"{FOLDER}/{path}",
                n_samples=round(CLIP_S * RATE_HZ),
                rate_hz=RATE_HZ,
                subtype="PCM_24",
                render=partial(_rendered, path, seed),
            )
            for paths in self.clips().values()
            for path in paths
        ]
        texts = {f"{FOLDER}/{name}": text for name, text in _lists(self.clips()).items()}
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
        """What decides the stand-in."""
        return {
            "corpus": "tut2018",
            "version": VERSION,
            "seed": seed,
            "options": {"n_train": self.n_train, "n_test": self.n_test},
        }

    def clips(self) -> dict[str, list[str]]:
        """Paths of the recordings by list, train first; locations and segments are numbered over the whole set."""
        listed: dict[str, list[str]] = {}
        location = number = 0
        for name, count in ((TRAIN, self.n_train), (TEST, self.n_test)):
            listed[name] = []
            for index, scene in enumerate(SCENES):
                of_scene = count // len(SCENES) + (index < count % len(SCENES))
                n_locations = -(-of_scene // CLIPS_PER_LOCATION)
                for clip in range(of_scene):
                    place = location + clip % n_locations
                    listed[name].append(f"audio/{scene}-{CITIES[place % len(CITIES)]}-{place}-{number}-a.wav")
                    number += 1
                location += n_locations
        return listed


def _lists(clips: dict[str, list[str]]) -> dict[str, str]:
    """Contents of the lists; meta.csv, without which nothing is read, comes last."""
    named = {path: segment(path, META) for paths in clips.values() for path in paths}
    meta = [f"{path}\t{of_path.scene}\t{of_path.group}\ta" for path, of_path in sorted(named.items())]
    scenes = {name: [f"{path}\t{named[path].scene}" for path in paths] for name, paths in clips.items()}
    lines = {
        TRAIN: scenes[TRAIN],
        TEST: clips[TEST],
        EVALUATE: scenes[TEST],
        META: ["filename\tscene_label\tidentifier\tsource_label", *meta],
    }
    return {name: "\n".join(of_list) + "\n" for name, of_list in lines.items()}


def _rendered(path: str, seed: int) -> Signal:
    """Sound (sample, channel) of a clip; clips of one location share the place, each has its own events."""
    import soxr

    from earmark_corpora.synthesis.chance import generator
    from earmark_corpora.synthesis.mixing import mixed
    from earmark_corpora.synthesis.scenery import place_in
    from earmark_corpora.synthesis.signals import samples
    from earmark_corpora.synthesis.urban import URBAN, URBAN_SCENERIES
    from earmark_corpora.tut.layout import RATE_HZ as SYNTHESIS_HZ

    named = segment(path, META)
    place = place_in(URBAN_SCENERIES[named.scene], generator(seed, "place", named.scene, named.group))
    rng = generator(seed, "sound", path)
    sound = mixed(place, heard(named.scene, rng), samples(CLIP_S), URBAN, rng)
    resampled: Signal = soxr.resample(sound, SYNTHESIS_HZ, RATE_HZ)
    return resampled[: round(CLIP_S * RATE_HZ)]


def heard(scene: str, rng: Rng) -> list[Event]:
    """Events of a clip, which nobody annotates: they are what a listener would tell the scene by."""
    from earmark.recordings import Event
    from earmark_corpora.synthesis.signals import between
    from earmark_corpora.synthesis.urban import TYPICAL

    events = []
    for label, per_clip in TYPICAL[scene].items():
        for _ in range(int(rng.poisson(per_clip))):
            length_s = between(rng, 0.1, 0.8) if label == "(object) impact" else between(rng, 1.0, 8.0)
            onset_s = float(rng.uniform(0, CLIP_S - length_s))
            events.append(Event(onset_s, onset_s + length_s, label))
    return sorted(events)
