"""Tables of events as the DCASE challenges have them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark_formats.gathering import Gathering, is_number, on_one_line, seconds
from earmark_formats.table import columns, rows

COLUMNS = {
    "file": ("filename", "file", "audio", "path", "recording"),
    "onset": ("onset", "start", "onset_s", "event_onset", "event_start_time"),
    "offset": ("offset", "end", "offset_s", "event_offset", "event_end_time"),
    "label": ("event_label", "label", "event"),
    "tags": ("event_labels", "labels", "tags"),
    "scene": ("scene_label", "scene"),
}
"""Names of the columns, the one that is written first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tsv:
    """Table of all recordings: filename, onset, offset, event_label; weak labels in event_labels, as "car,bird".

    Source: the annotation files of DESED and of dcase.community's tasks on sound events. Separated by tabs or commas,
    as the header is; columns in any order, others passed over; a column scene_label gives the scene. Blank onset,
    offset and event_label: somebody annotated the recording and heard no event, unless event_labels says something in
    the same row. A file without header holds onset, offset and event_label of one recording, as in the TUT sets.
    Lines of no length are left out with a note.
    """

    @property
    def suffix(self) -> str:
        return ".tsv"

    @property
    def names_recordings(self) -> bool:
        return True

    def read(self, path: Path) -> Sequence[Annotated]:
        """Read a table; recordings come in the order of their first line.

        Raises:
            AnnotationError: a column is missing, or a line cannot be right.
        """
        table = list(rows(path))
        if not table:
            return (Annotated(),)  # an empty file of one recording: no event
        if is_number(table[0][1][0]):
            return (_without_header(path, table),)
        header = table[0][1]
        place = columns(header, COLUMNS)
        has_events = {"onset", "offset", "label"} <= set(place)
        if "file" not in place or not (has_events or {"tags", "scene"} & set(place)):
            raise AnnotationError(
                f"{path}: no table of events. It needs a header with filename, onset, offset and event_label, or with "
                f"filename and event_labels or scene_label. Columns: {', '.join(header)}."
            )
        found: dict[str, Gathering] = {}
        for number, fields in table[1:]:
            where = f"{path}, line {number}"
            if len(fields) > len(header):
                raise AnnotationError(
                    f"{where}: {len(fields)} fields under {len(header)} columns. Put names that hold a comma between "
                    "quotation marks, or separate by tabs."
                )
            fields += [""] * (len(header) - len(fields))
            row = {name: fields[index] for name, index in place.items()}
            if not row["file"]:
                raise AnnotationError(f"{where}: no {header[place['file']]}. Name the recording.")
            _take(row, found.setdefault(row["file"], Gathering(recording=row["file"])), has_events, where)
        return tuple(gathered.annotated() for gathered in found.values())

    def write(self, path: Path, annotated: Sequence[Annotated]) -> None:
        """Write a table of recordings, with the columns that hold something.

        Raises:
            AnnotationError: a recording has no name, or a table of the others cannot say what is known of it.
        """
        has_events = any(one.events is not None for one in annotated) or not any(
            one.tags is not None or one.scene is not None for one in annotated
        )
        kinds = ["onset", "offset", "label"] if has_events else []
        kinds += ["tags"] if any(one.tags is not None for one in annotated) else []
        kinds += ["scene"] if any(one.scene is not None for one in annotated) else []
        lines = [line for one in annotated for line in _lines(path, one, kinds)]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([[COLUMNS[kind][0] for kind in ("file", *kinds)], *lines])


def _take(row: dict[str, str], gathered: Gathering, has_events: bool, where: str) -> None:
    tags = row.get("tags", "")
    if row.get("scene"):
        gathered.in_scene(row["scene"], where)
    if tags or ("tags" in row and not has_events):
        gathered.tag([tag.strip() for tag in tags.split(",") if tag.strip()])
    if not has_events:
        return
    blank = [name for name in ("onset", "offset", "label") if not row[name]]
    if len(blank) == 3:
        if not tags:
            gathered.listened()
    elif blank:
        given = {"onset": "onset", "offset": "offset", "label": "name"}
        missing = " and no ".join(given[name] for name in blank)
        raise AnnotationError(f"{where}: an event with no {missing}. Complete the line, or leave all three blank.")
    else:
        gathered.add(seconds(row["onset"], where), seconds(row["offset"], where), row["label"], where)


def _without_header(path: Path, table: list[tuple[int, list[str]]]) -> Annotated:
    gathered = Gathering()
    gathered.listened()
    for number, fields in table:
        where = f"{path}, line {number}"
        if len(fields) != 3:
            raise AnnotationError(
                f"{where}: {len(fields)} fields; a file without header has onset, offset and event_label."
            )
        gathered.add(seconds(fields[0], where), seconds(fields[1], where), fields[2], where)
    return gathered.annotated()


def _lines(path: Path, one: Annotated, kinds: list[str]) -> list[list[str]]:
    """Rows of one recording; what they cannot say is an error, as a reader would take it for something else."""
    timed = "onset" in kinds
    if not one.recording:
        raise AnnotationError(f"{path}: a table of recordings needs the name of each. Name it, or use a file for each.")
    if (timed and one.events is None and not one.tags) or (timed and one.tags == ()):
        raise AnnotationError(
            f"{path}: {one.recording} has no timed events and the others have, which one table cannot say. "
            "Write two tables, or use the format 'jams'."
        )
    known: list[dict[str, str]] = [
        {"onset": f"{event.onset_s:.6f}", "offset": f"{event.offset_s:.6f}", "label": event.label}
        for event in one.events or ()
    ]
    if not timed or one.events == ():
        known.append({})
    if one.tags:
        if any("," in tag for tag in one.tags):
            raise AnnotationError(
                f"{path}: {one.recording}: a name with a comma cannot stand in event_labels: {', '.join(one.tags)}. "
                "Rename it, or use the format 'jams'."
            )
        tagged = known[-1] if not timed else {}
        tagged["tags"] = ",".join(one.tags)
        known += [tagged] if timed else []
    for cells in known:
        cells["scene"] = one.scene or ""
    return [[on_one_line(path, text) for text in (one.recording, *(c.get(k, "") for k in kinds))] for c in known]
