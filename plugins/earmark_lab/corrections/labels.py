"""Labels as they stand after some changes: events and what was looked at, recording by recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from earmark.recordings import US_PER_S, Event, to_us
from earmark_lab.corrections.changes import Change, Checked, exact
from earmark_lab.corrections.errors import LayerError


class Labels:
    """Events of recordings, changed edit by edit; a change that does not fit what stands changes nothing."""

    def __init__(self, base: Callable[[str], Iterable[Event]]) -> None:
        self._base = base
        self._events: dict[str, Counter[Event]] = {}
        self._checked: dict[str, list[tuple[int, int]]] = {}
        self._touched: set[str] = set()

    def events(self, recording: str) -> tuple[Event, ...]:
        """Events of a recording as they stand, in order of time."""
        return tuple(sorted(self._of(recording).elements()))

    def checked(self, recording: str) -> tuple[tuple[float, float], ...]:
        """Parts of a recording that somebody has looked at, in seconds, in order, none touching another."""
        return tuple((first / US_PER_S, end / US_PER_S) for first, end in self._united(recording))

    def covers(self, recording: str, start_s: float, end_s: float) -> bool:
        """Whether somebody has looked at the whole of a part of a recording."""
        return any(first <= to_us(start_s) and to_us(end_s) <= end for first, end in self._united(recording))

    def touched(self) -> list[str]:
        """Recordings of which a change has spoken, sorted; those whose changes were taken back too."""
        return sorted(self._touched)

    def do(self, change: Change) -> None:
        """Make a change.

        Raises:
            LayerError: the event that it speaks of is not there.
        """
        self._touched.add(change.recording)
        if isinstance(change, Checked):
            ranges = self._checked.setdefault(change.recording, [])
            ranges.append((to_us(change.start_s), to_us(change.end_s)))
            return
        events = self._of(change.recording)
        if change.event is not None:
            if not events[change.event]:
                raise LayerError(
                    f"{change.recording} holds no {change.event.label!r} from {change.event.onset_s:g} s to "
                    f"{change.event.offset_s:g} s at this point. Somebody else may have changed it "
                    "since: look at history()."
                )
            events[change.event] -= 1
        if change.to is not None:
            events[change.to] += 1

    def undo(self, change: Change) -> None:
        """Take a change back.

        Raises:
            LayerError: what it left is not there any more.
        """
        if isinstance(change, Checked):
            self._checked[change.recording].remove((to_us(change.start_s), to_us(change.end_s)))
        else:
            self.do(change.reverse)

    def _of(self, recording: str) -> Counter[Event]:
        if recording not in self._events:
            self._events[recording] = Counter(map(exact, self._base(recording)))
        return self._events[recording]

    def _united(self, recording: str) -> list[tuple[int, int]]:
        united: list[tuple[int, int]] = []
        for first, end in sorted(self._checked.get(recording, ())):
            if united and first <= united[-1][1]:
                united[-1] = (united[-1][0], max(end, united[-1][1]))
            else:
                united.append((first, end))
        return united
