"""Median filter over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from earmark_postprocessing.per_event import check_times, per_event

Activity = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class MedianFilter:
    """Replaces each frame by the median of its neighbourhood, which takes out blips and fills dropouts.

    Source: customary in sound event detection; DCASE baselines use one length for all events or one for each. A median
    commutes with a threshold, so that it may stand before or after one.
    """

    length_s: float = 0.3
    """Length of the neighbourhood; the next odd number of frames counts. At most a frame changes nothing."""
    of_event: Mapping[str, float] = field(default_factory=dict)
    """Other lengths, by event: long ones for long events."""

    def __post_init__(self) -> None:
        check_times("median-filter", "length_s", self.length_s, self.of_event)

    def process(self, activity: Activity, events: Sequence[str], hop_s: float) -> Activity:
        """See `earmark.protocols.PostProcessor`; beyond the ends the first and the last frame go on."""
        # Here, as scipy.ndimage takes longer to import than loading all plugins does.
        from scipy.ndimage import median_filter

        lengths_s = per_event("median-filter", "length_s", self.length_s, self.of_event, events)
        filtered = np.array(activity, dtype=np.float32)
        for column, length_s in enumerate(lengths_s):
            n_frames = round(float(length_s) / hop_s) // 2 * 2 + 1
            if n_frames > 1:
                filtered[:, :, column] = median_filter(activity[:, :, column], size=(1, n_frames), mode="nearest")
        return filtered
