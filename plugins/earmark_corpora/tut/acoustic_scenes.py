"""TUT Acoustic Scenes 2016 and 2017: one scene a segment, no events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.errors import AnnotationError, CorpusError, suggestion
from earmark.recordings import Dataset
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication, prefixed, shortened
from earmark_corpora.tables import Row, inner_path, rows, seconds
from earmark_corpora.tut.layout import CHANNELS, FOLDS, RATE_HZ

SCENES = (
    "beach",
    "bus",
    "cafe/restaurant",
    "car",
    "city_center",
    "forest_path",
    "grocery_store",
    "home",
    "library",
    "metro_station",
    "office",
    "park",
    "residential_area",
    "train",
    "tram",
)

PUBLICATIONS = tuple(
    Publication(
        folder=f"TUT-acoustic-scenes-{year}-{split}",
        split=split,
        source=f"Zenodo record {record}",
        fetch=f"tut-acoustic-scenes-{year}-{split}",
    )
    for year, split, record in (
        (2016, "development", 45739),
        (2016, "evaluation", 165995),
        (2017, "development", 400515),
        (2017, "evaluation", 1040168),
    )
)


def _plan(root: Path, publication: Publication) -> Plan | None:
    folder = publication.located(root)
    if folder is None:
        return None
    notes: list[str] = []
    development = publication.split == "development"
    truth = folder / ("meta.txt" if development else "evaluation_setup/evaluate.txt")
    scenes, groups = _scenes(truth)
    listed = dict(scenes)
    if not development:
        for path in _first_fields(folder / "evaluation_setup/test.txt"):
            listed.setdefault(path, None)
        groups |= _originals(folder / "evaluation_setup/map.txt")
    if not listed:
        raise CorpusError(
            f"{folder}: no {truth.relative_to(folder)}. Unpack its meta archive here. {publication.remedy}"
        )
    if nameless := [path for path, scene in listed.items() if scene is None]:
        notes.append(f"{folder.name}: {len(nameless)} recordings have no scene: {shortened(nameless)}.")
    folds = _folds(folder) if development else {}
    if strangers := [path for path in folds if path not in listed]:
        raise AnnotationError(
            f"{folder}: fold lists name {shortened(strangers)}, which meta.txt does not. They must be of one version; "
            "unpack the meta archive again."
        )
    if development and (untested := [path for path in listed if path not in folds]):
        notes.append(f"{folder.name}: {len(untested)} recordings are tested in no fold: {shortened(untested)}.")
    notes += _errors(folder)
    prefix = prefixed(root, folder)
    entries = tuple(
        Entry(
            path=prefix + path,
            split=publication.split,
            scene=scene,
            fold=folds.get(path),
            group=_recording_id(path) if development else groups.get(path),
        )
        for path, scene in listed.items()
    )
    return Plan(entries=entries, notes=tuple(notes), rate_hz=RATE_HZ, channels=CHANNELS)


def _scenes(file: Path) -> tuple[dict[str, str | None], dict[str, str]]:
    """Scene of each recording, and what a third field says of its original name."""
    scenes: dict[str, str | None] = {}
    groups: dict[str, str] = {}
    for row in rows(file) if file.is_file() else ():
        if len(row.fields) < 2:
            raise AnnotationError(
                f"{row.where}: expected an audio file, a tab and a scene, found {row.fields[0]!r}. "
                "Unpack the meta archive again."
            )
        path, scene = inner_path(row.fields[0], row.where), _scene(row)
        if scenes.setdefault(path, scene) != scene:
            raise AnnotationError(
                f"{row.where}: {path} is {scene!r} here and {scenes[path]!r} above. Unpack the meta archive again."
            )
        if len(row.fields) > 2 and row.fields[2]:
            groups[path] = _recording_id(row.fields[2])
    return scenes, groups


def _scene(row: Row) -> str:
    # The exact spelling inside the files is the one thing that no source states: blanks, hyphens and capitals pass.
    scene = re.sub(r"[\s-]+", "_", row.fields[1].lower()).replace("cafe_restaurant", "cafe/restaurant")
    if scene not in SCENES:
        raise AnnotationError(
            f"{row.where}: unknown scene {row.fields[1]!r}. {suggestion(scene, SCENES)}Known: {', '.join(SCENES)}."
        )
    return scene


def _recording_id(name: str) -> str:
    """The original recording that a segment was cut from: all segments of it share a location.

    >>> _recording_id("audio/a099_0_30.wav")
    'a099'
    """
    return PurePosixPath(name.replace("\\", "/")).stem.partition("_")[0]


def _originals(file: Path) -> dict[str, str]:
    """Original recording of each numbered file, whichever of the two names comes first in a line."""
    groups = {}
    for row in rows(file) if file.is_file() else ():
        names = [PurePosixPath(inner_path(field, row.where)) for field in row.fields[:2]]
        if len(names) == 2:
            number, original = sorted(names, key=lambda name: not name.stem.isdigit())
            groups[f"audio/{number.stem}.wav"] = _recording_id(original.name)
    return groups


def _first_fields(file: Path) -> list[str]:
    return [inner_path(row.fields[0], row.where) for row in rows(file)] if file.is_file() else []


def _folds(folder: Path) -> dict[str, int]:
    folds: dict[str, int] = {}
    for fold in FOLDS:
        for part in ("test", "evaluate"):
            for path in _first_fields(folder / f"evaluation_setup/fold{fold}_{part}.txt"):
                if folds.setdefault(path, fold) != fold:
                    raise AnnotationError(
                        f"{folder}/evaluation_setup/fold{fold}_{part}.txt: {path} is tested in fold {folds[path]} too. "
                        "A recording is tested in one fold; unpack the meta archive again."
                    )
    return folds


def _errors(folder: Path) -> list[str]:
    """What ``error.txt`` says of failing microphones: audio file, onset, offset, kind."""
    file = folder / "error.txt"
    if not file.is_file():
        return []
    total_s, paths = 0.0, set()
    for row in rows(file):
        if len(row.fields) < 3:
            raise AnnotationError(
                f"{row.where}: expected audio file, onset and offset. Unpack the error archive again."
            )
        paths.add(row.fields[0])
        total_s += seconds(row.fields[2], row.where) - seconds(row.fields[1], row.where)
    return [
        f"{folder.name}: error.txt marks {total_s:.1f} s in {len(paths)} recordings as faulty; they are kept unchanged."
    ]


LAYOUT = Layout(name="tut-acoustic-scenes", scenes=SCENES, events=(), publications=PUBLICATIONS, plan=_plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class TutAcousticScenes:
    """Reads TUT Acoustic Scenes: the folder of one data set, or the folder that holds several."""

    def read(self, root: Path) -> Dataset:
        """Read scenes and audio headers; errors as `Layout.read`."""
        return LAYOUT.read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)
