"""TUT Sound Events 2016 and 2017 with their own labels, development and evaluation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.errors import AnnotationError, CorpusError, suggestion
from earmark.recordings import Dataset
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication, prefixed, shortened
from earmark_corpora.tables import Line, Row, event, inner_path, rows
from earmark_corpora.tut.layout import CHANNELS, RATE_HZ

SCENES = ("home", "residential_area", "street")

EVENTS = (
    "(object) banging",
    "(object) rustling",
    "(object) snapping",
    "bird singing",
    "brakes squeaking",
    "car",
    "car passing by",
    "children",
    "children shouting",
    "cupboard",
    "cutlery",
    "dishes",
    "drawer",
    "glass jingling",
    "large vehicle",
    "object impact",
    "people speaking",
    "people walking",
    "washing dishes",
    "water tap running",
    "wind blowing",
)
"""Target classes of the READMEs of both years; one vocabulary, so that one model can hear all scenes."""

SYNONYMS = {"(object) impact": "object impact"}

PUBLICATIONS = tuple(
    Publication(
        folder=f"TUT-sound-events-{year}-{split}",
        split=split,
        source=f"Zenodo record {record}",
        fetch=f"tut-sound-events-{year}-{split}",
    )
    for year, split, record in (
        (2016, "development", 45759),
        (2016, "evaluation", 996424),
        (2017, "development", 814831),
        (2017, "evaluation", 1040179),
    )
)

_FOLD = re.compile(r"(?P<scene>.+)_fold(?P<fold>[1-4])_(test|evaluate)\.txt")


def _plan(root: Path, publication: Publication) -> Plan | None:
    folder = publication.located(root)
    if folder is None:
        return None
    notes: list[str] = []
    renamed: Counter[str] = Counter()
    annotated = _annotations(folder, renamed)
    folds = _folds(folder)
    audio = {f.relative_to(folder).as_posix() for f in (folder / "audio").rglob("*.wav") if f.name[:2] != "._"}
    paths = sorted(audio | annotated.keys() | folds.keys() | _listed(folder))
    if not paths:
        raise CorpusError(f"{folder}: neither audio/, meta/ nor evaluation_setup/ holds anything. {publication.remedy}")
    unlabelled = [path for path in paths if path not in annotated]
    if unlabelled and publication.split == "development":
        raise CorpusError(
            f"{folder}: {len(unlabelled)} recordings have no file in meta/: {shortened(unlabelled)}. "
            f"Unpack its meta archive here. {publication.remedy}"
        )
    if unlabelled:
        notes.append(f"{folder.name}: {len(unlabelled)} recordings have no labels: {shortened(unlabelled)}.")
    if folds.values() and (untested := [path for path in paths if path not in folds]):
        notes.append(f"{folder.name}: {len(untested)} recordings are tested in no fold: {shortened(untested)}.")
    elif not folds and publication.split == "development":
        notes.append(f"{folder.name}: no fold lists in evaluation_setup/; recordings have no fold.")
    notes += [f"{folder.name}: read the event {name} in {count} lines." for name, count in renamed.items()]
    if (folder / "non_verified").is_dir():
        notes.append(f"{folder.name}: non_verified/ holds the labels of version 1.0, which are not read.")
    prefix = prefixed(root, folder)
    entries = tuple(
        Entry(
            path=prefix + path,
            split=publication.split,
            scene=_scene(path, str(folder)),
            fold=folds.get(path),
            lines=annotated.get(path),
        )
        for path in paths
    )
    return Plan(entries=entries, notes=tuple(notes), rate_hz=RATE_HZ, channels=CHANNELS)


def _annotations(folder: Path, renamed: Counter[str]) -> dict[str, tuple[Line, ...]]:
    """Lines by recording, from the verified labels of ``meta/<scene>/<id>.ann``."""
    annotated = {}
    for file in sorted((folder / "meta").glob("*/*.ann")):
        if file.name.startswith("._"):  # leftovers of archives made on a Mac
            continue
        path = f"audio/{file.parent.name}/{file.stem}.wav"
        annotated[path] = tuple(_line(row, path, renamed) for row in rows(file))
    return annotated


def _line(row: Row, path: str, renamed: Counter[str]) -> Line:
    """One line: three fields are onset, offset and label; five or more begin with file and scene."""
    fields = row.fields
    if len(fields) >= 5:
        named, scene = inner_path(fields[0], row.where), fields[1]
        if (PurePosixPath(named).name, scene) != (PurePosixPath(path).name, _scene(path, row.where)):
            raise AnnotationError(
                f"{row.where}: the line is of {named}, scene {scene!r}, but stands in the file of {path}. "
                "Unpack the meta archive again."
            )
        fields = fields[2:5]
    if len(fields) != 3:
        raise AnnotationError(
            f"{row.where}: {len(row.fields)} fields, expected onset, offset and label with tabs between them, or "
            "audio file and scene before them."
        )
    onset, offset, label = fields
    if label in SYNONYMS:
        renamed[f"{label!r} as {SYNONYMS[label]!r}"] += 1
        label = SYNONYMS[label]
    if label not in EVENTS:
        raise AnnotationError(
            f"{row.where}: unknown event {label!r}. {suggestion(label, EVENTS)}Known: {', '.join(EVENTS)}. "
            "meta_full/ holds more classes; meta/ must not."
        )
    return event(onset, offset, label, row.where)


def _scene(path: str, where: str) -> str:
    scene = PurePosixPath(path).parent.name
    if scene not in SCENES:
        raise AnnotationError(
            f"{where}: {path} lies in the folder {scene!r}, which is no scene of this data set "
            f"({', '.join(SCENES)}). Unpack the archives again."
        )
    return scene


def _folds(folder: Path) -> dict[str, int]:
    """Fold in which each recording is tested."""
    folds: dict[str, int] = {}
    for file in sorted((folder / "evaluation_setup").glob("*.txt")):
        if not (match := _FOLD.fullmatch(file.name)):
            continue
        fold = int(match["fold"])
        for row in rows(file):
            path = inner_path(row.fields[0], row.where)
            if folds.setdefault(path, fold) != fold:
                raise AnnotationError(
                    f"{row.where}: {path} is tested in fold {fold} and in fold {folds[path]}. "
                    "A recording is tested in one fold; unpack the meta archive again."
                )
    return folds


def _listed(folder: Path) -> set[str]:
    """Recordings of an evaluation set."""
    return {
        inner_path(row.fields[0], row.where)
        for file in sorted((folder / "evaluation_setup").glob("*_test.txt"))
        for row in rows(file)
    }


LAYOUT = Layout(name="tut-sound-events", scenes=SCENES, events=EVENTS, publications=PUBLICATIONS, plan=_plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class TutSoundEvents:
    """Reads TUT Sound Events: the folder of one data set, or the folder that holds several.

    Labels are the data sets' own (not those that [partial_labels] joined, which the corpus ``tut`` reads); the
    scene of a recording is the name of its folder.
    """

    def read(self, root: Path) -> Dataset:
        """Read annotations and audio headers; errors as `Layout.read`."""
        return LAYOUT.read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)
