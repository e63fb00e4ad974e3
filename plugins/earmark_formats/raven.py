"""Selection tables of Raven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.annotations import Annotated
from earmark.errors import AnnotationError, suggestion
from earmark_formats.gathering import Gathering, on_one_line, seconds, the_only_one, timed
from earmark_formats.table import columns, rows

LABELS = ("annotation", "species", "label", "common name", "tag", "event_label", "call type", "call", "type")
"""Columns in which people name what they selected, as Raven leaves that name to them."""

COLUMNS = {
    "selection": ("selection",),
    "view": ("view",),
    "begin": ("begin time (s)",),
    "end": ("end time (s)",),
    "file": ("begin file",),
    "path": ("begin path",),
    "file_offset": ("file offset (s)",),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Raven:
    """Selection table of Raven Lite, Raven Pro or BirdNET: tab-separated, a row for each view of a selection.

    A table over a sequence of files gives times from the start of the sequence; its columns Begin File and File
    Offset (s) then give the recording and the time within it, and these are followed. Without File Offset (s) the
    times are those of the recording. The rows that one selection has in several views (waveform, spectrogram) count
    once.
    """

    column: str = ""
    """Column that names the event; where empty, the first of Annotation, Species, Label, Common Name, Tag, ..."""
    high_hz: float = 8000.0
    """Upper edge of the boxes that are written; at most half the recording's rate, or Raven cannot draw them."""

    @property
    def suffix(self) -> str:
        return ".selections.txt"

    @property
    def names_recordings(self) -> bool:
        return False

    def read(self, path: Path) -> Sequence[Annotated]:
        """Read a table; recordings that it names come by name, in the order of their first selection.

        Raises:
            AnnotationError: a column is missing, or a row cannot be right.
        """
        table = rows(path, quoted=False)
        _, header = next(table, (0, []))
        place = columns(header, {**COLUMNS, "label": (self.column.lower(),) if self.column else LABELS})
        if "begin" not in place or "end" not in place:
            raise AnnotationError(
                f"{path}: not a selection table of Raven, as it has no columns 'Begin Time (s)' and 'End Time (s)'. "
                f"Columns: {', '.join(header) or 'none'}."
            )
        found: dict[str, Gathering] = {}
        seen: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for number, fields in table:
            where = f"{path}, line {number}"
            if "label" not in place:
                wanted = f"{self.column!r}. {suggestion(self.column, header)}" if self.column else "with names. "
                raise AnnotationError(
                    f"{path}: no column {wanted}Columns: {', '.join(header)}. Say which one names the events, "
                    'such as column = "Call".'
                )
            fields += [""] * (len(header) - len(fields))
            row = {name: fields[index] for name, index in place.items()}
            name = row.get("file") or row.get("path", "").replace("\\", "/").rpartition("/")[2]
            gathered = found.setdefault(name, Gathering(recording=name))
            view = row.get("view", "")
            views = seen[row.get("selection", ""), row["begin"], row["end"], row["label"], name]
            if row.get("selection") and views and view not in views:
                views.add(view)
                continue  # the same selection in another view
            views.add(view)
            begin_s, end_s = seconds(row["begin"], where), seconds(row["end"], where)
            if name and row.get("file_offset"):
                offset_s = seconds(row["file_offset"], where)
                begin_s, end_s = offset_s, offset_s + end_s - begin_s
            gathered.add(begin_s, end_s, row["label"], where)
        if not found:
            found[""] = Gathering(events=[])  # a header alone: annotated, no event
        return tuple(gathered.annotated() for gathered in found.values())

    def write(self, path: Path, annotated: Sequence[Annotated]) -> None:
        """Write the table of one recording, with the recording's name where it is known."""
        one = the_only_one(path, annotated, "a Raven selection table")
        events = timed(path, one, "a Raven selection table")
        named = on_one_line(path, one.recording.rpartition("/")[2])
        header = ["Selection", "View", "Channel", *(["Begin File"] if named else []), "Begin Time (s)", "End Time (s)"]
        header += ["Low Freq (Hz)", "High Freq (Hz)", *(["File Offset (s)"] if named else []), "Annotation"]
        lines = [header]
        for number, event in enumerate(events, 1):
            line = [str(number), "Spectrogram 1", "1", *([named] if named else [])]
            line += [f"{event.onset_s:.6f}", f"{event.offset_s:.6f}", "0.000", f"{self.high_hz:.3f}"]
            lines.append([*line, *([f"{event.onset_s:.6f}"] if named else []), event.label])
        path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8", newline="\n")
