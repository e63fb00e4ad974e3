"""Adaptive thresholds: for each event the one of a short list with the highest frame-based F-score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.evaluation.scores import FloatArray, IntArray

THRESHOLDS = tuple(round(0.30 + 0.02 * step, 2) for step in range(20))
"""0.30, 0.32, ..., 0.68. The public baseline of [soft_scene_labels] names 0.70 as the end, which it never reaches: in
floating point (0.7 - 0.3) / 0.02 is 19.999..., cut to 19 steps."""


def adaptive_thresholds(posterior: npt.NDArray[np.floating], activity: npt.NDArray[np.bool_]) -> FloatArray:
    """Best threshold of each event (event,) on these clips; the lowest of equals, so 0.30 for what never sounds.

    Source: [soft_scene_labels], section 9.

    Args:
        posterior: (clip, frame, event).
        activity: (clip, frame, event), the reference.

    >>> posterior, active = np.array([[[0.65], [0.45], [0.31]]]), np.array([[[True], [True], [False]]])
    >>> adaptive_thresholds(posterior, active).tolist()
    [0.32]
    """
    return best_thresholds(threshold_counts(posterior, activity))


def threshold_counts(posterior: npt.NDArray[np.floating], activity: npt.NDArray[np.bool_]) -> IntArray:
    """Hits, and frames decided plus frames active, of each event at each threshold (threshold, 2, event).

    These add over clips; arguments as for `adaptive_thresholds`.
    """
    n_active = np.count_nonzero(activity, axis=(0, 1))
    counts = np.empty((len(THRESHOLDS), 2, len(n_active)), dtype=np.int64)
    for count, threshold in zip(counts, THRESHOLDS, strict=True):
        decision = posterior >= threshold
        count[0] = np.count_nonzero(decision & activity, axis=(0, 1))
        count[1] = np.count_nonzero(decision, axis=(0, 1)) + n_active
    return counts


def best_thresholds(counts: IntArray) -> FloatArray:
    """Best threshold of each event (event,) by the F-score, which is 0 where nothing is active and nothing decided.

    Args:
        counts: of `threshold_counts`.
    """
    hits, either = counts.swapaxes(0, 1)
    fscore = 2 * hits / np.maximum(either, 1)
    return np.asarray(np.array(THRESHOLDS)[fscore.argmax(axis=0)])  # the first maximum
