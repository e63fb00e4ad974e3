from __future__ import annotations

import pytest
import torch

from earmark.errors import OptionError
from earmark.protocols import Task
from earmark_mtl.net import MtlCnnBiGru
from earmark_mtl.single_task import EventCnnBiGru, SceneCnn

PAPER = Task(n_frames=500, n_mels=64, n_events=25, n_scenes=4)
SMALL = Task(n_frames=50, n_mels=32, n_events=5, n_scenes=3)
TRUNK = {"shared_channels": (4, 4, 4), "scene_channels": (6, 6), "scene_units": 5}
EVENT = {"gru_units": 4, "event_units": 6}


def seeded(factory, **options):
    torch.manual_seed(0)
    return factory(SMALL, **options).eval()


def test_the_parts_have_the_parameters_that_table_1_gives_them():
    # [mutual_benefit], Table 1: shared 297,216, scene 894,628, event 58,585
    assert sum(p.numel() for p in SceneCnn(PAPER).parameters()) == 297_216 + 894_628
    assert sum(p.numel() for p in EventCnnBiGru(PAPER).parameters()) == 297_216 + 58_585


def test_a_part_is_the_multitask_net_of_the_same_seed_without_the_other_branch():
    x = torch.randn(2, 50, 32, generator=torch.Generator().manual_seed(1))
    whole = seeded(MtlCnnBiGru, **TRUNK, **EVENT)
    scene, event = seeded(SceneCnn, **TRUNK), seeded(EventCnnBiGru, **TRUNK, **EVENT)
    assert torch.equal(scene(x).scene_logit, whole(x).scene_logit)
    assert torch.equal(event(x).event_frame_logit, whole(x).event_frame_logit)
    assert torch.equal(event(x).event_clip_logit, whole(x).event_clip_logit)
    assert set(scene.state_dict()) | set(event.state_dict()) == set(whole.state_dict())


def test_each_gives_its_own_output_alone():
    x = torch.randn(2, 50, 32)
    scene, event = seeded(SceneCnn, **TRUNK)(x), seeded(EventCnnBiGru, **TRUNK, **EVENT)(x)
    assert (scene.event_frame_logit, scene.event_clip_logit, event.scene_logit) == (None, None, None)


def test_a_scene_net_without_scenes_is_refused():
    with pytest.raises(OptionError, match=r"classifies scenes, but the corpus names none\. Choose event-cnn-bigru"):
        SceneCnn(Task(n_frames=50, n_mels=32, n_events=5, n_scenes=0), **TRUNK)
