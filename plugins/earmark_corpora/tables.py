"""Lines of published lists and annotations: every line end, a decimal comma or point, and paths that stay inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.errors import AnnotationError
from earmark.recordings import LONGEST_S, Event, to_us

MAX_OVERSHOOT_S = 1.0
"""Offsets up to this far behind the end of a file are clamped; the published ones pass it by 0.115 s at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file with tabs between its fields."""

    fields: tuple[str, ...]
    where: str
    """File and line number, for messages."""


@dataclass(frozen=True, slots=True)
class Line:
    """An annotated event, with the place where it stands."""

    event: Event
    where: str


def rows(file: Path) -> list[Row]:
    """Read the lines of a file without the blank ones; they may end in LF, CR LF or CR, mixed.

    Raises:
        AnnotationError: not a text file.
    """
    try:
        # Universal line ends: a lone CR counts too.
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{file}: not a UTF-8 text file ({error}). Copy or download it again.") from error
    return [
        Row(tuple(field.strip() for field in line.split("\t")), f"{file}, line {number}")
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]


def seconds(text: str, where: str) -> float:
    """A time in seconds, with a decimal point or comma.

    >>> seconds("10,045824", "a.ann, line 1")
    10.045824

    Raises:
        AnnotationError: it is none.
    """
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LONGEST_S:
        raise AnnotationError(f"{where}: {text!r} is not a time in seconds, such as 12.5. Correct the line.")
    return value


def event(onset: str, offset: str, label: str, where: str) -> Line:
    """An event from the texts of its fields; it may last no time, which its reader then drops.

    Raises:
        AnnotationError: it ends before it begins, or begins before the recording.
    """
    onset_s, offset_s = seconds(onset, where), seconds(offset, where)
    if not 0 <= onset_s <= offset_s:
        raise AnnotationError(
            f"{where}: {label!r} from {onset_s:g} s to {offset_s:g} s ends before it begins, or begins before the "
            "recording. Correct or remove the line."
        )
    return Line(Event(onset_s, offset_s, label), where)


def within(line: Line, path: str, duration_s: float) -> tuple[Event, float]:
    """The event clamped to its recording, and by how many seconds it passed the end.

    Raises:
        AnnotationError: it lies behind the end, so that it cannot be this recording's.
    """
    event = line.event
    overshoot_s = event.offset_s - duration_s
    if to_us(overshoot_s) <= 0:
        # Less than a microsecond is the rounding of the length, and nothing to tell anybody.
        return Event(event.onset_s, min(event.offset_s, duration_s), event.label), 0.0
    if overshoot_s > MAX_OVERSHOOT_S or event.onset_s >= duration_s:
        raise AnnotationError(
            f"{line.where}: {event.label!r} from {event.onset_s:g} s to {event.offset_s:g} s passes the end of "
            f"{path} at {duration_s:g} s. Is the audio file truncated, or the line that of another file?"
        )
    return Event(event.onset_s, duration_s, event.label), overshoot_s


def inner_path(text: str, where: str) -> str:
    r"""A path that stays below its data set, with forward slashes.

    >>> inner_path("audio\\street\\a001.wav", "meta.txt, line 1")
    'audio/street/a001.wav'

    Raises:
        AnnotationError: it is empty, absolute, or leads out.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in text:
        raise AnnotationError(
            f"{where}: {text!r} is not the path of a recording inside the data set. Copy the file again."
        )
    return path.as_posix()
