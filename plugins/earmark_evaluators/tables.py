"""Tables of scores over repetitions, beside the numbers that a paper prints.

A table has a row per method and a column per (target, metric, average, statistic), the words of the papers' CSV files;
statistics are mean, sd and n, and paper_mean and paper_sd where a paper is set beside. F-scores are fractions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from earmark.errors import suggestion
from earmark_evaluators.errors import EvaluationError

Results = Mapping[str, Mapping[str, Sequence[xr.Dataset]]]
"""Results of evaluators, one a repetition: ``results[method][evaluator][repetition]``."""

KEYS = ["target", "metric", "average"]


@dataclass(frozen=True, slots=True)
class Column:
    """Where a number comes from, and what the papers call it."""

    evaluator: str
    """Name in the results."""
    variable: str
    """Scalar variable of the evaluator's result, such as ``fscore_micro``."""
    target: str
    """Such as "scene" or "event"."""
    metric: str
    """Such as "fscore" or "intersection_fscore"."""
    average: str
    """Such as "micro"."""


class Summary(NamedTuple):
    """Mean and population standard deviation of n numbers."""

    mean: float
    sd: float
    n: int


def summary(values: Sequence[float]) -> Summary:
    """Summarise repetitions; those without a number (NaN) are left out and not counted.

    Source: [partial_labels] gives deviations in the population form, as the durations of its Table 7 show.

    >>> summary([0.2, 0.4, math.nan])
    Summary(mean=0.3, sd=0.1, n=2)
    """
    known = np.array([value for value in values if not math.isnan(value)])
    if not len(known):
        return Summary(math.nan, math.nan, 0)
    if np.isinf(known).any():
        return Summary(math.inf, math.nan, len(known))
    # Rounded, as the mean of equal numbers would otherwise deviate from itself by some 1e-17.
    return Summary(round(float(known.mean()), 12), round(float(known.std()), 12), len(known))


def score_table(results: Results, columns: Sequence[Column]) -> pd.DataFrame:
    """Summarise scalar scores over repetitions.

    Raises:
        EvaluationError: a method lacks an evaluator, or the evaluator lacks the variable.
    """
    rows = {
        method: {
            (column.target, column.metric, column.average): summary(
                [float(result[column.variable]) for result in found_results(by_evaluator, column, method)]
            )
            for column in columns
        }
        for method, by_evaluator in results.items()
    }
    return table_of(rows)


def class_table(results: Results, *, evaluator: str, variable: str, metric: str) -> pd.DataFrame:
    """Summarise scores or counts of each class over repetitions; the target is the class, the average "class".

    Raises:
        EvaluationError: a method lacks the evaluator, or the evaluator lacks the variable.
    """
    rows: dict[str, dict[tuple[str, str, str], Summary]] = {}
    for method, by_evaluator in results.items():
        found = found_results(by_evaluator, Column(evaluator, variable, "", metric, "class"), method)
        (dim,) = found[0][variable].dims
        rows[method] = {
            (str(name), metric, "class"): summary([float(result[variable].sel({dim: name})) for result in found])
            for name in found[0][dim].values
        }
    return table_of(rows)


def beside_paper(table: pd.DataFrame, paper: Path | pd.DataFrame) -> pd.DataFrame:
    """Set a paper's numbers beside ours, where method, target, metric and average agree.

    Args:
        table: made by `score_table` or `class_table`.
        paper: a CSV file, or its content, with the columns method, target, metric, average, value, std and unit; values
            in percent become fractions.

    Raises:
        EvaluationError: not one number of the paper belongs to the table.
    """
    rows = pd.read_csv(paper) if isinstance(paper, Path) else paper
    printed: dict[tuple[str, ...], tuple[float, float]] = {}
    for row in rows.to_dict("records"):
        scale = 100.0 if row["unit"] == "percent" else 1.0
        key = tuple(str(row[name]) for name in ("method", *KEYS))
        printed[key] = (float(row["value"]) / scale, float(row["std"]) / scale)
    wide: dict[tuple[str, ...], list[float]] = {}
    for key in columns_of(table):
        pairs = [printed.get((str(method), *key), (math.nan, math.nan)) for method in table.index]
        for statistic in ("mean", "sd", "n"):
            wide[(*key, statistic)] = table[(*key, statistic)].tolist()
        wide[(*key, "paper_mean")], wide[(*key, "paper_sd")] = [p[0] for p in pairs], [p[1] for p in pairs]
    result = pd.DataFrame(wide, index=table.index)
    result.columns.names = [*KEYS, "statistic"]
    if not any(printed.keys() & {(str(method), *key) for key in columns_of(table)} for method in table.index):
        methods = sorted({key[0] for key in printed})
        raise EvaluationError(
            f"{paper if isinstance(paper, Path) else 'The paper'}: none of its numbers belongs to a method and column "
            f"of this table (first method: {table.index[0]!r}). {suggestion(str(table.index[0]), methods)}"
            f"Methods of the paper: {', '.join(methods)}. Name methods and metrics as the paper's CSV does."
        )
    return result


def columns_of(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    """The (target, metric, average) of a table, in order."""
    return list(dict.fromkeys((str(key[0]), str(key[1]), str(key[2])) for key in table.columns))


def cell(table: pd.DataFrame, method: str, key: tuple[str, str, str]) -> dict[str, float]:
    """Statistics of one method and column, by name."""
    statistics = dict.fromkeys(str(column[-1]) for column in table.columns)
    return {statistic: table[(*key, statistic)][method] for statistic in statistics}


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method and column, as in the papers' CSV files: the form to write to disk."""
    rows = []
    for method in table.index:
        for key in columns_of(table):
            rows.append({"method": method, **dict(zip(KEYS, key, strict=True)), **cell(table, str(method), key)})
    return pd.DataFrame(rows)


def to_markdown(table: pd.DataFrame) -> str:
    """A table for people: mean ± sd, the paper's in brackets; everything called fscore in percent.

    >>> results = {"Ours": {"frame": [xr.Dataset({"fscore_micro": 0.5}), xr.Dataset({"fscore_micro": 0.52})]}}
    >>> print(to_markdown(score_table(results, [Column("frame", "fscore_micro", "event", "fscore", "micro")])))
    | method | event fscore micro |
    | --- | ---: |
    | Ours | 51.00 ± 1.00 |
    <BLANKLINE>
    Mean ± standard deviation (population form) of n = 2 repetitions; F-scores in %.
    """
    keys = columns_of(table)
    lines = [
        "| " + " | ".join(["method", *(" ".join(key).replace("_", " ") for key in keys)]) + " |",
        "| " + " | ".join(["---", *("---:" for _ in keys)]) + " |",
    ]
    numbers_of_runs = _numbers_of_runs(table)
    for method in table.index:
        cells = [_cell(cell(table, str(method), key), key, len(numbers_of_runs) > 1) for key in keys]
        lines.append("| " + " | ".join([str(method), *cells]) + " |")
    return "\n".join([*lines, "", _legend(table, numbers_of_runs, "repetitions; F-scores in %")])


def to_markdown_by_class(table: pd.DataFrame, *, repetitions: str = "repetitions; F-scores in %") -> str:
    """A table of many classes for people: a row per class and metric, a column per method; cells as in `to_markdown`.

    Args:
        table: made by `class_table` or `beside`.
        repetitions: what its n counts, and the unit.

    >>> results = {"Ours": {"frame": [xr.Dataset({"tp": (("event",), [3, 5])}, {"event": ["car", "fan"]})]}}
    >>> print(to_markdown_by_class(class_table(results, evaluator="frame", variable="tp", metric="tp")))
    | class | score | Ours |
    | --- | --- | ---: |
    | car | tp | 3.00 |
    | fan | tp | 5.00 |
    <BLANKLINE>
    Mean ± standard deviation (population form) of n = 1 repetitions; F-scores in %.
    """
    keys = columns_of(table)
    numbers_of_runs = _numbers_of_runs(table)
    methods = [str(method) for method in table.index]
    lines = [
        "| " + " | ".join(["class", "score", *methods]) + " |",
        "| " + " | ".join(["---", "---", *("---:" for _ in methods)]) + " |",
    ]
    for key in keys:
        cells = [_cell(cell(table, method, key), key, len(numbers_of_runs) > 1) for method in methods]
        lines.append("| " + " | ".join([key[0].replace("_", " "), key[1].replace("_", " "), *cells]) + " |")
    return "\n".join([*lines, "", _legend(table, numbers_of_runs, repetitions)])


def beside(*tables: pd.DataFrame) -> pd.DataFrame:
    """Tables of the same methods as one, class by class where they name the same classes."""
    together = pd.concat(tables, axis="columns")
    return only_targets(together, list(dict.fromkeys(key[0] for key in columns_of(together))))


def only_targets(table: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """The columns of some targets, in their order; those that the table lacks are left out."""
    return table[[column for target in targets for column in table.columns if column[0] == target]]


def targets_of_paper(paper: Path) -> list[str]:
    """Targets of which a paper's CSV file has numbers, in its order."""
    return list(dict.fromkeys(pd.read_csv(paper)["target"].astype(str)))


def _numbers_of_runs(table: pd.DataFrame) -> set[int]:
    """How many repetitions cells summarise; an empty cell, as of a net without that output, summarises none."""
    return {int(n) for key in columns_of(table) for n in table[(*key, "n")]} - {0}


def _legend(table: pd.DataFrame, numbers_of_runs: set[int], repetitions: str) -> str:
    n = f"n = {next(iter(numbers_of_runs))}" if len(numbers_of_runs) == 1 else "n (said in each cell)"
    paper = " In brackets: the paper's numbers." if any(key[-1] == "paper_mean" for key in table.columns) else ""
    return f"Mean ± standard deviation (population form) of {n} {repetitions}.{paper}"


def is_percent(metric: str) -> bool:
    """True for metrics that papers print in percent.

    >>> is_percent("segment_fscore"), is_percent("error_rate")
    (True, False)
    """
    return metric.endswith(("fscore", "accuracy"))


def _cell(statistics: Mapping[str, float], key: tuple[str, str, str], with_n: bool) -> str:
    _, metric, average = key
    scale = 100.0 if is_percent(metric) else 1.0
    # As many as papers print: the share of a rare event in all errors begins at the third decimal.
    decimals = (4 if average == "class" else 3) if metric.endswith("error_rate") else 2
    n = int(statistics["n"])
    text = _mean_sd(statistics["mean"] * scale, statistics["sd"] * scale if n > 1 else math.nan, decimals)
    if with_n and n:
        text += f", n = {n}"
    if not math.isnan(statistics.get("paper_mean", math.nan)):
        text += f" [{_mean_sd(statistics['paper_mean'] * scale, statistics['paper_sd'] * scale, decimals)}]"
    return text


def _mean_sd(mean: float, sd: float, decimals: int) -> str:
    if math.isnan(mean):
        return "none"
    return f"{mean:.{decimals}f}" if math.isnan(sd) else f"{mean:.{decimals}f} ± {sd:.{decimals}f}"


def found_results(
    by_evaluator: Mapping[str, Sequence[xr.Dataset]], column: Column, method: str
) -> Sequence[xr.Dataset]:
    """Results of a column's evaluator, all of which hold its variable.

    Raises:
        EvaluationError: there are none, or they lack it.
    """
    found = by_evaluator.get(column.evaluator, ())
    if not found:
        raise EvaluationError(
            f"{method!r} has no results of an evaluator {column.evaluator!r}. "
            f"{suggestion(column.evaluator, by_evaluator)}It has: {', '.join(by_evaluator) or 'none'}."
        )
    for result in found:
        if column.variable not in result:
            known = [str(name) for name in result]
            raise EvaluationError(
                f"{method!r}: the results of {column.evaluator!r} hold no {column.variable!r}. "
                f"{suggestion(column.variable, known)}They hold: {', '.join(known)}."
            )
    return found


def table_of(rows: Mapping[str, Mapping[tuple[str, str, str], Summary]]) -> pd.DataFrame:
    """A table of what ``rows[method][(target, metric, average)]`` say; what a method lacks has n = 0."""
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    wide = {
        (*key, statistic): [row.get(key, Summary(math.nan, math.nan, 0))[place] for row in rows.values()]
        for key in keys
        for place, statistic in enumerate(Summary._fields)
    }
    table = pd.DataFrame(wide, index=pd.Index(rows, name="method"))
    table.columns = pd.MultiIndex.from_tuples(list(wide), names=[*KEYS, "statistic"])
    return table
