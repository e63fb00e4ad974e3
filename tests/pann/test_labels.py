from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from earmark.clip_tables import (
    ClipTable,
    ClipTableError,
    calibrated_threshold,
    labels_per_clip,
    name_of,
    names_of,
    read_clip_table,
)
from earmark.errors import OptionError
from earmark.frames import FrameGrid
from earmark.plugins import plugins
from earmark.recordings import Clip, Dataset, Recording, cut
from earmark.testing import check_options
from earmark_pann.classes import audioset_events
from earmark_pann.labels import TaggedEvents

GRID = FrameGrid(n_frames=1001, hop_s=0.01)
EVENTS = ("Speech", "Car")


def recording(path: str, duration_s: float = 10.0) -> Recording:
    return Recording(path=path, duration_s=duration_s, rate_hz=48_000, channels=2, split="development", scene="park")


def dataset(*recordings: Recording) -> Dataset:
    from pathlib import Path

    return Dataset(name="tut2018", root=Path("x"), synthetic=False, scenes=("park",), events=(), recordings=recordings)


def table(clips, values, **about) -> ClipTable:
    return ClipTable(clips=tuple(clips), events=EVENTS, values=np.asarray(values), about=about)


def written(path, table):
    path.write_bytes(table.to_bytes())
    return path


POSTERIORS = table(["park-b", "park-a"], np.array([[0.9, 0.1], [0.25, 0.5]], dtype=np.float16), tagger="t")


def test_posteriors_are_soft_labels_of_the_tables_own_events(tmp_path):
    data = dataset(recording("audio/park-a.wav"), recording("audio/park-b.wav"))
    clips = cut(data.recordings, 10.0)
    targets = TaggedEvents(table=written(tmp_path / "t.npz", POSTERIORS)).label(data, clips, GRID)
    assert (targets.events, targets.scenes) == (EVENTS, ("park",))
    assert targets.clips == ("audio/park-a.wav@0", "audio/park-b.wav@0")
    assert targets.clip_event.tolist() == [[0.25, 0.5], [pytest.approx(0.9, abs=1e-3), pytest.approx(0.1, abs=1e-3)]]
    assert targets.clip_event_known.all()


def test_a_threshold_makes_decisions_and_one_that_is_reached_counts(tmp_path):
    data = dataset(recording("park-a.wav"), recording("park-b.wav"))
    source = TaggedEvents(table=written(tmp_path / "t.npz", POSTERIORS), threshold=0.5)
    targets = source.label(data, cut(data.recordings, 10.0), GRID)
    assert targets.clip_event.dtype == torch.bool
    assert targets.clip_event.tolist() == [[False, True], [True, False]]


def test_rows_named_by_id_come_before_rows_named_by_file(tmp_path):
    data = dataset(recording("x/a.wav", 20.0), recording("b.wav"))
    rows = table(["x/a.wav@10000", "b", "x/a.wav@0", "b.wav@0"], np.array([[1, 0], [0, 0], [0, 1], [1, 1]], bool))
    targets = TaggedEvents(table=written(tmp_path / "t.npz", rows)).label(data, cut(data.recordings, 10.0), GRID)
    assert targets.clip_event.int().tolist() == [[0, 1], [1, 0], [1, 1]]


def test_a_part_of_a_recording_never_gets_the_labels_of_the_whole(tmp_path):
    data = dataset(recording("park-a.wav"))
    source = TaggedEvents(table=written(tmp_path / "t.npz", POSTERIORS))
    with pytest.raises(ClipTableError, match="t.npz: no row for 2 of 2 clips: park-a.wav@0, park-a.wav@5000. It"):
        source.label(data, cut(data.recordings, 5.0), GRID)


def test_missing_clips_are_named(tmp_path):
    data = dataset(*(recording(f"park-{name}.wav") for name in "abcdefg"))
    source = TaggedEvents(table=written(tmp_path / "t.npz", POSTERIORS))
    with pytest.raises(ClipTableError, match="no row for 5 of 7 clips: park-c, park-d, park-e and 2 more. It holds 2"):
        source.label(data, cut(data.recordings, 10.0), GRID)


def test_two_recordings_of_one_name_do_not_share_a_row(tmp_path):
    data = dataset(recording("x/park-a.wav"), recording("y/park-a.wav"))
    source = TaggedEvents(table=written(tmp_path / "t.npz", POSTERIORS))
    with pytest.raises(ClipTableError, match="x/park-a.wav@0 and y/park-a.wav@0 both mean the row 'park-a'"):
        source.label(data, cut(data.recordings, 10.0), GRID)


def test_labels_of_clips_of_another_length_are_refused(tmp_path):
    data = dataset(recording("park-a.wav", 4.0))
    source = TaggedEvents(table=written(tmp_path / "t.npz", replace(POSTERIORS, about={"clip_s": 10.0})))
    with pytest.raises(ClipTableError, match="its clips are of 10 s, those of the experiment of 4 s. Give both"):
        source.label(data, cut(data.recordings, 4.0), GRID)


def test_decisions_take_no_threshold(tmp_path):
    data = dataset(recording("park-a.wav"))
    path = written(tmp_path / "t.npz", table(["park-a"], np.array([[True, False]])))
    with pytest.raises(ClipTableError, match="t.npz: holds decisions already; leave the option threshold out."):
        TaggedEvents(table=path, threshold=0.2).label(data, cut(data.recordings, 10.0), GRID)
    assert TaggedEvents(table=path).label(data, cut(data.recordings, 10.0), GRID).clip_event.tolist() == [[True, False]]


def test_without_a_table_it_says_how_to_make_one():
    check_options(TaggedEvents)
    with pytest.raises(ClipTableError, match="set its option table. `earmark label pann --corpus DIR --reader tut2018"):
        TaggedEvents().label(dataset(), (), GRID)


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_a_threshold_that_decides_nothing_is_refused(threshold):
    with pytest.raises(OptionError, match="must lie above 0 and up to 1"):
        TaggedEvents(threshold=threshold)


def test_a_table_is_the_same_after_writing_and_reading(tmp_path):
    path = written(tmp_path / "t.npz", POSTERIORS)
    found = read_clip_table(path)
    assert (found.clips, found.events, dict(found.about)) == (POSTERIORS.clips, POSTERIORS.events, {"tagger": "t"})
    assert np.array_equal(found.values, POSTERIORS.values)
    assert POSTERIORS.to_bytes() == replace(POSTERIORS).to_bytes()


GOOD = {"clips": np.array(["a"]), "events": np.array(["x", "y"]), "labels": np.zeros((1, 2), bool)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"labels": None},
            "arrays clips, events and either labels or posteriors; it holds clips, events",
        ),
        ({"posteriors": np.zeros((1, 2))}, "either labels or posteriors"),
        ({"labels": np.zeros((2, 2), bool)}, r"labels has shape \(2, 2\) for 1 clips and 2 events"),
        ({"labels": np.zeros((1, 2))}, "labels is of type float64; labels are bool, posteriors floating point"),
        ({"labels": None, "posteriors": np.full((1, 2), 1.5)}, r"posteriors must lie in \[0, 1\]"),
        ({"labels": None, "posteriors": np.full((1, 2), np.nan)}, r"posteriors must lie in \[0, 1\]"),
        ({"events": np.array(["x", "x"])}, "the event 'x' stands there twice"),
        ({"clips": np.array([1])}, "clips and events must be lists of text"),
        ({"about": np.array("{")}, "about is not JSON"),
        ({"about": np.array("[1]")}, "about is no JSON object"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, change, says):
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(ClipTableError, match=f"t.npz: .*{says}.* Make the table again with"):
        read_clip_table(tmp_path / "t.npz")


def test_a_table_with_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", **{**GOOD, "clips": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ClipTableError, match="cannot be loaded when allow_pickle=False"):
        read_clip_table(tmp_path / "t.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_a_damaged_or_missing_table_is_refused(tmp_path, content):
    (tmp_path / "t.npz").write_bytes(content)
    with pytest.raises(ClipTableError, match="t.npz: not a table of clips and events that can be read without"):
        read_clip_table(tmp_path / "t.npz")
    with pytest.raises(ClipTableError, match="none.npz: no such table. Make one with `earmark label pann`."):
        read_clip_table(tmp_path / "none.npz")


def test_names_of_whole_recordings_are_those_of_their_files_unless_two_are_alike():
    clips = [Clip(recording=recording(path, 3.0), start_s=0.0, duration_s=10.0) for path in ("x/a.wav", "y/b.wav")]
    assert names_of(clips) == ("a", "b")
    assert names_of([clips[0], replace(clips[1], recording=recording("y/a.wav", 3.0))]) == ("x/a.wav@0", "y/a.wav@0")
    assert name_of(Clip(recording=recording("x/a.wav", 30.0), start_s=0.0, duration_s=10.0)) == "x/a.wav@0"


def test_the_calibrated_threshold_gives_the_mean_number_of_labels():
    posterior = np.random.default_rng(0).random((100, 50)).astype(np.float16)
    threshold = calibrated_threshold(posterior, 3.067)
    assert labels_per_clip(posterior, threshold) == pytest.approx(3.067, abs=0.02)
    assert calibrated_threshold(np.array([[0.5, 0.5], [0.5, 0.0]]), 0.5) == 0.5  # three or none: three is as near
    for per_clip in (0.0, 51.0):
        with pytest.raises(ClipTableError, match="no threshold gives .* labels a clip"):
            calibrated_threshold(posterior, per_clip)


def test_the_classes_are_those_of_audioset(shared_data):
    import csv

    events = audioset_events()
    assert (len(events), len(set(events))) == (527, 527)
    assert [events[i] for i in (0, 137, 300, 500, 526)] == ["Speech", "Music", "Vehicle", "Silence", "Field recording"]
    with (shared_data / "audioset_classes.csv").open(encoding="utf-8", newline="") as file:
        assert tuple(row["display_name"] for row in csv.DictReader(file)) == events


def test_published_labels_are_read_and_give_the_published_relation(shared_data):
    import csv

    folder = shared_data / "relation_guided"
    path = folder / "pseudo_labels.npz"
    published = read_clip_table(path)
    assert published.decided
    assert published.events == audioset_events()
    recordings = tuple(recording(f"audio/{name}.wav") for name in published.clips)
    data = dataset(*recordings)
    labels = TaggedEvents(table=path).label(data, cut(recordings, 10.0), GRID).clip_event.numpy()
    per_clip = labels.sum(1)
    assert (labels.shape, labels.sum(), (per_clip == 0).sum(), per_clip.max()) == ((8640, 527), 26498, 117, 11)
    assert labels.any(0).sum() == 268
    assert labels_per_clip(labels, 0.5) == pytest.approx(3.066898, abs=1e-6)
    scenes = np.array([name.split("-")[0] for name in published.clips])
    with (folder / "relation_matrix.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    relation = np.array([[float(value) for value in row[1:]] for row in rows])
    assert tuple(header[1:]) == audioset_events()
    assert np.array_equal(relation, np.stack([labels[scenes == row[0]].mean(0) for row in rows]))
    chosen = np.array([row[0] for row in rows])[(labels @ relation.T).argmax(1)]
    assert (chosen == scenes).mean() == pytest.approx(0.330208, abs=1e-6)


def test_what_is_said_of_a_table_is_json():
    content = np.load(__import__("io").BytesIO(POSTERIORS.to_bytes()), allow_pickle=False)
    assert json.loads(str(content["about"])) == {"tagger": "t"}
    assert plugins().find("label source", "pann", "test").factory is TaggedEvents
