"""The fast network is the plain one: same outputs, same gradients, same estimates, same loss curve."""

from __future__ import annotations

import pytest
import torch
from plain_net import PlainNet
from torch.nn import functional as F

from earmark.protocols import Task
from earmark_mtl import conv_block, input_block
from earmark_mtl.net import MtlCnnBiGru

TASK = Task(n_frames=50, n_mels=64, n_events=5, n_scenes=4)
NARROW = {
    "shared_channels": (8, 12, 16),
    "scene_channels": (20, 12),
    "gru_units": 7,
    "event_units": 9,
    "scene_units": 6,
    "dropout": 0.0,
}


def twins(dtype=torch.float64):
    """The plain and the fast net with the same weights; batch normalisation scales of both signs."""
    torch.manual_seed(0)
    plain, fast = PlainNet(TASK, **NARROW).to(dtype), MtlCnnBiGru(TASK, **NARROW).to(dtype)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            if "norm" in name:
                parameter.add_(torch.randn_like(parameter))
    fast.load_state_dict(plain.state_dict())
    return plain, fast


def loss_of(net, x):
    outputs = net(x)
    event = torch.linspace(0, 1, TASK.n_events, dtype=x.dtype).expand_as(outputs.event_frame_logit)
    scene = torch.arange(len(x)) % TASK.n_scenes
    return F.binary_cross_entropy_with_logits(outputs.event_frame_logit, event) + F.cross_entropy(
        outputs.scene_logit, scene
    )


@pytest.fixture(params=[1, 1 << 13, 1 << 19], ids=["clip by clip", "uneven groups", "all at once"])
def _chunk_elements(request, monkeypatch):
    """Sizes of the groups in which clips are worked on: no result may depend on them."""
    monkeypatch.setattr(conv_block, "CHUNK_ELEMENTS", request.param)
    monkeypatch.setattr(input_block, "CHUNK_ELEMENTS", request.param)


@pytest.mark.usefixtures("_chunk_elements")
def test_a_training_step_has_the_plain_gradients_and_running_estimates():
    plain, fast = twins()
    x = 2 * torch.randn(5, TASK.n_frames, TASK.n_mels, dtype=torch.float64) - 3
    for net in (plain, fast):
        loss_of(net, x).backward()
    for (name, expected), found in zip(plain.named_parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-9, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")
    for (name, expected), found in zip(plain.named_buffers(), fast.buffers(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.usefixtures("_chunk_elements")
@pytest.mark.parametrize("grad", [True, False])
def test_predictions_are_the_plain_ones(grad):
    plain, fast = twins()
    x = torch.randn(5, TASK.n_frames, TASK.n_mels, dtype=torch.float64)
    plain(x), fast(x)  # move the running estimates away from their start
    plain.eval(), fast.eval()
    with torch.set_grad_enabled(grad):
        expected, found = plain(x), fast(x)
    torch.testing.assert_close(found.event_frame_logit, expected.event_frame_logit, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.scene_logit, expected.scene_logit, rtol=1e-10, atol=1e-12)
    assert found.scene_logit.requires_grad is grad


def test_frozen_estimates_still_let_gradients_through():
    plain, fast = (net.eval() for net in twins())
    x = torch.randn(3, TASK.n_frames, TASK.n_mels, dtype=torch.float64, requires_grad=True)
    of_input = []
    for net in (plain, fast):
        of_input.append(torch.autograd.grad(loss_of(net, x), [x, net.trunk[0].conv.weight]))
    for found, expected in zip(of_input[1], of_input[0], strict=True):
        torch.testing.assert_close(found, expected)


def test_features_may_ask_for_a_gradient_in_training():
    plain, fast = twins()
    x = torch.randn(3, TASK.n_frames, TASK.n_mels, dtype=torch.float64, requires_grad=True)
    expected, found = (torch.autograd.grad(loss_of(net, x), x)[0] for net in (plain, fast))
    torch.testing.assert_close(found, expected)


def test_a_silent_clip_gives_its_gradient_to_the_first_of_equal_maxima():
    # Digital silence: every patch is alike, and so are the values among which the maximum is taken.
    plain, fast = twins()
    x = torch.randn(4, TASK.n_frames, TASK.n_mels, dtype=torch.float64)
    x[1] = -4.0
    for net in (plain, fast):
        loss_of(net, x).backward()
    name = "trunk.0.conv.weight"
    torch.testing.assert_close(fast.get_parameter(name).grad, plain.get_parameter(name).grad, rtol=1e-8, atol=1e-11)


def test_the_loss_curves_agree_over_forty_steps_in_single_precision():
    curves = []
    for net in twins(torch.float32):
        generator = torch.Generator().manual_seed(1)
        batches = torch.randn(4, 8, TASK.n_frames, TASK.n_mels, generator=generator)
        optimizer = torch.optim.RAdam(net.parameters(), lr=5e-3)
        curve = []
        for step in range(40):
            optimizer.zero_grad()
            loss = loss_of(net, batches[step % 4])
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        curves.append(torch.tensor(curve))
    expected, found = curves
    assert expected[-1] < expected[0] - 0.1  # it does learn, so the curves are not equal by standing still
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=0)


def test_the_same_seed_gives_the_same_bits():
    losses = []
    for _ in range(2):
        _, net = twins(torch.float32)
        x = torch.randn(3, TASK.n_frames, TASK.n_mels, generator=torch.Generator().manual_seed(2))
        loss_of(net, x).backward()
        losses.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    assert torch.equal(*losses)
