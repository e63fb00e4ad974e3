"""A player connected with a layer: gestures become edits of the recording, and nothing outside the clip changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import traitlets

from earmark.errors import AnnotationError
from earmark.recordings import Clip, Event
from earmark.testing import small_dataset
from earmark_lab.corrections import CorrectionLayer, Edit, LayerError, corrected

LONG = Event(1.0, 5.0, "car")
TALK = Event(2.25, 3.0, "people talking")
WAV = "audio/0.wav"


class Spans(traitlets.HasTraits):
    """What `corrected` needs of a player."""

    spans = traitlets.Dict()


@pytest.fixture
def dataset():
    small = small_dataset()
    first = replace(small.recordings[0], events=(LONG, TALK))
    return replace(small, recordings=(first, *small.recordings[1:]))


@pytest.fixture
def layer(tmp_path, dataset):
    return CorrectionLayer.open(tmp_path / "mine.jsonl", dataset, author="Ann")


@pytest.fixture
def clip(dataset):
    """From 2 s to 4 s of the recording: the car sounds before and after it."""
    return Clip(recording=dataset.recordings[0], start_s=2.0, duration_s=2.0)


@pytest.fixture
def player():
    return Spans(spans={"corrected": []})


def edit(player, *spans):
    player.spans = {"corrected": [list(span) for span in spans]}


CAR_SHOWN, TALK_SHOWN = (0.0, 2.0, "car"), (0.25, 1.0, "people talking")


def test_the_player_shows_what_the_layer_says_of_the_clip(player, layer, clip):
    corrected(player, layer, clip)
    assert player.spans == {"corrected": [list(CAR_SHOWN), list(TALK_SHOWN)]}
    assert layer.history() == ()


@pytest.mark.parametrize(
    ("spans", "events"),
    [
        ([CAR_SHOWN, (0.25, 1.5, "people talking")], [LONG, Event(2.25, 3.5, "people talking")]),
        ([CAR_SHOWN, (0.25, 1.0, "bird singing")], [LONG, Event(2.25, 3.0, "bird singing")]),
        ([CAR_SHOWN, (0.5, 1.25, "bird singing")], [LONG, Event(2.5, 3.25, "bird singing")]),
        ([CAR_SHOWN, TALK_SHOWN, (1.5, 1.75, "car")], [LONG, TALK, Event(3.5, 3.75, "car")]),
        ([CAR_SHOWN], [LONG]),
        # What goes on outside: removed and shortened inside alone; its name is one.
        ([TALK_SHOWN], [Event(1.0, 2.0, "car"), TALK, Event(4.0, 5.0, "car")]),
        ([(0.5, 2.0, "car"), TALK_SHOWN], [Event(1.0, 2.0, "car"), TALK, Event(2.5, 5.0, "car")]),
        ([(0.5, 1.5, "car"), TALK_SHOWN],
         [Event(1.0, 2.0, "car"), TALK, Event(2.5, 3.5, "car"), Event(4.0, 5.0, "car")]),
        ([(0.0, 2.0, "bird singing"), TALK_SHOWN], [Event(1.0, 5.0, "bird singing"), TALK]),
        # Beyond the clip's end there is nothing to listen to.
        ([CAR_SHOWN, (0.25, 9.0, "people talking")], [LONG, Event(2.25, 4.0, "people talking")]),
    ],
    ids=["moved", "renamed", "dragged to another row", "added", "removed", "crossing, removed",
         "crossing, begins later", "crossing, shortened", "crossing, renamed", "clamped"],
)  # fmt: skip
def test_a_gesture_in_the_clip_is_an_edit_of_the_recording(player, layer, clip, spans, events):
    corrected(player, layer, clip, "Bo")
    edit(player, *spans)
    assert layer.events(WAV) == tuple(sorted(events))
    assert {entry.author for entry in layer.history()} == {"Bo"}
    assert layer.checked(WAV) == ((2.0, 4.0),)


def test_an_end_that_was_only_rounded_has_not_moved(player, tmp_path, dataset):
    odd = Event(2.2504, 3.0, "people talking")
    layer = CorrectionLayer.open(tmp_path / "a", dataset, author="Ann", base={WAV: [odd]})
    corrected(player, layer, Clip(recording=dataset.recordings[0], start_s=2.0, duration_s=2.0))
    edit(player, (0.25, 1.5, "people talking"))
    assert layer.events(WAV) == (Event(2.2504, 3.5, "people talking"),)
    assert [entry.do for entry in layer.history()] == ["check", "move"]


def test_the_undo_of_the_player_is_one_in_the_layer_too(player, layer, clip):
    corrected(player, layer, clip)
    edit(player, (0.5, 1.5, "car"), TALK_SHOWN)
    edit(player, CAR_SHOWN, TALK_SHOWN)
    assert layer.events(WAV) == (LONG, TALK)
    edit(player, (0.5, 1.5, "car"), TALK_SHOWN)
    assert len(layer.events(WAV)) == 4
    assert [e.do for e in layer.history()] == ["check", "move", "add", "add", *["undo"] * 3, *["redo"] * 3]
    assert layer.checked(WAV) == ((2.0, 4.0),)


def test_the_layer_is_undone_from_the_notebook_and_the_player_follows(player, layer, clip):
    work = corrected(player, layer, clip)
    edit(player, CAR_SHOWN)
    assert work.undo().do == "undo"
    assert player.spans["corrected"] == [list(CAR_SHOWN), list(TALK_SHOWN)]
    work.redo()
    assert player.spans["corrected"] == [list(CAR_SHOWN)]


def test_a_clip_is_marked_as_checked_without_an_edit_once(player, layer, clip):
    work = corrected(player, layer, clip)
    assert not work.is_checked
    assert work.check().do == "check"
    assert work.check() is None
    assert work.is_checked


def test_an_edit_that_the_layer_refuses_leaves_the_player_as_the_layer_is(player, layer, clip):
    corrected(player, layer, clip)
    with pytest.raises(AnnotationError, match="event 'cat' is not in the vocabulary"):
        edit(player, CAR_SHOWN, TALK_SHOWN, (0.0, 1.0, "cat"))
    assert player.spans["corrected"] == [list(CAR_SHOWN), list(TALK_SHOWN)]
    layer.by("Bo").apply(Edit(WAV, TALK, None))
    with pytest.raises(LayerError, match="holds no 'people talking' from 2.25 s to 3 s"):
        edit(player, CAR_SHOWN, (0.25, 1.5, "people talking"))
    assert player.spans["corrected"] == [list(CAR_SHOWN)]


def test_what_is_edited_after_stopping_is_not_kept(player, layer, clip):
    corrected(player, layer, clip).stop()
    edit(player)
    assert layer.history() == ()


def test_a_player_without_the_lane_says_which_lanes_it_has(layer, clip):
    with pytest.raises(LayerError, match=r"which lane is edited\? Editable lanes of this player: none"):
        corrected(Spans(spans={}), layer, clip)
    with pytest.raises(LayerError, match="no editable lane 'c'.*: a, b"):
        corrected(Spans(spans={"a": [], "b": []}), layer, clip, lane="c")


def test_a_real_player_is_followed(layer, clip, dataset):
    from earmark_lab.player import Lane, Player

    player = Player(dataset.root / WAV, [Lane("mine", clip.events, editable=True)], start_s=2.0, duration_s=2.0)
    corrected(player, layer, clip)
    player.spans = {"mine": [list(CAR_SHOWN)]}
    assert layer.events(WAV) == (LONG,)
