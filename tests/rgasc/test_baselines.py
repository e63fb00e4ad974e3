"""The joint methods that the two towers are compared with."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch

from earmark.errors import ExperimentError, OptionError, UnknownPluginError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark.targets import Targets
from earmark.testing import check_loss, check_model, check_options, small_targets
from earmark_rgasc.baselines import (
    ClipWise,
    ConditionedOutputs,
    JointEmbedding,
    SceneConditioned,
    SceneConditionedBce,
    conditioned_bce,
)

SMALL = Task(n_frames=64, n_mels=32, n_events=3, n_scenes=2)
NARROW = (4, 4, 4, 8, 8, 8)
LN2 = 0.6931472
BOTH = [JointEmbedding, SceneConditioned]


@pytest.mark.parametrize("factory", BOTH)
def test_a_baseline_keeps_the_contract_of_models(factory):
    check_options(factory)
    check_model(partial(factory, channels=NARROW))


@pytest.mark.parametrize("factory", BOTH)
@pytest.mark.parametrize(
    ("task", "message"),
    [({"n_scenes": 0}, "it classifies scenes, but the corpus names none"), ({"n_events": 0}, "the labels bring none")],
)
def test_a_baseline_without_scenes_or_events_is_refused(factory, task, message):
    with pytest.raises(OptionError, match=message):
        factory(Task(**({"n_frames": 64, "n_mels": 32, "n_events": 3, "n_scenes": 2} | task)), channels=NARROW)


def test_scene_and_events_are_read_from_one_embedding():
    model = JointEmbedding(SMALL, channels=NARROW).eval()
    outputs = model(torch.randn(2, 64, 32))
    assert torch.allclose(model.scene(outputs.embedding), outputs.scene_logit, atol=1e-6)
    assert torch.allclose(model.event(outputs.embedding), outputs.event_clip_logit, atol=1e-6)


def test_events_are_told_under_each_scene_and_under_the_estimated_one():
    model = SceneConditioned(SMALL, channels=NARROW, block_dropout=0.0, head_dropout=0.0)
    features = torch.randn(4, 64, 32)
    with torch.no_grad():
        model.scene.weight.zero_()
        model.scene.bias.copy_(torch.tensor([-60.0, 60.0]))  # sure of the second scene
        outputs = model(features)
    assert outputs.event_by_scene_logit.shape == (4, 2, 3)
    assert torch.allclose(outputs.event_clip_logit, outputs.event_by_scene_logit[:, 1], atol=1e-5)
    assert not torch.allclose(outputs.event_clip_logit, outputs.event_by_scene_logit[:, 0], atol=1e-3)


def test_events_are_expected_under_the_true_scene_and_impossible_ones_silent_under_the_false():
    # Two scenes, two events: the second never occurs in the second scene. Clip of the first scene with both events.
    label, known = torch.tensor([[1.0, 1.0]]), torch.ones(1, 2, dtype=torch.bool)
    scene, scene_known = torch.tensor([[1.0, 0.0]]), torch.tensor([True])
    possible = torch.tensor([[True, True], [True, False]])
    logit = torch.tensor([[[0.0, 0.0], [20.0, -20.0]]])
    true, fake = conditioned_bce(logit, label, known, scene, scene_known, possible)
    assert true.item() == pytest.approx(LN2)
    assert fake.item() == pytest.approx(0, abs=1e-6)
    _, loud = conditioned_bce(-logit, label, known, scene, scene_known, possible)
    assert loud.item() == pytest.approx(20)


def all_known() -> Targets:
    targets = small_targets()
    known = torch.ones_like(targets.clip_event_known)
    return replace(targets, clip_event_known=known, scene_known=torch.ones_like(targets.scene_known))


def test_the_conditioned_loss_keeps_the_contract_of_losses():
    check_options(SceneConditionedBce)
    check_loss(lambda: SceneConditionedBce().of_targets(all_known()))


def test_the_weight_of_the_false_scenes_is_an_option():
    targets = all_known()
    n, (scenes, events) = len(targets), (len(targets.scenes), len(targets.events))
    outputs = ConditionedOutputs(
        event_clip_logit=torch.zeros(n, events), event_by_scene_logit=torch.zeros(n, scenes, events)
    )
    alone, both = (SceneConditionedBce(fake_weight=w).of_targets(targets)(outputs, targets) for w in (0.0, 2.0))
    assert (alone.item(), both.item()) == (pytest.approx(LN2), pytest.approx(3 * LN2))
    with pytest.raises(OptionError, match="fake_weight = -1 must be a number from 0 on"):
        SceneConditionedBce(fake_weight=-1)
    with pytest.raises(ExperimentError, match="'scene-conditioned-bce' has no relation matrix yet"):
        SceneConditionedBce()(outputs, targets)


def test_a_frame_wise_net_becomes_clip_wise_by_its_maximum_over_frames():
    task = Task(n_frames=320, n_mels=64, n_events=527, n_scenes=10)
    sizes = {"shared_channels": [4, 4, 4], "scene_channels": [4, 4], "gru_units": 4, "event_units": 4}
    model = ClipWise(task, options=sizes).eval()
    features = torch.randn(2, 320, 64)
    outputs, whole = model(features), model.model(features)
    assert outputs.event_frame_logit is None
    assert torch.equal(outputs.event_clip_logit, whole.event_frame_logit.amax(1))
    assert torch.equal(outputs.scene_logit, whole.scene_logit)
    check_options(ClipWise)
    check_model(ClipWise, options=sizes)


class _Scenes(torch.nn.Module):
    def forward(self, features):
        return Outputs(scene_logit=features[:, 0, :2])


def test_a_model_that_cannot_be_made_clip_wise_is_refused():
    with pytest.raises(OptionError, match="of = 'clip-wise' names itself"):
        ClipWise(SMALL, of="clip-wise")
    with pytest.raises(UnknownPluginError, match="clip-wise.of: no model named 'mtl-cnn'"):
        ClipWise(SMALL, of="mtl-cnn")
    with pytest.raises(OptionError, match="no option 'units'"):
        ClipWise(replace(SMALL, n_mels=64), options={"units": 3})
    model = ClipWise(Task(n_frames=320, n_mels=64, n_events=3, n_scenes=2))
    model.model = _Scenes()
    with pytest.raises(ExperimentError, match="gives no clip-wise event logits"):
        model(torch.zeros(1, 320, 64))
