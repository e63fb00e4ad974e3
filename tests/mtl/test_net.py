from __future__ import annotations

import pytest
import torch

from earmark.errors import OptionError
from earmark.protocols import Task
from earmark_mtl.net import MtlCnnBiGru

PAPER = Task(n_frames=500, n_mels=64, n_events=25, n_scenes=4)
SMALL = Task(n_frames=50, n_mels=32, n_events=5, n_scenes=3)
NARROW = {"shared_channels": (4, 4, 4), "scene_channels": (6, 6), "gru_units": 4, "event_units": 6, "scene_units": 5}


@pytest.mark.parametrize(
    ("options", "n_parameters"),
    [
        ({}, 1_322_909),  # [partial_labels], Table 9: 1,323k
        ({"weak_branch": True}, 1_331_167),  # and 1,331k
        ({"keep_mel_bins": True}, 1_331_101),  # the other reading that rounds to 1,331k
    ],
)
def test_the_net_has_the_papers_number_of_parameters(options, n_parameters):
    assert sum(p.numel() for p in MtlCnnBiGru(PAPER, **options).parameters()) == n_parameters


def test_outputs_have_the_tasks_sizes_at_paper_size():
    outputs = MtlCnnBiGru(PAPER, **NARROW).eval()(torch.randn(2, 500, 64))
    assert outputs.event_frame_logit.shape == (2, 500, 25)
    assert outputs.event_clip_logit.shape == (2, 25)
    assert outputs.scene_logit.shape == (2, 4)


def test_without_a_weak_branch_the_clip_logit_is_the_loudest_frames():
    outputs = MtlCnnBiGru(SMALL, **NARROW)(torch.randn(2, 50, 32))
    assert torch.equal(outputs.event_clip_logit, outputs.event_frame_logit.amax(dim=1))


def test_with_a_weak_branch_the_clip_logit_owes_nothing_to_the_frame_logits():
    net = MtlCnnBiGru(SMALL, weak_branch=True, **NARROW)
    net(torch.randn(2, 50, 32)).event_clip_logit.sum().backward()
    assert net.event.output.weight.grad is None
    assert net.weak.output.weight.grad.abs().sum() > 0
    assert net.event.gru.weight_ih_l0.grad.abs().sum() > 0


def test_a_later_stage_finds_all_but_the_weak_weights_by_name():
    first, second = MtlCnnBiGru(SMALL, weak_branch=True, **NARROW), MtlCnnBiGru(SMALL, **NARROW)
    result = second.load_state_dict(first.state_dict(), strict=False)
    assert result.missing_keys == []
    assert {name.split(".")[0] for name in result.unexpected_keys} == {"weak"}
    assert {name.split(".")[0] for name in second.state_dict()} == {"trunk", "scene", "event"}
    x = torch.randn(2, 50, 32)
    assert torch.equal(first.eval()(x).event_frame_logit, second.eval()(x).event_frame_logit)


def test_keeping_the_mel_bins_makes_the_scene_branch_see_each_of_them():
    task = Task(n_frames=50, n_mels=96, n_events=5, n_scenes=3)
    net = MtlCnnBiGru(task, keep_mel_bins=True, **NARROW)
    assert net.scene.hidden.in_features == 3 * 6
    assert net(torch.randn(2, 50, 96)).scene_logit.shape == (2, 3)


def test_frames_that_cannot_be_pooled_are_refused_with_what_to_choose():
    with pytest.raises(OptionError, match=r"multiple of 25 frames; it has 510\. Choose a clip length or a hop"):
        MtlCnnBiGru(Task(n_frames=510, n_mels=64, n_events=1, n_scenes=1))


@pytest.mark.parametrize(("n_mels", "near"), [(40, 32), (8, 32), (128 + 30, 160)])
def test_mel_bands_that_cannot_be_pooled_are_refused_with_the_nearest_number(n_mels, near):
    with pytest.raises(OptionError, match=rf"multiple of 32; it is {n_mels}\. Set the front end's n_mels to {near}\."):
        MtlCnnBiGru(Task(n_frames=500, n_mels=n_mels, n_events=1, n_scenes=1))


def test_dropout_acts_in_training_alone():
    net, x = MtlCnnBiGru(SMALL, dropout=0.5, **NARROW), torch.randn(2, 50, 32)
    assert not torch.equal(net(x).event_frame_logit, net(x).event_frame_logit)
    net.eval()
    assert torch.equal(net(x).event_frame_logit, net(x).event_frame_logit)


def test_a_prediction_does_not_depend_on_the_batch_that_a_clip_is_in():
    net, x = MtlCnnBiGru(SMALL, **NARROW).eval(), torch.randn(7, 50, 32)
    with torch.no_grad():
        together, alone = net(x), net(x[3:4])
    torch.testing.assert_close(together.event_frame_logit[3:4], alone.event_frame_logit)
    torch.testing.assert_close(together.scene_logit[3:4], alone.scene_logit)


def test_without_scenes_there_is_no_scene_branch():
    torch.manual_seed(0)
    task = Task(n_frames=50, n_mels=32, n_events=3, n_scenes=0)
    net = MtlCnnBiGru(task, shared_channels=(4, 4, 4), scene_channels=(4, 4), gru_units=4)
    outputs = net(torch.randn(2, 50, 32))
    assert outputs.scene_logit is None
    assert outputs.event_frame_logit.shape == (2, 50, 3)
    assert not [name for name, _ in net.named_parameters() if name.startswith("scene")]
