"""The two towers: as large as printed, shared where they should be, and cut off without a trace."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from earmark.errors import OptionError
from earmark.protocols import Task
from earmark.targets import Targets
from earmark.testing import check_model, check_options
from earmark.training import take_over
from earmark_rgasc.conv_block import pooled
from earmark_rgasc.relation import Relation, RelationError, write_relation
from earmark_rgasc.two_towers import TwoTowers

PAPER = Task(n_frames=320, n_mels=64, n_events=527, n_scenes=10)
SMALL = Task(n_frames=64, n_mels=32, n_events=3, n_scenes=2)
NARROW = (4, 4, 4, 8, 8, 8)
EIGHTH = (8, 16, 32, 64, 128, 256)

narrow = partial(TwoTowers, channels=NARROW)


def sizes(**options) -> tuple[int, int]:
    """Parameters and entries of buffers, with no memory taken."""
    with torch.device("meta"):
        model = TwoTowers(PAPER, **options)
    return sum(p.numel() for p in model.parameters()), sum(b.numel() for b in model.buffers())


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(model.state_dict())


def made(seed: int = 0, task: Task = SMALL, **options) -> TwoTowers:
    torch.manual_seed(seed)
    return narrow(task, **options).eval()


@pytest.mark.parametrize(
    ("n_shared", "n_parameters", "n_buffers"),
    [
        (0, 160_447_641, 32_280),
        (1, 160_409_945, 32_022),
        (2, 160_188_249, 31_508),
        (3, 159_302_489, 30_482),
        (4, 155_761_497, 28_432),
        (5, 141_601_625, 24_334),
        (6, 84_970_329, 16_140),
    ],
)
def test_the_nets_are_as_large_as_specified(n_shared, n_parameters, n_buffers):
    assert sizes(n_shared=n_shared) == (n_parameters, n_buffers)


@pytest.mark.parametrize(
    ("divisor", "of_n"),
    [
        (2, (40_396_633, 40_387_001, 40_331_449, 40_109_753, 39_223_993, 35_683_001, 21_523_129)),
        (4, (10_241_721, 10_239_209, 10_225_257, 10_169_705, 9_948_009, 9_062_249, 5_521_257)),
        (8, (2_631_913, 2_631_233, 2_627_713, 2_613_761, 2_558_209, 2_336_513, 1_450_753)),
    ],
)
def test_narrow_nets_are_as_large_as_specified(divisor, of_n):
    channels = tuple(64 * 2**block // divisor for block in range(6))
    assert tuple(sizes(n_shared=n, channels=channels)[0] for n in range(7)) == of_n


def test_one_tower_has_the_blocks_and_the_head_of_its_task():
    blocks, scene_head, event_head = 75_477_312, 4_196_352 + 20_490, 4_196_352 + 1_079_823
    assert sizes(towers="scene")[0] == blocks + scene_head
    assert sizes(towers="event")[0] == blocks + event_head


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_shared": 0},
        {"n_shared": 6},
        {"towers": "scene"},
        {"towers": "event"},
        {"towers": "event", "scene_from": "events"},
    ],
)
def test_every_form_of_the_net_keeps_the_contract_of_models(options):
    check_options(TwoTowers)
    check_model(narrow, **options)


def test_the_weights_have_the_names_that_a_tagger_and_single_task_nets_use():
    names = {name.split(".")[0] for name in weights(made(n_shared=2))}
    shared_and_scene = {f"conv_block{k}" for k in range(1, 7)}
    of_events = {f"conv_block{k}_event" for k in range(3, 7)}
    assert names == shared_and_scene | of_events | {"fc1", "fc_final", "fc1_event", "fc_final_event"}
    block = {n.removeprefix("conv_block1.") for n in weights(made()) if n.startswith("conv_block1.")}
    assert {"conv1.weight", "bn1.running_mean", "bn1.num_batches_tracked", "conv2.weight", "bn2.bias"} <= block
    assert not any("conv" in name and name.endswith("conv1.bias") for name in weights(made()))


def test_weights_begin_within_the_root_of_six_over_their_inputs_and_biases_at_0():
    start = weights(made())
    for name, n_inputs in (("conv_block2.conv1.weight", 9 * 4), ("fc1_event.weight", 8)):
        bound = (6 / n_inputs) ** 0.5
        assert 0.8 * bound < start[name].abs().max() <= bound
    assert not start["fc_final.bias"].any()
    assert start["conv_block1.bn1.weight"].eq(1).all()


@pytest.mark.parametrize("n_shared", [0, 2, 5, 6])
def test_a_shared_block_changes_both_answers_and_an_own_one_only_its_own(n_shared):
    features = torch.randn(2, 64, 32)
    for block in range(1, 7):
        model = made(n_shared=n_shared)
        before = model(features)
        with torch.no_grad():
            model.get_submodule(f"conv_block{block}").bn2.bias += 1.0
        after = model(features)
        assert not torch.equal(before.scene_logit, after.scene_logit)
        assert torch.equal(before.event_clip_logit, after.event_clip_logit) == (block > n_shared)


@pytest.mark.parametrize(("towers", "output"), [("scene", "scene_logit"), ("event", "event_clip_logit")])
def test_a_net_of_one_task_begins_as_its_tower_in_the_whole_net(towers, output):
    features = torch.randn(2, 64, 32)
    whole, alone = made()(features), made(towers=towers)(features)
    assert torch.allclose(getattr(whole, output), getattr(alone, output), atol=1e-6)
    assert (alone.scene_logit is None, alone.event_clip_logit is None) == (towers == "event", towers == "scene")


def test_a_warm_start_takes_the_event_tower_of_one_net_and_all_else_of_the_other():
    scene, event, joint = made(1, towers="scene"), made(2, towers="event"), made(3)
    for earlier in (event, scene):  # the later one wins where both have weights: the shared blocks
        take_over(joint, weights(earlier))
    got = weights(joint)
    assert all(torch.equal(got[name], tensor) for name, tensor in weights(scene).items())
    own = {name: tensor for name, tensor in weights(event).items() if "_event" in name}
    assert len(own) > 40
    assert all(torch.equal(got[name], tensor) for name, tensor in own.items())
    features = torch.randn(2, 64, 32)
    assert torch.allclose(joint(features).scene_logit, scene(features).scene_logit, atol=1e-6)


def test_the_embedding_is_the_hidden_layer_before_the_scene_and_the_logits_are_linear_in_it():
    model = made()
    outputs = model(torch.randn(3, 64, 32))
    assert outputs.embedding.shape == (3, NARROW[-1])
    assert (outputs.embedding >= 0).all()
    assert torch.allclose(model.fc_final(outputs.embedding), outputs.scene_logit, atol=1e-6)


def test_maps_are_pooled_to_the_maximum_plus_the_mean_over_frames():
    maps = torch.tensor([[[[1.0, 3.0], [6.0, 8.0]]]])  # means over mel 2 and 7
    assert pooled(maps).tolist() == [[7 + 4.5]]


def test_dropout_behind_a_shared_block_is_drawn_once_for_both_towers():
    model = made(n_shared=6, head_dropout=0.0)
    with torch.no_grad():  # both heads alike
        model.fc1_event.load_state_dict(model.fc1.state_dict())
    seen = []
    for name in ("fc1", "fc1_event"):
        model.get_submodule(name).register_forward_hook(lambda _, given, __: seen.append(given[0]))
    model.train()
    features = torch.randn(2, 64, 32)
    for _ in range(2):
        model(features)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[2], seen[3])
    assert not torch.equal(seen[0], seen[2])


# The scene from the events (Table I, row 2)


def labels(events=("a", "b", "c"), scenes=("x", "y")) -> Targets:
    return Targets(
        clips=("1", "2", "3"),
        events=events,
        scenes=scenes,
        clip_event=torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1, 1]]),
        clip_event_known=torch.ones(3, 3, dtype=torch.bool),
        scene=torch.eye(2)[[0, 0, 1]],
        scene_known=torch.ones(3, dtype=torch.bool),
    )


def test_the_scene_is_the_largest_inner_product_of_event_posteriors_and_rows_of_the_matrix():
    model = made(towers="event", scene_from="events")
    assert model.of_targets(labels()) is model
    assert model.relation.tolist() == [[0.5, 0, 0], [0, 1, 1]]
    outputs = model(torch.randn(5, 64, 32))
    implied = outputs.event_clip_logit.sigmoid() @ model.relation.T
    assert torch.equal(outputs.scene_logit.softmax(-1).argmax(-1), implied.argmax(-1))


def test_the_matrix_travels_with_the_weights():
    model, twin = (made(towers="event", scene_from="events") for _ in range(2))
    model.of_targets(labels())
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin.relation, model.relation)
    assert "relation" not in weights(made())


def test_the_matrix_may_come_from_a_file(tmp_path):
    relation = Relation(
        scenes=("y", "x"), events=("a", "b", "c"), matrix=torch.tensor([[0, 1, 0], [1, 0, 0.0]]).double()
    )
    write_relation(relation, tmp_path / "matrix.csv")
    options = {"towers": "event", "scene_from": "events", "matrix": tmp_path / "matrix.csv"}
    assert made(**options).of_targets(labels()).relation.tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(RelationError, match="does not fit the labels"):
        made(**options).of_targets(labels(events=("a", "b", "d")))


# What is refused


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ({"n_scenes": 0}, {}, "two-towers: it classifies scenes, but the corpus names none"),
        ({"n_events": 0}, {}, "two-towers: it tells events, but the labels bring none.*'pann'"),
        ({"n_frames": 31}, {}, "need 32 frames and 32 mel bands, a clip has 31 x 32"),
        ({}, {"n_shared": 7}, "n_shared = 7 must be 0 to 6"),
        ({}, {"n_shared": -1}, "n_shared = -1 must be 0 to 6"),
        ({}, {"channels": (0, 4, 4, 4, 4, 4)}, r"channels = \[0, 4, 4, 4, 4, 4\] must all be positive"),
        ({}, {"head_dropout": 1.0}, r"a dropout of 0.2 or 1 must be in \[0, 1\)"),
        ({}, {"scene_from": "events"}, 'it goes with towers = "event"'),
        ({}, {"matrix": "m.csv"}, 'matrix is read with scene_from = "events" only'),
    ],
)
def test_a_net_that_cannot_be_is_refused(task, options, message):
    sizes = {"n_frames": 64, "n_mels": 32, "n_events": 3, "n_scenes": 2} | task
    with pytest.raises(OptionError, match=message):
        TwoTowers(Task(**sizes), **({"channels": NARROW} | options))


def test_a_scene_tower_needs_no_events():
    outputs = made(task=Task(n_frames=64, n_mels=32, n_events=0, n_scenes=2), towers="scene")(torch.randn(1, 64, 32))
    assert outputs.event_clip_logit is None
    assert outputs.scene_logit.shape == (1, 2)
