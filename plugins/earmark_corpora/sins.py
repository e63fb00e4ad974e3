"""The SINS derivative of DCASE 2018 task 5, development set: what people do in a home."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.audio import AudioInfo
from earmark.errors import AnnotationError, CorpusError, suggestion
from earmark.recordings import Dataset
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication, prefixed
from earmark_corpora.tables import Row, inner_path, rows

SCENES = (
    "absence",
    "cooking",
    "dishwashing",
    "eating",
    "other",
    "social_activity",
    "vacuum_cleaning",
    "watching_tv",
    "working",
)

SEGMENT = AudioInfo(duration_s=10.0, rate_hz=16_000, channels=4)

PUBLICATION = Publication(
    folder="DCASE2018-task5-dev", split="development", source="Zenodo record 1247102", fetch="sins"
)

_NAME = re.compile(r"(?P<group>DevNode\d+_ex\d+)_\d+\.wav")


def _plan(root: Path, publication: Publication) -> Plan | None:
    folder = publication.located(root)
    if folder is None:
        return None
    if not (folder / "meta.txt").is_file():
        raise CorpusError(f"{folder}: no meta.txt. Unpack its meta archive here. {publication.remedy}")
    prefix = prefixed(root, folder)
    folds = _folds(folder)
    entries = []
    for row in rows(folder / "meta.txt"):
        if len(row.fields) < 2:
            raise AnnotationError(
                f"{row.where}: expected an audio file, a label and a session with tabs between them. "
                "Unpack the meta archive again."
            )
        path = inner_path(row.fields[0], row.where)
        match = _NAME.fullmatch(PurePosixPath(path).name)
        if not match:
            raise AnnotationError(f"{row.where}: {path!r} is not of the form audio/DevNode1_ex1_1.wav.")
        entries.append(
            Entry(
                path=prefix + path,
                split=publication.split,
                scene=_scene(row),
                fold=folds.get(path),
                group=match["group"],
            )
        )
    n_other = sum(entry.scene == "other" for entry in entries)
    notes = [f"{n_other} segments are 'other', of which DESED makes its backgrounds (2,060 in the whole set)."]
    return Plan(entries=tuple(entries), notes=tuple(notes), nominal=SEGMENT)


def _scene(row: Row) -> str:
    # "watching TV" in the README; no source shows how meta.txt spells labels of two words.
    scene = re.sub(r"[\s-]+", "_", row.fields[1].lower())
    if scene not in SCENES:
        raise AnnotationError(
            f"{row.where}: unknown label {row.fields[1]!r}. {suggestion(scene, SCENES)}Known: {', '.join(SCENES)}."
        )
    return scene


def _folds(folder: Path) -> dict[str, int]:
    folds: dict[str, int] = {}
    for fold in (1, 2, 3, 4):
        file = folder / f"evaluation_setup/fold{fold}_test.txt"
        for row in rows(file) if file.is_file() else ():
            folds.setdefault(inner_path(row.fields[0], row.where), fold)
    return folds


LAYOUT = Layout(name="sins", scenes=SCENES, events=(), publications=(PUBLICATION,), plan=_plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sins:
    """Reads the 72,984 segments of 10 s: the activity is the scene, node and session the group.

    Opening every file would take minutes, so a sample is held against the published length, rate and channels.
    """

    def read(self, root: Path) -> Dataset:
        """Read labels and a sample of the audio headers; errors as `Layout.read`."""
        return LAYOUT.read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)
