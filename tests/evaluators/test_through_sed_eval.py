from __future__ import annotations

import numpy as np
import pytest

from earmark.frames import FrameGrid
from earmark.recordings import Event
from earmark.reference import Reference
from earmark_evaluators.segment import SegmentEvaluator
from earmark_evaluators.through_sed_eval import EventSedEval, SegmentSedEval


@pytest.mark.parametrize(("segment_s", "hop_s"), [(1.0, 0.02), (0.25, 0.015625), (0.5, 0.03125)])
def test_sed_eval_and_our_own_segments_agree_on_random_data(
    make_reference, make_predictions, make_activity, segment_s, hop_s
) -> None:
    # 1 s, and steps that are binary fractions: sed_eval's rounding of floats is then exact.
    shape = (6, 128, 5)
    activity, estimated = make_activity(shape, seed=3), make_activity(shape, seed=4)
    activity[:, :, 4] = False  # absent, with false alarms
    estimated[:, :, 3] = False  # never detected
    reference = make_reference(activity, hop_s=hop_s)
    predictions = make_predictions(reference, estimated)
    ours = SegmentEvaluator(segment_s=segment_s).evaluate(reference, predictions)
    theirs = SegmentSedEval(segment_s=segment_s).evaluate(reference, predictions)
    assert 0 < float(ours.fscore_micro) < 1
    for name, score in ours.items():
        np.testing.assert_allclose(theirs[name], score, rtol=1e-12, err_msg=str(name))
    detected = ours.fscore[:3].mean()
    assert float(theirs.fscore_macro_sed_eval) == pytest.approx(float(detected))  # leaves out both others
    assert float(theirs.fscore_macro) == pytest.approx(float(detected) * 3 / 4)


def event_case(make_clip, make_predictions, annotated: list[Event], estimated: list[Event]):
    grid = FrameGrid(n_frames=1000, hop_s=0.02)
    names = ("(object) banging", "car")
    clip = make_clip("audio/a.wav", annotated, 20.0)
    reference = Reference(clips=(clip,), events=names, scenes=("home",), grid=grid)
    posterior = np.zeros((1, 1000, 2))
    for event in estimated:
        frames = slice(round(event.onset_s / 0.02), round(event.offset_s / 0.02))
        posterior[0, frames, names.index(event.label)] = 1
    return reference, make_predictions(reference, posterior)


def counts(result) -> tuple[int, int, int]:
    return int(result.tp.sum()), int(result.fp.sum()), int(result.fn.sum())


def test_an_onset_within_the_collar_is_a_hit_and_one_beyond_is_a_miss_and_a_false_alarm(
    make_clip, make_predictions
) -> None:
    case = event_case(make_clip, make_predictions, [Event(1.0, 2.0, "car")], [Event(1.1, 2.1, "car")])
    assert counts(EventSedEval(collar_s=0.2).evaluate(*case)) == (1, 0, 0)
    assert counts(EventSedEval(collar_s=0.05).evaluate(*case)) == (0, 1, 1)


def test_the_offset_of_a_long_event_may_be_wrong_by_a_share_of_its_length(make_clip, make_predictions) -> None:
    case = event_case(make_clip, make_predictions, [Event(1.0, 11.0, "car")], [Event(1.0, 9.5, "car")])
    assert counts(EventSedEval(length_share=0.2).evaluate(*case)) == (1, 0, 0)
    assert counts(EventSedEval(length_share=0.1).evaluate(*case)) == (0, 1, 1)
    assert counts(EventSedEval(length_share=0.1, compare="onset").evaluate(*case)) == (1, 0, 0)


def test_an_event_under_another_name_is_one_substitution(make_clip, make_predictions) -> None:
    case = event_case(make_clip, make_predictions, [Event(1, 2, "car")], [Event(1, 2, "(object) banging")])
    result = EventSedEval().evaluate(*case)
    assert float(result.error_rate) == float(result.substitution_rate) == 1
    assert counts(result) == (0, 1, 1)


def test_overlapping_references_of_one_event_are_merged_and_counted(make_clip, make_predictions) -> None:
    annotated = [Event(0.0, 2.0, "car"), Event(1.9, 4.0, "car")]
    case = event_case(make_clip, make_predictions, annotated, [Event(0.0, 4.0, "car")])
    result = EventSedEval().evaluate(*case)
    assert counts(result) == (1, 0, 0)
    assert result.attrs["n_merged_reference_events"] == 1


def test_the_criterion_carries_all_its_parameters(make_clip, make_predictions) -> None:
    case = event_case(make_clip, make_predictions, [Event(1, 2, "car")], [])
    result = EventSedEval(collar_s=0.25, length_share=0.3).evaluate(*case)
    assert result.attrs["criterion"] == "event_based[on=0.25 s, off=max(0.25 s, 30%)]"
    assert any(line.startswith("sed_eval 0.2") for line in result.attrs["versions"])


@pytest.mark.parametrize("evaluator", [SegmentSedEval(), EventSedEval()])
def test_empty_sides_are_decided_without_a_warning(make_clip, make_predictions, evaluator) -> None:
    nothing = evaluator.evaluate(*event_case(make_clip, make_predictions, [], []))
    assert all(np.isnan(nothing[name]) for name in ("fscore_micro", "fscore_macro", "error_rate"))
    alarms = evaluator.evaluate(*event_case(make_clip, make_predictions, [], [Event(1, 2, "car")]))
    assert (float(alarms.fscore_micro), float(alarms.error_rate)) == (0, np.inf)
    missed = evaluator.evaluate(*event_case(make_clip, make_predictions, [Event(1, 2, "car")], []))
    assert (float(missed.fscore_macro), float(missed.error_rate)) == (0, 1)
    assert np.isnan(missed.fscore_macro_sed_eval)  # the library leaves the class out, and then has none
