from __future__ import annotations

import math

import pandas as pd
import pytest

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.lengths_findings import (
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    Claim,
    Finding,
    findings_table,
    paper_findings,
)
from earmark_evaluators.tables_lengths import length_table, lengths_beside_paper, lengths_to_markdown


def runs_of(*scores: tuple[str, float, float, float], condition: str = "WAA1") -> pd.DataFrame:
    """Runs as (method, length trained on, length tested on, macro F-score), a seed each."""
    columns = ["method", "train_s", "test_s", "f_macro"]
    return pd.DataFrame(scores, columns=columns).assign(condition=condition, seed=range(len(scores)))


PAPER = pd.DataFrame(
    [("classifier", "WAA1", 0.2, 1.0, 49.0, 4.1), ("classifier", "200ms", 0.2, 1.0, 29.6, 1.7)],
    columns=["method", "condition", "train_s", "test_s", "value", "std"],
)
RUNS = runs_of(("classifier", 0.2, 1.0, 0.4), ("classifier", 0.2, 1.0, 0.6), ("classifier", 0.2, 0.2, 0.5))


def test_a_cell_is_the_mean_in_percent_with_the_deviation_of_a_sample() -> None:
    table = length_table(RUNS).set_index(["train_s", "test_s"])
    assert table.loc[(0.2, 1.0), "value"] == 50
    assert table.loc[(0.2, 1.0), "std"] == pytest.approx(math.sqrt(200))  # 10 / sqrt(1 / 2)
    assert table.loc[(0.2, 1.0), "n"] == 2
    assert math.isnan(table.loc[(0.2, 0.2), "std"])
    reference = ["method", "condition", "train_s", "test_s", "target", "metric", "average", "value", "std", "unit"]
    assert set(reference) <= set(length_table(RUNS).columns)


def test_the_papers_numbers_stand_beside_the_same_cell_of_the_same_condition() -> None:
    table = lengths_beside_paper(length_table(RUNS), PAPER).set_index("test_s")
    assert table.loc[1.0, "paper_value"] == 49.0
    assert math.isnan(table.loc[0.2, "paper_value"])
    with pytest.raises(
        EvaluationError, match=r"cell of this table\. Its methods.*classifier / WAA1, 200ms / 0.2 / 1.0"
    ):
        lengths_beside_paper(length_table(RUNS.assign(method="Classifier")), PAPER)


def test_a_table_for_people_has_a_row_per_training_length_and_a_column_per_test_length() -> None:
    runs = pd.concat([RUNS, runs_of(("triplets", 10.0, 1.0, 0.1))])
    markdown = lengths_to_markdown(lengths_beside_paper(length_table(runs), PAPER))
    assert markdown.splitlines() == [
        "| method | trained on | tested on 0.2 s | tested on 1 s |",
        "| --- | ---: | ---: | ---: |",
        "| classifier | 0.2 s | 50.0 | 50.0 ± 14.1 [49.0 ± 4.1] |",
        "| triplets | 10 s | none | 10.0 |",
        "",
        "Macro F-score in %, mean ± standard deviation (sample form) of n = 1 or 2 repetitions. In brackets: the "
        "paper's numbers.",
    ]
    with pytest.raises(EvaluationError, match="One table is of one condition, not of WAA1, 200ms"):
        lengths_to_markdown(length_table(pd.concat([RUNS, RUNS.assign(condition="200ms")])))


def table_of(*cells: tuple[str, float, float]) -> pd.DataFrame:
    """Cells as (method, value, std), all trained and tested on one length."""
    table = pd.DataFrame(cells, columns=["method", "value", "std"])
    return table.assign(condition="WAA1", train_s=1.0, test_s=1.0)


def verdict(upper: tuple[float, float], lower: tuple[float, float], *, strictly: bool = True) -> str:
    claim = Claim(("a", "WAA1", 1.0, 1.0), ("b", "WAA1", 1.0, 1.0), strictly)
    row = findings_table(table_of(("a", *upper), ("b", *lower)), [Finding("a beats b", (claim,))]).iloc[0]
    return str(row["verdict"])


def test_a_difference_is_judged_by_the_spread_of_both_means() -> None:
    assert verdict((56, 3), (50, 4)) == REPRODUCED  # 6 against 5
    assert verdict((54, 3), (50, 4)) == UNDECIDED
    assert verdict((46, 3), (50, 4)) == UNDECIDED
    assert verdict((44, 3), (50, 4)) == NOT_REPRODUCED
    assert verdict((46, 3), (50, 4), strictly=False) == REPRODUCED
    assert verdict((44, 3), (50, 4), strictly=False) == NOT_REPRODUCED
    assert verdict((90, math.nan), (10, math.nan)) == UNDECIDED  # one repetition has no spread


def test_a_finding_is_as_good_as_its_worst_claim() -> None:
    table = table_of(("a", 60, 1), ("b", 50, 1), ("c", 70, 1))
    better = [Claim(("a", "WAA1", 1.0, 1.0), (other, "WAA1", 1.0, 1.0)) for other in "bc"]
    row = findings_table(table, [Finding("a beats b and c", tuple(better))]).iloc[0]
    assert (row["verdict"], row["claims"], row["reproduced"], row["contradicted"]) == (NOT_REPRODUCED, 2, 1, 1)
    assert row["weakest"] == "-10.0 ± 1.4"


def test_a_table_without_a_cell_of_a_finding_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"no number of 'classifier' on '200ms', trained on 0.2 s and tested on"):
        findings_table(table_of(("classifier", 60, 1)))


def test_the_paper_has_five_findings_of_cells_in_both_tables() -> None:
    findings = paper_findings()
    assert len(findings) == 5
    assert [len(finding.claims) for finding in findings] == [6, 6, 24, 3, 3]
