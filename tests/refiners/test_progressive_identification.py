from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import TargetsError
from earmark.targets import Targets
from earmark_refiners.progressive_identification import ProgressiveIdentification

EVENTS = ("car", "bird", "fan")
CLIPS = ("strong", "partial", "other")


def predictions_of(posterior, clips=CLIPS, events=EVENTS):
    return xr.Dataset(
        {"event_clip_posterior": (("clip", "event"), np.asarray(posterior, dtype=np.float32))},
        coords={"clip": list(clips), "event": list(events)},
    )


POSTERIOR = [[0.9, 0.9, 0.9], [0.2, 0.8, 1.0], [0.5, 0.25, 0.125]]


def targets_of(**changes):
    labels = {
        "candidate": torch.tensor([[False] * 3, [True, True, False], [True, True, True]]),
        "candidate_known": torch.tensor([False, True, True]),
    }
    return Targets(clips=CLIPS, events=EVENTS, scenes=(), **(labels | changes))


def refined(posterior=POSTERIOR, **changes):
    return ProgressiveIdentification().refine(targets_of(**changes), predictions_of(posterior))


def test_candidates_weigh_as_much_as_they_are_probable_beside_the_most_probable_one():
    weights = refined().clip_event
    assert weights[1].tolist() == [0.25, 1.0, 0.0]  # 0.2 / 0.8, 0.8 / 0.8; the fan is no candidate, however probable
    assert weights[2].tolist() == [1.0, 0.5, 0.25]


def test_only_clips_with_a_candidate_set_get_a_label():
    assert refined().clip_event_known.tolist() == [[False] * 3, [True] * 3, [True] * 3]


def test_a_model_that_knows_nothing_gives_the_whole_candidate_set():
    assert refined(np.full((3, 3), 0.3)).clip_event[1:].tolist() == [[1, 1, 0], [1, 1, 1]]


def test_annotated_weak_labels_stay():
    annotated = {
        "clip_event": torch.tensor([[True] * 3, [True, False, False], [False] * 3]),
        "clip_event_known": torch.tensor([[True] * 3, [True, False, False], [False] * 3]),
    }
    found = refined(**annotated)
    assert found.clip_event.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0.5, 0.25]]
    assert found.clip_event_known.all()


def test_labels_are_made_from_the_original_ones_and_these_stay_as_they_are():
    targets = targets_of()
    once = ProgressiveIdentification().refine(targets, predictions_of(POSTERIOR))
    assert targets.clip_event is None
    assert once.candidate.equal(targets.candidate)


def test_an_empty_candidate_set_and_impossible_candidates_give_no_event():
    nothing = torch.zeros(3, 3, dtype=torch.bool)
    assert not refined(candidate=nothing).clip_event.any()
    assert not refined(np.zeros((3, 3))).clip_event.any()


def test_predictions_are_found_by_clip():
    turned = predictions_of(POSTERIOR[::-1], clips=CLIPS[::-1])
    assert ProgressiveIdentification().refine(targets_of(), turned).clip_event.equal(refined().clip_event)


def test_targets_without_candidates_are_refused_with_what_gives_them():
    with pytest.raises(TargetsError, match=r'have no candidate sets\. Add a label source .* such as "partial"'):
        refined(candidate=None, candidate_known=None)


def test_predictions_without_clip_posteriors_are_refused():
    frames = xr.Dataset({"event_frame_posterior": (("clip", "frame", "event"), np.zeros((3, 2, 3)))})
    with pytest.raises(TargetsError, match=r"needs event_clip_posterior, .* whose model gives clip logits of events"):
        ProgressiveIdentification().refine(targets_of(), frames)


def test_another_vocabulary_is_refused():
    with pytest.raises(TargetsError, match="over the events fan, bird, car, the targets over car, bird, fan"):
        ProgressiveIdentification().refine(targets_of(), predictions_of(POSTERIOR, events=EVENTS[::-1]))
