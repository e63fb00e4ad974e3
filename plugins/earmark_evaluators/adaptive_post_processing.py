"""Adaptive thresholds as a step of post-processing: chosen on one split, used on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.errors import OptionError
from earmark_evaluators.adaptive_thresholds import adaptive_thresholds

Activity = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class AdaptiveThresholds:
    """One threshold for each event out of 0.30, 0.32, ..., 0.68, chosen on the experiment's validation split.

    Source: [soft_scene_labels], section 9, chosen on the training folds where ``validation_split`` is the training
    split; the honest twin of the evaluator ``adaptive-oracle``. ``class-thresholds`` chooses among all numbers instead.
    """

    of_event: Mapping[str, float] | None = None
    """Thresholds by event, one for each; chosen on the validation split where None."""

    def fit(
        self, posterior: Activity, activity: npt.NDArray[np.bool_], events: Sequence[str], hop_s: float
    ) -> Mapping[str, Any]:
        """Options with the best thresholds of these clips; given ones stay as they are."""
        if self.of_event is not None:
            return {"of_event": dict(self.of_event)}
        return {"of_event": dict(zip(events, adaptive_thresholds(posterior, activity).tolist(), strict=True))}

    def process(self, activity: Activity, events: Sequence[str], hop_s: float) -> Activity:
        """See `earmark.protocols.PostProcessor`.

        Raises:
            OptionError: thresholds were neither given nor chosen, or not for these events.
        """
        if self.of_event is None:
            raise OptionError(
                "adaptive-thresholds: nobody has chosen thresholds. Name a validation_split in the experiment, or give "
                "one for each event: of_event = { car = 0.4 }."
            )
        missing = [event for event in events if event not in self.of_event]
        if missing:
            raise OptionError(
                f"adaptive-thresholds: of_event lacks {', '.join(missing)}. Give one threshold for each event, or none "
                "to have them chosen."
            )
        thresholds = np.array([self.of_event[event] for event in events], dtype=activity.dtype)
        return np.asarray(activity >= thresholds, dtype=np.float32)
