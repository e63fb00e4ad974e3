"""What repetitions say together: mean, deviation, and an interval for the mean."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from earmark.evaluation.repetitions import student_half_width


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean of n numbers with its interval of confidence."""

    mean: float
    sd: float
    """Sample standard deviation (n - 1); NaN for fewer than two numbers."""
    n: int
    low: float
    high: float
    values: tuple[float, ...] = ()
    """The numbers themselves."""


def student(values: Iterable[float]) -> Interval:
    """Student's t interval of 95 % for the mean of repetitions; those without a number (NaN) are left out.

    It says how far the mean may lie from that of very many repetitions on the same clips, if repetitions are about
    normal; of other clips it says nothing.

    >>> [round(number, 3) for number in (lambda i: (i.mean, i.sd, i.low, i.high))(student([0.4, 0.5, 0.6]))]
    [0.5, 0.1, 0.252, 0.748]
    """
    known = tuple(float(value) for value in values if math.isfinite(value))
    n = len(known)
    if n < 2:
        return Interval(known[0] if known else math.nan, math.nan, n, math.nan, math.nan, known)
    mean, sd, half = float(np.mean(known)), float(np.std(known, ddof=1)), student_half_width(known)
    return Interval(mean, sd, n, mean - half, mean + half, known)
