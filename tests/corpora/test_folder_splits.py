"""Scenes, groups and splits of a folder: nothing that belongs together stands on both sides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import AnnotationError, CorpusError
from earmark.experiment import Experiment
from earmark_corpora.folder.corpus import FolderCorpus
from earmark_corpora.folder.splits import DEVELOPMENT, EVALUATION, UNASSIGNED, VALIDATION, draw


def lay(root, names, description="", **files):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.zeros(800), 8000)
    (root / "corpus.toml").write_text(description)
    for name, content in files.items():
        (root / name.replace("_", ".")).write_text(content)
    return FolderCorpus().read(root)


def splits(dataset):
    return {recording.path: recording.split for recording in dataset.recordings}


def test_the_splits_are_those_that_experiments_ask_for():
    fields = Experiment.model_fields
    assert (fields["train_split"].default, fields["test_split"].default) == (DEVELOPMENT, EVALUATION)


def test_folders_are_scenes_and_the_root_is_none(tmp_path):
    dataset = lay(tmp_path, ["home/a.wav", "office/b.wav", "c.wav"], 'scenes = { from = "folder" }')
    assert {r.path: r.scene for r in dataset.recordings} == {
        "home/a.wav": "home",
        "office/b.wav": "office",
        "c.wav": None,
    }
    assert dataset.scenes == ("home", "office")
    assert "1 recordings have no scene: c.wav." in dataset.notes


def test_folders_are_splits_and_the_folders_below_are_scenes(tmp_path):
    names = ["train/home/a.wav", "val/home/b.wav", "Test/office/c.wav", "test/d.wav"]
    dataset = lay(tmp_path, names, 'splits = { from = "folder" }\nscenes = { from = "folder" }')
    assert {r.path: (r.split, r.scene) for r in dataset.recordings} == {
        "train/home/a.wav": (DEVELOPMENT, "home"),
        "val/home/b.wav": (VALIDATION, "home"),
        "Test/office/c.wav": (EVALUATION, "office"),
        "test/d.wav": (EVALUATION, None),
    }


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_says_scene_split_and_group_without_being_asked(tmp_path, mark):
    rows = ["File,Scene,Split,Group", "a.wav,home,train,g1", "b.wav,office,test,g2", "c.wav,,,"]
    dataset = lay(
        tmp_path,
        ["a.wav", "b.wav", "c.wav"],
        'table = "t.csv"',
        t_csv="\n".join(rows).replace(",", mark),
    )
    assert {r.path: (r.scene, r.split, r.group) for r in dataset.recordings} == {
        "a.wav": ("home", DEVELOPMENT, "g1"),
        "b.wav": ("office", EVALUATION, "g2"),
        "c.wav": (None, UNASSIGNED, "c"),
    }
    assert "1 recordings are in no split: c.wav." in dataset.notes


def test_columns_may_have_other_names_and_a_missing_one_is_named(tmp_path):
    table = "file,place\na.wav,home\n"
    dataset = lay(tmp_path, ["a.wav"], 'table = "t.csv"\nscenes = { from = "column", column = "Place" }', t_csv=table)
    assert dataset.scenes == ("home",)
    with pytest.raises(CorpusError, match=r"t\.csv: no column 'plase'.*Did you mean 'place'.*Columns: file, place"):
        lay(tmp_path, [], 'table = "t.csv"\nscenes = { from = "column", column = "plase" }')
    with pytest.raises(CorpusError, match=r"t\.csv: no column 'file'. Columns: name"):
        lay(tmp_path, [], 'table = "t.csv"', t_csv="name\na.wav\n")


@pytest.mark.parametrize(
    ("table", "error", "said"),
    [
        ("file,scene\nb.wav,home\n", CorpusError, "line 2: names 'b.wav', and there is no such sound file"),
        ("file,scene\n../a.wav,home\n", AnnotationError, "line 2: '../a.wav' leaves the folder"),
        ("file,scene\n,home\n", AnnotationError, "line 2: no file. Name the recording"),
        ("file,scene\na.wav,home\na,office\n", AnnotationError, "line 3: says something else of 'a' than a line above"),
        ('file,scene\n"a.wav,home\n', CorpusError, "not a readable table"),
    ],
)
def test_a_line_of_the_table_that_cannot_be_right_is_named(tmp_path, table, error, said):
    with pytest.raises(error, match=said):
        lay(tmp_path, ["a.wav"], 'table = "t.csv"', t_csv=table)


def test_a_group_on_both_sides_is_refused(tmp_path):
    table = "file,split,group\na.wav,train,day1\nb.wav,test,day1\n"
    with pytest.raises(AnnotationError, match="group 'day1' stands in development and in evaluation.*on one side"):
        lay(tmp_path, ["a.wav", "b.wav"], 'table = "t.csv"', t_csv=table)


def test_a_split_that_nobody_is_in_is_noted(tmp_path):
    dataset = lay(tmp_path, ["train/a.wav", "night/b.wav"], 'splits = { from = "folder" }')
    assert splits(dataset) == {"train/a.wav": DEVELOPMENT, "night/b.wav": "night"}
    assert "No recording is in the split 'evaluation'. Splits: development, night." in dataset.notes


def test_ten_recordings_are_drawn_seven_one_two_and_always_alike(tmp_path):
    names = [f"{number}.wav" for number in range(10)]
    dataset = lay(tmp_path, names)
    assert Counter(splits(dataset).values()) == {DEVELOPMENT: 7, VALIDATION: 1, EVALUATION: 2}
    assert splits(lay(tmp_path, [])) == splits(dataset)
    assert splits(lay(tmp_path, [], 'splits = { from = "drawn", seed = 1 }')) != splits(dataset)


def test_groups_are_drawn_whole(tmp_path):
    names = [f"day{day}/{number}.wav" for day in range(6) for number in range(3)]
    dataset = lay(tmp_path, names, 'groups = { from = "folder" }')
    sides = {}
    for recording in dataset.recordings:
        sides.setdefault(recording.group, set()).add(recording.split)
    assert len(sides) == 6
    assert all(len(side) == 1 for side in sides.values())


def test_recordings_outside_any_folder_are_groups_of_their_own(tmp_path):
    dataset = lay(tmp_path, ["a.wav", "b.wav", "day/c.wav"], 'groups = { from = "folder" }')
    assert [r.group for r in dataset.recordings] == ["a", "b", "day"]


def test_each_scene_has_its_share_of_the_evaluation(tmp_path):
    names = [f"{scene}/{number}.wav" for scene in ("home", "office", "park") for number in range(5)]
    dataset = lay(tmp_path, names, 'scenes = { from = "folder" }')
    tested = Counter(r.scene for r in dataset.of_split(EVALUATION))
    assert tested == {"home": 1, "office": 1, "park": 1}


def test_too_few_recordings_leave_a_split_empty_and_say_so(tmp_path):
    dataset = lay(tmp_path, ["a.wav", "b.wav"])
    assert sorted(splits(dataset).values()) == [DEVELOPMENT, EVALUATION]
    assert any("too few for a split 'validation'; it is empty" in note for note in dataset.notes)
    (tmp_path / "b.wav").unlink()
    assert splits(lay(tmp_path, [])) == {"a.wav": DEVELOPMENT}


def test_only_annotated_recordings_are_held_out(tmp_path):
    names = [f"{number}.wav" for number in range(12)]
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("0\t0.05\tcar\n")
    dataset = lay(tmp_path, names, 'annotations = { format = "audacity" }')
    held_out = [r for r in dataset.recordings if r.split != DEVELOPMENT]
    assert len(held_out) == 2
    assert all(r.events is not None for r in held_out)


def test_a_recording_without_annotation_is_not_trained_on_where_its_group_is_held_out(tmp_path):
    names = [f"day{day}/{number}.wav" for day in range(3) for number in range(2)]
    for day in range(3):
        (tmp_path / f"day{day}").mkdir()
        (tmp_path / f"day{day}/0.txt").write_text("0\t0.05\tcar\n")
    dataset = lay(tmp_path, names, 'annotations = { format = "audacity" }\ngroups = { from = "folder" }')
    for recording in dataset.recordings:
        if recording.events is None:
            other = next(r for r in dataset.recordings if r.group == recording.group and r is not recording)
            assert recording.split == (DEVELOPMENT if other.split == DEVELOPMENT else UNASSIGNED)
    assert any("belong to groups that are held out, and are in no split" in note for note in dataset.notes)


STRATA = st.dictionaries(st.text("abcdefgh", min_size=1), st.sampled_from(["x", "y", "z"]), min_size=1, max_size=40)


@given(stratum_of=STRATA, seed=st.integers(0, 3))
def test_a_draw_has_its_shares_and_no_split_is_empty_where_there_are_three(stratum_of, seed):
    side = draw(stratum_of, validation=0.1, test=0.2, seed=seed)
    counts = Counter(side.values())
    assert set(side) == set(stratum_of)
    assert counts[DEVELOPMENT] >= 1
    if len(stratum_of) >= 3:
        assert set(counts) == {DEVELOPMENT, VALIDATION, EVALUATION}
        assert abs(counts[EVALUATION] - 0.2 * len(stratum_of)) <= 1
    assert draw(dict(reversed(stratum_of.items())), validation=0.1, test=0.2, seed=seed) == side


def test_a_recording_more_moves_at_most_the_one_next_to_each_cut():
    before = {f"recording {number}": "" for number in range(50)}
    for added in range(20):
        after = draw({**before, f"new {added}": ""}, validation=0.1, test=0.2, seed=0)
        moved = [name for name, side in draw(before, validation=0.1, test=0.2, seed=0).items() if after[name] != side]
        assert len(moved) <= 2
