"""Corrected labels as a label source."""

from __future__ import annotations

import pytest
import torch

from earmark.plugins import plugins
from earmark.recordings import Event, cut
from earmark.study import plain
from earmark.testing import check_label_source, check_options, small_dataset
from earmark.testing.small import GRID
from earmark_lab.corrections import Checked, Corrected, CorrectionLayer, Edit, LayerError, events_of_run

DATASET = small_dataset()
WAV = "audio/0.wav"
CAR = DATASET.recordings[0].events[0]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.jsonl"
    layer = CorrectionLayer.open(path, DATASET, author="Ann")
    layer.apply(Edit(WAV, CAR, Event(0.0, 1.0, "people talking")), Checked(WAV, 0.0, 2.0))
    return path


def test_it_keeps_the_contract_of_label_sources(path):
    check_options(Corrected)
    check_label_source(Corrected, layer=path)


def test_clips_that_somebody_looked_at_have_the_corrected_labels_and_others_none(path):
    clips = cut(DATASET.recordings, 2.0)
    targets = plugins().build("label source", "corrected", {"layer": str(path)}, "test").label(DATASET, clips, GRID)
    assert targets.frame_event_known.any(1).tolist() == [True] + [False] * 17
    talking = targets.frame_event[0, :, DATASET.events.index("people talking")]
    assert torch.nonzero(talking).flatten().tolist() == list(range(1, 49))  # inner frames of 0 to 1 s at 20 ms
    assert not targets.frame_event[0, :, DATASET.events.index("car")].any()


def test_whatever_is_added_to_the_layer_changes_the_address(path):
    before = plain({"layer": path})
    assert before["layer"].startswith("file:")
    CorrectionLayer.open(path, DATASET, author="Ann").apply(Checked(WAV, 2.0, 4.0))
    assert plain({"layer": path}) != before


def test_without_a_layer_it_says_what_to_do(tmp_path):
    with pytest.raises(LayerError, match="set its option layer to the layer's file"):
        Corrected().label(DATASET, cut(DATASET.recordings, 2.0), GRID)
    with pytest.raises(LayerError, match=r"nowhere.jsonl: no such label layer. Correct labels in the player first"):
        Corrected(layer=tmp_path / "nowhere.jsonl").label(DATASET, cut(DATASET.recordings, 2.0), GRID)


def test_an_experiment_trains_on_a_layer_that_started_from_decisions_of_a_run(small_study, tmp_path, one_thread):
    from earmark.labelling import labelled
    from earmark.study import Job
    from earmark.workspace import open_study

    study = small_study
    base = events_of_run(study, "strong", 0)
    assert set(base) == {clip.recording.path for clip in study.clips["test"]}
    for events in base.values():  # across clips, too
        assert not {(e.offset_s, e.label) for e in events} & {(e.onset_s, e.label) for e in events}
    layer = CorrectionLayer.open(tmp_path / "mine.jsonl", study.dataset, author="Ann", base=base)
    clip = study.clips["train"][0]
    layer.apply(Checked.clip(clip))
    (tmp_path / "mine.toml").write_text(EXPERIMENT)
    trained = open_study(
        tmp_path / "mine.toml",
        stores=study.store.root,
        changes={"corpus": study.experiment.corpus.model_dump(), "synthetic": study.experiment.synthetic},
    )
    targets = labelled(trained, Job("mine", 0)).targets
    known = targets.frame_event_known.any(1)
    assert int(known.sum()) == 1
    assert targets.clips[int(known.nonzero()[0, 0])] == clip.id
    assert not targets.frame_event[known].any()  # decisions were of test clips; nothing was decided here


EXPERIMENT = """
name = "mine"
corpus = "tut"
frontend = "log-mel"

[stages.mine]
labels = [{ sources = ["scene", { use = "corrected", layer = "mine.jsonl" }] }]
model = "mtl-cnn-bigru"
losses = ["strong-bce"]
n_epochs = 1
"""
