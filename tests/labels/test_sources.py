from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from earmark.frames import FrameGrid
from earmark.recordings import Dataset, Event, Recording, cut
from earmark_labels.annotated import PseudoStrong, Strong, Weak
from earmark_labels.scene import Scene

GRID = FrameGrid(n_frames=50, hop_s=0.02)  # 1 s
EVENTS = ("bird", "car", "door")
SCENES = ("home", "office")


def recording(path, **facts):
    known = {"duration_s": 2.0, "rate_hz": 44_100, "channels": 2, "split": "development", "scene": "home"}
    return Recording(path=path, **(known | facts))


ANNOTATED = recording(
    "a.wav",
    scene="office",
    events=(
        Event(0.2, 0.5, "car"),  # inner frames 11..23 of the first clip
        Event(0.9, 1.1, "bird"),  # frames 46..53: across the border of the clips
        Event(1.5, 1.53, "door"),  # too short for an inner frame
    ),
)
SILENT = recording("b.wav", events=())
UNHEARD = recording("c.wav", events=None, scene=None)
DATASET = Dataset(
    name="small",
    root=Path("nowhere"),
    synthetic=True,
    scenes=SCENES,
    events=EVENTS,
    recordings=(ANNOTATED, SILENT, UNHEARD),
)
CLIPS = cut(DATASET.recordings, 1.0)  # two of each recording


def test_scenes_are_one_hot_and_masked_where_nobody_named_one():
    targets = Scene().label(DATASET, CLIPS, GRID)
    assert targets.scene.tolist() == [[0, 1], [0, 1], [1, 0], [1, 0], [0, 0], [0, 0]]
    assert targets.scene_known.tolist() == [True] * 4 + [False] * 2
    assert targets.frame_event is targets.clip_event is targets.candidate is None


def test_strong_labels_follow_the_papers_frame_rule_across_clip_borders():
    frame_event = Strong().label(DATASET, CLIPS, GRID).frame_event
    car, bird = frame_event[..., 1], frame_event[..., 0]
    assert torch.nonzero(car[0]).flatten().tolist() == list(range(11, 24))
    assert torch.nonzero(bird[0]).flatten().tolist() == [46, 47, 48, 49]
    assert torch.nonzero(bird[1]).flatten().tolist() == [0, 1, 2, 3]
    assert frame_event.sum() == 13 + 8


def test_the_outer_rule_keeps_what_the_inner_one_loses():
    inner, outer = (Strong(frame_rule=rule).label(DATASET, CLIPS, GRID).frame_event for rule in ("inner", "outer"))
    assert inner[1, :, 2].sum() == 0
    assert torch.nonzero(outer[1, :, 2]).flatten().tolist() == [25, 26]
    assert (outer | inner).equal(outer)


@pytest.mark.parametrize("source", [Strong(), PseudoStrong()])
def test_frames_of_unannotated_recordings_are_unknown_and_of_silent_ones_known(source):
    targets = source.label(DATASET, CLIPS, GRID)
    assert targets.frame_event_known.tolist() == [[True] * 3] * 4 + [[False] * 3] * 2
    assert not targets.frame_event[2:].any()


def test_events_of_unannotated_clips_are_unknown_and_of_silent_ones_known():
    targets = Weak().label(DATASET, CLIPS, GRID)
    assert targets.clip_event_known.tolist() == [[True] * 3] * 4 + [[False] * 3] * 2


@pytest.mark.parametrize("rule", ["inner", "outer"])
def test_a_weak_label_is_active_where_any_frame_is(rule):
    weak = Weak(frame_rule=rule).label(DATASET, CLIPS, GRID).clip_event
    assert weak.equal(Strong(frame_rule=rule).label(DATASET, CLIPS, GRID).frame_event.any(dim=1))
    assert weak[1].tolist() == [True, False, rule == "outer"]


def test_pseudo_strong_labels_are_the_weak_ones_in_every_frame():
    pseudo = PseudoStrong().label(DATASET, CLIPS, GRID).frame_event
    weak = Weak().label(DATASET, CLIPS, GRID).clip_event
    assert pseudo.sum(dim=1).equal(50 * weak.long())


@pytest.mark.parametrize("source", [Scene(), Strong(), Weak(), PseudoStrong()])
def test_clips_keep_the_order_in_which_they_were_asked_for(source):
    forwards, backwards = source.label(DATASET, CLIPS, GRID), source.label(DATASET, CLIPS[::-1], GRID)
    assert backwards.clips == forwards.clips[::-1]
    same = backwards.select(torch.arange(len(CLIPS) - 1, -1, -1))
    for name in ("scene", "frame_event", "clip_event"):
        if getattr(forwards, name) is not None:
            assert getattr(same, name).equal(getattr(forwards, name))


def test_strong_weak_and_scene_labels_lie_side_by_side():
    merged = Scene().label(DATASET, CLIPS, GRID).merge(Strong().label(DATASET, CLIPS, GRID))
    merged = merged.merge(Weak().label(DATASET, CLIPS, GRID))
    assert merged.scene is not None
    assert merged.frame_event is not None


def test_no_clips_give_empty_targets():
    for source in (Scene(), Strong(), Weak(), PseudoStrong()):
        assert len(source.label(replace(DATASET, recordings=()), (), GRID)) == 0


def test_tags_are_weak_labels_of_the_whole_recording_and_say_of_a_part_only_what_it_lacks():
    whole = recording("d.wav", duration_s=1.0, events=None, tags=("car",))
    longer = recording("e.wav", duration_s=2.0, events=None, tags=("bird",))
    dataset = replace(DATASET, recordings=(whole, longer))
    targets = Weak().label(dataset, cut(dataset.recordings, 1.0), GRID)
    assert targets.clip_event[0].tolist() == [False, True, False]
    assert targets.clip_event_known[0].all()
    # A bird sounds somewhere in two seconds, perhaps in the other clip; car and door sound in neither.
    assert targets.clip_event_known[1:].tolist() == [[False, True, True]] * 2
    assert not targets.clip_event[1:, 1:].any()


def test_annotated_times_count_where_a_recording_has_tags_too():
    both = recording("d.wav", duration_s=1.0, events=(Event(0.1, 0.9, "door"),), tags=("car",))
    dataset = replace(DATASET, recordings=(both,))
    targets = PseudoStrong().label(dataset, cut(dataset.recordings, 1.0), GRID)
    assert targets.frame_event[0].all(dim=0).tolist() == [False, False, True]
