from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.errors import AnnotationError, CorpusError, OptionError
from earmark_corpora.isolated import IsolatedEvents
from earmark_corpora.synthesis.chance import generator
from earmark_corpora.synthesis.isolated_events import EVENTS, NOTHING, TAGS, drawn, tags_of
from earmark_corpora.synthesis.isolated_stand_in import RATE_HZ, IsolatedStandIn
from earmark_corpora.synthesis.urban import TYPICAL, URBAN


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("isolated")
    IsolatedStandIn(n_train=6, n_test=2, clip_s=1.0).synthesize(root, seed=0)
    return root


def test_every_sound_of_the_scenes_can_be_learnt_alone():
    assert set(TAGS) == set(URBAN.instruments)
    assert {label for of_scene in TYPICAL.values() for label in of_scene} <= set(TAGS)


def test_tags_are_names_of_audioset(shared_data):
    with (shared_data / "audioset_classes.csv").open(encoding="utf-8", newline="") as file:
        assert set(EVENTS) <= {row["display_name"] for row in csv.DictReader(file)}


def test_what_is_written_is_read_with_its_tags(small):
    dataset = IsolatedEvents().read(small)
    assert (dataset.title, dataset.scenes) == ("isolated-events (synthetic)", ())
    assert [len(dataset.of_split(split)) for split in ("development", "evaluation")] == [6, 2]
    for recording in dataset.recordings:
        labels = [label for *_, label in drawn(generator(0, "events", recording.path), 1.0)]
        assert recording.tags == tags_of(labels)
        assert (recording.duration_s, recording.rate_hz, recording.channels) == (1.0, RATE_HZ, 1)
        assert recording.events is None
        sound, _ = soundfile.read(small / recording.path)
        assert 1e-4 < np.sqrt(np.mean(sound**2)) < 0.5
        assert np.abs(sound).max() < 1
    assert [*IsolatedEvents().check(small)][:2] == ["development: 6 clips.", "evaluation: 2 clips."]


def test_the_same_seed_gives_the_same_clips_and_another_other_ones(small, tmp_path):
    stand_in = IsolatedStandIn(n_train=1, n_test=1, clip_s=1.0)
    stand_in.synthesize(tmp_path / "again", seed=0)
    stand_in.synthesize(tmp_path / "other", seed=1)
    name = "audio/development/00000.wav"
    assert (tmp_path / "again" / name).read_bytes() == (small / name).read_bytes()
    assert (tmp_path / "other" / name).read_bytes() != (small / name).read_bytes()


def test_clips_hold_up_to_three_sounds_and_some_none():
    clips = [drawn(generator(0, "events", str(number)), 4.0) for number in range(2000)]
    counts = Counter(len(events) for events in clips)
    assert set(counts) == {0, 1, 2, 3}
    assert counts[0] / 2000 == pytest.approx(0.08, abs=0.02)
    for events in clips:
        assert all(0 <= onset_s < offset_s <= 4.0 + 1e-9 for onset_s, offset_s, _ in events)
        assert len({label for *_, label in events}) == len(events)
    heard = Counter(tag for events in clips for tag in tags_of([label for *_, label in events]))
    assert set(heard) == set(EVENTS)
    assert heard[NOTHING] == counts[0]


def test_sizes_without_sense_are_refused():
    with pytest.raises(OptionError, match="n_train = 0, n_test = 200, clip_s = 4; give at least a clip each"):
        IsolatedStandIn(n_train=0)


def test_what_is_missing_or_wrong_is_said(small, tmp_path):
    with pytest.raises(CorpusError, match="no tags.tsv. `earmark data synthesize isolated-events --to"):
        IsolatedEvents().read(tmp_path)
    (tmp_path / "tags.tsv").write_text("file\ttags\naudio/development/00000.wav\tSpeech\n")
    with pytest.raises(CorpusError, match="1 recordings cannot be read, such as .*00000.wav: no such file"):
        IsolatedEvents().read(tmp_path)
    assert "cannot be read" in next(iter(IsolatedEvents().check(tmp_path)))
    for line in ("audio/00000.wav\tSpeech", "audio/x/0.wav\t"):
        (tmp_path / "tags.tsv").write_text(line)
        with pytest.raises(AnnotationError, match="line 1: expected audio/SPLIT/NAME.wav and its tags"):
            IsolatedEvents().read(tmp_path)
    (tmp_path / "tags.tsv").write_text("../../etc/passwd\tSpeech")
    with pytest.raises(AnnotationError, match="is not the path of a recording inside the data set"):
        IsolatedEvents().read(tmp_path)
