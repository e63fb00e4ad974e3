"""Methods beside a baseline, with intervals of the differences and a plain verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from earmark.evaluation.comparison import compare

EVALUATORS = {"segment": "event, segment", "intersection": "event, intersection", "scene": "scene"}
"""Evaluators whose micro-averaged scores are compared, and what their columns are called."""


def comparison_table(
    results: Mapping[str, Mapping[str, Sequence[xr.Dataset]]], baseline: str, *, confidence: float = 0.95
) -> pd.DataFrame:
    """One row a method and evaluator: its micro-averaged F-score less the baseline's, fractions, and the verdict.

    Arguments and errors are those of `earmark.evaluation.comparison.compare`.
    """
    rows = [
        {"evaluator": evaluator, **row._asdict(), "verdict": row.verdict}
        for evaluator in EVALUATORS
        for row in compare(results, baseline, evaluator, confidence=confidence)
        if row.score == "fscore_micro"
    ]
    return pd.DataFrame(rows)


def comparison_markdown(table: pd.DataFrame, baseline: str) -> str:
    """The table for people, F-scores in %, methods in order, a sentence for what helps and what does not.

    Args:
        table: of `comparison_table`.
        baseline: what the methods were compared with.
    """
    lines = [
        f"| method | {' | '.join(EVALUATORS.values())} |",
        f"| --- |{' ---: |' * len(EVALUATORS)}",
    ]
    cells = {(row["evaluator"], row["method"]): row for row in table.to_dict("records")}
    methods = list(dict.fromkeys(table["method"]))
    first = [100 * cells[name, methods[0]]["baseline"] for name in EVALUATORS]
    lines.append(f"| {baseline} | " + " | ".join(f"{value:.2f}" for value in first) + " |")
    for method in methods:
        lines.append(f"| {method} | " + " | ".join(_cell(cells[name, method]) for name in EVALUATORS) + " |")
    n = int(table["n_repetitions"].max())
    lines += [
        "",
        f"F-score, micro, in % (n = {n} repetitions pooled); in brackets the difference from {baseline} with its 95 % "
        "interval, a paired bootstrap over recordings. It does not cover other seeds, and among many methods one may "
        "stand out by chance.",
        "",
        *_verdicts(table, baseline),
    ]
    return "\n".join(lines)


def _cell(row: Mapping[Any, Any]) -> str:
    value, difference, low, high = (100 * row[name] for name in ("value", "difference", "low", "high"))
    return f"{value:.2f} ({difference:+.2f} [{low:+.2f}, {high:+.2f}])"


def _verdicts(table: pd.DataFrame, baseline: str) -> Sequence[str]:
    """What helps, what hurts and what is unclear, an evaluator a line."""
    lines = []
    for evaluator, name in EVALUATORS.items():
        of_evaluator = table[table["evaluator"] == evaluator]
        said: Mapping[str, list[str]] = {
            verdict: list(of_evaluator.loc[of_evaluator["verdict"] == verdict, "method"])
            for verdict in ("helps", "hurts", "unclear")
        }
        parts = [
            f"{word}: {', '.join(said[verdict])}"
            for verdict, word in (("helps", "better"), ("hurts", "worse"), ("unclear", "no clear difference"))
            if said[verdict]
        ]
        lines.append(f"- {name}, against {baseline}: {'; '.join(parts)}.")
    return lines
