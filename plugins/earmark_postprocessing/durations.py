"""Decisions that are too short to be believed: gaps that are filled, events that are dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from earmark.recordings import to_us
from earmark.spans import spans
from earmark_postprocessing.per_event import check_times, per_event

Activity = npt.NDArray[np.float32]

DECISION = 0.5


@dataclass(frozen=True, kw_only=True)
class MinimumGap:
    """Fills gaps between two instances of an event that are shorter than a time; the two become one."""

    gap_s: float = 0.15
    """Shortest gap that stays; DESED's annotators unite events less than 150 ms apart."""
    of_event: Mapping[str, float] = field(default_factory=dict)
    """Other times, by event."""

    def __post_init__(self) -> None:
        check_times("minimum-gap", "gap_s", self.gap_s, self.of_event)

    def process(self, activity: Activity, events: Sequence[str], hop_s: float) -> Activity:
        """See `earmark.protocols.PostProcessor`; silence before the first and after the last instance is no gap."""
        active = activity >= DECISION
        gaps = spans(~active)
        inner = (gaps.first > 0) & (gaps.end < activity.shape[1])
        short = _shorter(gaps.end - gaps.first, gaps.event, hop_s, self._gaps_s(events))
        return np.maximum(active, gaps.where(inner & short).activity(activity.shape)).astype(np.float32)

    def _gaps_s(self, events: Sequence[str]) -> npt.NDArray[np.float64]:
        return per_event("minimum-gap", "gap_s", self.gap_s, self.of_event, events)


@dataclass(frozen=True, kw_only=True)
class MinimumDuration:
    """Drops instances of an event that are shorter than a time. Usually stands after ``minimum-gap``."""

    duration_s: float = 0.1
    """Shortest instance that stays."""
    of_event: Mapping[str, float] = field(default_factory=dict)
    """Other times, by event."""

    def __post_init__(self) -> None:
        check_times("minimum-duration", "duration_s", self.duration_s, self.of_event)

    def process(self, activity: Activity, events: Sequence[str], hop_s: float) -> Activity:
        """See `earmark.protocols.PostProcessor`."""
        found = spans(activity >= DECISION)
        durations_s = per_event("minimum-duration", "duration_s", self.duration_s, self.of_event, events)
        short = _shorter(found.end - found.first, found.event, hop_s, durations_s)
        return found.where(~short).activity(activity.shape)


def _shorter(
    n_frames: npt.NDArray[np.int64], event: npt.NDArray[np.int64], hop_s: float, least_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Whether each span lasts less than the time of its event; whole microseconds, as 3 * 0.1 is not 0.3."""
    least_us = np.array([to_us(float(seconds)) for seconds in least_s], dtype=np.int64)
    return np.asarray(n_frames * to_us(hop_s) < least_us[event])
