"""How far a score would move on other recordings: the bootstrap over recordings, and the paired one of two systems.

Recordings, not events or segments, are drawn with replacement, as those of one recording are not independent. Counts
are summed over the drawn ones and scored anew. Whatever stands in one matrix of counts is resampled by the same draws.

Sources: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993 (percentile intervals, ch. 13); Bisani and Ney,
"Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004 (two systems on the same
draws, and the probability of improvement).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from earmark.evaluation.scores import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_CELLS = 1 << 20
"""Draws are made for so many cells (resample, recording) at a time, to bound memory."""


class Interval(NamedTuple):
    """Lower and upper end, each of the shape of the score; NaN where no resample has a score."""

    low: FloatArray
    high: FloatArray


class Difference(NamedTuple):
    """How much higher the second of two systems scores on the same recordings; each of the shape of the score."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    sign_flips: FloatArray
    """Share of resamples in which the difference is 0 or has the other sign: one less the probability of improvement.
    Twice this share is about the p-value of a two-sided test; a single small share among many is no proof."""


def resampled_sums(counts: IntArray | csr_array, n_resamples: int, generator: np.random.Generator) -> IntArray:
    """Sum counts (recording, ...) over as many recordings, drawn with replacement: (resample, ...).

    Of sparse counts (recording, column), only what is not 0 takes memory.

    >>> resampled_sums(np.ones((5, 2), dtype=np.int64), 3, np.random.default_rng(0)).tolist()
    [[5, 5], [5, 5], [5, 5]]
    """
    n_recordings = counts.shape[0]
    flat = counts.reshape(n_recordings, -1) if isinstance(counts, np.ndarray) else counts
    flat = flat.astype(np.float64)  # whole numbers, exact up to 2 ** 53
    sums = np.empty((n_resamples, flat.shape[1]), dtype=np.int64)
    at_once = max(1, _CELLS // max(1, n_recordings))
    for first in range(0, n_resamples, at_once):
        n = min(at_once, n_resamples - first)
        drawn = generator.integers(n_recordings, size=(n, n_recordings))
        drawn += n_recordings * np.arange(n)[:, None]
        times = np.bincount(drawn.ravel(), minlength=n * n_recordings).reshape(n, n_recordings)
        sums[first : first + n] = np.rint(times.astype(np.float64) @ flat)
    return sums.reshape(n_resamples, *counts.shape[1:])


def percentile_interval(samples: FloatArray, confidence: float) -> Interval:
    """Percentile interval of scores (resample, ...); resamples without a score (NaN) are left out.

    >>> low, high = percentile_interval(np.arange(101.0), 0.9)
    >>> round(float(low), 6), round(float(high), 6)
    (5.0, 95.0)
    """
    tail = (1 - confidence) / 2
    flat = samples.reshape(len(samples), -1)
    ends = np.full((2, flat.shape[1]), np.nan)
    for column, values in enumerate(flat.T):
        finite = values[~np.isnan(values)]
        if len(finite):
            # Among infinite error rates, linear interpolation would give inf - inf.
            method: Literal["nearest", "linear"] = "nearest" if np.isinf(finite).any() else "linear"
            ends[:, column] = np.quantile(finite, [tail, 1 - tail], method=method)
    low, high = ends.reshape(2, *samples.shape[1:])
    return Interval(low, high)


def paired_difference(
    first: FloatArray, second: FloatArray, first_samples: FloatArray, second_samples: FloatArray, confidence: float
) -> Difference:
    """Compare two systems: second less first.

    Args:
        first: score of the first system on all recordings (...).
        second: likewise.
        first_samples: its scores on resamples (resample, ...).
        second_samples: those of the second system on the same draws.
        confidence: of the interval.

    >>> samples = np.array([0.1, 0.2, 0.3, 0.4])
    >>> difference = paired_difference(np.array(0.2), np.array(0.3), samples, samples + [0.2, 0.1, 0.1, -0.1], 0.9)
    >>> round(float(difference.value), 6), float(difference.sign_flips)
    (0.1, 0.25)
    """
    with np.errstate(invalid="ignore"):  # infinite error rates of both
        value, samples = np.asarray(second - first), second_samples - first_samples
        known = ~np.isnan(samples)
        flips = (known & (samples * np.sign(value) <= 0)).sum(axis=0)
    n_known = known.sum(axis=0)
    share = np.full(np.shape(flips), np.nan)
    np.divide(flips, n_known, out=share, where=(n_known > 0) & ~np.isnan(value))
    return Difference(value, *percentile_interval(samples, confidence), share)
