from __future__ import annotations

from pathlib import Path

import pytest
import torch

from earmark.frames import FrameGrid
from earmark.recordings import Dataset, Event, Recording, cut
from earmark_labels.annotated import Strong
from earmark_labels.fake_scene import FakeScene
from earmark_labels.fake_strong import FakeStrong
from earmark_labels.scene import Scene

GRID = FrameGrid(n_frames=50, hop_s=0.02)  # 1 s
EVENTS = tuple(f"event {index}" for index in range(25))
SCENES = ("city", "home", "office", "park")
HOUR = tuple(Event(0.1 + index, 0.9 + index, EVENTS[index % 3]) for index in range(399))


def recording(path, duration_s=400.0, **facts):
    return Recording(
        path=path, duration_s=duration_s, rate_hz=44_100, channels=1, split="development", **({"scene": "home"} | facts)
    )


DATASET = Dataset(
    name="small",
    root=Path("nowhere"),
    synthetic=True,
    scenes=SCENES,
    events=EVENTS,
    recordings=(recording("a.wav", events=HOUR), recording("b.wav", 2.0, scene=None, events=None)),
)
CLIPS = cut(DATASET.recordings, 1.0)
KNOWN = slice(0, 400)


def fake_scene(seed):
    return FakeScene().of_run(seed).label(DATASET, CLIPS, GRID)


def fake_strong(seed):
    return FakeStrong().of_run(seed).label(DATASET, CLIPS, GRID)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_shuffled_label_keeps_its_vectors_sum(seed):
    scene, true_scene = fake_scene(seed).scene, Scene().label(DATASET, CLIPS, GRID).scene
    assert torch.equal(scene.sum(1), true_scene.sum(1))
    event, true_event = fake_strong(seed).frame_event, Strong().label(DATASET, CLIPS, GRID).frame_event
    assert torch.equal(event.sum(2), true_event.sum(2))  # frame by frame
    assert true_event.any()
    assert event.dtype == true_event.dtype


def test_a_fake_scene_is_uniform_whatever_the_true_one_is():
    shares = fake_scene(0).scene[KNOWN].mean(0)  # 400 clips at home
    assert torch.all((shares - 0.25).abs() < 0.08)  # some four standard deviations


def test_fake_events_are_uniform_and_owe_nothing_to_the_frame_before():
    event = fake_strong(0).frame_event[KNOWN]
    true = Strong().label(DATASET, CLIPS, GRID).frame_event[KNOWN]
    per_event = event.sum((0, 1)) / true.sum()
    assert torch.all((per_event - 1 / 25).abs() < 0.008)
    pairs = (true.any(2)[:, 1:] & true.any(2)[:, :-1]).sum()
    same = (event[:, 1:] & event[:, :-1]).any(2).sum() / pairs
    assert abs(same - 1 / 25) < 0.01  # annotated events last, and these do not


def test_masks_stay_and_nobody_invents_a_label_that_was_not_known():
    scene, event = fake_scene(0), fake_strong(0)
    assert scene.scene_known.tolist() == [True] * 400 + [False] * 2
    assert event.frame_event_known.all(1).tolist() == [True] * 400 + [False] * 2
    assert not scene.scene[400:].any()
    assert not event.frame_event[400:].any()


def test_the_same_run_draws_the_same_labels_and_another_one_others():
    assert torch.equal(fake_scene(3).scene, fake_scene(3).scene)
    assert torch.equal(fake_strong(3).frame_event, fake_strong(3).frame_event)
    assert not torch.equal(fake_scene(3).scene, fake_scene(4).scene)
    assert not torch.equal(fake_strong(3).frame_event, fake_strong(4).frame_event)


@pytest.mark.parametrize("source", [FakeScene().of_run(1), FakeStrong().of_run(1)])
def test_a_clips_label_does_not_depend_on_which_others_there_are(source):
    whole, alone = source.label(DATASET, CLIPS, GRID), source.label(DATASET, CLIPS[7:8], GRID)
    for name in ("scene", "frame_event"):
        if getattr(whole, name) is not None:
            assert torch.equal(getattr(whole, name)[7], getattr(alone, name)[0])


def test_the_rule_by_which_times_become_frames_is_that_of_strong_labels():
    outer = FakeStrong(frame_rule="outer").of_run(0).label(DATASET, CLIPS, GRID).frame_event
    assert outer.sum() == Strong(frame_rule="outer").label(DATASET, CLIPS, GRID).frame_event.sum()
    assert outer.sum() > fake_strong(0).frame_event.sum()
