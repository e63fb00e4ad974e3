from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import OptionError
from earmark.targets import Targets
from earmark_refiners.class_thresholds import ClassThresholds, class_thresholds
from earmark_refiners.self_distillation import SelfDistillation

EVENTS = ("car", "bird", "fan")
CLIPS = ("strong", "partial", "bare")

# Frames at or above 0.2 of the two clips to fill: car 0.8, 0.4, 0.6 (mean 0.6), bird 0.3, 0.2 (mean 0.25), fan none.
POSTERIOR = [
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
    [[0.8, 0.3, 0.19], [0.4, 0.16, 0.0]],
    [[0.1, 0.05, 0.1], [0.6, 0.2, 0.1]],
]


def refined_with(refiner, posterior=POSTERIOR, **changes):
    labels = {
        "frame_event": torch.zeros(3, 2, 3, dtype=torch.bool),
        "frame_event_known": torch.tensor([True, False, False])[:, None].expand(-1, 3).clone(),
        "candidate": torch.tensor([[True, True, True], [False, True, True], [True, True, True]]),
        "candidate_known": torch.tensor([False, True, False]),
    }
    predictions = xr.Dataset(
        {"event_frame_posterior": (("clip", "frame", "event"), np.asarray(posterior, dtype=np.float32))},
        coords={"clip": list(CLIPS), "event": list(EVENTS)},
    )
    return refiner.refine(Targets(clips=CLIPS, events=EVENTS, scenes=(), **(labels | changes)), predictions)


def test_thresholds_follow_the_mean_confidence_relative_to_the_surest_event():
    thresholds = class_thresholds(torch.tensor(POSTERIOR[1:]), 0.2)
    assert thresholds.tolist() == pytest.approx([0.2, 0.2 * 0.25 / 0.6, 0.2])  # 0.2, 0.0833, and fan keeps 0.2


def test_frames_at_or_above_the_threshold_of_their_event_become_active():
    refined = refined_with(ClassThresholds())
    assert refined.frame_event[1].tolist() == [[True, True, False], [True, True, False]]  # bird at 0.16 counts
    assert refined.frame_event[2].tolist() == [[False, False, False], [True, True, False]]
    assert refined.frame_event.dtype == torch.bool


def test_annotated_clips_stay_and_do_not_count():
    assert not refined_with(ClassThresholds()).frame_event[0].any()  # their posteriors of 1 would move every threshold


def test_confined_thresholds_are_learnt_within_the_candidate_sets():
    confined = ClassThresholds(confine_to_candidates=True)
    refined = refined_with(confined)
    assert refined.frame_event[1].tolist() == [[False, True, False], [False, True, False]]
    # A car that is no candidate does not count: bird's threshold stays 0.2 * 0.25 / 0.6 = 0.083, and would be
    # 0.2 * 0.25 / 0.867 = 0.058 with the car's mean of 1, 1 and 0.6.
    louder = [POSTERIOR[0], [[1.0, 0.3, 0.0], [1.0, 0.16, 0.0]], [[0.1, 0.07, 0.1], [0.6, 0.2, 0.1]]]
    assert refined_with(ClassThresholds(), louder).frame_event[2, 0, 1]
    assert not refined_with(confined, louder).frame_event[2, 0, 1]


def test_events_of_equal_confidence_are_labelled_as_self_distillation_labels_them():
    same = np.repeat(np.asarray(POSTERIOR)[:, :, :1], 3, axis=2)
    assert torch.equal(
        refined_with(ClassThresholds(), same).frame_event, refined_with(SelfDistillation(), same).frame_event
    )


def test_a_teacher_that_is_nowhere_sure_labels_nothing():
    assert not refined_with(ClassThresholds(), np.full((3, 2, 3), 0.1)).frame_event.any()


def test_no_threshold_is_below_the_square_of_the_fixed_one():
    posterior = torch.tensor([[[1.0, 0.2]]])
    assert class_thresholds(posterior, 0.2).tolist() == pytest.approx([0.2, 0.04])


@pytest.mark.parametrize("threshold", [0.0, 1.0, float("nan")])
def test_a_threshold_that_cannot_be_one_is_refused(threshold):
    with pytest.raises(OptionError, match=r"ClassThresholds.threshold must lie between 0 and 1, got"):
        ClassThresholds(threshold=threshold)
