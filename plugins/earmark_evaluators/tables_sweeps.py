"""Tables of sweeps: scores of every run with the coordinates of its stage, summarised beside a paper's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from earmark.study import Study
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables import KEYS, Column, found_results, summary

_OF_RUN = ["fold", "seed", "value"]


def points(studies: Sequence[Study], columns: Sequence[Column]) -> pd.DataFrame:
    """Scores of all runs, one a row.

    Args:
        studies: one, or the folds of an experiment.
        columns: scores to take, and what they are called.

    Returns:
        Columns title, the coordinates (`earmark.experiment.Stage.at`), target, metric, average, fold, seed and value;
        a stage that lacks a coordinate has NaN there, an experiment without folds has fold 0.

    Raises:
        EvaluationError: no stage that is evaluated has a coordinate.
    """
    rows: list[dict[str, Any]] = []
    for study in studies:
        fold = study.experiment.folds[0] if study.experiment.folds else 0
        results = study.results()
        for name, title in study.experiment.methods.items():
            at = study.experiment.stages[name].at
            for column in columns if at else ():
                found = found_results(results[title], column, title)
                rows += [
                    {
                        "title": title,
                        **at,
                        **dict(zip(KEYS, (column.target, column.metric, column.average), strict=True)),
                        "fold": fold,
                        "seed": seed,
                        "value": float(result[column.variable]),
                    }
                    for seed, result in zip(study.experiment.seeds, found, strict=True)
                ]
    if not rows:
        names = ", ".join(study.experiment.name for study in studies) or "no study"
        raise EvaluationError(
            f"{names}: no evaluated stage has a coordinate. Give each a title and a place, such as "
            "at = { share = 0.7 }, in the experiment file."
        )
    table = pd.DataFrame(rows)
    coordinates = [name for name in table.columns if name not in ("title", *KEYS, *_OF_RUN)]
    return table[["title", *coordinates, *KEYS, *_OF_RUN]]


def coordinates_of(table: pd.DataFrame) -> list[str]:
    """Names of the coordinates of a table of points."""
    known = {"title", *KEYS, *_OF_RUN, "mean", "sd", "n", "paper_mean", "paper_sd"}
    return [str(name) for name in table.columns if name not in known]


def point_table(points: pd.DataFrame) -> pd.DataFrame:
    """Mean, population standard deviation and n of each point, over seeds and folds, in the order of the file."""
    keys = ["title", *coordinates_of(points), *KEYS]
    rows = [
        dict(zip(keys, place, strict=True)) | summary(group["value"].tolist())._asdict()
        for place, group in points.groupby(keys, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows)


def points_beside_paper(table: pd.DataFrame, paper: Path, percent: str = "percent") -> pd.DataFrame:
    """Set a paper's numbers beside the points at which it has some.

    Args:
        table: made by `point_table`, with the coordinates ``method``, as the paper calls it, and ``percent``.
        paper: a CSV file as for `earmark_evaluators.tables.beside_paper`; its column ``condition`` says the share of
            strong labels, such as ``strong=30;weak=70``.
        percent: coordinate that holds the share of clips without strong labels.
    """
    rows = pd.read_csv(paper)
    printed = {
        (row["method"], *(row[key] for key in KEYS), _percent_without_strong(row["condition"])): row
        for row in rows.to_dict("records")
    }
    found = [
        printed.get((row["method"], *(row[key] for key in KEYS), float(row[percent])), {})
        for row in table.to_dict("records")
    ]
    scale = [100.0 if row.get("unit") == "percent" else 1.0 for row in found]
    return table.assign(
        paper_mean=[float(row.get("value", "nan")) / s for row, s in zip(found, scale, strict=True)],
        paper_sd=[float(row.get("std", "nan")) / s for row, s in zip(found, scale, strict=True)],
    )


def _percent_without_strong(condition: str) -> float:
    shares = dict(part.split("=") for part in str(condition).split(";") if "=" in part)
    return 100.0 - float(shares.get("strong", 0))
