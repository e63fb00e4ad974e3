from __future__ import annotations

import copy

import pytest
import torch

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark.targets import Targets
from earmark_mtl.gradient_reversal import PLACES, ReversedMtlCnnBiGru, reversed_gradient
from earmark_mtl.losses import SceneCrossEntropy, StrongBce
from earmark_mtl.net import MtlCnnBiGru

TASK = Task(n_frames=50, n_mels=32, n_events=3, n_scenes=4)
NARROW = {
    "shared_channels": (4, 5, 6),
    "scene_channels": (5, 4),
    "gru_units": 3,
    "event_units": 4,
    "scene_units": 4,
    "dropout": 0.0,
}
BEFORE = {  # the layers of its own branch that a place lies behind; the trunk lies before all places
    "S1": (),
    "S2": ("scene.blocks",),
    "E1": (),
    "E2": ("event.gru",),
}


def twins(place, strength):
    torch.manual_seed(0)
    plain = MtlCnnBiGru(TASK, **NARROW).double()
    torch.manual_seed(0)
    turned = ReversedMtlCnnBiGru(TASK, place=place, strength=strength, **NARROW).double()
    return plain, turned


def features():
    return torch.randn(6, 50, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def losses(outputs: Outputs):
    """Scene and event loss."""
    generator = torch.Generator().manual_seed(2)
    targets = Targets(
        clips=tuple("abcdef"),
        events=("x", "y", "z"),
        scenes=tuple("nesw"),
        frame_event=torch.rand(6, 50, 3, generator=generator) > 0.5,
        frame_event_known=torch.ones(6, 3, dtype=torch.bool),
        scene=torch.eye(4)[torch.tensor([0, 1, 2, 3, 0, 1])],
        scene_known=torch.ones(6, dtype=torch.bool),
    )
    return SceneCrossEntropy()(outputs, targets), StrongBce()(outputs, targets)


def gradients(net, total):
    named = dict(net.named_parameters())
    found = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    return {name: torch.zeros_like(named[name]) if g is None else g for name, g in zip(named, found, strict=True)}


def is_before(name, place):
    return name.startswith(("trunk", *BEFORE[place]))


@pytest.mark.parametrize("strength", [1.0, 0.25])
@pytest.mark.parametrize("place", PLACES)
def test_before_a_place_the_tasks_gradient_is_the_plain_one_times_minus_lambda_and_behind_it_the_plain_one(
    place, strength
):
    plain, turned = twins(place, strength)
    task = 0 if place.startswith("S") else 1
    expected = gradients(plain, losses(plain(features()))[task])
    found = gradients(turned, losses(turned(features()))[task])
    factors = {name: -strength if is_before(name, place) else 1.0 for name in expected}
    for name, factor in factors.items():
        torch.testing.assert_close(found[name], factor * expected[name], msg=lambda m, n=name: f"{n}: {m}")
    changed = [name for name, factor in factors.items() if factor < 0 and expected[name].abs().sum() > 0]
    assert len(changed) >= 6  # the claim is about gradients that are not 0


@pytest.mark.parametrize("place", PLACES)
def test_the_other_tasks_gradient_does_not_notice(place):
    plain, turned = twins(place, 1.0)
    other = 1 if place.startswith("S") else 0
    expected = gradients(plain, losses(plain(features()))[other])
    found = gradients(turned, losses(turned(features()))[other])
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("place", PLACES)
def test_in_the_shared_layers_the_weighted_gradients_of_both_tasks_meet(place):
    plain, turned = twins(place, 1.0)
    of_scene, of_event = (gradients(plain, losses(plain(features()))[task]) for task in (0, 1))
    signs = (-1.0, 1.0) if place.startswith("S") else (1.0, -1.0)
    scene, event = losses(turned(features()))
    found = gradients(turned, 0.0001 * scene + event)
    for name in (name for name in found if name.startswith("trunk")):
        expected = signs[0] * 0.0001 * of_scene[name] + signs[1] * of_event[name]
        torch.testing.assert_close(found[name], expected, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("place", PLACES)
def test_weights_and_outputs_are_those_of_the_plain_net(place):
    plain, turned = twins(place, 1.0)
    assert list(plain.state_dict()) == list(turned.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), turned.parameters(), strict=True))
    expected, found = plain.eval()(features()), turned.eval()(features())
    assert torch.equal(found.event_frame_logit, expected.event_frame_logit)
    assert torch.equal(found.scene_logit, expected.scene_logit)


def test_a_step_down_the_reversed_gradient_makes_the_shared_layers_worse_for_the_scene():
    _, turned = twins("S1", 1.0)
    before = losses(turned(features()))[0]
    step = gradients(turned, before)
    with torch.no_grad():
        for name, parameter in turned.named_parameters():
            if name.startswith("trunk"):
                parameter -= 1e-3 * step[name]
    assert losses(turned(features()))[0] > before


def test_a_copy_of_the_net_turns_its_gradient_round_too():
    _, turned = twins("E1", 1.0)
    twin = copy.deepcopy(turned)
    expected = gradients(turned, losses(turned(features()))[1])
    found = gradients(twin, losses(twin(features()))[1])
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_layer_is_the_identity_with_a_negative_derivative():
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    y = reversed_gradient(x, 2.0)
    assert y.tolist() == [2.0, -3.0]
    y.square().sum().backward()
    assert x.grad.tolist() == [-8.0, 12.0]  # -2 * 2 x


def test_the_net_has_the_papers_number_of_parameters():
    net = ReversedMtlCnnBiGru(Task(n_frames=500, n_mels=64, n_events=25, n_scenes=4))
    assert sum(p.numel() for p in net.parameters()) == 1_250_429  # [mutual_benefit], Table 1


@pytest.mark.parametrize("strength", [0.0, -1.0, float("inf"), float("nan")])
def test_a_strength_that_reverses_nothing_is_refused(strength):
    with pytest.raises(OptionError, match=r"strength = .* must be positive, .* the paper uses 1\."):
        ReversedMtlCnnBiGru(TASK, strength=strength, **NARROW)


def test_a_place_in_a_branch_that_is_not_there_is_refused():
    task = Task(n_frames=50, n_mels=32, n_events=3, n_scenes=0)
    with pytest.raises(OptionError, match=r"S2 lies in the scene branch, but the corpus names no scenes\. Choose E1"):
        ReversedMtlCnnBiGru(task, place="S2", **NARROW)
    assert ReversedMtlCnnBiGru(task, place="E2", **NARROW)(torch.randn(2, 50, 32)).scene_logit is None
