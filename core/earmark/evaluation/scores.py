"""Scores from counts: pure functions, with one policy for classes that are absent or never detected.

Counts add over clips and recordings, F-scores do not; so everything that judges counts first and scores last. Counts
have the class as their last axis; scores are then of every class, or averages over it, for any axes before it: a
whole set (class,), or resamples of it (resample, class).
"""

from __future__ import annotations

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

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Whether a class occurs in the reference (..., class)."""
        return np.asarray(self.tp + self.fn > 0)

    def total(self) -> Counts:
        """Sum over everything but the class (class,)."""
        return Counts(*(count.reshape(-1, count.shape[-1]).sum(axis=0) for count in self))

    def pooled(self) -> Counts:
        """Sum over the classes (..., 1)."""
        return Counts(*(count.sum(axis=-1, keepdims=True) for count in self))


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
    """F-score of each class (..., class): 2 TP / (2 TP + FP + FN), NaN where nothing was there and nothing estimated.

    >>> class_fscore(Counts(np.array([1, 0, 0]), np.array([1, 0, 2]), np.array([1, 0, 0]))).tolist()
    [0.5, nan, 0.0]
    """
    return _share(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def class_precision(counts: Counts) -> FloatArray:
    """Precision of each class (..., class): TP / (TP + FP); 0 where the class occurs and is never detected.

    >>> class_precision(Counts(np.array([1, 0, 0]), np.array([1, 0, 0]), np.array([0, 5, 0]))).tolist()
    [0.5, 0.0, nan]
    """
    precision = _share(counts.tp, counts.tp + counts.fp)
    return np.where(np.isnan(precision) & counts.present, 0.0, precision)


def class_recall(counts: Counts) -> FloatArray:
    """Recall of each class (..., class): TP / (TP + FN), NaN where there was nothing to find."""
    return _share(counts.tp, counts.tp + counts.fn)


def macro(score: FloatArray, counts: Counts) -> FloatArray:
    """Mean of a score (..., class) over the classes that occur in the reference (...); NaN where none does."""
    present = counts.present
    return _share(np.where(present, score, 0.0).sum(axis=-1), present.sum(axis=-1))


def fscore_micro(counts: Counts) -> FloatArray:
    """F-score of the pooled counts (...); NaN where nothing was there and nothing estimated."""
    return np.asarray(class_fscore(counts.pooled())[..., 0])


def fscore_macro(counts: Counts) -> FloatArray:
    """Mean F-score of the classes that occur in the reference (...).

    Where none occurs it is 0 if anything was estimated and NaN if nothing was, as the micro average is.
    """
    return np.where(counts.present.any(axis=-1), macro(class_fscore(counts), counts), fscore_micro(counts))


def fscore_macro_all(counts: Counts) -> FloatArray:
    """Mean F-score of all classes, absent ones counting 0 (...); never NaN.

    Source: [partial_labels], whose macro averages are over all 25 classes, heard in the evaluation set or not.
    """
    return np.asarray(np.nan_to_num(class_fscore(counts), nan=0.0).mean(axis=-1))


def rate(n_errors: npt.ArrayLike, n_reference: npt.ArrayLike) -> FloatArray:
    """Errors per reference unit: NaN for 0 / 0, infinite where errors were made with nothing to find.

    >>> rate([3, 0, 1], [4, 0, 0]).tolist()
    [0.75, nan, inf]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.true_divide(n_errors, n_reference)


def _share(of: npt.NDArray[np.number], total: IntArray) -> FloatArray:
    """Quotient, NaN where the total is 0."""
    share = np.full(np.shape(total), np.nan)
    np.divide(of, total, out=share, where=np.asarray(total) > 0)
    return share
