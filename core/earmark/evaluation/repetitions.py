"""What repetitions say together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def student_half_width(values: Sequence[float]) -> float:
    """Half of Student's t interval of 95 % for the mean of repetitions; infinite for fewer than two numbers.

    >>> round(student_half_width([0.4, 0.5, 0.6]), 3)
    0.248
    """
    from scipy.stats import t  # late, as it takes a moment

    n = len(values)
    if n < 2:
        return math.inf
    return float(t.ppf(0.975, n - 1)) * statistics.stdev(values) / math.sqrt(n)
