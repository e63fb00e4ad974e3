"""The relation losses, by hand; what they ask for; and whom they train."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from earmark.errors import ExperimentError
from earmark.outputs import Outputs
from earmark.plugins import PluginManager
from earmark.protocols import Loss
from earmark.targets import Targets
from earmark.testing import check_loss, check_options, small_targets
from earmark_mtl import plugin as mtl
from earmark_rgasc import plugin
from earmark_rgasc.losses import (
    EventByScene,
    SceneByEvent,
    event_by_scene_error,
    implied_scenes,
    scene_by_event_error,
)
from earmark_rgasc.relation import Relation, RelationError, read_relation, write_relation

RELATION = [[0.8, 0.2, 0.0], [0.1, 0.5, 0.4]]
SCENE = [0.7, 0.3]
EVENT = [0.6, 0.3, 0.2]
EVENTS, SCENES = ("a", "b", "c"), ("x", "y")


def logit(posterior) -> torch.Tensor:
    posterior = torch.as_tensor(posterior, dtype=torch.float64)
    return (posterior / (1 - posterior)).log()


def outputs(scene=SCENE, event=EVENT) -> Outputs:
    return Outputs(
        scene_logit=torch.tensor([scene], dtype=torch.float64).log().requires_grad_(),
        event_clip_logit=logit([event]).requires_grad_(),
    )


def one_clip(scene: int = 0, event=(1, 0, 0), known: bool = True) -> Targets:
    return Targets(
        clips=("clip",),
        events=EVENTS,
        scenes=SCENES,
        clip_event=torch.tensor([event], dtype=torch.float32),
        clip_event_known=torch.full((1, 3), known),
        scene=torch.eye(2)[[scene]],
        scene_known=torch.tensor([known]),
    )


@pytest.fixture
def matrix(tmp_path):
    path = tmp_path / "matrix.csv"
    write_relation(Relation(scenes=SCENES, events=EVENTS, matrix=torch.tensor(RELATION, dtype=torch.float64)), path)
    return path


def all_known() -> Targets:
    """Small targets of which everything is known, as of a stage's training clips."""
    targets = small_targets()
    return replace(
        targets,
        clip_event_known=torch.ones_like(targets.clip_event_known),
        scene_known=torch.ones_like(targets.scene_known),
    )


@pytest.mark.parametrize("factory", [EventByScene, SceneByEvent])
@pytest.mark.parametrize("options", [{}, {"relation_input": "log_softmax"}, {"stop_gradient": "reference"}])
def test_a_relation_loss_keeps_the_contract_of_losses(factory, options):
    check_options(factory)
    check_loss(lambda: factory(**options).of_targets(all_known()))


def test_what_each_side_implies_for_the_other():
    relation = torch.tensor(RELATION)
    assert (torch.tensor([SCENE]) @ relation).tolist()[0] == pytest.approx([0.59, 0.29, 0.12])
    assert implied_scenes(torch.tensor([EVENT]), relation).tolist()[0] == pytest.approx([0.54, 0.29])


@pytest.mark.parametrize(
    ("relation_input", "by_scene", "by_event"),
    [("softmax", 0.0022, 0.01285), ("log_softmax", 0.8078085493, 1.5179903476)],
)
def test_both_losses_of_two_scenes_and_three_events_by_hand(matrix, relation_input, by_scene, by_event):
    # e = (0.59, 0.29, 0.12): (0.01² + 0.01² + 0.08²) / 3 = 0.0022;  s = (0.54, 0.29): (0.16² + 0.01²) / 2 = 0.01285
    options = {"relation_input": relation_input, "matrix": matrix}
    for factory, expected in ((EventByScene, by_scene), (SceneByEvent, by_event)):
        loss = factory(**options).of_targets(one_clip())
        assert loss(outputs(), one_clip()).item() == pytest.approx(expected, abs=1e-7)  # the matrix is of float32


def test_the_other_two_losses_are_those_of_every_joint_model():
    manager = PluginManager()
    manager.register(mtl, "mtl")
    scene, event = (manager.build("loss", name, {}, "here") for name in ("scene-ce", "weak-bce"))
    assert scene(outputs(), one_clip()).item() == pytest.approx(0.3566749439)
    mean = event(outputs(), one_clip()).item()
    assert (mean, 3 * mean) == pytest.approx((0.3635480397, 1.0906441190))


@pytest.mark.parametrize(
    ("posterior", "relation_input", "by_scene", "by_event"),
    [
        ("uniform", "softmax", 0.24566, 2.09321),
        ("uniform", "log_softmax", 1.16991, 14.75359),
        ("rows", "softmax", 0.00000, 0.58965),
        ("rows", "log_softmax", 2.66702, 26.38710),
        ("logits", "softmax", 0.2742990867, 1.7102984205),
        ("logits", "log_softmax", 1.2215960948, 14.0743865445),
    ],
)
def test_published_sizes_of_the_losses_with_the_published_matrix(
    shared_data, posterior, relation_input, by_scene, by_event
):
    path = shared_data / "relation_guided/relation_matrix.csv"
    if not path.is_file():
        pytest.skip(f"the published matrix is not at {path}")
    relation = read_relation(path).matrix
    scene, event = torch.full((1, 10), 0.1, dtype=torch.float64), torch.full((1, 527), 0.5, dtype=torch.float64)
    if posterior == "rows":
        scene = torch.full((1, 10), 0.01, dtype=torch.float64)
        scene[0, 0] = 0.91
        event = relation[:1].clip(min=1e-4)
    elif posterior == "logits":
        scene = (0.1 * torch.arange(10, dtype=torch.float64))[None].softmax(-1)
        event = torch.from_numpy(np.sin(np.arange(527.0)))[None].sigmoid()
    given = scene if relation_input == "softmax" else scene.log()
    assert event_by_scene_error(given, event, relation).item() == pytest.approx(by_scene, abs=1e-5)
    assert scene_by_event_error(given, event, relation).item() == pytest.approx(by_event, abs=1e-5)


def test_both_relation_losses_train_both_towers_unless_the_reference_is_left_alone(matrix):
    trained = {}
    for factory in (EventByScene, SceneByEvent):
        for stop in ("none", "reference"):
            given = outputs()
            loss = factory(matrix=matrix, stop_gradient=stop).of_targets(one_clip())
            loss(given, one_clip()).backward()
            reached = [t.grad is not None and bool(t.grad.any()) for t in (given.scene_logit, given.event_clip_logit)]
            trained[factory.__name__, stop] = tuple(reached)
    assert trained == {
        ("EventByScene", "none"): (True, True),
        ("EventByScene", "reference"): (True, False),
        ("SceneByEvent", "none"): (True, True),
        ("SceneByEvent", "reference"): (False, True),
    }


def test_the_matrix_is_of_all_training_clips_and_not_of_the_batch():
    whole = Targets(
        clips=("1", "2", "3"),
        events=EVENTS,
        scenes=SCENES,
        clip_event=torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1, 0]]),
        clip_event_known=torch.ones(3, 3, dtype=torch.bool),
        scene=torch.eye(2)[[0, 0, 1]],
        scene_known=torch.ones(3, dtype=torch.bool),
    )
    loss = EventByScene().of_targets(whole)
    assert loss.relation.tolist() == [[0.5, 0, 0], [0, 1, 0]]
    sure = Outputs(scene_logit=torch.tensor([[30.0, -30.0]]), event_clip_logit=torch.full((1, 3), -30.0))
    assert loss(sure, whole.select(torch.tensor([0]))).item() == pytest.approx(0.5**2 / 3)


def test_clips_without_a_scene_or_events_have_no_part_in_the_mean(matrix):
    two = Targets(
        clips=("1", "2"),
        events=EVENTS,
        scenes=SCENES,
        clip_event=torch.zeros(2, 3),
        clip_event_known=torch.tensor([[True] * 3, [False] * 3]),
        scene=torch.eye(2),
        scene_known=torch.ones(2, dtype=torch.bool),
    )
    loss = EventByScene(matrix=matrix).of_targets(two)
    both = Outputs(
        scene_logit=torch.tensor([SCENE, [0.5, 0.5]]).log(), event_clip_logit=logit([EVENT, [0.9, 0.9, 0.9]]).float()
    )
    assert loss(both, two).item() == pytest.approx(0.0022, abs=1e-6)


# What is refused


@pytest.mark.parametrize("factory", [EventByScene, SceneByEvent])
def test_a_corpus_without_scenes_is_refused_before_training(factory):
    without = replace(one_clip(), scene=None, scene_known=None)
    with pytest.raises(RelationError, match="no training clip has one.*the losses scene-by-event and event-by-scene"):
        factory().of_targets(without)


@pytest.mark.parametrize("factory", [EventByScene, SceneByEvent])
def test_a_matrix_of_another_vocabulary_is_refused(factory, matrix):
    with pytest.raises(RelationError, match="does not fit the labels: it lacks the event 'z'"):
        factory(matrix=matrix).of_targets(replace(one_clip(), events=("a", "b", "z")))


def test_a_model_of_another_vocabulary_is_refused(matrix):
    loss = EventByScene(matrix=matrix).of_targets(one_clip())
    wide = Outputs(scene_logit=torch.zeros(1, 2), event_clip_logit=torch.zeros(1, 4))
    with pytest.raises(ExperimentError, match="matrix of 2 scenes and 3 events, but the model gives 2 and 4"):
        loss(wide, one_clip())


@pytest.mark.parametrize("factory", [EventByScene, SceneByEvent])
def test_a_loss_that_was_not_given_the_training_labels_says_so(factory):
    with pytest.raises(ExperimentError, match=r"has no relation matrix yet.*call loss.of_targets\(targets\) first"):
        factory()(outputs(), one_clip())


@pytest.mark.parametrize("missing", ["scene_logit", "event_clip_logit"])
def test_a_net_of_one_tower_is_refused(missing, matrix):
    loss: Loss = SceneByEvent(matrix=matrix).of_targets(one_clip())
    with pytest.raises(ExperimentError, match=f"'scene-by-event' needs the output {missing}.*with both towers"):
        loss(replace(outputs(), **{missing: None}), one_clip())


def test_the_plugin_gives_losses_and_models_by_name():
    manager = PluginManager()
    manager.register(plugin, "rgasc")
    assert manager.names("loss") == ["event-by-scene", "scene-by-event", "scene-conditioned-bce"]
    assert manager.names("model") == ["clip-wise", "joint-embedding", "scene-conditioned", "two-towers"]
    assert manager.build("loss", "event-by-scene", {"matrix": "m.csv"}, "here").matrix.name == "m.csv"
    assert math.isclose(manager.build("loss", "scene-conditioned-bce", {}, "here").fake_weight, 1)
