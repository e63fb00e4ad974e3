"""Tables of methods that are trained on clips of one length and tested on clips of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from earmark.elsewhere import results_elsewhere
from earmark.study import Job, Study
from earmark_evaluators.errors import EvaluationError

CELL = ["method", "condition", "train_s", "test_s"]
"""What tells the numbers of such a table apart."""

SCORES = {
    "f_macro": "fscore_macro_all",
    "f_micro": "fscore_micro",
    "accuracy": "accuracy",
    "no_prediction_share": "no_prediction_share",
}
"""Columns of `length_runs`, and what the evaluator ``tagging`` calls them."""

NEAREST_CENTRE = "nearest-centre"


def length_runs(
    studies: Mapping[tuple[str, float], Study],
    *,
    evaluator: str = "tagging",
    device: str = "auto",
    advance: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Scores of every run on test clips of every length, one pair of run and length a row.

    Source: [weak_label_limits], Tables 2 and 3: training and test clips of one number come from the same set.

    Args:
        studies: whole studies by condition, such as the name of a set, and length of their clips in seconds.
        evaluator: name in the experiment; an evaluator ``tagging``.
        device: where nets of one length hear clips of another.
        advance: called with (done, total) pairs of studies.

    Returns:
        Columns condition, method, train_s, test_s, seed, f_macro, f_micro, accuracy, no_prediction_share (fractions),
        nearest_centre_valid (the best score of a stage that was stopped by the evaluator ``nearest-centre``, else
        NaN), best_epoch and epochs of the first stage of the method, and seconds of training of all its stages.
    """
    pairs = [(own, other) for own in studies for other in studies if own[0] == other[0]]
    rows: list[dict[str, Any]] = []
    for done, ((condition, train_s), (_, test_s)) in enumerate(pairs, start=1):
        study, other = studies[condition, train_s], studies[condition, test_s]
        results = study.results() if other is study else results_elsewhere(study, other, device=device)
        for stage, title in study.experiment.methods.items():
            for seed, result in zip(study.experiment.seeds, results[title][evaluator], strict=True):
                scores = {name: float(result[variable]) for name, variable in SCORES.items()}
                place = {"condition": condition, "method": title, "train_s": train_s, "test_s": test_s, "seed": seed}
                rows.append({**place, **scores, **_training(study, Job(stage, seed))})
        if advance is not None:
            advance(done, len(pairs))
    return pd.DataFrame(rows)


def length_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean macro F-score in percent and sample standard deviation of each cell, with the columns of the paper's CSV.

    Source: [weak_label_limits], Tables 2 and 3, which do not say what follows their ±: the deviation is that of a
    sample (divided by n - 1), NaN where there is one run.

    Args:
        runs: made by `length_runs`.
    """
    grouped = (100 * runs.set_index(CELL)["f_macro"]).groupby(level=CELL, sort=False)
    table = pd.DataFrame({"value": grouped.mean(), "std": grouped.std(ddof=1), "n": grouped.size()}).reset_index()
    for place, (name, word) in enumerate((("target", "event"), ("metric", "fscore"), ("average", "macro"))):
        table.insert(len(CELL) + place, name, word)
    table.insert(len(CELL) + 5, "unit", "percent")
    return table


def lengths_beside_paper(table: pd.DataFrame, paper: Path | pd.DataFrame) -> pd.DataFrame:
    """Set a paper's numbers beside ours, as ``paper_value`` and ``paper_std``, where the cell is the same.

    Args:
        table: made by `length_table`.
        paper: CSV files' content or one file, in percent, with the columns of the table but ``n``.

    Raises:
        EvaluationError: not one number of the paper belongs to the table.
    """
    printed = pd.read_csv(paper) if isinstance(paper, Path) else paper
    named = printed[[*CELL, "value", "std"]].rename(columns={"value": "paper_value", "std": "paper_std"})
    joined = table.merge(named, how="left", on=CELL)
    if joined["paper_value"].isna().all():
        cells = " / ".join(", ".join(map(str, pd.unique(printed[name]))) for name in CELL)
        raise EvaluationError(
            f"None of the paper's numbers belongs to a cell of this table. Its methods, conditions and lengths: {cells}"
            ". Name them in the same way."
        )
    return joined


def lengths_to_markdown(table: pd.DataFrame) -> str:
    """A table for people: a row per method and training length, a column per test length, the paper's in brackets.

    Args:
        table: made by `length_table` or `lengths_beside_paper`, of one condition.

    Raises:
        EvaluationError: it is of several.
    """
    conditions = pd.unique(table["condition"])
    if len(conditions) != 1:
        raise EvaluationError(f"One table is of one condition, not of {', '.join(map(str, conditions)) or 'none'}.")
    tested = sorted(pd.unique(table["test_s"]))
    lines = [
        "| method | trained on | " + " | ".join(f"tested on {test_s:g} s" for test_s in tested) + " |",
        "| --- | ---: | " + " | ".join("---:" for _ in tested) + " |",
    ]
    for (method, train_s), cells in table.groupby(["method", "train_s"], sort=False):
        rows = [{str(name): value for name, value in row.items()} for row in cells.to_dict("records")]
        by_length = {row["test_s"]: row for row in rows}
        shown = [_shown(by_length[test_s]) if test_s in by_length else "none" for test_s in tested]
        lines.append(f"| {method} | {train_s:g} s | " + " | ".join(shown) + " |")
    numbers = sorted(pd.unique(table["n"]))
    in_brackets = " In brackets: the paper's numbers." if "paper_value" in table else ""
    legend = (
        f"Macro F-score in %, mean ± standard deviation (sample form) of n = {' or '.join(map(str, numbers))} "
        f"repetitions.{in_brackets}"
    )
    return "\n".join([*lines, "", legend])


def _shown(cell: Mapping[str, Any]) -> str:
    text = _mean_sd(cell["value"], cell["std"])
    if not math.isnan(cell.get("paper_value", math.nan)):
        text += f" [{_mean_sd(cell['paper_value'], cell['paper_std'])}]"
    return text


def _mean_sd(mean: float, sd: float) -> str:
    return f"{mean:.1f}" if math.isnan(sd) else f"{mean:.1f} ± {sd:.1f}"


def _training(study: Study, job: Job) -> dict[str, float]:
    """What the training of a run and of the stages before it took and reached."""
    needed = list(_facts(study, job))
    name, first = needed[0]
    stopping, scores = study.experiment.stages[name].stopping, [e["score"] for e in first["history"] if "score" in e]
    measured = scores if stopping and stopping.use == NEAREST_CENTRE else []
    return {
        "nearest_centre_valid": max(measured, default=math.nan),
        "best_epoch": first.get("best_epoch", len(first["history"])),
        "epochs": len(first["history"]),
        "seconds": sum(facts["train_s"] for _, facts in needed),
    }


def _facts(study: Study, job: Job) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and facts of a stage and of all that it needs, each after those that it needs."""
    for stage in study.experiment.only(job.stage, job.seed).in_order():
        yield stage, study.shelf(Job(stage, job.seed)).facts()
