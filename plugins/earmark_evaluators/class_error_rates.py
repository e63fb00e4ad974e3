"""Error rates of single events, in the two forms that papers and code have."""

from __future__ import annotations

from typing import NamedTuple

from earmark.evaluation.scores import FloatArray, IntArray, rate


class ClassErrorRates(NamedTuple):
    """Errors of each event (event,) per reference unit; a substitution counts twice, at either event."""

    error_rate_of_all: FloatArray
    """(FP + FN) / reference units of all events: an event never detected has its share of them."""
    error_rate_of_own: FloatArray
    """(FP + FN) / reference units of the event itself: an event never detected has 1."""


def class_error_rates(tp: IntArray, fp: IntArray, fn: IntArray) -> ClassErrorRates:
    """Error rates from counts (event,).

    Source: [soft_scene_labels], Table 4, divides by all reference frames, as the numbers of its undetected events show;
    the public baseline divides by the event's own.

    >>> import numpy as np
    >>> rates = class_error_rates(np.array([6, 0]), np.array([1, 0]), np.array([2, 2]))
    >>> rates.error_rate_of_all.tolist(), rates.error_rate_of_own.tolist()
    ([0.3, 0.2], [0.375, 1.0])
    """
    n_own, errors = tp + fn, fp + fn
    return ClassErrorRates(rate(errors, n_own.sum()), rate(errors, n_own))
