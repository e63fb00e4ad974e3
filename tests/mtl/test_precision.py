"""Training in fewer digits against training in all: the nets of this folder, as they run on a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from earmark.experiment import Precision
from earmark.precision import casting, in_full, rounding
from earmark.protocols import Task
from earmark.targets import Targets
from earmark_mtl.losses import SceneCrossEntropy, StrongBce
from earmark_mtl.net import MtlCnnBiGru

TASK = Task(n_frames=50, n_mels=32, n_events=3, n_scenes=2)
NARROW = {"shared_channels": (8, 8, 8), "scene_channels": (8, 8), "gru_units": 8, "event_units": 8, "scene_units": 8}


def curve(precision: Precision, n_steps: int = 12) -> tuple[list[float], nn.Module]:
    """Losses of a training on eight clips whose events sound where a band is loud, and the net after it."""
    torch.manual_seed(0)
    net = MtlCnnBiGru(TASK, **NARROW, dropout=0.0)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    features = torch.randn(8, TASK.n_frames, TASK.n_mels)
    targets = Targets(
        clips=tuple("abcdefgh"),
        events=tuple("xyz"),
        scenes=("in", "out"),
        frame_event=features[..., :3] > 0.5,
        frame_event_known=torch.ones(8, 3, dtype=torch.bool),
        scene=torch.eye(2)[torch.arange(8) % 2],
        scene_known=torch.ones(8, dtype=torch.bool),
    )
    losses = []
    for _ in range(n_steps):
        with casting(precision, torch.device("cpu")):
            outputs = net(features)
        outputs = in_full(outputs)
        assert outputs.event_frame_logit.dtype == torch.float32
        loss = StrongBce()(outputs, targets) + 0.1 * SceneCrossEntropy()(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, net


def test_bfloat16_learns_along_the_curve_of_float32() -> None:
    full, _ = curve("float32")
    half, net = curve("bfloat16")
    assert full[-1] < 0.97 * full[0]
    assert half != full
    assert half == pytest.approx(full, rel=0.01)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}


def test_tf32_is_float32_on_a_cpu() -> None:
    assert curve("tf32", 3)[0] == curve("float32", 3)[0]


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True), ("bfloat16", True)])
def test_products_are_rounded_on_gpus_where_that_is_allowed_and_nowhere_else(
    precision: Precision, allowed: bool
) -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    with rounding(precision):
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (allowed, allowed)
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
