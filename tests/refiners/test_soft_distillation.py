from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import TargetsError
from earmark.targets import Targets
from earmark_refiners.mean_teacher import MeanTeacher
from earmark_refiners.soft_distillation import SoftDistillation

EVENTS = ("car", "bird")
CLIPS = ("strong", "partial", "bare")
POSTERIOR = [
    [[0.9, 0.9], [0.9, 0.9]],
    [[0.25, 0.125], [0.0, 0.75]],
    [[0.5, 0.625], [1.0, 0.0]],
]


def predictions_of(posterior=POSTERIOR, clips=CLIPS):
    return xr.Dataset(
        {"event_frame_posterior": (("clip", "frame", "event"), np.asarray(posterior, dtype=np.float32))},
        coords={"clip": list(clips), "event": list(EVENTS)},
    )


def targets_of(**changes):
    labels = {
        "frame_event": torch.tensor([[[True, False], [False, False]], [[False] * 2] * 2, [[False] * 2] * 2]),
        "frame_event_known": torch.tensor([[True, True], [False, False], [False, False]]),
        "candidate": torch.tensor([[False, False], [True, False], [False, False]]),
        "candidate_known": torch.tensor([False, True, False]),
    }
    return Targets(clips=CLIPS, events=EVENTS, scenes=(), **(labels | changes))


def test_unlabelled_frames_carry_the_posterior_and_annotated_ones_stay_0_or_1():
    refined = SoftDistillation().refine(targets_of(), predictions_of())
    assert refined.frame_event[1:].tolist() == POSTERIOR[1:]
    assert refined.frame_event[0].tolist() == [[1, 0], [0, 0]]
    assert refined.frame_event.dtype == torch.float32
    assert refined.frame_event_known.all()


def test_events_outside_the_candidate_set_are_absent_where_there_is_a_set():
    refined = SoftDistillation(confine_to_candidates=True).refine(targets_of(), predictions_of())
    assert refined.frame_event[1].tolist() == [[0.25, 0], [0, 0]]
    assert refined.frame_event[2].tolist() == POSTERIOR[2]  # nobody gave it a candidate set


def test_an_event_annotated_in_a_clip_stays_while_another_one_is_filled():
    known = torch.tensor([[True, True], [True, False], [False, False]])
    refined = SoftDistillation().refine(targets_of(frame_event_known=known), predictions_of())
    assert refined.frame_event[1].tolist() == [[0, 0.125], [0, 0.75]]


def test_targets_without_any_strong_label_get_them_for_every_clip():
    refined = SoftDistillation().refine(targets_of(frame_event=None, frame_event_known=None), predictions_of())
    assert torch.equal(refined.frame_event, torch.tensor(POSTERIOR))


def test_the_given_targets_stay_as_they_are():
    targets = targets_of()
    SoftDistillation().refine(targets, predictions_of())
    assert not targets.frame_event[1:].any()
    assert targets.frame_event.dtype == torch.bool


def test_nothing_to_fill_needs_no_predictions():
    full = targets_of(frame_event_known=torch.ones(3, 2, dtype=torch.bool))
    assert SoftDistillation().refine(full, xr.Dataset()) is full


def test_a_missing_clip_is_named():
    with pytest.raises(TargetsError, match="lack 1 of the 2 clips to refine, such as bare"):
        SoftDistillation().refine(targets_of(), predictions_of(POSTERIOR[:2], CLIPS[:2]))


def test_a_mean_teacher_labels_as_soft_distillation_does():
    soft = SoftDistillation(confine_to_candidates=True).refine(targets_of(), predictions_of())
    mean = MeanTeacher(confine_to_candidates=True).refine(targets_of(), predictions_of())
    assert torch.equal(soft.frame_event, mean.frame_event)
