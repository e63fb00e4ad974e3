"""From posteriors to decisions: one threshold an event, chosen or given, and two with hysteresis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.errors import OptionError
from earmark.spans import spans
from earmark_postprocessing.per_event import check_posteriors, per_event

Activity = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ClassThresholds:
    """One threshold for each event.

    On an experiment's validation split, the threshold of each event with the highest frame-based F-score is chosen,
    among all that make a difference there. Fitted on other clips than the evaluated ones, it is no oracle.
    """

    threshold: float = 0.5
    """For events without one of their own: an event sounds where its posterior is at least this."""
    of_event: Mapping[str, float] | None = None
    """Thresholds by event; chosen on the validation split where None."""

    def __post_init__(self) -> None:
        check_posteriors("class-thresholds", threshold=self.threshold, **(dict(self.of_event or {})))

    def fit(
        self, posterior: Activity, activity: npt.NDArray[np.bool_], events: Sequence[str], hop_s: float
    ) -> Mapping[str, Any]:
        """Options with the best thresholds of these clips; given ones stay as they are."""
        chosen = self.of_event
        if chosen is None:
            chosen = {}
            for column, event in enumerate(events):
                best = best_threshold(posterior[:, :, column].ravel(), activity[:, :, column].ravel())
                if best is not None:
                    chosen[event] = best
        return {"threshold": self.threshold, "of_event": dict(chosen)}

    def process(self, activity: Activity, events: Sequence[str], hop_s: float) -> Activity:
        """See `earmark.protocols.PostProcessor`.

        Raises:
            OptionError: thresholds were neither given nor chosen.
        """
        if self.of_event is None:
            raise OptionError(
                "class-thresholds: nobody has chosen thresholds. Name a validation_split in the experiment, or give "
                "them: of_event = { car = 0.4 }."
            )
        thresholds = per_event("class-thresholds", "threshold", self.threshold, self.of_event, events)
        return np.asarray(activity >= thresholds.astype(np.float32), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Hysteresis:
    """An event sounds where its posterior is at least ``low``, as long as it reaches ``high`` meanwhile."""

    high: float = 0.6
    low: float = 0.3

    def __post_init__(self) -> None:
        check_posteriors("hysteresis", high=self.high, low=self.low)
        if self.low > self.high:
            raise OptionError(f"hysteresis: low = {self.low:g} must not be above high = {self.high:g}.")

    def process(self, activity: Activity, events: Sequence[str], hop_s: float) -> Activity:
        """See `earmark.protocols.PostProcessor`."""
        weak, strong = activity >= np.float32(self.low), activity >= np.float32(self.high)
        found = spans(weak)
        until = np.concatenate([np.zeros_like(strong[:, :1], dtype=np.int32), strong.cumsum(1, dtype=np.int32)], axis=1)
        reached = until[found.clip, found.end, found.event] > until[found.clip, found.first, found.event]
        return found.where(reached).activity(activity.shape)


def best_threshold(posterior: npt.NDArray[np.float32], active: npt.NDArray[np.bool_]) -> float | None:
    """Threshold with the highest F-score of ``posterior >= threshold``, each (frame,); None where nothing is active.

    It lies half way between two posteriors that occur, so that it holds for others too.

    >>> best_threshold(np.array([0.1, 0.2, 0.6, 0.9], np.float32), np.array([False, False, True, True]))
    0.4
    """
    if not active.any():
        return None
    order = np.argsort(-posterior, kind="stable")
    ranked, hits = posterior[order].astype(np.float64), np.cumsum(active[order])
    fscore = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    # Equal posteriors are decided together: only the last of them is a choice.
    last = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmax(np.where(last, fscore, -1.0)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return round(float((ranked[best] + below) / 2), 6)
