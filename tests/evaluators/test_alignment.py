from __future__ import annotations

import numpy as np
import pytest

from earmark.errors import EarmarkError, OptionError
from earmark.frames import FrameGrid
from earmark.reference import Reference
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.frame import FrameEvaluator
from earmark_evaluators.intersection import IntersectionEvaluator
from earmark_evaluators.plugin import earmark_evaluators
from earmark_evaluators.scene import SceneEvaluator
from earmark_evaluators.segment import SegmentEvaluator
from earmark_evaluators.through_psds_eval import PsdsEval
from earmark_evaluators.through_sed_eval import EventSedEval, SegmentSedEval


@pytest.fixture
def pair(make_reference, make_predictions, make_activity):
    activity = make_activity((3, 50, 4), seed=0)
    reference = make_reference(activity)
    return reference, make_predictions(reference, activity, np.eye(2)[[0, 1, 0]])


ONE_EVENT_A_CLIP = {"tagging", "nearest-centre"}  # have tests of their own, on clips of one event
ANY_CLIPS = [name for name in earmark_evaluators() if name not in ONE_EVENT_A_CLIP]


@pytest.mark.parametrize("name", ANY_CLIPS)
def test_the_order_of_clips_events_and_scenes_in_the_predictions_does_not_matter(name, pair) -> None:
    reference, predictions = pair
    evaluate = earmark_evaluators()[name]().evaluate
    shuffled = predictions.isel(clip=[2, 0, 1], event=[3, 1, 0, 2], scene=[1, 0])
    assert evaluate(reference, shuffled).identical(evaluate(reference, predictions))


@pytest.mark.parametrize("name", ANY_CLIPS)
def test_a_perfect_estimate_scores_one_and_says_policy_settings_and_versions(name, pair) -> None:
    reference, predictions = pair
    result = earmark_evaluators()[name]().evaluate(reference, predictions)
    names = ("fscore", "accuracy")
    scores = [float(score) for key, score in result.items() if str(key).startswith(names) and score.ndim == 0]
    assert scores
    assert scores == [1.0] * len(scores)
    assert "never detected scores 0" in result.attrs["policy"] or name == "scene-accuracy"
    assert result.attrs["versions"][0].startswith("earmark ")
    assert result.attrs["criterion"]


def test_a_missing_clip_is_named(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match=r"lacks the clip 'audio/1.wav@0'.*same split") as caught:
        FrameEvaluator().evaluate(reference, predictions.isel(clip=[0, 2]))
    assert isinstance(caught.value, EarmarkError)


def test_an_extra_clip_is_named(pair) -> None:
    reference, predictions = pair
    fewer = Reference(clips=reference.clips[:2], **_rest(reference))
    with pytest.raises(EvaluationError, match=r"holds the clip 'audio/2.wav@0', which the reference lacks"):
        FrameEvaluator().evaluate(fewer, predictions)


def test_a_clip_that_stands_twice_is_named_on_either_side(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match=r"clip 'audio/0.wav@0' stands twice in the predictions"):
        FrameEvaluator().evaluate(reference, predictions.isel(clip=[0, 0, 1, 2]))
    twice = Reference(clips=(*reference.clips, reference.clips[0]), **_rest(reference))
    with pytest.raises(EvaluationError, match=r"clip 'audio/0.wav@0' stands twice in the reference"):
        FrameEvaluator().evaluate(twice, predictions)


def test_another_vocabulary_is_an_error_that_guesses_what_was_meant(pair) -> None:
    reference, predictions = pair
    renamed = predictions.assign_coords(event=["event 0", "event 1", "event 2", "evnt 3"])
    with pytest.raises(EvaluationError, match=r"lacks the event 'event 3'.*'evnt 3'.*Did you mean 'evnt 3'\?"):
        FrameEvaluator().evaluate(reference, renamed)


def test_another_number_of_frames_is_an_error(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match=r"49 frames a clip, the reference has 50 of 0.02 s"):
        FrameEvaluator().evaluate(reference, predictions.isel(frame=slice(49)))


def test_predictions_without_the_output_say_what_they_hold(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match=r"hold no event_frame_posterior \(they hold scene_posterior\)"):
        FrameEvaluator().evaluate(reference, predictions[["scene_posterior"]])
    with pytest.raises(EvaluationError, match=r"hold no scene_posterior"):
        SceneEvaluator().evaluate(reference, predictions[["event_frame_posterior"]])


def test_predictions_of_several_seeds_ask_for_one(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match=r"dimensions \(seed, clip, frame, event\).*predictions.sel\(seed=0\)"):
        FrameEvaluator().evaluate(reference, predictions.expand_dims(seed=[0]))


def test_predictions_without_clip_names_are_not_guessed(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match=r"no coordinate 'clip'.*assign_coords\(clip="):
        FrameEvaluator().evaluate(reference, predictions.drop_vars("clip"))


@pytest.mark.parametrize("value", [np.nan, -3.0, 7.5])
def test_nan_and_logits_are_not_taken_for_silence(pair, value) -> None:
    reference, predictions = pair
    predictions["event_frame_posterior"][1, 2, 3] = value
    with pytest.raises(EvaluationError, match=r"not posteriors in \[0, 1\]"):
        FrameEvaluator().evaluate(reference, predictions)


def test_a_clip_that_nobody_annotated_is_not_taken_for_an_empty_one(pair, make_clip) -> None:
    reference, predictions = pair
    silent = Reference(clips=(*reference.clips[:2], make_clip("audio/2.wav", None, 1.0)), **_rest(reference))
    with pytest.raises(EvaluationError, match=r"'audio/2.wav@0' of the reference: nobody has annotated the events"):
        FrameEvaluator().evaluate(silent, predictions)


def test_a_clip_without_a_scene_is_an_error_for_scenes_only(pair, make_clip) -> None:
    reference, predictions = pair
    without = Reference(clips=(*reference.clips[:2], make_clip("audio/2.wav", [], 1.0, None)), **_rest(reference))
    with pytest.raises(EvaluationError, match=r"'audio/2.wav@0' of the reference: nobody has named the scene"):
        SceneEvaluator().evaluate(without, predictions)
    assert FrameEvaluator().evaluate(without, predictions).attrs["n_clips"] == 3


def test_a_reference_without_clips_is_an_error(pair) -> None:
    reference, predictions = pair
    with pytest.raises(EvaluationError, match="holds no clip"):
        FrameEvaluator().evaluate(Reference(clips=(), **_rest(reference)), predictions)


@pytest.mark.parametrize("evaluator", [SegmentEvaluator(), SegmentSedEval(), EventSedEval(), PsdsEval()])
def test_frames_that_do_not_last_as_long_as_the_clip_are_an_error(pair, evaluator) -> None:
    reference, predictions = pair
    rest = {**_rest(reference), "grid": FrameGrid(n_frames=50, hop_s=0.01)}
    with pytest.raises(EvaluationError, match=r"'audio/0.wav@0' lasts 1 s, but 50 frames of 0.01 s last 0.5 s"):
        evaluator.evaluate(Reference(clips=reference.clips, **rest), predictions)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FrameEvaluator(threshold=0.0), r"'frame': threshold = 0 must lie above 0 and be at most 1"),
        (lambda: IntersectionEvaluator(rho_gtc=1.5), r"'intersection': rho_gtc = 1.5 must lie above 0"),
        (lambda: SegmentEvaluator(segment_s=0.0), r"'segment': segment_s = 0 must be a positive time in seconds"),
        (lambda: SegmentSedEval(segment_s=-1.0), r"'segment-sed-eval': segment_s = -1 must be a positive time"),
        (lambda: EventSedEval(collar_s=0.0), r"'event-sed-eval': collar_s = 0 must be a positive time"),
        (lambda: EventSedEval(length_share=2.0), r"'event-sed-eval': length_share = 2 is not in \[0, 1\]"),
        (lambda: PsdsEval(n_operating_points=0), r"'psds-eval': n_operating_points = 0 must be greater than 0"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(make, message) -> None:
    with pytest.raises(OptionError, match=message):
        make()


def _rest(reference: Reference) -> dict:
    return {
        "events": reference.events,
        "scenes": reference.scenes,
        "grid": reference.grid,
        "frame_rule": reference.frame_rule,
    }
