from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from earmark.errors import OptionError
from earmark.protocols import Task
from earmark_mtl import conv_block, input_block
from earmark_mtl.light_net import LightCnnBiGru, LightMtlCnnBiGru, SceneTeacher

PAPER = Task(n_frames=500, n_mels=64, n_events=25, n_scenes=4)
SMALL = Task(n_frames=100, n_mels=64, n_events=5, n_scenes=3)
NARROW = {"shared_channels": (4, 5, 6), "scene_channels": (6, 4), "gru_units": 3, "event_units": 4, "dropout": 0.0}


@pytest.mark.parametrize(
    ("factory", "n_parameters"),
    [(LightMtlCnnBiGru, 415_053), (LightCnnBiGru, 297_216 + 34_009), (SceneTeacher, 300_804)],
)
def test_the_nets_have_the_number_of_parameters_that_follows_from_table_2(factory, n_parameters):
    assert sum(p.numel() for p in factory(PAPER).parameters()) == n_parameters


def test_outputs_have_the_tasks_sizes_at_paper_size():
    outputs = LightMtlCnnBiGru(PAPER, **NARROW).eval()(torch.randn(2, 500, 64))
    assert outputs.event_frame_logit.shape == (2, 500, 25)
    assert outputs.event_clip_logit.shape == (2, 25)
    assert outputs.scene_logit.shape == (2, 4)
    teacher = SceneTeacher(PAPER, channels=(2, 3, 4))
    assert teacher.output.in_features == 4 * 7 * 1  # 500 frames pooled to 62, 15 and 7
    assert teacher.eval()(torch.randn(2, 500, 64)).scene_logit.shape == (2, 4)


def test_the_scene_branch_has_no_hidden_linear_layer():
    net = LightMtlCnnBiGru(PAPER)
    assert [name for name, _ in net.scene.named_children()] == ["blocks", "output"]
    assert net.scene.output.in_features == 160


def test_without_its_scene_branch_the_net_starts_with_the_same_weights():
    torch.manual_seed(0)
    whole = LightMtlCnnBiGru(SMALL, **NARROW).eval()
    torch.manual_seed(0)
    event = LightCnnBiGru(SMALL, **NARROW).eval()
    x = torch.randn(2, 100, 64)
    assert torch.equal(event(x).event_frame_logit, whole(x).event_frame_logit)
    assert event(x).scene_logit is None
    assert {name.split(".")[0] for name in event.state_dict()} == {"trunk", "event"}


@pytest.fixture(params=[1, 1 << 13, 1 << 19], ids=["clip by clip", "uneven groups", "all at once"])
def _chunk_elements(request, monkeypatch):
    monkeypatch.setattr(conv_block, "CHUNK_ELEMENTS", request.param)
    monkeypatch.setattr(input_block, "CHUNK_ELEMENTS", request.param)


@pytest.mark.usefixtures("_chunk_elements")
@pytest.mark.parametrize("factory", [LightMtlCnnBiGru, SceneTeacher])
def test_relu_and_pooling_with_remainders_have_the_plain_outputs_and_gradients(factory, monkeypatch):
    torch.manual_seed(0)
    options = NARROW if factory is LightMtlCnnBiGru else {"channels": (4, 5, 6)}
    task = Task(n_frames=108, n_mels=64, n_events=5, n_scenes=3)
    fast = factory(task, **options).double()
    with torch.no_grad():
        for name, parameter in fast.named_parameters():
            if "norm" in name:
                parameter.add_(torch.randn_like(parameter))
    plain = factory(task, **options).double()
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(5, 108, 64, dtype=torch.float64)
    found = gradients(fast, x)
    monkeypatch.setattr(conv_block.ConvBlock, "forward", lambda self, x: self.plain(x))
    monkeypatch.setattr(input_block.InputBlock, "forward", lambda self, x: self.plain(x))
    for name, expected in gradients(plain, x).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-9, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


def gradients(net, x):
    outputs = net(x)
    total = F.cross_entropy(outputs.scene_logit, torch.arange(5) % 3)
    if outputs.event_frame_logit is not None:
        total = total + outputs.event_frame_logit.square().mean()
    found = torch.autograd.grad(total, list(net.parameters()))
    return {"loss": total, **dict(zip((name for name, _ in net.named_parameters()), found, strict=True))}


def test_mel_bands_and_frames_that_cannot_be_pooled_are_refused_with_what_to_choose():
    with pytest.raises(OptionError, match=r"multiple of 64; it is 96\. Set the front end's n_mels to 128\."):
        LightMtlCnnBiGru(Task(n_frames=500, n_mels=96, n_events=1, n_scenes=1))
    with pytest.raises(OptionError, match=r"pools 50 frames for the scene; a clip has 40\. Choose longer clips"):
        LightMtlCnnBiGru(Task(n_frames=40, n_mels=64, n_events=1, n_scenes=1))
    with pytest.raises(OptionError, match="64 of each are needed; there are 60 frames and 64 mel bands"):
        SceneTeacher(Task(n_frames=60, n_mels=64, n_events=1, n_scenes=1))
    with pytest.raises(OptionError, match=r"the corpus names none\. Take the stage out"):
        SceneTeacher(Task(n_frames=500, n_mels=64, n_events=1, n_scenes=0))
