"""Label tracks of Audacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark_formats.gathering import Gathering, is_number, seconds, text_of, the_only_one, timed


@dataclass(frozen=True, kw_only=True, slots=True)
class Audacity:
    r"""Label track, as exported by File, Export, Labels: start, tab, end, tab, name; a file for each recording.

    Source: manual.audacityteam.org, "Importing and Exporting Labels". A line that begins with a backslash gives the
    frequencies of the label above it and is passed over. A label at a point (start equal to end, or the single time of
    Audacity 1.2) is a marker, not an event: it is left out with a note. An empty file: annotated, no event.
    """

    @property
    def suffix(self) -> str:
        return ".txt"

    @property
    def names_recordings(self) -> bool:
        return False

    def read(self, path: Path) -> Sequence[Annotated]:
        """Read the labels of one recording; all tracks of a project, if they were exported together.

        Raises:
            AnnotationError: a line is not a label, has no name, or ends before it begins.
        """
        gathered = Gathering()
        gathered.listened()
        lines = text_of(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("\\"):
                continue
            where = f"{path}, line {number}"
            start, tab, rest = line.partition("\t")
            if not tab:
                raise AnnotationError(
                    f"{where}: expected start, tab, end, tab and a name as Audacity exports them, found {line!r}. "
                    "Is this a label track?"
                )
            if number == 1 and start.strip() in ("Selection", "filename"):
                other = {"Selection": "raven", "filename": "tsv"}[start.strip()]
                raise AnnotationError(f"{where}: not a label track of Audacity. The format {other!r} reads this file.")
            onset_s = seconds(start, where)
            end, tab, label = rest.partition("\t")
            if not tab and not is_number(end):
                end, label = start, rest  # Audacity 1.2 had points only: one time and the name
            gathered.add(onset_s, seconds(end, where), label, where)
        return (gathered.annotated(),)

    def write(self, path: Path, annotated: Sequence[Annotated]) -> None:
        """Write the label track of one recording."""
        events = timed(path, the_only_one(path, annotated, "an Audacity label track"), "an Audacity label track")
        lines = [f"{event.onset_s:.6f}\t{event.offset_s:.6f}\t{event.label}\n" for event in events]
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
