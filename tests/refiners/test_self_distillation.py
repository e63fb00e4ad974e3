from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import OptionError, TargetsError
from earmark.targets import Targets
from earmark_refiners.self_distillation import SelfDistillation

EVENTS = ("car", "bird")
CLIPS = ("strong", "partial", "bare")


def predictions_of(posterior, clips=CLIPS, events=EVENTS):
    return xr.Dataset(
        {"event_frame_posterior": (("clip", "frame", "event"), np.asarray(posterior, dtype=np.float32))},
        coords={"clip": list(clips), "event": list(events)},
    )


POSTERIOR = [
    [[0.9, 0.9], [0.9, 0.9]],
    [[0.2, 0.19], [0.1, 0.8]],
    [[0.5, 0.6], [0.0, 0.0]],
]


def targets_of(**changes):
    labels = {
        "frame_event": torch.tensor([[[True, False], [False, False]], [[False] * 2] * 2, [[False] * 2] * 2]),
        "frame_event_known": torch.tensor([[True, True], [False, False], [False, False]]),
        "candidate": torch.tensor([[False, False], [True, False], [False, False]]),
        "candidate_known": torch.tensor([False, True, False]),
        "scene": torch.eye(3),
        "scene_known": torch.tensor([True, True, False]),
    }
    return Targets(clips=CLIPS, events=EVENTS, scenes=("home", "office", "park"), **(labels | changes))


def test_frames_at_or_above_the_threshold_become_active():
    refined = SelfDistillation().refine(targets_of(), predictions_of(POSTERIOR))
    assert refined.frame_event[1].tolist() == [[True, False], [False, True]]  # 0.2 counts, 0.19 does not
    assert refined.frame_event[2].tolist() == [[True, True], [False, False]]
    assert refined.frame_event_known.all()


def test_annotated_clips_stay_as_they_are_whatever_was_predicted():
    refined = SelfDistillation().refine(targets_of(), predictions_of(POSTERIOR))
    assert refined.frame_event[0].equal(targets_of().frame_event[0])


def test_the_other_labels_and_the_given_targets_stay_as_they_are():
    targets = targets_of()
    refined = SelfDistillation().refine(targets, predictions_of(POSTERIOR))
    assert (refined.clips, refined.events, refined.scenes) == (targets.clips, targets.events, targets.scenes)
    assert refined.scene.equal(targets.scene)
    assert refined.candidate.equal(targets.candidate)
    assert targets.frame_event_known.tolist() == [[True, True], [False, False], [False, False]]
    assert not targets.frame_event[1:].any()


def test_a_higher_threshold_gives_fewer_frames():
    refined = SelfDistillation(threshold=0.55).refine(targets_of(), predictions_of(POSTERIOR))
    assert refined.frame_event[1:].sum() == 2


def test_confined_labels_stay_in_the_candidate_set_where_there_is_one():
    refined = SelfDistillation(confine_to_candidates=True).refine(targets_of(), predictions_of(POSTERIOR))
    assert refined.frame_event[1].tolist() == [[True, False], [False, False]]
    assert refined.frame_event[2].tolist() == [[True, True], [False, False]]  # nobody gave it a candidate set


def test_events_annotated_for_a_clip_stay_while_its_others_are_filled():
    known = torch.tensor([[True, True], [True, False], [False, False]])
    refined = SelfDistillation().refine(targets_of(frame_event_known=known), predictions_of(POSTERIOR))
    assert refined.frame_event[1].tolist() == [[False, False], [False, True]]


def test_targets_without_any_strong_label_get_them_for_every_clip():
    bare = targets_of(frame_event=None, frame_event_known=None)
    refined = SelfDistillation().refine(bare, predictions_of(POSTERIOR))
    assert refined.frame_event.equal(torch.tensor(POSTERIOR) >= 0.2)
    assert refined.frame_event_known.all()


def test_predictions_are_found_by_clip_and_may_hold_others():
    shuffled = predictions_of([POSTERIOR[2], [[1.0, 1.0]] * 2, POSTERIOR[1]], clips=("bare", "other", "partial"))
    refined = SelfDistillation().refine(targets_of(), shuffled)
    assert refined.frame_event.equal(SelfDistillation().refine(targets_of(), predictions_of(POSTERIOR)).frame_event)


def test_dimensions_are_found_by_name():
    turned = predictions_of(POSTERIOR).transpose("event", "clip", "frame")
    refined = SelfDistillation().refine(targets_of(), turned)
    assert refined.frame_event.equal(SelfDistillation().refine(targets_of(), predictions_of(POSTERIOR)).frame_event)


def test_nothing_to_fill_needs_no_predictions():
    full = targets_of(frame_event_known=torch.ones(3, 2, dtype=torch.bool))
    assert SelfDistillation().refine(full, xr.Dataset()) is full


def test_float_labels_stay_float():
    targets = targets_of(frame_event=targets_of().frame_event.float())
    assert SelfDistillation().refine(targets, predictions_of(POSTERIOR)).frame_event.dtype == torch.float32


def test_a_missing_clip_is_named():
    with pytest.raises(TargetsError, match=r"lack 1 of the 2 clips to refine, such as bare\. Predict the clips"):
        SelfDistillation().refine(targets_of(), predictions_of(POSTERIOR[:2], clips=CLIPS[:2]))


def test_another_vocabulary_is_refused():
    with pytest.raises(TargetsError, match="over the events bird, car, the targets over car, bird"):
        SelfDistillation().refine(targets_of(), predictions_of(POSTERIOR, events=EVENTS[::-1]))


def test_another_number_of_frames_is_refused():
    with pytest.raises(TargetsError, match="The predictions have 3 frames a clip, the targets 2"):
        SelfDistillation().refine(targets_of(), predictions_of(np.zeros((3, 3, 2))))


def test_predictions_without_frames_are_refused():
    scenes = xr.Dataset({"scene_posterior": (("clip", "scene"), np.zeros((3, 3)))})
    with pytest.raises(TargetsError, match="needs event_frame_posterior, but the predictions hold scene_posterior"):
        SelfDistillation().refine(targets_of(), scenes)


def test_a_diverged_model_is_refused():
    with pytest.raises(TargetsError, match="hold NaN: their model has diverged"):
        SelfDistillation().refine(targets_of(), predictions_of(np.full((3, 2, 2), np.nan)))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.2, float("nan")])
def test_a_threshold_that_cannot_be_one_is_refused(threshold):
    with pytest.raises(OptionError, match="must lie between 0 and 1, got .*; the paper uses 0.2"):
        SelfDistillation(threshold=threshold)
