from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import torch

from earmark.errors import AnnotationError
from earmark.frames import FrameGrid
from earmark.recordings import Dataset, Event, Recording, cut
from earmark_labels.partial import Partial

REPOSITORY = Path(__file__).resolve().parents[2]
GRID = FrameGrid(n_frames=500, hop_s=0.02)


def table1() -> dict[str, dict[str, bool]]:
    """Candidates by scene and event as the paper prints them."""
    with (REPOSITORY / "paper/partial_labels/numbers/table1.csv").open() as file:
        return {row.pop("scene"): {event: mark == "1" for event, mark in row.items()} for row in csv.DictReader(file)}


def dataset_of(scenes, events, recordings=None):
    recordings = recordings or tuple(
        Recording(path=f"{s}.wav", duration_s=10.0, rate_hz=44_100, channels=2, split="development", scene=s)
        for s in scenes
    )
    return Dataset(
        name="small", root=Path("nowhere"), synthetic=True, scenes=scenes, events=events, recordings=recordings
    )


PRINTED = table1()
TUT = dataset_of(tuple(PRINTED), tuple(PRINTED["home"]))


def label(dataset, table=None):
    return Partial(table=table).label(dataset, cut(dataset.recordings, 10.0), GRID)


def test_the_published_candidates_agree_with_table_1_in_all_100_cells():
    candidate = label(TUT).candidate
    assert candidate.numel() == 100
    assert candidate.tolist() == [list(row.values()) for row in PRINTED.values()]


def test_there_are_66_published_candidates():
    assert label(TUT).candidate.sum(dim=1).tolist() == [13, 22, 17, 14]


def test_candidates_cover_every_development_event(shared_data):
    with (shared_data / "tut_metadata/meta/meta_development.txt").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 4675
    column = {event: index for index, event in enumerate(TUT.events)}
    of_scene = dict(zip(TUT.scenes, label(TUT).candidate, strict=True))
    assert all(of_scene[row["scene_label"]][column[row["event_label"]]] for row in rows)


def test_one_evaluation_event_lies_outside_its_candidates(shared_data):
    with (shared_data / "tut_metadata/meta/meta_evaluation.txt").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    column = {event: index for index, event in enumerate(TUT.events)}
    of_scene = dict(zip(TUT.scenes, label(TUT).candidate, strict=True))
    outside = {
        (row["scene_label"], row["event_label"])
        for row in rows
        if not of_scene[row["scene_label"]][column[row["event_label"]]]
    }
    assert outside == {("city_center", "breathing")}


def test_all_clips_of_a_scene_share_its_candidates_whatever_was_annotated():
    recordings = tuple(
        Recording(
            path=f"{name}.wav",
            duration_s=20.0,
            rate_hz=44_100,
            channels=2,
            split="development",
            scene="home",
            events=events,
        )
        for name, events in {"a": (Event(1.0, 2.0, "car"),), "b": None}.items()
    )
    targets = label(dataset_of(TUT.scenes, TUT.events, recordings))
    assert (targets.candidate == targets.candidate[0]).all()
    assert targets.candidate_known.all()
    assert targets.candidate.dtype == torch.bool


def test_a_clip_without_a_scene_has_no_candidate_set():
    recording = Recording(path="a.wav", duration_s=10.0, rate_hz=44_100, channels=2, split="development")
    targets = label(dataset_of(TUT.scenes, TUT.events, (recording,)))
    assert targets.candidate_known.tolist() == [False]
    assert not targets.candidate.any()


@pytest.fixture
def table(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "own candidates.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


OWN = dataset_of(("street", "park"), ("car", "bird", "dog"))


def test_a_table_of_ones_own_is_read(table):
    text = "\ufeffevent,scene,why\ncar,street,traffic\n bird ,park,\ndog,park,walks\ncar,street,again\n"
    assert label(OWN, table(text)).candidate.tolist() == [[True, False, False], [False, True, True]]


def test_a_misspelt_event_is_named_with_its_line_and_what_was_meant(table):
    path = table("scene,event\nstreet,car\npark,brid\n")
    message = f"{path}, line 3: the corpus 'small' has no event 'brid'. Did you mean 'bird'? It has: car, bird, dog."
    with pytest.raises(AnnotationError, match=re.escape(message)):
        label(OWN, path)


def test_a_misspelt_scene_is_named_with_its_line_and_what_was_meant(table):
    path = table("scene,event\nstret,car\n")
    message = f"{path}, line 2: the corpus 'small' has no scene 'stret'. Did you mean 'street'? It has: street, park."
    with pytest.raises(AnnotationError, match=re.escape(message)):
        label(OWN, path)


def test_a_line_without_an_event_is_named(table):
    with pytest.raises(AnnotationError, match=r"line 2: the corpus 'small' has no event ''\."):
        label(OWN, table("scene,event\nstreet\n"))


def test_a_scene_without_candidates_is_named(table):
    with pytest.raises(AnnotationError, match=r"no candidate set for park\. Add a line for each event"):
        label(OWN, table("scene,event\nstreet,car\n"))


def test_the_published_table_says_that_it_is_not_for_other_scenes():
    with pytest.raises(
        AnnotationError, match=r"the published candidate table, line 2: the corpus 'small' has no scene"
    ):
        label(OWN)


def test_a_table_without_its_columns_is_refused(table):
    with pytest.raises(AnnotationError, match=r"needs a header line with scene,event; found street,car\."):
        label(OWN, table("street,car\n"))


def test_an_empty_table_is_refused(table):
    with pytest.raises(AnnotationError, match=r"needs a header line with scene,event; found nothing\."):
        label(OWN, table(""))


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(
        AnnotationError, match=r"none\.csv: the candidate table cannot be read .*Correct the option table"
    ):
        label(OWN, tmp_path / "none.csv")


def test_the_licence_of_the_published_table_lies_beside_it():
    notice = (REPOSITORY / "plugins/earmark_labels/published_candidates.LICENSE").read_text()
    assert "MIT License" in notice
    assert "Copyright (c) 2025 Keisuke Imoto" in notice
