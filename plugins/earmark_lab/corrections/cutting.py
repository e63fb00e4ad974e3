"""What an edit of a clip means for a recording: the clip's events, and edits of those that go on outside of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from earmark.recordings import US_PER_S, Clip, Event, to_us
from earmark_lab.corrections.changes import Edit

UNTOUCHED_US = 500
"""A player gives times in whole milliseconds: what differs by no more than this has not been moved."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as a player shows it, cut at the clip's borders, and whole."""

    span: Event
    """In seconds from the clip's start."""
    event: Event
    """In seconds from the recording's start."""


def shown_in(clip: Clip, events: Sequence[Event]) -> list[Shown]:
    """Events of a clip's recording as a player of the clip shows them."""
    first, end = borders(clip)
    found = []
    for event in events:
        onset, offset = max(to_us(event.onset_s), first), min(to_us(event.offset_s), end)
        if onset < offset:
            span = Event((onset - first) / US_PER_S, (offset - first) / US_PER_S, event.label)
            found.append(Shown(span, event))
    return sorted(found, key=lambda one: one.span)


def borders(clip: Clip) -> tuple[int, int]:
    """Where a clip's sound begins and ends in its recording, in microseconds."""
    first = to_us(clip.start_s)
    return first, first + to_us(clip.sounding_s)


def edits_between(clip: Clip, before: Sequence[Shown], after: Sequence[Event]) -> tuple[list[Edit], list[Shown]]:
    """Edits that lead from what was shown to other spans.

    Nobody has listened outside of the clip, so nothing changes there: of an event that goes on beyond the clip, what
    is outside stays where its part inside is removed or made shorter at the clip's border. Only its name is one for
    all of it, and an end that was not moved stays where it is.

    Args:
        clip: is shown.
        before: what was shown.
        after: spans in seconds from the clip's start.

    Returns:
        Edits of the recording, and what is shown now.
    """
    pairs, new = paired(before, after)
    edits: list[Edit] = []
    shown: list[Shown] = []
    for was, span in pairs:
        if span is not None and _same(was.span, span) and was.span.label == span.label:
            shown.append(Shown(span, was.event))
            continue
        main, rests = _changed(clip, was, span)
        path = clip.recording.path
        left = list(rests)
        if main is not None and span is not None:
            edits.append(Edit(path, was.event, main))
            shown.append(Shown(span, main))
        else:
            edits.append(Edit(path, was.event, left.pop(0) if left else None))
        edits += [Edit(path, None, rest) for rest in left]
    for span in new:
        event = _placed(clip, span)
        edits.append(Edit(clip.recording.path, None, event))
        shown.append(Shown(span, event))
    return edits, sorted(shown, key=lambda one: one.span)


def paired(before: Sequence[Shown], after: Sequence[Event]) -> tuple[list[tuple[Shown, Event | None]], list[Event]]:
    """Each shown event with what has become of it, and spans that were not there.

    First those that stayed, then those that got another name, then those of one name by nearness; at last the one that
    is gone with the one that came, as when a span is dragged onto the row of another event.
    """
    came = list(after)
    of: dict[int, Event] = {}

    def match(fits: Callable[[Event, Event], bool]) -> None:
        for index, was in enumerate(before):
            fitting = [] if index in of else [span for span in came if fits(was.span, span)]
            if fitting:
                of[index] = min(fitting, key=lambda span: _distance(was.span, span))
                came.remove(of[index])

    match(lambda was, span: was.label == span.label and _same(was, span))
    match(_same)
    match(lambda was, span: was.label == span.label)
    gone = [index for index in range(len(before)) if index not in of]
    if len(gone) == len(came) == 1:
        of[gone[0]] = came.pop()
    return [(was, of.get(index)) for index, was in enumerate(before)], came


def _changed(clip: Clip, was: Shown, span: Event | None) -> tuple[Event | None, list[Event]]:
    """The event as it is now, and what is left of it outside of the clip."""
    first, end = borders(clip)
    onset, offset = to_us(was.event.onset_s), to_us(was.event.offset_s)
    rests = []
    if span is None:
        keeps_left = keeps_right = False
    else:
        placed = _placed(clip, span)
        keeps_left = abs(to_us(span.onset_s) - to_us(was.span.onset_s)) <= UNTOUCHED_US
        keeps_right = abs(to_us(span.offset_s) - to_us(was.span.offset_s)) <= UNTOUCHED_US
    if onset < first and not keeps_left:
        rests.append(Event(onset / US_PER_S, first / US_PER_S, was.event.label))
    if offset > end and not keeps_right:
        rests.append(Event(end / US_PER_S, offset / US_PER_S, was.event.label))
    if span is None:
        return None, rests
    main = Event(
        was.event.onset_s if keeps_left else placed.onset_s,
        was.event.offset_s if keeps_right else placed.offset_s,
        span.label,
    )
    return main, rests


def _placed(clip: Clip, span: Event) -> Event:
    """A span in seconds from the recording's start, within the clip."""
    first, end = borders(clip)
    onset, offset = (min(max(first + to_us(time_s), first), end) for time_s in (span.onset_s, span.offset_s))
    return Event(onset / US_PER_S, offset / US_PER_S, span.label)


def _same(was: Event, span: Event) -> bool:
    return max(_differences(was, span)) <= UNTOUCHED_US


def _distance(was: Event, span: Event) -> int:
    return sum(_differences(was, span))


def _differences(was: Event, span: Event) -> tuple[int, int]:
    return abs(to_us(was.onset_s) - to_us(span.onset_s)), abs(to_us(was.offset_s) - to_us(span.offset_s))
