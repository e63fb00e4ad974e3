from __future__ import annotations

import math

import pytest
import torch

from earmark.errors import ExperimentError
from earmark.outputs import Outputs
from earmark.targets import Targets
from earmark_mtl.losses import (
    CandidateBce,
    SceneCrossEntropy,
    StrongBce,
    WeakBce,
    masked_event_bce,
    masked_scene_cross_entropy,
)

LOSSES = [SceneCrossEntropy(), StrongBce(), WeakBce(), CandidateBce()]
NAN = float("nan")


def outputs_of(n_clips=2, n_frames=3, n_events=2, n_scenes=2):
    torch.manual_seed(0)
    return Outputs(
        event_frame_logit=torch.randn(n_clips, n_frames, n_events, requires_grad=True),
        event_clip_logit=torch.randn(n_clips, n_events, requires_grad=True),
        scene_logit=torch.randn(n_clips, n_scenes, requires_grad=True),
    )


def logits(outputs):
    return [outputs.event_frame_logit, outputs.event_clip_logit, outputs.scene_logit]


def targets_of(**labels):
    return Targets(clips=("a", "b"), events=("car", "bird"), scenes=("home", "office"), **labels)


def softplus(x):
    return math.log1p(math.exp(x))


def test_the_event_loss_is_the_mean_over_known_entries_alone():
    logit = torch.tensor([[[1.0, -2.0]], [[0.5, 3.0]]])
    label = torch.tensor([[[1.0, 0.0]], [[NAN, 1.0]]])
    known = torch.tensor([[[True, True]], [[False, True]]])
    by_hand = (softplus(-1.0) + softplus(-2.0) + softplus(-3.0)) / 3
    assert masked_event_bce(logit, label, known).item() == pytest.approx(by_hand)


def test_the_scene_loss_takes_a_soft_distribution():
    logit, scene = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.25, 0.75]])
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)  # softmax(logit) is the distribution itself
    found = masked_scene_cross_entropy(logit, scene, torch.tensor([True]))
    assert found.item() == pytest.approx(entropy)


def test_the_scene_loss_is_the_mean_over_clips_whose_scene_is_known():
    logit, scene = torch.zeros(3, 4), torch.eye(4)[:3]
    scene[1] = NAN
    found = masked_scene_cross_entropy(logit, scene, torch.tensor([True, False, True]))
    assert found.item() == pytest.approx(math.log(4))


def test_nan_labels_under_the_mask_leave_no_nan_in_the_gradient():
    outputs = outputs_of()
    known = torch.tensor([True, False])
    label = torch.tensor([[1.0, 0.0], [NAN, NAN]])
    of_event = known[:, None].expand(2, 2)
    targets = targets_of(
        frame_event=label[:, None].expand(2, 3, 2),
        frame_event_known=of_event,
        clip_event=label,
        clip_event_known=of_event,
        candidate=torch.ones(2, 2, dtype=torch.bool),
        candidate_known=known,
        scene=label,
        scene_known=known,
    )
    sum(loss(outputs, targets) for loss in LOSSES).backward()
    for logit in logits(outputs):
        assert logit.grad[0].abs().sum() > 0
        assert torch.equal(logit.grad[1], torch.zeros_like(logit.grad[1]))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("given", [False, True], ids=["no such labels", "all of them masked"])
def test_a_batch_without_labels_of_its_kind_costs_nothing_and_moves_nothing(loss, given):
    unknown, no_clip = torch.zeros(2, 2, dtype=torch.bool), torch.zeros(2, dtype=torch.bool)
    labels = {
        "frame_event": torch.full((2, 3, 2), NAN),
        "frame_event_known": unknown,
        "clip_event": torch.full((2, 2), NAN),
        "clip_event_known": unknown,
        "candidate": unknown,
        "candidate_known": no_clip,
        "scene": torch.full((2, 2), NAN),
        "scene_known": no_clip,
    }
    outputs = outputs_of()
    value = loss(outputs, targets_of(**labels) if given else targets_of())
    value.backward()
    assert value.item() == 0
    assert all(logit.grad is None or not logit.grad.any() for logit in logits(outputs))
    assert any(logit.grad is not None for logit in logits(outputs))


def test_labels_may_be_bool_or_float():
    outputs, label, known = outputs_of(), torch.tensor([[True, False], [False, False]]), torch.ones(2, 2).bool()
    values = [WeakBce()(outputs, targets_of(clip_event=x, clip_event_known=known)) for x in (label, label.float())]
    assert torch.equal(*values)


def test_a_candidate_set_counts_as_if_it_were_the_weak_label():
    outputs, label = outputs_of(), torch.tensor([[True, False], [True, True]])
    partial = targets_of(candidate=label, candidate_known=torch.tensor([True, False]))
    weak = targets_of(clip_event=label, clip_event_known=torch.tensor([[True, True], [False, False]]))
    assert torch.equal(CandidateBce()(outputs, partial), WeakBce()(outputs, weak))


def test_the_strong_loss_counts_only_strongly_labelled_clips():
    outputs = outputs_of()
    label = torch.tensor([[[True, False]] * 3, [[False, True]] * 3])
    mixed = targets_of(frame_event=label, frame_event_known=torch.tensor([[True, True], [False, False]]))
    alone = torch.nn.functional.binary_cross_entropy_with_logits(outputs.event_frame_logit[0], label[0].float())
    torch.testing.assert_close(StrongBce()(outputs, mixed), alone)


@pytest.mark.parametrize(
    ("loss", "name", "output"),
    [
        (SceneCrossEntropy(), "scene-ce", "scene_logit"),
        (StrongBce(), "strong-bce", "event_frame_logit"),
        (WeakBce(), "weak-bce", "event_clip_logit"),
        (CandidateBce(), "candidate-bce", "event_clip_logit"),
    ],
)
def test_a_loss_says_which_output_the_model_does_not_give(loss, name, output):
    with pytest.raises(ExperimentError, match=f"'{name}' needs the output {output}, which the model does not give"):
        loss(Outputs(), targets_of())
