from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import xarray as xr

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables import Column
from earmark_evaluators.tables_sweeps import coordinates_of, point_table, points, points_beside_paper

MICRO = Column("frame", "fscore_micro", "event", "segment_fscore", "micro")
NUMBERS = Path(__file__).resolve().parents[2] / "paper/partial_labels/numbers"


def study(scores: dict[str, list[float]], places: dict[str, dict], fold: int | None = None) -> SimpleNamespace:
    """What a study of these stages, one score a seed, looks like from here; titles are the stages in capitals."""
    return SimpleNamespace(
        experiment=SimpleNamespace(
            name="swept",
            folds=() if fold is None else (fold,),
            seeds=tuple(range(len(next(iter(scores.values()))))),
            methods={name: name.upper() for name in scores},
            stages={name: SimpleNamespace(at=places[name]) for name in scores},
        ),
        results=lambda: {
            name.upper(): {"frame": [xr.Dataset({"fscore_micro": value}) for value in values]}
            for name, values in scores.items()
        },
    )


PLACES = {
    "strong": {"method": "Strong MTL", "percent": 0},
    "weak-10": {"method": "Semi-MTL w/ weak labels", "curve": "weak", "percent": 10},
    "weak-70": {"method": "Semi-MTL w/ weak labels", "curve": "weak", "percent": 70},
}


@pytest.fixture
def swept() -> SimpleNamespace:
    return study({"strong": [0.5, 0.7], "weak-10": [0.4, 0.4], "weak-70": [0.2, 0.4]}, PLACES)


def test_each_run_is_a_row_with_the_coordinates_of_its_stage(swept) -> None:
    rows = points([swept], [MICRO])
    assert len(rows) == 3 * 2
    assert coordinates_of(rows) == ["method", "percent", "curve"]
    last = rows.iloc[-1]
    assert (last["title"], last["percent"], last["seed"], last["value"]) == ("WEAK-70", 70, 1, 0.4)


def test_points_have_means_and_population_deviations_and_keep_the_files_order(swept) -> None:
    table = point_table(points([swept], [MICRO]))
    assert table["title"].tolist() == ["STRONG", "WEAK-10", "WEAK-70"]
    assert table["mean"].tolist() == pytest.approx([0.6, 0.4, 0.3])
    assert table["sd"].tolist() == pytest.approx([0.1, 0.0, 0.1])  # the sample form would give 0.141
    assert table["n"].tolist() == [2, 2, 2]


def test_folds_are_repetitions_of_one_another() -> None:
    places = {"a": {"phi": 0.2}, "b": {"phi": 0.4}}
    folds = [study({"a": [0.1], "b": [0.3]}, places, 1), study({"a": [0.3], "b": [0.3]}, places, 2)]
    rows = points(folds, [MICRO])
    assert rows["fold"].tolist() == [1, 1, 2, 2]
    assert point_table(rows)[["phi", "mean", "n"]].to_numpy().tolist() == [[0.2, 0.2, 2], [0.4, 0.3, 2]]


def test_the_papers_numbers_stand_at_the_share_that_its_condition_says(swept) -> None:
    table = points_beside_paper(point_table(points([swept], [MICRO])), NUMBERS / "table5.csv")
    strong, ten, seventy = table["paper_mean"].tolist()
    assert strong == pytest.approx(0.5391)  # 0 % without strong labels
    assert math.isnan(ten)
    assert seventy == pytest.approx(0.5207, abs=0.01)
    assert table["paper_sd"].tolist()[0] == pytest.approx(0.0094)


def test_a_sweep_without_coordinates_is_an_error(swept) -> None:
    nowhere = study({"a": [0.1]}, {"a": {}})
    with pytest.raises(EvaluationError, match=r"swept: no evaluated stage has a coordinate.*at = \{ share = 0.7 \}"):
        points([nowhere], [MICRO])
    with pytest.raises(EvaluationError, match=r"'STRONG' has no results of an evaluator 'fram'. Did you mean 'frame'"):
        points([swept], [Column("fram", "fscore_micro", "event", "segment_fscore", "micro")])
