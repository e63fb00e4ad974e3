"""The recorded part of DESED: strong, weak and no labels of 10 s domestic clips."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.errors import AnnotationError, suggestion
from earmark.recordings import Dataset
from earmark_corpora.desed.layout import BASES, EVENTS
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication, shortened
from earmark_corpora.tables import Line, Row, event, inner_path, rows


@dataclass(frozen=True, slots=True)
class Part:
    """One list, and where the recordings that it names may lie."""

    publication: Publication
    file: str
    folders: tuple[str, ...]


def _part(name: str, split: str, source: str, file: str, *folders: str) -> Part:
    return Part(Publication(folder=name, split=split, source=source), file, folders)


_FROM_AUDIOSET = "listed by Zenodo record 4639776, its audio fetched from AudioSet by the scripts of turpaultn/DESED"
PARTS = (
    _part("weak.tsv", "development", _FROM_AUDIOSET, "metadata/train/weak.tsv", "audio/train/weak"),
    _part(
        "unlabel_in_domain.tsv",
        "development",
        _FROM_AUDIOSET,
        "metadata/train/unlabel_in_domain.tsv",
        "audio/train/unlabel_in_domain",
    ),
    _part(
        "validation.tsv",
        "validation",
        _FROM_AUDIOSET,
        "metadata/validation/validation.tsv",
        "audio/validation",
        "audio/validation/validation",
    ),
    _part(
        "public.tsv",
        "evaluation",
        "DESED_public_eval.tar.gz of Zenodo record 4560759",
        "metadata/eval/public.tsv",
        "audio/eval/public",
        "audio/eval",
    ),
)

_POSITION = re.compile(r"(?P<source>.+)_[0-9.]+_[0-9.]+\.\w+")


def _plan(root: Path, publication: Publication) -> Plan | None:
    part = next(part for part in PARTS if part.publication == publication)
    for base in BASES:
        # The annotation files also travel alone, without the folders of the archives.
        for file in (root / base / part.file, root / base / publication.folder):
            if file.is_file():
                return _read(root, Path(base), file, part)
    return None


def _read(root: Path, base: Path, file: Path, part: Part) -> Plan:
    numbered = rows(file)
    header = numbered[0].fields if numbered else ()
    by_name: dict[str, list[Row]] = {}
    for row in numbered[1:] if header[:1] == ("filename",) else numbered:
        by_name.setdefault(inner_path(row.fields[0], row.where), []).append(row)
    weak, unlabelled = part.publication.folder.startswith("weak"), part.publication.folder.startswith("unlabel")
    folders = [base / folder for folder in part.folders if (root / base / folder).is_dir()] or [base / part.folders[0]]
    present = [(folder, {f.name for f in (root / folder).glob("*.wav")}) for folder in folders]
    entries = tuple(
        Entry(
            path=(next((f for f, names in present if name in names), folders[0]) / name).as_posix(),
            split=part.publication.split,
            group=_source(name),
            lines=None if weak or unlabelled else _events(of_name),
            tags=_tags(of_name) if weak else None,
        )
        for name, of_name in by_name.items()
    )
    notes = []
    if empty := [entry.path for entry in entries if entry.lines == ()]:
        notes.append(f"{file.name}: {len(empty)} recordings in which no event is heard: {shortened(empty)}.")
    return Plan(entries=entries, notes=tuple(notes))


def _events(of_name: list[Row]) -> tuple[Line, ...]:
    """Events of one recording; a row with blank fields says that there is none."""
    lines = []
    for row in of_name:
        if not any(row.fields[1:]):
            continue
        if len(row.fields) != 4:
            raise AnnotationError(
                f"{row.where}: {len(row.fields)} fields, expected filename, onset, offset and event_label with tabs "
                "between them."
            )
        _, onset, offset, label = row.fields
        lines.append(event(onset, offset, _known(label, row), row.where))
    return tuple(lines)


def _tags(of_name: list[Row]) -> tuple[str, ...]:
    """Names of a row's ``event_labels``, with commas between them."""
    found: set[str] = set()
    for row in of_name:
        if len(row.fields) != 2:
            raise AnnotationError(
                f"{row.where}: {len(row.fields)} fields, expected filename and event_labels with a tab between them."
            )
        found |= {_known(label.strip(), row) for label in row.fields[1].split(",") if label.strip()}
    return tuple(sorted(found))


def _known(label: str, row: Row) -> str:
    if label not in EVENTS:
        raise AnnotationError(
            f"{row.where}: unknown event {label!r}. {suggestion(label, EVENTS)}Known: {', '.join(EVENTS)}."
        )
    return label


def _source(name: str) -> str | None:
    """The video that a recording was cut from.

    >>> _source("Y00pbt6aJV8Y_350.000_360.000.wav")
    'Y00pbt6aJV8Y'
    """
    match = _POSITION.fullmatch(name)
    return match["source"] if match else None


LAYOUT = Layout(
    name="desed", scenes=(), events=EVENTS, publications=tuple(part.publication for part in PARTS), plan=_plan
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Desed:
    """Reads the recorded part of DESED, any subset of its four lists.

    Lists lie in ``metadata/``, audio in ``audio/``, in the root or in its folder ``dataset/`` or ``real/``.
    Splits: "development" holds weak.tsv (tags) and unlabel_in_domain.tsv (nothing known), "validation" and
    "evaluation" the strong labels of validation.tsv and public.tsv. Recordings keep the rate of the user's copy, as
    everybody converts what the scripts fetch.
    """

    def read(self, root: Path) -> Dataset:
        """Read annotations and audio headers; errors as `Layout.read`."""
        return LAYOUT.read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)
