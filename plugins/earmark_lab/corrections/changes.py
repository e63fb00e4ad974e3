"""What people do to labels: edits of events, and recordings looked at; and the line of a file that says it.

A line is a JSON object: ``time`` (UTC), ``author``, ``do``, and what ``do`` needs:

    add                 recording, to
    remove              recording, event
    move, relabel       recording, event, to
    check               recording, start_s, end_s
    undo, redo          line: the number of the line that is undone, or done again

``event`` and ``to`` hold ``onset_s``, ``offset_s`` and ``label``, times in seconds from the start of the recording.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pydantic

from earmark.recordings import LONGEST_S, US_PER_S, Clip, Event, to_us
from earmark_lab.corrections.errors import LayerError

Do = Literal["add", "remove", "move", "relabel", "check", "undo", "redo"]

NEEDS: dict[str, set[str]] = {
    "add": {"recording", "to"},
    "remove": {"recording", "event"},
    "move": {"recording", "event", "to"},
    "relabel": {"recording", "event", "to"},
    "check": {"recording", "start_s", "end_s"},
    "undo": {"line"},
    "redo": {"line"},
}
"""Fields of a line beside time, author and do."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An event before and after; times in seconds from the start of the recording."""

    recording: str
    """Path, as the corpus has it."""
    event: Event | None = None
    """As it was; None where it is added."""
    to: Event | None = None
    """As it is now; None where it is removed."""

    def __post_init__(self) -> None:
        if self.event is None and self.to is None:
            raise LayerError(
                f"{self.recording}: an edit of nothing. Say the event as it was, or as it is now, or both."
            )

    @property
    def do(self) -> Do:
        """Its name in a line."""
        if self.event is None:
            return "add"
        if self.to is None:
            return "remove"
        return "move" if self.event.label == self.to.label else "relabel"

    @property
    def reverse(self) -> Edit:
        """What takes it back."""
        return Edit(self.recording, self.to, self.event)


@dataclass(frozen=True, slots=True)
class Checked:
    """Somebody has looked at this part of a recording: what no event is said of there is silence, not ignorance."""

    recording: str
    start_s: float
    end_s: float

    @classmethod
    def clip(cls, clip: Clip) -> Checked:
        """What there is to look at in a clip."""
        return cls(clip.recording.path, clip.start_s, (to_us(clip.start_s) + to_us(clip.sounding_s)) / US_PER_S)


Change = Edit | Checked


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a layer."""

    line: int
    """Its number in the file, the first line being 1."""
    time: datetime
    author: str
    do: Do
    change: Change | None
    """None for undo and redo."""
    of_line: int | None = None
    """Of undo and redo: the line that they speak of."""


Time = Annotated[float, pydantic.Field(ge=-LONGEST_S, le=LONGEST_S)]
"""Seconds; whether they lie in the recording is asked where it is known."""


class EventLine(pydantic.BaseModel):
    """An event within a line."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    onset_s: Time
    offset_s: Time
    label: str

    def event(self) -> Event:
        """The event, at whole microseconds."""
        return exact(Event(self.onset_s, self.offset_s, self.label))


class _Line(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    time: pydantic.AwareDatetime
    author: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    do: Do
    recording: str | None = None
    event: EventLine | None = None
    to: EventLine | None = None
    start_s: Time | None = None
    end_s: Time | None = None
    line: int | None = None

    @pydantic.model_validator(mode="after")
    def _whole(self) -> _Line:
        given = {name for name in set().union(*NEEDS.values()) if getattr(self, name) is not None}
        if given != NEEDS[self.do]:
            raise ValueError(f"{self.do!r} goes with {', '.join(sorted(NEEDS[self.do]))} and nothing else")
        if self.event and self.to and (self.do == "move") != (self.event.label == self.to.label):
            raise ValueError("'move' keeps the label, 'relabel' changes it")
        return self


def exact(event: Event) -> Event:
    """The event at whole microseconds, by which times are compared."""
    return Event(to_us(event.onset_s) / US_PER_S, to_us(event.offset_s) / US_PER_S, event.label)


def read_line(content: bytes, line: int, where: str) -> Entry:
    """Read one line of a layer.

    Raises:
        LayerError: it is no such line; the message says which field is wrong.
    """
    try:
        read = _Line.model_validate_json(content)
    except pydantic.ValidationError as error:
        raise LayerError(f"{where}: {problem(error)}. Correct the line, or restore the file.") from None
    change: Change | None = None
    if read.do == "check":
        assert read.recording is not None  # NEEDS
        assert read.start_s is not None
        assert read.end_s is not None
        change = Checked(read.recording, to_us(read.start_s) / US_PER_S, to_us(read.end_s) / US_PER_S)
    elif read.recording is not None:
        was, now = (None if times is None else times.event() for times in (read.event, read.to))
        change = Edit(read.recording, was, now)
    return Entry(line, read.time, read.author, read.do, change, read.line)


def written(do: Do, author: str, change: Change | None, of_line: int | None = None) -> bytes:
    """A line, with the time of now."""
    fields: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "author": author, "do": do}
    if isinstance(change, Checked):
        fields |= {"recording": change.recording, "start_s": change.start_s, "end_s": change.end_s}
    elif change is not None:
        fields["recording"] = change.recording
        fields |= {key: as_json(e) for key, e in (("event", change.event), ("to", change.to)) if e is not None}
    if of_line is not None:
        fields["line"] = of_line
    return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()


def as_json(event: Event) -> dict[str, Any]:
    """An event as a line holds it."""
    return {"onset_s": event.onset_s, "offset_s": event.offset_s, "label": event.label}


def problem(error: pydantic.ValidationError) -> str:
    """The first thing that is wrong with a line, with its field."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{field}: {said}" if field else f"not a line of a label layer ({said})"
