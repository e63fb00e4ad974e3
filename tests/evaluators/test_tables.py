from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables import Column, beside_paper, class_table, score_table, summary, tidy, to_markdown

COLUMNS = [
    Column("scene", "fscore_micro", "scene", "fscore", "micro"),
    Column("frame", "fscore_macro_all", "event", "segment_fscore", "macro"),
    Column("frame", "error_rate", "event", "segment_error_rate", "micro"),
]
KEY = ("event", "segment_fscore", "macro")


def frame(macro: float, by_event: list[float]) -> xr.Dataset:
    return xr.Dataset(
        {"fscore_macro_all": macro, "error_rate": 1.5, "fscore": (("event",), by_event)}, {"event": ["car", "bird"]}
    )


@pytest.fixture
def results():
    scene = [xr.Dataset({"fscore_micro": score}) for score in (0.9, 0.8)]
    return {
        "Strong MTL": {"scene": scene, "frame": [frame(0.2, [0.5, math.nan]), frame(0.3, [0.7, math.nan])]},
        "Weak MTL": {"scene": scene, "frame": [frame(0.1, [0.0, 0.0]), frame(0.1, [0.0, 0.2])]},
    }


@pytest.fixture
def paper():
    return pd.DataFrame(
        {
            "method": ["Strong MTL", "Other"],
            "target": "event",
            "metric": "segment_fscore",
            "average": "macro",
            "value": [24.09, 1.0],
            "std": [0.83, 0.1],
            "unit": "percent",
        }
    )


def test_deviations_are_of_the_population(results) -> None:
    table = score_table(results, COLUMNS)
    assert table.index.tolist() == ["Strong MTL", "Weak MTL"]
    assert table.loc["Strong MTL", (*KEY, "mean")] == pytest.approx(0.25)
    assert table.loc["Strong MTL", (*KEY, "sd")] == pytest.approx(0.05)  # the sample form would give 0.0707
    assert table.loc["Strong MTL", (*KEY, "n")] == 2


def test_repetitions_without_a_number_are_left_out_and_not_counted() -> None:
    assert summary([math.nan, math.nan])[2] == 0
    assert summary([1.0, math.nan]) == (1.0, 0.0, 1)
    assert summary([1.0, math.inf])[0] == math.inf


def test_a_class_table_has_a_column_per_class(results) -> None:
    table = class_table(results, evaluator="frame", variable="fscore", metric="segment_fscore")
    assert table.loc["Weak MTL", ("bird", "segment_fscore", "class", "mean")] == pytest.approx(0.1)
    assert table.loc["Strong MTL", ("bird", "segment_fscore", "class", "n")] == 0
    assert math.isnan(table.loc["Strong MTL", ("bird", "segment_fscore", "class", "mean")])


def test_percent_of_the_paper_stand_as_fractions_beside_our_own(results, paper) -> None:
    table = beside_paper(score_table(results, COLUMNS), paper)
    assert table.loc["Strong MTL", (*KEY, "paper_mean")] == pytest.approx(0.2409)
    assert table.loc["Strong MTL", (*KEY, "paper_sd")] == pytest.approx(0.0083)
    assert math.isnan(table.loc["Weak MTL", (*KEY, "paper_mean")])
    assert table.loc["Strong MTL", (*KEY, "mean")] == pytest.approx(0.25)


def test_the_papers_own_file_is_read(tmp_path, results, paper) -> None:
    path = tmp_path / "table5.csv"
    paper.to_csv(path, index=False)
    own = score_table(results, COLUMNS)
    assert beside_paper(own, path).equals(beside_paper(own, paper))


def test_a_paper_that_has_nothing_in_common_is_an_error(results, paper) -> None:
    table = score_table({"Strong MTl": results["Strong MTL"]}, COLUMNS)
    with pytest.raises(EvaluationError, match=r"none of its numbers.*'Strong MTl'.*Did you mean 'Strong MTL'\?.*Other"):
        beside_paper(table, paper)


def test_markdown_shows_percent_deviation_and_paper(results, paper) -> None:
    lines = to_markdown(beside_paper(score_table(results, COLUMNS), paper)).splitlines()
    assert lines[0] == "| method | scene fscore micro | event segment fscore macro | event segment error rate micro |"
    assert lines[2] == "| Strong MTL | 85.00 ± 5.00 | 25.00 ± 5.00 [24.09 ± 0.83] | 1.500 ± 0.000 |"
    assert lines[3] == "| Weak MTL | 85.00 ± 5.00 | 10.00 ± 0.00 | 1.500 ± 0.000 |"
    assert lines[-1].startswith("Mean ± standard deviation (population form) of n = 2 repetitions; F-scores in %.")
    assert lines[-1].endswith("In brackets: the paper's numbers.")


def test_one_repetition_claims_no_deviation_and_unequal_numbers_stand_in_the_cells(results) -> None:
    results["Weak MTL"] = {name: found[:1] for name, found in results["Weak MTL"].items()}
    lines = to_markdown(score_table(results, COLUMNS[:1])).splitlines()
    assert lines[2:4] == ["| Strong MTL | 85.00 ± 5.00, n = 2 |", "| Weak MTL | 90.00, n = 1 |"]


def test_the_tidy_form_has_the_papers_columns_and_goes_through_csv(tmp_path, results, paper) -> None:
    rows = tidy(beside_paper(score_table(results, COLUMNS), paper))
    assert rows.columns.tolist()[:7] == ["method", "target", "metric", "average", "mean", "sd", "n"]
    assert len(rows) == 2 * len(COLUMNS)
    rows.to_csv(tmp_path / "scores.csv", index=False)
    again = pd.read_csv(tmp_path / "scores.csv")
    np.testing.assert_allclose(again["mean"], rows["mean"])


def test_a_missing_evaluator_or_variable_is_named(results) -> None:
    with pytest.raises(EvaluationError, match=r"'Strong MTL' has no results of .* 'frames'. Did you mean 'frame'\?"):
        score_table(results, [Column("frames", "x", "event", "fscore", "micro")])
    with pytest.raises(EvaluationError, match=r"'frame' hold no 'fscore_macro'. Did you mean 'fscore_macro_all'\?"):
        class_table(results, evaluator="frame", variable="fscore_macro", metric="fscore")
