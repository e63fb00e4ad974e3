from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earmark.evaluation.scores import (
    Counts,
    cell_counts,
    cell_errors,
    class_fscore,
    fscore_macro,
    fscore_macro_all,
    fscore_micro,
    rate,
)


def counts(tp: list[int], fp: list[int], fn: list[int]) -> Counts:
    return Counts(np.array(tp), np.array(fp), np.array(fn))


def test_one_hit_one_miss_one_false_alarm_is_half() -> None:
    assert fscore_micro(counts([1], [1], [1])) == 0.5


def test_a_class_that_is_present_and_never_detected_scores_zero_and_counts() -> None:
    found_and_missed = counts([5, 0], [0, 0], [0, 7])
    assert class_fscore(found_and_missed).tolist() == [1.0, 0.0]
    assert fscore_macro(found_and_missed) == 0.5


def test_a_class_absent_from_the_reference_is_left_out_of_macro_but_not_of_the_papers_macro() -> None:
    with_absent = counts([5, 0, 0], [0, 3, 0], [0, 0, 0])
    assert class_fscore(with_absent).tolist()[:2] == [1.0, 0.0]
    assert math.isnan(class_fscore(with_absent)[2])
    assert fscore_macro(with_absent) == 1.0
    assert fscore_macro_all(with_absent) == pytest.approx(1 / 3)


def test_nothing_there_and_nothing_estimated_is_nan_but_false_alarms_alone_are_zero() -> None:
    nothing, alarms = counts([0, 0], [0, 0], [0, 0]), counts([0, 0], [4, 0], [0, 0])
    assert math.isnan(fscore_micro(nothing))
    assert math.isnan(fscore_macro(nothing))
    assert fscore_macro_all(nothing) == 0.0
    assert (fscore_micro(alarms), fscore_macro(alarms), fscore_macro_all(alarms)) == (0.0, 0.0, 0.0)


def test_errors_without_a_reference_are_infinitely_many_per_reference() -> None:
    assert rate(2, 0) == math.inf
    assert math.isnan(rate(0, 0))


def test_a_false_alarm_beside_a_miss_in_one_frame_is_one_substitution_and_not_two_errors() -> None:
    reference = np.array([[[True, False, False], [True, True, False], [False, False, False]]])
    estimated = np.array([[[False, True, True], [False, False, True], [True, False, False]]])
    errors = cell_errors(reference, estimated)
    assert [int(error[0]) for error in errors] == [2, 1, 2]


activities = arrays(np.bool_, (2, 4, 3))


@given(activities, activities)
def test_counts_and_errors_tell_the_same_misses_and_false_alarms(reference: np.ndarray, estimated: np.ndarray) -> None:
    total, errors = cell_counts(reference, estimated).total(), cell_errors(reference, estimated)
    assert total.fn.sum() == (errors.substitutions + errors.deletions).sum()
    assert total.fp.sum() == (errors.substitutions + errors.insertions).sum()
    assert (total.tp + total.fn).sum() == reference.sum()
    assert (total.tp + total.fp).sum() == estimated.sum()


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=6))
def test_scores_are_fractions_or_nan(rows: list[tuple[int, int, int]]) -> None:
    some = Counts(*np.array(rows).T)
    for score in (fscore_micro(some), fscore_macro(some), fscore_macro_all(some)):
        assert math.isnan(score) or 0 <= score <= 1
    assert math.isnan(fscore_micro(some)) == (sum(map(sum, rows)) == 0)
