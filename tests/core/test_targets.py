from __future__ import annotations

import pytest
import torch

from earmark.errors import TargetsError
from earmark.targets import Targets, concatenate


def targets(clips=("a", "b"), **labels) -> Targets:
    return Targets(clips=tuple(clips), events=("x", "y", "z"), scenes=("home", "park"), **labels)


def strong(clips=("a", "b")) -> Targets:
    n = len(clips)
    return targets(clips, frame_event=torch.ones(n, 4, 3), frame_event_known=torch.ones(n, 3, dtype=torch.bool))


def weak(clips=("a", "b")) -> Targets:
    n = len(clips)
    return targets(clips, clip_event=torch.ones(n, 3), clip_event_known=torch.ones(n, 3, dtype=torch.bool))


def test_mixing_strong_and_weak_clips_masks_what_each_lacks():
    mixed = concatenate([strong(("a", "b")), weak(("c",))])
    assert mixed.clips == ("a", "b", "c")
    assert mixed.frame_event_known[:, 0].tolist() == [True, True, False]
    assert mixed.clip_event_known[:, 0].tolist() == [False, False, True]
    assert mixed.frame_event.shape == (3, 4, 3)


def test_select_takes_every_label_in_the_order_of_the_index():
    mixed = concatenate([strong(("a", "b")), weak(("c",))]).select(torch.tensor([2, 0]))
    assert mixed.clips == ("c", "a")
    assert mixed.frame_event_known[:, 0].tolist() == [False, True]


def test_two_sources_of_different_kinds_stand_side_by_side():
    both = strong().merge(weak())
    assert both.frame_event is not None
    assert both.clip_event is not None


def test_two_sources_of_one_kind_for_the_same_clips_are_refused():
    with pytest.raises(TargetsError, match="both give frame_event for the same clips"):
        strong().merge(strong())


def test_merging_other_clips_is_refused():
    with pytest.raises(TargetsError, match="same clips"):
        strong(("a", "b")).merge(weak(("a", "c")))


def test_a_clip_in_two_parts_is_refused():
    with pytest.raises(TargetsError, match="shares must not overlap"):
        concatenate([strong(("a",)), weak(("a",))])


def test_nothing_cannot_be_joined():
    with pytest.raises(TargetsError, match="No targets"):
        concatenate([])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"scene": torch.ones(2, 2)}, "Targets.scene_known go together"),
        ({"scene": torch.ones(2, 3), "scene_known": torch.ones(2, dtype=torch.bool)}, r"scene has shape \(2, 3\)"),
        ({"clip_event": torch.ones(2, 3), "clip_event_known": torch.ones(2, 3)}, "must be bool"),
        ({"frame_event": torch.ones(2, 3), "frame_event_known": torch.ones(2, 3, dtype=torch.bool)}, "frame_event has"),
    ],
)
def test_labels_that_do_not_fit_the_clips_are_refused(labels, said):
    with pytest.raises(TargetsError, match=said):
        targets(**labels)


def test_scene_labels_take_the_vocabulary_of_the_events_beside_them():
    scene = targets(scene=torch.eye(2), scene_known=torch.ones(2, dtype=torch.bool))
    tagged = Targets(
        clips=("a", "b"),
        events=("siren",),
        scenes=("home", "park"),
        clip_event=torch.ones(2, 1),
        clip_event_known=torch.ones(2, 1, dtype=torch.bool),
    )
    assert scene.merge(tagged).events == tagged.merge(scene).events == ("siren",)
    other = targets(("c",), scene=torch.eye(2)[:1], scene_known=torch.ones(1, dtype=torch.bool))
    assert concatenate([other, tagged]).events == ("siren",)


def test_events_of_two_vocabularies_cannot_be_mixed():
    other = Targets(
        clips=("c",),
        events=("siren",),
        scenes=("home", "park"),
        clip_event=torch.ones(1, 1),
        clip_event_known=torch.ones(1, 1, dtype=torch.bool),
    )
    with pytest.raises(TargetsError, match=r"different vocabularies \(1 and 3 events\) cannot be joined"):
        concatenate([weak(), other])
