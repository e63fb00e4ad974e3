"""Event lists that are safe to compare: evaluation libraries pass over what they cannot evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from earmark.annotations import Annotated, EventLists
from earmark.errors import AnnotationError, suggestion
from earmark.recordings import Event, to_us

LATE_S = 0.2
"""How far an offset may lie after the end of its recording: lengths are rounded, and DCASE's collar is as long."""


class Checked(NamedTuple):
    """Events sorted by onset, and what was done to them."""

    events: list[Event]
    n_merged: int
    """Events that were united with an overlapping one of the same name."""
    n_cut: int
    """Events that ended after the clip, by less than the tolerance."""


def checked(
    events: Iterable[Event],
    vocabulary: Sequence[str],
    *,
    duration_s: float,
    tolerance_s: float,
    where: str,
    places: Sequence[str] = (),
) -> Checked:
    """Check events against vocabulary and duration, and unite overlapping ones of the same name.

    sed_eval cuts late events without a word, counts unknown names as substitutions, and misses two overlapping
    events of one name when a detector, which cannot separate them, finds both as one.

    Args:
        events: of one clip, on either side of the comparison.
        vocabulary: every name that may occur.
        duration_s: length of the clip.
        tolerance_s: how far an offset may lie after the end; it is then moved there, or the event dropped where it
            begins there.
        where: names the clip in messages.
        places: of each event, for messages, where they are known.

    Raises:
        AnnotationError: an unknown name, an event that does not end after it begins, or one that lies beyond the end.

    >>> events = [Event(0.0, 2.0, "car"), Event(1.9, 4.0, "car"), Event(4.0, 5.0, "car")]
    >>> checked(events, ["car"], duration_s=10.0, tolerance_s=0.0, where="a.wav").events
    [Event(onset_s=0.0, offset_s=4.0, label='car'), Event(onset_s=4.0, offset_s=5.0, label='car')]
    """
    n_merged = n_cut = 0
    end_us, latest_us = to_us(duration_s), to_us(duration_s + tolerance_s)
    last: dict[str, int] = {}
    united: list[Event] = []
    listed = list(events)
    for index in sorted(range(len(listed)), key=listed.__getitem__):
        event = listed[index]
        onset_us, offset_us = to_us(event.onset_s), to_us(event.offset_s)
        if event.label not in vocabulary:
            raise AnnotationError(
                f"{_place(where, places, index)}: the event {event.label!r} is not in the vocabulary. "
                f"{suggestion(event.label, vocabulary)}"
                f"Correct the name, or evaluate with a vocabulary that has it; it holds {', '.join(vocabulary)}."
            )
        if not 0 <= onset_us < offset_us:
            raise AnnotationError(
                f"{_place(where, places, index)}: {event.label!r} from {event.onset_s:g} s to {event.offset_s:g} s "
                "does not end after it begins. Correct or remove it."
            )
        if offset_us > latest_us:
            raise AnnotationError(
                f"{_place(where, places, index)}: {event.label!r} ends at {event.offset_s:g} s, but only "
                f"{duration_s:g} s are evaluated. Correct the event, or the table of durations."
            )
        if offset_us > end_us:
            n_cut += 1
            if onset_us >= end_us:
                continue
            event = Event(event.onset_s, duration_s, event.label)
        before = last.get(event.label)
        if before is not None and onset_us < to_us(united[before].offset_s):
            earlier = united[before]
            united[before] = Event(earlier.onset_s, max(earlier.offset_s, event.offset_s), event.label)
            n_merged += 1
            continue
        last[event.label] = len(united)
        united.append(event)
    return Checked(sorted(united), n_merged, n_cut)


class Gathered(NamedTuple):
    """One side of a comparison, and what was done to its events."""

    lists: EventLists
    n_merged: int
    n_cut: int
    without_events: int
    """Recordings in which nothing was annotated, or nothing detected."""


def gathered(
    annotated: Mapping[str, Annotated], durations_s: Mapping[str, float], vocabulary: Sequence[str], where: str
) -> Gathered:
    """Events of exactly the recordings whose durations are given, in that order, checked and united.

    Where a recording has names without times only, each is taken to last from beginning to end.

    Args:
        annotated: by recording; those that are not in it have no event.
        durations_s: by recording.
        vocabulary: every event that may occur.
        where: names the side in messages, such as "The reference ref.tsv".

    Raises:
        AnnotationError: see `checked`; or a recording's duration is not known.
    """
    if unknown := sorted(annotated.keys() - durations_s.keys()):
        near = suggestion(unknown[0], durations_s)
        raise AnnotationError(
            f"{where}: {len(unknown)} recordings are not among the {len(durations_s)} that are evaluated, first "
            f"{unknown[0]!r}. {near}The table of durations, or else the reference, says which are; add them there."
        )
    sides = []
    for name, duration_s in durations_s.items():
        known = annotated.get(name, Annotated())
        events = known.events
        if events is None:
            events = tuple(Event(0.0, duration_s, tag) for tag in known.tags or ())
        sides.append(
            checked(
                events,
                vocabulary,
                duration_s=duration_s,
                tolerance_s=LATE_S,
                where=f"{where}, {name}",
                places=known.places,
            )
        )
    lists = EventLists(
        recordings=tuple(durations_s),
        durations_s=tuple(durations_s.values()),
        vocabulary=tuple(vocabulary),
        events=tuple(tuple(side.events) for side in sides),
    )
    return Gathered(
        lists,
        sum(side.n_merged for side in sides),
        sum(side.n_cut for side in sides),
        sum(not side.events for side in sides),
    )


def _place(where: str, places: Sequence[str], index: int) -> str:
    return places[index] if index < len(places) else where
