from __future__ import annotations

import math

import numpy as np
import pytest

from earmark.frames import FrameGrid
from earmark.recordings import Event, Recording, cut
from earmark.reference import Reference
from earmark_evaluators.frame import FrameEvaluator


def test_counts_scores_and_errors_agree_with_a_count_by_hand(make_reference, make_predictions) -> None:
    reference_activity = np.zeros((1, 10, 3), dtype=bool)
    estimated = np.zeros((1, 10, 3), dtype=bool)
    reference_activity[0, 0:6, 0] = True  # six frames of event 0 ...
    estimated[0, 3:8, 0] = True  # ... three found, two false alarms
    reference_activity[0, 0:2, 1] = True  # event 1 is missed: two frames
    result = FrameEvaluator().evaluate(
        reference := make_reference(reference_activity), make_predictions(reference, estimated)
    )
    assert result.tp.values.tolist() == [3, 0, 0]
    assert result.fp.values.tolist() == [2, 0, 0]
    assert result.fn.values.tolist() == [3, 2, 0]
    assert float(result.fscore_micro) == pytest.approx(6 / 13)
    assert result.fscore.values[:2] == pytest.approx([6 / 11, 0.0])
    assert math.isnan(result.fscore[2])
    assert float(result.fscore_macro) == pytest.approx(3 / 11)
    assert float(result.fscore_macro_all) == pytest.approx(2 / 11)
    assert result.attrs["absent_events"] == ["event 2"]
    # Misses in frames 0 to 2 (two each in frames 0 and 1), false alarms in frames 6 and 7: never in one frame.
    assert [float(result[f"{part}_rate"]) for part in ("substitution", "deletion", "insertion")] == [0, 5 / 8, 2 / 8]
    assert float(result.error_rate) == pytest.approx(7 / 8)


def test_a_posterior_equal_to_the_threshold_is_a_decision(make_reference, make_predictions) -> None:
    reference = make_reference(np.ones((1, 4, 1), dtype=bool))
    posterior = np.full((1, 4, 1), 0.2)
    assert float(FrameEvaluator(threshold=0.2).evaluate(reference, make_predictions(reference, posterior)).tp[0]) == 4
    assert float(FrameEvaluator(threshold=0.21).evaluate(reference, make_predictions(reference, posterior)).tp[0]) == 0


def test_an_empty_estimate_scores_zero_and_deletes_everything(make_reference, make_predictions) -> None:
    reference = make_reference(np.ones((2, 4, 2), dtype=bool))
    result = FrameEvaluator().evaluate(reference, make_predictions(reference, np.zeros((2, 4, 2))))
    assert (float(result.fscore_micro), float(result.fscore_macro), float(result.fscore_macro_all)) == (0, 0, 0)
    assert (float(result.error_rate), float(result.deletion_rate)) == (1, 1)


def test_an_empty_reference_scores_zero_with_false_alarms_and_nan_without(make_reference, make_predictions) -> None:
    reference = make_reference(np.zeros((2, 4, 2), dtype=bool))
    alarms = FrameEvaluator().evaluate(reference, make_predictions(reference, np.ones((2, 4, 2))))
    assert (float(alarms.fscore_micro), float(alarms.fscore_macro), float(alarms.error_rate)) == (0, 0, math.inf)
    silence = FrameEvaluator().evaluate(reference, make_predictions(reference, np.zeros((2, 4, 2))))
    assert all(math.isnan(silence[name]) for name in ("fscore_micro", "fscore_macro", "error_rate"))
    assert float(silence.fscore_macro_all) == 0
    assert silence.attrs["absent_events"] == ["event 0", "event 1"]


def test_counts_of_recordings_add_up_to_those_of_the_whole(make_predictions) -> None:
    recordings = [
        Recording(
            path=f"audio/{name}.wav",
            duration_s=duration_s,
            rate_hz=44100,
            channels=1,
            split="evaluation",
            scene="home",
            events=(Event(0.5, duration_s - 0.5, "car"),),
        )
        for name, duration_s in (("a", 3.0), ("b", 2.0))
    ]
    grid = FrameGrid(n_frames=50, hop_s=0.02)
    reference = Reference(clips=cut(recordings, 1.0), events=("car", "bird"), scenes=("home",), grid=grid)
    posterior = np.random.default_rng(0).random((5, 50, 2))
    result = FrameEvaluator().evaluate(reference, make_predictions(reference, posterior))
    assert result.recording.values.tolist() == ["audio/a.wav", "audio/b.wav"]
    for name in ("tp", "fp", "fn"):
        assert result[f"{name}_by_recording"].sum("recording").equals(result[name])
    decided = posterior >= 0.5
    assert int(result.tp_by_recording[1, 0]) == (reference.activity & decided)[3:, :, 0].sum()
    n_reference = int((result.tp + result.fn).sum())
    assert float(result.insertion_rate) == int(result.insertions_by_recording.sum()) / n_reference


def test_settings_stand_in_the_result(make_reference, make_predictions) -> None:
    reference = make_reference(np.ones((1, 4, 1), dtype=bool))
    attrs = FrameEvaluator(threshold=0.3).evaluate(reference, make_predictions(reference, np.ones((1, 4, 1)))).attrs
    assert attrs["threshold"] == 0.3
    assert (attrs["frame_rule"], attrs["hop_s"]) == ("outer", 0.02)
    assert attrs["criterion"] == "frame_based[0.02 s]"
