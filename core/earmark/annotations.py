"""Events as annotators write them and as detectors decide them: lists of times, by recording."""

from __future__ import annotations

from dataclasses import dataclass, field

from earmark.recordings import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotated:
    """What one annotation file says of one recording."""

    recording: str = ""
    """Name of the audio file as it stands in the annotation; empty where the format does not name it."""
    events: tuple[Event, ...] | None = ()
    """Timed events; None where the file gives none and does not claim that there is none (weak labels, scenes)."""
    tags: tuple[str, ...] | None = None
    """Events named as present without times; None where the file has no such labels."""
    scene: str | None = None
    duration_s: float | None = None
    """Length of the recording, where the format says it."""
    places: tuple[str, ...] = field(default=(), compare=False)
    """Where each event stands, such as "a.txt, line 3", for messages; empty where the events come from no file."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """One sentence for each thing that the reader left out."""


@dataclass(frozen=True, kw_only=True)
class EventLists:
    """Events of a set of recordings, on one side of a comparison."""

    recordings: tuple[str, ...]
    durations_s: tuple[float, ...]
    """Of the recordings: mandatory, as time without any event must count too."""
    vocabulary: tuple[str, ...]
    """Every event that may occur."""
    events: tuple[tuple[Event, ...], ...]
    """Of each recording, in seconds from its start."""
