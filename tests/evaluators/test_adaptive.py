from __future__ import annotations

import numpy as np
import pytest

from earmark.errors import OptionError
from earmark.evaluation.scores import cell_counts, class_fscore
from earmark_evaluators.adaptive_oracle import AdaptiveOracleEvaluator
from earmark_evaluators.adaptive_post_processing import AdaptiveThresholds
from earmark_evaluators.adaptive_thresholds import THRESHOLDS, adaptive_thresholds
from earmark_evaluators.frame import FrameEvaluator


def posteriors_of(activity: np.ndarray, seed: int) -> np.ndarray:
    """Posteriors that know something of the reference, differently well for each event."""
    rng = np.random.default_rng(seed)
    trust = rng.uniform(0.1, 0.6, activity.shape[2])
    return (rng.random(activity.shape) * (1 - trust) + activity * trust).astype(np.float32)


def test_the_thresholds_are_the_twenty_of_the_public_baseline() -> None:
    assert THRESHOLDS[:3] == (0.3, 0.32, 0.34)
    assert (len(THRESHOLDS), THRESHOLDS[10], THRESHOLDS[-1]) == (20, 0.5, 0.68)


@pytest.mark.parametrize("seed", range(5))
def test_adaptive_thresholds_never_give_a_lower_fscore_on_the_data_they_are_chosen_on(
    seed, make_reference, make_predictions, make_activity
) -> None:
    activity = make_activity((4, 60, 5), seed)
    reference = make_reference(activity)
    posterior = posteriors_of(activity, seed)
    predictions = make_predictions(reference, posterior)
    adaptive = AdaptiveOracleEvaluator().evaluate(reference, predictions)
    for threshold in THRESHOLDS:
        fixed = FrameEvaluator(threshold=threshold).evaluate(reference, predictions)
        assert (adaptive.fscore.values >= fixed.fscore.fillna(0).values).all()  # each event
        assert float(adaptive.fscore_macro) >= float(fixed.fscore_macro)
    steps = AdaptiveThresholds(**AdaptiveThresholds().fit(posterior, activity, reference.events, 0.02))
    decided = cell_counts(activity, steps.process(posterior, reference.events, 0.02) >= 0.5).total()
    assert class_fscore(decided).tolist() == adaptive.fscore.values.tolist()


def test_each_event_has_its_own_threshold_and_the_lowest_of_equals() -> None:
    activity = np.zeros((1, 4, 3), dtype=bool)
    activity[0, :2, 0] = activity[0, :2, 1] = True
    posterior = np.zeros((1, 4, 3), dtype=np.float32)
    posterior[0, :, 0] = [0.9, 0.52, 0.41, 0.1]  # 0.42 to 0.52 are best: 0.42
    posterior[0, :, 1] = [0.35, 0.32, 0.1, 0.1]  # 0.30 and 0.32 are best, as a posterior at the threshold counts
    posterior[0, :, 2] = 0.6  # never sounds: all are as bad
    assert adaptive_thresholds(posterior, activity).tolist() == [0.42, 0.3, 0.3]
    assert adaptive_thresholds(posterior[:, :1], activity[:, :1]).tolist() == [0.3, 0.3, 0.3]


def test_a_posterior_equal_to_the_chosen_threshold_is_a_decision() -> None:
    # 0.46 in single precision lies below 0.46 in double precision, which must not undo the choice.
    posterior = np.array([[[0.46], [0.45], [0.45]]], dtype=np.float32)
    activity = np.array([[[True], [False], [False]]])
    assert adaptive_thresholds(posterior, activity).tolist() == [0.46]
    assert AdaptiveThresholds(of_event={"a": 0.46}).process(posterior, ["a"], 0.02).ravel().tolist() == [1, 0, 0]


def test_counts_and_error_rates_agree_with_a_count_by_hand(make_reference, make_predictions) -> None:
    activity = np.zeros((1, 10, 3), dtype=bool)
    activity[0, 0:6, 0] = True
    activity[0, 0:2, 1] = True
    posterior = np.zeros((1, 10, 3))
    posterior[0, 2:8, 0] = 0.6  # event 0: four hits, two misses, two false alarms at every threshold up to 0.6
    posterior[0, :, 1] = 0.2  # event 1 is never detected
    reference = make_reference(activity)
    result = AdaptiveOracleEvaluator().evaluate(reference, make_predictions(reference, posterior))
    assert [result[name].values.tolist() for name in ("tp", "fp", "fn")] == [[4, 0, 0], [2, 0, 0], [2, 2, 0]]
    assert result.threshold.values.tolist() == [0.3, 0.3, 0.3]
    assert float(result.fscore_micro) == pytest.approx(8 / 14)
    assert float(result.error_rate) == pytest.approx(6 / 8)  # misses and false alarms fall on different frames
    # Of all reference frames, so that an event never detected has its share of them; of its own, that is 1.
    assert result.error_rate_of_all.values.tolist() == [0.5, 0.25, 0.0]
    assert result.error_rate_of_own.values[:2] == pytest.approx([4 / 6, 1.0])
    assert "oracle" in result.attrs["criterion"]
    assert result.attrs["oracle"] == "thresholds are chosen on the evaluated clips"


def test_thresholds_chosen_elsewhere_know_nothing_of_the_evaluated_clips() -> None:
    activity = np.array([[[True], [False]]])
    fitted = AdaptiveThresholds(**AdaptiveThresholds().fit(np.array([[[0.65], [0.5]]]), activity, ["car"], 0.02))
    assert fitted.of_event == {"car": 0.52}
    assert fitted.process(np.array([[[0.51], [0.53]]]), ["car"], 0.02).ravel().tolist() == [0, 1]
    assert fitted.fit(np.ones((1, 2, 1)), activity, ["car"], 0.02) == {"of_event": {"car": 0.52}}


def test_post_processing_without_thresholds_or_with_too_few_is_refused() -> None:
    with pytest.raises(OptionError, match=r"nobody has chosen thresholds\. Name a validation_split"):
        AdaptiveThresholds().process(np.zeros((1, 1, 1), np.float32), ["car"], 0.02)
    with pytest.raises(OptionError, match=r"of_event lacks bird, dog\. Give one threshold for each event"):
        AdaptiveThresholds(of_event={"car": 0.4}).process(np.zeros((1, 1, 3), np.float32), ["car", "bird", "dog"], 0.02)
