"""What [weak_label_limits] concludes from its Tables 2 and 3, asked of other numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables_lengths import CELL

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"

Cell = tuple[str, str, float, float]
"""Method, condition, length trained on, length tested on."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The score of one cell is above that of another, or not below it."""

    upper: Cell
    lower: Cell
    strictly: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of the paper and what it claims of cells."""

    sentence: str
    claims: tuple[Claim, ...]


def paper_findings(
    short: str = "200ms", whole: str = "WAA1", lengths_s: tuple[float, float, float] = (0.2, 1.0, 10.0)
) -> tuple[Finding, ...]:
    """The findings of the paper, section 4.

    Args:
        short: condition of Table 2.
        whole: condition of Table 3.
        lengths_s: of the segments.
    """
    methods = ("classifier", "triplets", "prototypes")
    a, b, c = lengths_s
    return (
        Finding(
            "200 ms events, trained on 0.2 s: the longer the test segment, the lower the score, for all methods",
            tuple(Claim((m, short, a, x), (m, short, a, y)) for m in methods for x, y in ((a, b), (b, c))),
        ),
        Finding(
            "200 ms events, trained on 10 s: the classifier still works, triplets and prototypes do not",
            tuple(Claim(("classifier", short, c, x), (m, short, c, x)) for m in methods[1:] for x in lengths_s),
        ),
        Finding(
            "whole events: for every method, training and testing on 1 s is best",
            tuple(
                Claim((m, whole, b, b), (m, whole, x, y))
                for m in methods
                for x in lengths_s
                for y in lengths_s
                if (x, y) != (b, b)
            ),
        ),
        Finding(
            "whole events, trained and tested on 10 s: prototypes lose to the classifier, triplets to both",
            tuple(
                Claim((m, whole, c, c), (n, whole, c, c))
                for m, n in (
                    ("classifier", "prototypes"),
                    ("classifier", "triplets"),
                    ("prototypes", "triplets"),
                )
            ),
        ),
        Finding(
            "whole events, tested on 0.2 s: training on 1 s is about as good as on 0.2 s, or better",
            tuple(Claim((m, whole, b, a), (m, whole, a, a), strictly=False) for m in methods),
        ),
    )


def findings_table(table: pd.DataFrame, findings: Sequence[Finding] | None = None) -> pd.DataFrame:
    """Which findings some numbers bear out.

    A difference of two means is judged by the root of the sum of both squared sample deviations. A claim is reproduced
    where the difference is above it, and not reproduced where it is below minus it; a claim of "not below" is
    reproduced from minus it on. A finding is reproduced where all its claims are, and not where one is not; where a
    deviation is unknown, as after one repetition, it is undecided.

    Args:
        table: made by `earmark_evaluators.tables_lengths.length_table`, of all conditions.
        findings: those of the paper where None.

    Returns:
        Columns finding, verdict, claims, reproduced, contradicted, and weakest: the smallest of the claimed
        differences, in percent points, with its spread.

    Raises:
        EvaluationError: the table lacks a cell.
    """
    cells: dict[Cell, tuple[float, float]] = {
        (row["method"], row["condition"], row["train_s"], row["test_s"]): (row["value"], row["std"])
        for row in table[[*CELL, "value", "std"]].to_dict("records")
    }
    rows = []
    for finding in paper_findings() if findings is None else findings:
        judged = [_judged(claim, cells) for claim in finding.claims]
        verdicts = [verdict for verdict, _, _ in judged]
        _, difference, spread = min(judged, key=lambda one: one[1])
        verdict = UNDECIDED
        if NOT_REPRODUCED in verdicts:
            verdict = NOT_REPRODUCED
        elif UNDECIDED not in verdicts:
            verdict = REPRODUCED
        rows.append(
            {
                "finding": finding.sentence,
                "verdict": verdict,
                "claims": len(judged),
                "reproduced": verdicts.count(REPRODUCED),
                "contradicted": verdicts.count(NOT_REPRODUCED),
                "weakest": f"{difference:+.1f}" if math.isnan(spread) else f"{difference:+.1f} ± {spread:.1f}",
            }
        )
    return pd.DataFrame(rows)


def _judged(claim: Claim, cells: dict[Cell, tuple[float, float]]) -> tuple[str, float, float]:
    """Verdict, difference of the means, and its spread."""
    for cell in (claim.upper, claim.lower):
        if cell not in cells:
            method, condition, train_s, test_s = cell
            raise EvaluationError(
                f"The table has no number of {method!r} on {condition!r}, trained on {train_s:g} s and tested on "
                f"{test_s:g} s. Give it all methods, sets and lengths of the paper."
            )
    (upper, upper_sd), (lower, lower_sd) = cells[claim.upper], cells[claim.lower]
    difference, spread = upper - lower, math.hypot(upper_sd, lower_sd)
    if math.isnan(spread):
        return UNDECIDED, difference, spread
    if not claim.strictly:
        return (REPRODUCED if difference >= -spread else NOT_REPRODUCED), difference, spread
    if difference > spread:
        return REPRODUCED, difference, spread
    return (NOT_REPRODUCED if difference < -spread else UNDECIDED), difference, spread
