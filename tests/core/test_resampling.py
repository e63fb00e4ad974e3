from __future__ import annotations

import numpy as np
import pytest

from earmark.evaluation.resampling import _CELLS, paired_difference, percentile_interval, resampled_sums


def samples_of(values: np.ndarray, n_resamples: int = 4000, seed: int = 0) -> np.ndarray:
    """Means of resamples of numbers (recording,) that are whole."""
    return resampled_sums(values, n_resamples, np.random.default_rng(seed)) / len(values)


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    # Half of 400 recordings: the standard error is sqrt(0.5 * 0.5 / 400) = 0.025, and 1.96 of them are 0.049.
    found = np.repeat([0, 1], 200)
    low, high = percentile_interval(samples_of(found), 0.95)
    assert (float(low), float(high)) == pytest.approx((0.451, 0.549), abs=0.004)
    low, high = percentile_interval(samples_of(found), 0.68)
    assert (float(low), float(high)) == pytest.approx((0.475, 0.525), abs=0.004)


def test_the_interval_is_that_of_drawing_recordings_by_hand() -> None:
    rng = np.random.default_rng(1)
    tp, fp, fn = counts = rng.poisson((3, 1, 2), (60, 3)).T
    by_hand = []
    for _ in range(4000):
        drawn = rng.integers(60, size=60)
        by_hand.append(2 * tp[drawn].sum() / (2 * tp[drawn].sum() + fp[drawn].sum() + fn[drawn].sum()))
    sums = resampled_sums(counts.T, 4000, np.random.default_rng(2))
    ours = 2 * sums[:, 0] / (2 * sums[:, 0] + sums[:, 1] + sums[:, 2])
    assert percentile_interval(ours, 0.9) == pytest.approx(np.quantile(by_hand, [0.05, 0.95]), abs=0.005)


def test_each_resample_draws_as_many_recordings_as_there_are() -> None:
    sums = resampled_sums(np.eye(7, dtype=np.int64), 50, np.random.default_rng(0))
    assert (sums.sum(axis=1) == 7).all()
    assert len(np.unique(sums, axis=0)) > 40


def test_the_same_seed_gives_the_same_draws_and_another_one_others() -> None:
    values = np.arange(50)
    assert np.array_equal(samples_of(values, 20, seed=3), samples_of(values, 20, seed=3))
    assert not np.array_equal(samples_of(values, 20, seed=3), samples_of(values, 20, seed=4))


def test_columns_of_one_matrix_share_their_draws() -> None:
    values = np.arange(40)
    sums = resampled_sums(np.stack([values, 2 * values], axis=1), 30, np.random.default_rng(0))
    assert np.array_equal(sums[:, 1], 2 * sums[:, 0])


def test_many_recordings_are_resampled_in_pieces() -> None:
    n_recordings = _CELLS // 2  # two resamples at a time
    sums = resampled_sums(np.ones((n_recordings, 1), dtype=np.int64), 3, np.random.default_rng(0))
    assert sums.ravel().tolist() == [n_recordings] * 3


def test_pairing_removes_the_variance_that_both_systems_share() -> None:
    rng = np.random.default_rng(0)
    hard = rng.integers(0, 100, 200)  # recordings differ much, the systems by 2 everywhere but for little noise
    first, second = hard, hard + 2 + rng.integers(-1, 2, 200)
    both = resampled_sums(np.stack([first, second], axis=1), 2000, np.random.default_rng(1)) / 200
    difference = paired_difference(first.mean(), second.mean(), both[:, 0], both[:, 1], 0.95)
    low, high = percentile_interval(both[:, 0], 0.95)
    assert high - low > 7  # 2 * 1.96 * 29 / sqrt(200) = 8
    assert difference.high - difference.low < 0.3
    assert difference.low < difference.value < difference.high
    assert difference.sign_flips == 0
    unpaired = paired_difference(first.mean(), second.mean(), both[:, 0], np.roll(both[:, 1], 1), 0.95)
    assert unpaired.sign_flips > 0.1


def test_a_system_compared_with_itself_keeps_no_sign() -> None:
    samples = np.array([0.1, 0.2, 0.3])
    difference = paired_difference(np.array(0.2), np.array(0.2), samples, samples, 0.9)
    assert (difference.value, difference.low, difference.high, difference.sign_flips) == (0, 0, 0, 1)


def test_resamples_without_a_score_are_left_out() -> None:
    samples = np.array([[np.nan, 1.0], [np.nan, 2.0], [np.nan, np.nan]])
    low, high = percentile_interval(samples, 0.999)
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1], high[1]) == pytest.approx((1, 2), abs=0.01)
    difference = paired_difference(np.array([np.nan, 1.0]), np.array([0.5, 2.0]), samples, samples + 1, 0.9)
    assert np.isnan(difference.sign_flips[0])
    assert difference.sign_flips[1] == 0


def test_infinite_error_rates_have_an_infinite_end() -> None:
    low, high = percentile_interval(np.array([0.5] * 90 + [np.inf] * 10), 0.9)
    assert (low, high) == (0.5, np.inf)
