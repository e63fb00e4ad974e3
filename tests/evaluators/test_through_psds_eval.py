from __future__ import annotations

import math

import numpy as np
import pytest

from earmark_evaluators.intersection import IntersectionEvaluator
from earmark_evaluators.through_psds_eval import PsdsEval, psds

HOP_S = 1 / 64  # exact on floats, as psds_eval compares shares of seconds
FEW = 8


@pytest.mark.parametrize("rho", [(0.1, 0.1), (0.61, 0.37), (0.7, 0.7)])
def test_psds_eval_and_our_own_intersections_agree_on_random_data(
    make_reference, make_predictions, make_activity, rho
) -> None:
    shape = (5, 128, 4)
    activity, estimated = make_activity(shape, seed=8, mean_frames=7), make_activity(shape, seed=9, mean_frames=7)
    reference = make_reference(activity, hop_s=HOP_S)
    predictions = make_predictions(reference, estimated)
    options = {"rho_dtc": rho[0], "rho_gtc": rho[1]}
    ours = IntersectionEvaluator(**options).evaluate(reference, predictions)
    theirs = PsdsEval(n_operating_points=1, **options).evaluate(reference, predictions)
    assert 0 < float(ours.fscore_macro) < 1
    np.testing.assert_allclose(theirs.fscore, ours.fscore, rtol=1e-12)
    assert float(theirs.fscore_macro) == pytest.approx(float(ours.fscore_macro))
    assert float(theirs.fscore_macro_psds_eval) == pytest.approx(float(ours.fscore_macro))
    # One operating point: PSDS from our own counts.
    tpr = ours.tp.values / (ours.tp + ours.fn).values
    fp_per_hour = ours.fp.values * 3600 / sum(clip.duration_s for clip in reference.clips)
    points = np.array([0.0, *np.sort(fp_per_hour)])
    of_class = [np.where(points >= fp, t, 0.0) for fp, t in zip(fp_per_hour, tpr, strict=True)]
    for alpha_st in (0, 1):
        expected = psds(points, np.mean(of_class, axis=0), np.std(of_class, axis=0), alpha_st, 3600.0)
        got = PsdsEval(n_operating_points=1, max_efpr_per_hour=3600.0, **options).evaluate(reference, predictions)
        assert float(got[f"psds_alpha_st_{alpha_st}"]) == pytest.approx(expected)


def test_the_area_is_that_of_psds_eval_where_the_library_computes_one(make_reference, make_activity) -> None:
    import pandas as pd
    import psds_eval

    table = pd.DataFrame({"filename": ["a", "a"], "onset": [1.0, 5.0], "offset": [2.0, 6.0], "event_label": ["x", "y"]})
    library = psds_eval.PSDSEval(
        ground_truth=table, metadata=pd.DataFrame({"filename": ["a"], "duration": [60.0]}), cttc_threshold=1.0
    )
    library.add_operating_point(table.iloc[:1])
    library.add_operating_point(
        pd.DataFrame(
            {
                "filename": ["a"] * 4,
                "onset": [1.0, 5.0, 20.0, 30.0],
                "offset": [2.0, 6.0, 21.0, 31.0],
                "event_label": ["x", "y", "x", "y"],
            }
        )
    )
    with pytest.warns(FutureWarning, match="fillna"):
        curve = library.psd_roc_curves(0.0)[0]
    for alpha_st in (0, 1):
        with pytest.warns(FutureWarning, match="fillna"):
            expected = library.psds(alpha_st=alpha_st).value
        assert psds(curve.xp, curve.mean, curve.std, alpha_st, curve.xp.max()) == pytest.approx(expected)


def test_the_curve_ends_at_the_bound_and_is_flat_beyond_its_last_point() -> None:
    points, mean, std = np.array([0.0, 50.0, 200.0]), np.array([0.2, 0.6, 1.0]), np.array([0.1, 0.3, 0.0])
    assert psds(points, mean, std, 0, 100.0) == pytest.approx(0.4)
    assert psds(points, mean, std, 0, 400.0) == pytest.approx((50 * 0.2 + 150 * 0.6 + 200 * 1.0) / 400)
    assert psds(points, mean, std, 1, 100.0) == pytest.approx((50 * 0.1 + 50 * 0.3) / 100)
    assert psds(points, mean, std * 9, 1, 100.0) == 0.0


def test_a_never_detected_class_scores_zero_where_the_library_leaves_it_out(make_reference, make_predictions) -> None:
    activity = np.zeros((1, 64, 3), dtype=bool)
    activity[0, :20, :2] = True  # the third event is absent
    estimated = activity.copy()
    estimated[..., 1] = False
    reference = make_reference(activity, hop_s=HOP_S)
    result = PsdsEval(n_operating_points=FEW).evaluate(reference, make_predictions(reference, estimated))
    assert float(result.fscore_macro_psds_eval) == 1.0
    assert float(result.fscore_macro) == 0.5
    assert float(result.fscore_macro_all) == pytest.approx(1 / 3)
    assert result.attrs["absent_events"] == ["event 2"]
    # One class at 1, one at 0: mean 0.5 less a standard deviation of 0.5.
    assert (float(result.psds_alpha_st_0), float(result.psds_alpha_st_1)) == (0.5, 0.0)


def test_empty_sides_are_decided_without_a_warning(make_reference, make_predictions) -> None:
    empty, full = np.zeros((2, 64, 2)), np.ones((2, 64, 2))
    evaluate = PsdsEval(n_operating_points=FEW).evaluate
    silent = make_reference(empty.astype(bool), hop_s=HOP_S)
    nothing = evaluate(silent, make_predictions(silent, empty))
    assert all(math.isnan(nothing[name]) for name in ("fscore_macro", "fscore_macro_psds_eval", "psds_alpha_st_0"))
    alarms = evaluate(silent, make_predictions(silent, full))
    assert float(alarms.fscore_macro) == 0
    assert math.isnan(alarms.psds_alpha_st_1)  # no class to average over
    loud = make_reference(full.astype(bool), hop_s=HOP_S)
    missed = evaluate(loud, make_predictions(loud, empty))
    assert [float(missed[name]) for name in ("fscore_macro", "psds_alpha_st_0", "psds_alpha_st_1")] == [0, 0, 0]
    assert missed.attrs["n_operating_points"] == 0


def test_operating_points_beyond_the_bound_are_left_out_and_said(make_reference, make_predictions) -> None:
    rng = np.random.default_rng(0)
    activity = np.zeros((2, 128, 3), dtype=bool)
    activity[:, 20:60] = True
    reference = make_reference(activity, hop_s=HOP_S)
    posterior = np.where(activity, 0.9, 0.3 * rng.random(activity.shape))  # noise below 0.3
    predictions = make_predictions(reference, posterior)
    bounded = PsdsEval(n_operating_points=FEW, max_pairs=100).evaluate(reference, predictions)
    assert bounded.attrs["left_out_thresholds"] == [0.0625, 0.1875]
    assert bounded.attrs["left_out"] == "2 thresholds gave more than 100 pairs of detections"
    assert bounded.attrs["n_operating_points"] == 1
    assert float(bounded.psds_alpha_st_0) == 1.0
    unbounded = PsdsEval(n_operating_points=FEW).evaluate(reference, predictions)
    assert unbounded.attrs["left_out_thresholds"] == []
    assert unbounded.attrs["n_operating_points"] == 3
    assert unbounded.attrs["psds"].startswith("from 3 operating points up to 100 false positives an hour")


def test_an_f_score_beyond_the_bound_is_unknown_and_not_zero(make_reference, make_predictions, make_activity) -> None:
    reference = make_reference(make_activity((2, 128, 3), seed=1), hop_s=HOP_S)
    noise = np.random.default_rng(0).random((2, 128, 3))
    result = PsdsEval(n_operating_points=2, max_pairs=100).evaluate(reference, make_predictions(reference, noise))
    assert all(math.isnan(result[name]) for name in ("fscore_macro", "fscore_macro_all", "psds_alpha_st_0"))
    assert result.attrs["left_out_thresholds"] == [0.25, 0.5, 0.75]


def test_more_operating_points_never_lower_psds(make_reference, make_predictions, make_activity) -> None:
    activity = make_activity((4, 128, 3), seed=2)
    reference = make_reference(activity, hop_s=HOP_S)
    noise = np.random.default_rng(1).random((4, 128, 3)).repeat(8, axis=1)[:, :128]
    predictions = make_predictions(reference, 0.6 * noise + 0.4 * activity)
    few, many = (
        float(PsdsEval(n_operating_points=n, max_efpr_per_hour=2000.0).evaluate(reference, predictions).psds_alpha_st_0)
        for n in (3, 9)  # the thresholds of 3 are among those of 9
    )
    assert 0 < few <= many < 1


def test_detections_of_absent_classes_cost_nothing(make_reference, make_predictions) -> None:
    activity = np.zeros((1, 128, 2), dtype=bool)
    activity[:, 20:60, 0] = True
    reference = make_reference(activity, hop_s=HOP_S)
    estimated = activity.astype(float)
    estimated[:, ::2, 1] = 1  # 64 detections of an event that never occurs
    result = PsdsEval(n_operating_points=1, max_pairs=1).evaluate(reference, make_predictions(reference, estimated))
    assert (float(result.fscore_macro), float(result.psds_alpha_st_0)) == (1, 1)
    assert result.fscore.values.tolist() == [1, 0]
    assert result.attrs["left_out_thresholds"] == []
