"""Scores from counts: pure functions, with one policy for classes that are absent or never detected.

Counts add over clips and recordings, F-scores do not; so every evaluator counts first and scores last.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

POLICY = (
    "A class that occurs in the reference and is never detected scores 0. A class absent from the reference is left "
    "out of fscore_macro and listed; fscore_macro_all, the papers' convention, averages over all classes with absent "
    "ones counting 0. NaN means that nothing was there and nothing was estimated. Error rates are pooled."
)
"""Written into every result."""


class Counts(NamedTuple):
    """True positives, false positives and false negatives, each (..., class)."""

    tp: IntArray
    fp: IntArray
    fn: IntArray

    def total(self) -> Counts:
        """Sum over everything but the class (class,)."""
        return Counts(*(count.reshape(-1, count.shape[-1]).sum(axis=0) for count in self))


class Errors(NamedTuple):
    """Substitutions, deletions and insertions; a false alarm beside a miss in one unit of time is a substitution.

    Source: [soft_scene_labels], error rate; Mesaros et al., "Metrics for polyphonic sound event detection", 2016.
    """

    substitutions: IntArray
    deletions: IntArray
    insertions: IntArray


def cell_counts(reference: npt.NDArray[np.bool_], estimated: npt.NDArray[np.bool_]) -> Counts:
    """Compare two activities (clip, unit of time, class); returns counts (clip, class).

    >>> reference, estimated = np.array([[[True], [True], [False]]]), np.array([[[True], [False], [True]]])
    >>> [count.tolist() for count in cell_counts(reference, estimated)]
    [[[1]], [[1]], [[1]]]
    """
    hits = np.count_nonzero(reference & estimated, axis=1)
    return Counts(hits, np.count_nonzero(estimated, axis=1) - hits, np.count_nonzero(reference, axis=1) - hits)


def cell_errors(reference: npt.NDArray[np.bool_], estimated: npt.NDArray[np.bool_]) -> Errors:
    """Compare two activities (clip, unit of time, class); returns errors (clip,).

    In each unit of time S = min(FN, FP), D = max(0, FN - FP) and I = max(0, FP - FN).

    >>> reference, estimated = np.array([[[True, False], [True, False]]]), np.array([[[False, True], [False, False]]])
    >>> [error.tolist() for error in cell_errors(reference, estimated)]
    [[1], [1], [0]]
    """
    misses = np.count_nonzero(reference & ~estimated, axis=2)
    alarms = np.count_nonzero(estimated & ~reference, axis=2)
    substitutions = np.minimum(misses, alarms)
    return Errors(*(part.sum(axis=1) for part in (substitutions, misses - substitutions, alarms - substitutions)))


def class_fscore(counts: Counts) -> FloatArray:
    """F-score of each class (class,): 2 TP / (2 TP + FP + FN), NaN where nothing was there and nothing estimated.

    >>> class_fscore(Counts(np.array([1, 0, 0]), np.array([1, 0, 2]), np.array([1, 0, 0]))).tolist()
    [0.5, nan, 0.0]
    """
    total = 2 * counts.tp + counts.fp + counts.fn
    fscore = np.full(total.shape, np.nan)
    np.divide(2.0 * counts.tp, total, out=fscore, where=total > 0)
    return fscore


def fscore_micro(counts: Counts) -> float:
    """F-score of the pooled counts, from counts (class,); NaN where nothing was there and nothing estimated."""
    return float(class_fscore(Counts(*(count.sum(keepdims=True) for count in counts)))[0])


def fscore_macro(counts: Counts) -> float:
    """Mean F-score of the classes that occur in the reference, from counts (class,).

    Where none occurs it is 0 if anything was estimated and NaN if nothing was, as the micro average is.
    """
    present = counts.tp + counts.fn > 0
    return float(class_fscore(counts)[present].mean()) if present.any() else fscore_micro(counts)


def fscore_macro_all(counts: Counts) -> float:
    """Mean F-score of all classes, absent ones counting 0, from counts (class,); never NaN.

    Source: [partial_labels], whose macro averages are over all 25 classes, heard in the evaluation set or not.
    """
    return float(np.nan_to_num(class_fscore(counts), nan=0.0).mean())


def rate(n_errors: int, n_reference: int) -> float:
    """Errors per reference unit: NaN for 0 / 0, infinite where errors were made with nothing to find.

    >>> rate(3, 4), rate(0, 0), rate(1, 0)
    (0.75, nan, inf)
    """
    if n_reference:
        return n_errors / n_reference
    return math.inf if n_errors else math.nan
