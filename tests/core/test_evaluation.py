from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from earmark.evaluation.scoring import Counted, Row, count_scenes, score_rows


def counted(counts: list, classes=("bird", "car"), errors=None, criterion="made up") -> Counted:
    """Counts (recording, 3, class), errors (recording, 3)."""
    cells = np.array(counts).reshape(len(counts), -1)
    return Counted(
        criterion=criterion,
        recordings=tuple(map(str, range(len(cells)))),
        classes=classes,
        cells=csr_array(cells if errors is None else np.hstack([cells, errors])),
    )


def rows_of(by_system, n_resamples: int = 200) -> dict[tuple[str, str, str], Row]:
    rows = score_rows(by_system, n_resamples=n_resamples, confidence=0.9, generator=np.random.default_rng(0))
    return {(row.system, f"{row.score} {row.label or row.average}", row.compared_with): row for row in rows}


def test_averages_and_classes_follow_from_the_counts() -> None:
    # car: 1 hit, 1 false alarm, 1 miss: 1/2; bird: never found: 0.
    one = counted([[[0, 1], [0, 0], [1, 0]], [[0, 0], [0, 1], [0, 1]]], errors=[[0, 1, 0], [1, 0, 0]])
    found = rows_of({"a": [one]})
    value = {name: row.value for (_, name, _), row in found.items()}
    assert value["fscore car"] == 0.5
    assert value["fscore bird"] == 0
    assert value["fscore micro"] == pytest.approx(2 / 5)
    assert value["fscore macro"] == 0.25
    assert value["precision bird"] == value["recall bird"] == 0
    assert value["precision macro"] == value["recall macro"] == 0.25
    assert value["error_rate micro"] == pytest.approx(2 / 3)
    assert value["substitution_rate micro"] == value["deletion_rate micro"] == pytest.approx(1 / 3)
    assert found["a", "fscore car", ""].n_reference == 2
    assert found["a", "fscore micro", ""].n_reference == 3


def test_the_interval_of_a_class_leaves_out_resamples_in_which_it_does_not_occur() -> None:
    # The only bird is found; resamples without it have a false alarm at most, which says nothing of finding birds.
    one = counted([[[1, 1], [0, 0], [0, 0]], [[0, 1], [0, 0], [0, 0]], [[0, 1], [0, 0], [0, 0]]])
    row = rows_of({"a": [one]})["a", "recall bird", ""]
    assert (row.value, row.low, row.high) == (1, 1, 1)


def test_an_absent_class_is_left_out_of_the_macro_average() -> None:
    found = rows_of({"a": [counted([[[0, 2], [3, 0], [0, 0]]])]})
    assert found["a", "fscore macro", ""].value == 1
    assert found["a", "fscore bird", ""].value == 0
    assert math.isnan(found["a", "recall bird", ""].value)
    assert math.isnan(found["a", "fscore bird", ""].low)


def test_others_are_compared_with_the_first_system_on_the_same_draws() -> None:
    better = [[[1, 1], [0, 0], [0, 0]]] * 5
    worse = [[[1, 0], [0, 0], [0, 1]]] * 5
    found = rows_of({"a": [counted(worse)], "b": [counted(better)], "c": [counted(worse)]})
    row = found["b", "fscore macro", "a"]
    assert (row.value, row.low, row.high, row.sign_flips) == (0.5, 0.5, 0.5, 0)
    same = found["c", "fscore micro", "a"]
    assert (same.value, same.low, same.high, same.sign_flips) == (0, 0, 0, 1)


def test_one_recording_has_scores_and_no_intervals() -> None:
    alone = counted([[[1, 1], [0, 1], [0, 0]]])
    found = rows_of({"a": [alone], "b": [alone]})
    assert found["a", "fscore car", ""].value == pytest.approx(2 / 3)
    assert all(math.isnan(row.low) and math.isnan(row.high) for row in found.values())
    assert math.isnan(found["b", "fscore micro", "a"].sign_flips)


def test_scenes_are_right_or_wrong_and_none_at_all_is_wrong() -> None:
    reference = {"1": "home", "2": "home", "3": "bus", "4": "home"}
    one = count_scenes(reference, {"1": "home", "2": "bus", "3": "bus", "4": None, "5": "home"})
    found = rows_of({"a": [one]})
    assert found["a", "accuracy micro", ""].value == 0.5
    assert found["a", "accuracy macro", ""].value == pytest.approx((1 / 3 + 1) / 2)
    assert found["a", "accuracy home", ""].value == pytest.approx(1 / 3)
