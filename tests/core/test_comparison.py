from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from earmark.evaluation.comparison import ComparisonError, compare, sum_of_counts
from earmark.evaluation.scores import Counts, fscore_macro, fscore_micro

EVENTS = ["car", "bird"]


def result_of(tp, fp, fn, recordings=None, criterion="frame_based[0.02 s]"):
    """What an evaluator leaves of counts (recording, event)."""
    counts = Counts(*(np.asarray(count, dtype=np.int64) for count in (tp, fp, fn)))
    total = counts.total()
    return xr.Dataset(
        {
            **{f"{name}_by_recording": (("recording", "event"), count) for name, count in counts._asdict().items()},
            "fscore_micro": float(fscore_micro(total)),
            "fscore_macro": float(fscore_macro(total)),
            "fscore_macro_all": float(fscore_macro(total)),
        },
        {"recording": recordings or [f"{n}.wav" for n in range(len(counts.tp))], "event": EVENTS},
        {"criterion": criterion},
    )


def everywhere(tp, fp=1, fn=1, n_recordings=10):
    return result_of(*(np.full((n_recordings, 2), count) for count in (tp, fp, fn)))


def of(**methods):
    return {name: {"segment": results} for name, results in methods.items()}


def row_of(rows, score="fscore_micro", method=None):
    (row,) = [row for row in rows if row.score == score and method in (None, row.method)]
    return row


def test_the_same_results_differ_by_nothing():
    row = row_of(compare(of(base=[everywhere(1)], same=[everywhere(1)]), "base", "segment", n_resamples=50))
    assert (row.value, row.baseline, row.difference, row.low, row.high) == (0.5, 0.5, 0, 0, 0)  # 2 / (2 + 1 + 1)
    assert (row.n_higher, row.n_repetitions, row.verdict) == (0, 1, "unclear")
    assert row.sign_flips == 1


def test_a_method_that_is_better_in_every_recording_helps_and_its_opposite_hurts():
    results = of(base=[everywhere(1)] * 3, better=[everywhere(3)] * 3)
    row = row_of(compare(results, "base", "segment", n_resamples=50))
    assert row.difference == pytest.approx(0.25)  # 6 / 8 less 2 / 4, in every resample
    assert (row.low, row.high) == pytest.approx((0.25, 0.25))
    assert (row.n_higher, row.sign_flips, row.verdict) == (3, 0, "helps")
    worse = row_of(compare(results, "better", "segment", n_resamples=50))
    assert (worse.difference, worse.verdict) == (pytest.approx(-0.25), "hurts")


def test_a_gain_in_half_of_the_recordings_and_a_loss_in_the_others_is_unclear():
    base = everywhere(2)
    mixed = result_of(np.tile([[3], [1]], (5, 2)), np.ones((10, 2)), np.ones((10, 2)))
    row = row_of(compare(of(base=[base], mixed=[mixed]), "base", "segment", n_resamples=500))
    assert row.low < 0 < row.high
    assert row.verdict == "unclear"


def test_repetitions_are_pooled_by_summing_counts_and_counted_one_by_one():
    # 2 * 4 / (2 * 4 + 2 + 2) of the sums, not the mean of 2 / 4 and 6 / 8.
    results = of(base=[everywhere(1), everywhere(3)], method=[everywhere(2), everywhere(2)])
    row = row_of(compare(results, "base", "segment", n_resamples=20))
    assert (row.value, row.baseline) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (row.n_higher, row.n_repetitions) == (1, 2)


def test_a_difference_without_most_repetitions_behind_it_is_unclear():
    # One lucky seed lifts the sum in all recordings; two of three seeds say the contrary.
    results = of(base=[everywhere(2)] * 3, lucky=[everywhere(20), everywhere(1), everywhere(1)])
    row = row_of(compare(results, "base", "segment", n_resamples=20))
    assert row.low > 0
    assert (row.n_higher, row.verdict) == (1, "unclear")


def test_methods_share_their_draws_so_that_hard_recordings_cancel_out():
    # Recordings differ much, methods by one hit in each: the interval of the difference is far narrower than a score's.
    hits = np.repeat(np.arange(1, 11) ** 2, 2).reshape(10, 2)
    base, better = result_of(hits, hits[::-1], hits), result_of(hits + 1, hits[::-1], hits)
    row = row_of(compare(of(base=[base], better=[better]), "base", "segment", n_resamples=500))
    assert row.low > 0
    assert row.high - row.low < 0.05


def test_the_same_seed_gives_the_same_rows_and_methods_keep_their_order():
    rng = np.random.default_rng(0)
    results = of(**{name: [result_of(*rng.poisson(5, (3, 10, 2)))] for name in ("b", "a", "c")})
    rows = compare(results, "a", "segment", n_resamples=100)
    assert rows == compare(results, "a", "segment", n_resamples=100)
    assert rows != compare(results, "a", "segment", n_resamples=100, seed=1)
    assert list(dict.fromkeys(row.method for row in rows)) == ["b", "c"]
    assert [row.score for row in rows[:3]] == ["fscore_micro", "fscore_macro", "fscore_macro_all"]


def test_scenes_are_counted_from_their_confusions():
    # Reference A: 3 right, 1 called B; reference B: 2 right.
    confusion = np.array([[[2, 1], [0, 1]], [[1, 0], [0, 1]]])
    result = xr.Dataset({"confusion_by_recording": (("recording", "scene_reference", "scene_estimated"), confusion)})
    assert sum_of_counts([result]).sum(axis=0).tolist() == [[3, 2], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("results", "baseline", "evaluator", "message"),
    [
        (of(base=[everywhere(1)]), "bass", "segment", r"no method 'bass' .* Did you mean 'base'\? Methods: base"),
        (of(base=[everywhere(1)]), "base", "segmen", r"'base' has no results of an evaluator 'segmen'\. Did you mean"),
        (
            of(base=[everywhere(1)] * 2, method=[everywhere(1)]),
            "base",
            "segment",
            r"'method' has 1 repetitions, 'base' 2\. Run both with the same seeds",
        ),
        (
            of(base=[everywhere(1)], method=[everywhere(1, n_recordings=9)]),
            "base",
            "segment",
            "'method' and 'base' were not evaluated alike: the recording differs",
        ),
        (
            of(base=[everywhere(1)], method=[everywhere(1).assign_attrs(criterion="event_based")]),
            "base",
            "segment",
            "were not evaluated alike: the criterion differs",
        ),
        (
            of(base=[everywhere(1)], method=[xr.Dataset({"fscore_micro": 0.5})]),
            "base",
            "segment",
            r"'method': the results of 'segment' hold no counts by recording .* Compare by another evaluator",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(results, baseline, evaluator, message):
    with pytest.raises(ComparisonError, match=message):
        compare(results, baseline, evaluator, n_resamples=5)
