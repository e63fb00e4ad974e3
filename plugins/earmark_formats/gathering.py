"""What all readers of annotation files share: text, times, and the events of one recording as they are found."""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.recordings import LONGEST_S, Event, to_us


def text_of(path: Path) -> str:
    """Read a text file, whatever mark it begins with and however its lines end.

    Raises:
        AnnotationError: it is missing, or not a text.
    """
    try:
        content = path.read_bytes()
        # Windows programs that offer "Unicode" write UTF-16 with a mark.
        utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if utf_16 else "utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such annotation file.") from None
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError:
        raise AnnotationError(f"{path}: not a UTF-8 text file. Save it again as UTF-8 text.") from None
    if "\0" in text:
        raise AnnotationError(f"{path}: not a text file. Is it an annotation at all?")
    return text


def seconds(text: str, where: str) -> float:
    """Time in seconds, with a decimal point or, as some languages have it, a comma.

    >>> seconds(" 1,5 ", "a.txt, line 1")
    1.5

    Raises:
        AnnotationError: it is not a time of a recording.
    """
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise AnnotationError(f"{where}: {text.strip()!r} is not a time in seconds. Correct it, such as 12.5.")
    if value < 0:
        raise AnnotationError(f"{where}: {value:g} s lies before the recording begins. Correct or remove the line.")
    if value > LONGEST_S:
        raise AnnotationError(f"{where}: {value:g} s lies behind the end of any recording. Correct the line.")
    return value


def is_number(text: str) -> bool:
    """True for what looks like a time, with a decimal point or comma."""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


@dataclass
class Gathering:
    """Events of one recording, as a reader finds them."""

    recording: str = ""
    events: list[tuple[Event, str]] | None = None
    """With the place of each; None until the file says something on timed events."""
    tags: list[str] | None = None
    scene: str | None = None
    duration_s: float | None = None
    without_length: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def listened(self) -> None:
        """Somebody annotated the recording, be it without finding any event."""
        self.events = self.events or []

    def add(self, onset_s: float, offset_s: float, label: str, where: str) -> None:
        """Add a timed event; one without length is a marker, left out with a note.

        Raises:
            AnnotationError: it has no name, or ends before it begins.
        """
        label = label.strip()
        if not label:
            raise AnnotationError(f"{where}: the event from {onset_s:g} s to {offset_s:g} s has no name. Name it.")
        if to_us(offset_s) < to_us(onset_s):
            raise AnnotationError(
                f"{where}: {label!r} from {onset_s:g} s to {offset_s:g} s ends before it begins. "
                "Correct or remove the line."
            )
        self.listened()
        if to_us(offset_s) == to_us(onset_s):
            self.without_length.append(f"{label!r} at {onset_s:g} s ({where})")
        elif self.events is not None:
            self.events.append((Event(onset_s, offset_s, label), where))

    def tag(self, names: Sequence[str]) -> None:
        """Add names of events that are present at no known time."""
        self.tags = list(dict.fromkeys([*(self.tags or ()), *names]))

    def in_scene(self, scene: str, where: str) -> None:
        """Set the scene.

        Raises:
            AnnotationError: the recording has another one already.
        """
        if self.scene is not None and self.scene != scene:
            raise AnnotationError(
                f"{where}: scene {scene!r}, but {self.scene!r} above for the same recording. Correct one of them."
            )
        self.scene = scene

    def annotated(self) -> Annotated:
        """What was found, events in the order of their onsets."""
        events = None if self.events is None else sorted(self.events)
        lost = self.without_length
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        left_out = [f"Left out {len(lost)} labels without length, as they mark no event: {shown}."] if lost else []
        return Annotated(
            recording=self.recording,
            events=None if events is None else tuple(event for event, _ in events),
            tags=None if self.tags is None else tuple(self.tags),
            scene=self.scene,
            duration_s=self.duration_s,
            places=tuple(place for _, place in events or ()),
            notes=(*self.notes, *left_out),
        )


def the_only_one(path: Path, annotated: Sequence[Annotated], program: str) -> Annotated:
    """The one recording that a file of its own can hold.

    Raises:
        AnnotationError: there are more or none.
    """
    if len(annotated) != 1:
        raise AnnotationError(
            f"{path}: {program} has a file for each recording, but {len(annotated)} recordings were given. "
            "Write one file each, or use the format 'tsv' for a table of all."
        )
    return annotated[0]


def timed(path: Path, annotated: Annotated, program: str) -> tuple[Event, ...]:
    """Timed events of a recording, whose names fit on a line of a text file.

    Raises:
        AnnotationError: nobody annotated times, or a name holds a tab or a line break.
    """
    if annotated.events is None:
        raise AnnotationError(
            f"{path}: {program} holds timed events only, and nothing is known of the times of events. "
            "The formats 'tsv' and 'jams' also hold names without times."
        )
    for event in annotated.events:
        on_one_line(path, event.label)
    return annotated.events


def on_one_line(path: Path, text: str) -> str:
    """Return the text, which a field of a text file can hold.

    Raises:
        AnnotationError: it holds a tab or a line break.
    """
    if any(mark in text for mark in "\t\n\r"):
        raise AnnotationError(f"{path}: the name {text!r} holds a tab or a line break. Rename it.")
    return text
