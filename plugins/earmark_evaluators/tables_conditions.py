"""A paper's numbers where it tells methods apart by a condition, and where nets have different outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables import KEYS


def with_conditions(paper: Path) -> pd.DataFrame:
    """A paper's numbers with the condition as part of the method's name, such as "MTL, alpha=1.0".

    Args:
        paper: a CSV file as for `earmark_evaluators.tables.beside_paper`, with a column ``condition``, which may be
            empty.
    """
    rows = pd.read_csv(paper)
    has_one = rows["condition"].notna()
    joined = rows["method"] + ", " + rows["condition"].astype(str)
    return rows.assign(method=rows["method"].where(~has_one, joined))


def points_beside(table: pd.DataFrame, paper: pd.DataFrame, methods: Sequence[str | None]) -> pd.DataFrame:
    """Set a paper's numbers beside the points of a sweep.

    Args:
        table: made by `earmark_evaluators.tables_sweeps.point_table`.
        paper: columns method, target, metric, average, value, std and unit; values in percent become fractions.
        methods: what the paper calls each row of the table; None, or a name unknown to it, where it prints nothing.

    Raises:
        EvaluationError: not one number of the paper belongs to a point.
    """
    printed = {tuple(row[name] for name in ("method", *KEYS)): row for row in paper.to_dict("records")}
    places = zip(methods, *(table[key] for key in KEYS), strict=True)
    found = [printed.get(place, {}) for place in places]
    if not any(found):
        raise EvaluationError(
            f"None of the paper's numbers belongs to a point, of which the first is {table['title'].iloc[0]!r}. "
            f"Methods of the paper: {', '.join(sorted(set(paper['method'])))}."
        )
    scale = [100.0 if row.get("unit") == "percent" else 1.0 for row in found]
    return table.assign(
        paper_mean=[float(row.get("value", math.nan)) / s for row, s in zip(found, scale, strict=True)],
        paper_sd=[float(row.get("std", math.nan)) / s for row, s in zip(found, scale, strict=True)],
    )


def joined(tables: Iterable[pd.DataFrame], methods: Sequence[str]) -> pd.DataFrame:
    """Tables of different methods and columns as one; a method that lacks a column, as a net without that output does,
    has no number there (n = 0).

    Source: [mutual_benefit], Table 3, in which single-task nets have dashes.

    Args:
        tables: made by `earmark_evaluators.tables.score_table`.
        methods: rows of the result, in order; those that no table has are left out.
    """
    whole = pd.concat(list(tables), axis="columns")
    whole = whole.loc[[method for method in methods if method in whole.index]]
    counts = [column for column in whole.columns if column[-1] == "n"]
    whole[counts] = whole[counts].fillna(0).astype(int)
    whole.index.name = "method"
    return whole
