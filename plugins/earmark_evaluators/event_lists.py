"""Event lists that are safe to hand to the evaluation libraries, which pass over what they cannot evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from earmark.errors import suggestion
from earmark.recordings import Event
from earmark_evaluators.errors import EvaluationError


class Checked(NamedTuple):
    """Events sorted by onset, and what was done to them."""

    events: list[Event]
    n_merged: int
    """Events that were united with an overlapping one of the same name."""
    n_cut: int
    """Events that ended after the clip, by less than the tolerance."""


def checked(
    events: Iterable[Event], vocabulary: Sequence[str], *, duration_s: float, tolerance_s: float, where: str
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

    Raises:
        EvaluationError: an unknown name, an event that does not end after it begins, or one that lies beyond the end.

    >>> events = [Event(0.0, 2.0, "car"), Event(1.9, 4.0, "car"), Event(4.0, 5.0, "car")]
    >>> checked(events, ["car"], duration_s=10.0, tolerance_s=0.0, where="a.wav").events
    [Event(onset_s=0.0, offset_s=4.0, label='car'), Event(onset_s=4.0, offset_s=5.0, label='car')]
    """
    n_merged = n_cut = 0
    last: dict[str, Event] = {}
    united: list[Event] = []
    for event in sorted(events):
        if event.label not in vocabulary:
            raise EvaluationError(
                f"{where}: the event {event.label!r} is not in the vocabulary. {suggestion(event.label, vocabulary)}"
                f"Correct the name, or evaluate with a vocabulary that has it; it holds {', '.join(vocabulary)}."
            )
        if not 0 <= event.onset_s < event.offset_s:
            raise EvaluationError(
                f"{where}: {event.label!r} from {event.onset_s:g} s to {event.offset_s:g} s does not end after it "
                "begins. Correct or remove it."
            )
        if event.offset_s > duration_s + tolerance_s:
            raise EvaluationError(
                f"{where}: {event.label!r} ends at {event.offset_s:g} s, but only {duration_s:g} s are evaluated. "
                "Correct the event, or the table of durations."
            )
        if event.offset_s > duration_s:
            n_cut += 1
            if event.onset_s >= duration_s:
                continue
            event = Event(event.onset_s, duration_s, event.label)
        before = last.get(event.label)
        if before is not None and event.onset_s < before.offset_s:
            united.remove(before)
            event = Event(before.onset_s, max(before.offset_s, event.offset_s), event.label)
            n_merged += 1
        last[event.label] = event
        united.append(event)
    return Checked(sorted(united), n_merged, n_cut)
