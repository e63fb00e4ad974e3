"""The relation matrix: what it is a mean of, what is refused, and that the published one is such a matrix."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from earmark.targets import Targets
from earmark_rgasc.relation import (
    Relation,
    RelationError,
    read_relation,
    read_released_order,
    relation_of,
    write_relation,
)

SCENES = ("park", "street")
EVENTS = ("bird", "car", "speech")
LABELS = [[1, 0, 0], [1, 0, 1], [0, 1, 1], [0, 1, 0]]
OF_CLIP = [0, 0, 1, 1]


def targets(labels=LABELS, of_clip=OF_CLIP, scenes=SCENES, events=EVENTS) -> Targets:
    label = torch.tensor(labels, dtype=torch.float32)
    return Targets(
        clips=tuple(f"clip {row}" for row in range(len(label))),
        events=events,
        scenes=scenes,
        clip_event=label,
        clip_event_known=torch.ones_like(label, dtype=torch.bool),
        scene=torch.eye(len(scenes))[of_clip],
        scene_known=torch.ones(len(label), dtype=torch.bool),
    )


def test_a_row_is_the_mean_label_over_the_training_clips_of_its_scene():
    relation = relation_of(targets())
    assert (relation.scenes, relation.events) == (SCENES, EVENTS)
    assert relation.matrix.tolist() == [[1, 0, 0.5], [0, 1, 0.5]]


def test_a_test_clip_that_is_wrongly_added_changes_the_matrix():
    wrong = targets([*LABELS, [0, 1, 0]], [*OF_CLIP, 0])
    assert not torch.equal(relation_of(wrong).matrix, relation_of(targets()).matrix)
    assert relation_of(wrong).matrix[0].tolist() == pytest.approx([2 / 3, 1 / 3, 1 / 3])


def test_posteriors_are_averaged_as_labels_are():
    relation = relation_of(targets([[0.5, 0, 0], [0.25, 0, 0], [0, 1, 0], [0, 0, 0]]))
    assert relation.matrix.tolist() == [[0.375, 0, 0], [0, 0.5, 0]]


def test_what_is_not_known_has_no_part_in_a_mean():
    some = targets()
    known = some.clip_event_known.clone()
    known[0, 2] = False
    labels = torch.where(known, some.clip_event, torch.nan)
    scene_known = torch.tensor([True, True, True, False])
    scene = torch.where(scene_known[:, None], some.scene, torch.nan)
    relation = relation_of(
        replace(some, clip_event=labels, clip_event_known=known, scene=scene, scene_known=scene_known)
    )
    assert relation.matrix.tolist() == [[1, 0, 1], [0, 1, 1]]


def test_a_soft_scene_counts_in_several_rows():
    soft = replace(targets(), scene=torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]))
    assert relation_of(soft).matrix[:, 2].tolist() == pytest.approx([0.5 / 1.5, 1.5 / 2.5])


@pytest.mark.parametrize(
    "without",
    [
        {"scene": None, "scene_known": None},
        {"scene": torch.zeros(4, 0), "scenes": ()},
        {"scene_known": torch.zeros(4, dtype=torch.bool)},
    ],
)
def test_a_corpus_without_scenes_is_refused(without):
    with pytest.raises(RelationError, match="a row for each scene, but no training clip has one.*label source 'scene'"):
        relation_of(replace(targets(), **without))


@pytest.mark.parametrize(
    "without",
    [{"clip_event": None, "clip_event_known": None}, {"clip_event_known": torch.zeros(4, 3, dtype=torch.bool)}],
)
def test_labels_without_events_are_refused(without):
    with pytest.raises(RelationError, match="no training clip has any.*'pann' or 'weak'"):
        relation_of(replace(targets(), **without))


def test_a_scene_without_a_clip_is_named():
    with pytest.raises(
        RelationError, match="No training clip of the scene 'home' .* 3 of 9 entries.*matrix = FILE.csv"
    ):
        relation_of(targets(scenes=(*SCENES, "home")))


def test_a_matrix_is_read_as_it_was_written_to_the_last_digit(tmp_path):
    relation = relation_of(targets([*LABELS, [0, 1, 0]], [*OF_CLIP, 0], events=("Bird, owl", 'The "car"', "Speech")))
    write_relation(relation, tmp_path / "matrix.csv")
    read = read_relation(tmp_path / "matrix.csv")
    assert (read.scenes, read.events) == (relation.scenes, relation.events)
    assert torch.equal(read.matrix, relation.matrix)
    assert read.matrix.dtype == torch.float64


def test_rows_and_columns_are_found_by_name():
    relation = relation_of(targets())
    other = relation.over(("street", "park"), ("speech", "bird", "car"))
    assert other.matrix.tolist() == [[0.5, 0, 1], [0.5, 1, 0]]
    assert relation.difference(other) == (0, 0)
    half = Relation(scenes=SCENES, events=EVENTS, matrix=relation.matrix / 2)
    assert relation.difference(half) == (0.5, pytest.approx((2 * (0.5**2 + 0.25**2) / 6) ** 0.5))


@pytest.mark.parametrize(
    ("scenes", "events", "message"),
    [
        (SCENES, ("bird", "cars", "speech"), "lacks the event 'cars' .1 in all.. Did you mean 'car'.*one vocabulary"),
        (SCENES, EVENTS[:2], "It holds the event 'speech', which the labels lack .1 in all."),
        (("park", "street", "home"), EVENTS, "lacks the scene 'home'"),
    ],
)
def test_a_vocabulary_that_does_not_match_is_refused(scenes, events, message):
    with pytest.raises(RelationError, match=f"does not fit the labels: .*{message}"):
        relation_of(targets()).over(scenes, events)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has a header, 'scene' and the names of the events"),
        ("scene,car\n", "has a header, 'scene'"),
        ("event,car\npark,0.5\n", "has a header, 'scene'"),
        ("scene,car,car\npark,0.5,0.5\n", "the event 'car' stands there twice"),
        ("scene,car\npark,0.5\npark,0.5\n", "the scene 'park' stands there twice"),
        ("scene,car\npark,half\n", "line 2: could not convert string to float: 'half'"),
        ("scene,car\npark,0.5\nstreet,1.5\n", r"line 3: 1 entries for 1 events; each must be in \[0, 1\]"),
        ("scene,car\npark,nan\n", "each must be in"),
        ("scene,car,bird\npark,0.5\n", "line 2: 1 entries for 2 events"),
        (b"\xff\xfe", "not a readable relation matrix"),
    ],
)
def test_a_file_that_is_no_relation_matrix_is_refused(tmp_path, text, message):
    path = tmp_path / "matrix.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RelationError, match=f"matrix.csv.*{message}"):
        read_relation(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RelationError, match="none.csv: not a readable relation matrix"):
        read_relation(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("rows", "message"), [(["0,1", "1,1"], "must each hold 0, 1, 2"), (["0,x"], "not a readable table of columns")]
)
def test_an_order_of_columns_that_is_none_is_refused(tmp_path, rows, message):
    path = tmp_path / "columns.csv"
    path.write_text("\n".join(["released_column,audioset_index", *rows]) + "\n")
    with pytest.raises(RelationError, match=message):
        read_released_order(path)


# The published labels and matrix: other people's, and never part of the repository


@pytest.fixture(scope="module")
def published(shared_data):
    folder = shared_data / "relation_guided"
    if not folder.is_dir():
        pytest.skip(f"the published pseudo labels are not at {folder}")
    with np.load(folder / "pseudo_labels.npz", allow_pickle=False) as file:
        labels, clips, events = (file[name] for name in ("labels", "clips", "events"))
    scenes = tuple(sorted({clip.split("-")[0] for clip in clips.tolist()}))
    of_clip = [scenes.index(clip.split("-")[0]) for clip in clips.tolist()]
    whole = targets(labels.astype(np.float32).tolist(), of_clip, scenes, tuple(events.tolist()))
    return replace(whole, clips=tuple(clips.tolist())), read_relation(folder / "relation_matrix.csv"), folder


TWO_CLIPS = 2 / 86.4
"""Percent. A few clips are as near to one scene as to another, and the rounding of a sum decides."""


def share_of_right_scenes(labelled: Targets, matrix: torch.Tensor) -> float:
    estimated = (labelled.clip_event.double() @ matrix.T).argmax(1)
    return 100 * (estimated == labelled.scene.argmax(1)).double().mean().item()


def test_the_published_matrix_is_the_mean_of_the_published_labels_over_all_clips(published):
    labelled, matrix, _ = published
    assert relation_of(labelled).difference(matrix).largest == 0
    assert matrix.matrix.sum(1).tolist()[:3] == pytest.approx([2.6875, 2.71180556, 3.56944444])
    assert int((matrix.matrix > 0).sum()) == 1099
    assert matrix.matrix.max().item() == 767 / 864


def test_scenes_are_read_from_labels_and_matrix_as_often_as_published_numbers_say(published):
    labelled, matrix, _ = published
    assert share_of_right_scenes(labelled, matrix.matrix) == pytest.approx(33.0208, abs=TWO_CLIPS)
    rows = matrix.matrix / matrix.matrix.norm(dim=1, keepdim=True)
    assert share_of_right_scenes(labelled, rows) == pytest.approx(35.0116, abs=TWO_CLIPS)


def test_the_released_columns_without_their_order_read_hardly_any_scene(published):
    labelled, matrix, folder = published
    order = torch.tensor(read_released_order(folder / "relation_columns.csv"))
    released = matrix.matrix[:, order]
    assert share_of_right_scenes(labelled, released) == pytest.approx(7.8588, abs=TWO_CLIPS)
    assert (released - matrix.matrix).abs().max().item() == pytest.approx(0.8877, abs=1e-4)
    assert torch.equal(released[:, order.argsort()], matrix.matrix)


def test_the_columns_are_named_as_the_table_of_columns_names_them(published):
    _, matrix, folder = published
    with (folder / "relation_columns.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(matrix.events[int(row["audioset_index"])] == row["display_name"] for row in rows)


def test_a_matrix_of_seven_tenths_of_the_locations_is_near_the_published_one(published):
    labelled, matrix, _ = published
    locations = [clip.split("-")[2] for clip in labelled.clips]
    trained = {name for name in set(locations) if int(name) % 7 not in (0, 3)}
    rows = torch.tensor([row for row, name in enumerate(locations) if name in trained])
    difference = relation_of(labelled.select(rows)).difference(matrix)
    assert 0.6 < len(rows) / len(locations) < 0.8
    assert 0 < difference.rms < 0.01
    assert difference.largest < 0.15
