"""A paper's claims against the numbers of a run, each with a plain verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from earmark.evaluation.repetitions import student_half_width
from earmark_evaluators.errors import EvaluationError

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Something is said to score higher than something else, by more than ``margin``."""

    text: str
    """What the paper says, in a few words."""
    higher: Sequence[float]
    """Scores of what is said to be higher, one a repetition."""
    lower: Sequence[float]
    """Scores of the other, of the same repetitions in the same order; a single number stands for all."""
    margin: float = 0.0
    """In the scores' own unit."""


def claims_table(claims: Sequence[Claim], scale: float = 100.0) -> pd.DataFrame:
    """One row a claim: mean difference, its 95 % interval, in how many repetitions it is true, and the verdict.

    The interval is Student's t over repetitions. A claim *holds* where all of it lies beyond the margin, *holds in
    part* where the mean does and the interval does not, and else *does not hold*. One repetition has no interval, so
    that nothing can hold by it but in part.

    Args:
        claims: with paired scores.
        scale: factor of the differences, 100 for per cent of fractions.

    Raises:
        EvaluationError: a claim's scores are not paired, are none, or are not finite.
    """
    return pd.DataFrame([_row(claim, scale) for claim in claims])


def _row(claim: Claim, scale: float) -> dict[str, object]:
    lower = list(claim.lower) * (len(claim.higher) if len(claim.lower) == 1 else 1)
    if not claim.higher or len(lower) != len(claim.higher):
        raise EvaluationError(
            f"The claim {claim.text!r} compares {len(claim.higher)} scores with {len(lower)}. Give one of each for "
            "every repetition."
        )
    differences = [high - low for high, low in zip(claim.higher, lower, strict=True)]
    if not all(math.isfinite(difference) for difference in differences):
        raise EvaluationError(f"The claim {claim.text!r} compares scores that are not finite: {differences}.")
    mean, half = sum(differences) / len(differences), student_half_width(differences)
    verdict = HOLDS if mean - half > claim.margin else IN_PART if mean > claim.margin else FAILS
    return {
        "claim": claim.text,
        "difference": mean * scale,
        "low": (mean - half) * scale,
        "high": (mean + half) * scale,
        "n_true": sum(difference > claim.margin for difference in differences),
        "n": len(differences),
        "verdict": verdict,
    }
