"""A user's own folder of recordings, with a corpus.toml."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile

from earmark.errors import AnnotationError, CorpusError, OptionError
from earmark.plugins import plugins
from earmark.recordings import Event
from earmark_corpora.folder.corpus import FolderCorpus

AUDACITY = 'annotations = { format = "audacity" }\n'


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "my recordings"
    folder.mkdir()
    return folder


def sound(root, name, length_s=2.0, rate_hz=8000, channels=1):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros((round(length_s * rate_hz), channels)), rate_hz)


def text(root, name, content):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def read(root, description=None):
    if description is not None:
        text(root, "corpus.toml", description)
    return plugins().build("corpus", "folder", {}, "a test").read(root)


def by_path(dataset):
    return {recording.path: recording for recording in dataset.recordings}


def test_every_kind_of_file_keeps_its_own_length_rate_and_channels(root):
    sound(root, "a.wav", 1.5, 44100, 2)
    sound(root, "b.flac", 2.0, 16000, 1)
    sound(root, "c.ogg", 1.0, 48000, 6)
    sound(root, "d.mp3", 3.0, 32000, 2)
    found = {r.path: (r.duration_s, r.rate_hz, r.channels) for r in read(root, "").recordings}
    assert found == {
        "a.wav": (1.5, 44100, 2),
        "b.flac": (2.0, 16000, 1),
        "c.ogg": (1.0, 48000, 6),
        "d.mp3": (3.0, 32000, 2),
    }


def test_annotations_beside_the_audio_go_by_name_and_recordings_without_are_kept_unlabelled(root):
    for name in ("a.wav", "quiet.wav", "unheard.wav"):
        sound(root, name)
    text(root, "a.txt", "0.5\t1.5\tcar\n")
    text(root, "quiet.txt", "")
    text(root, "README.txt", "not an annotation")
    dataset = read(root, 'name = "mine"\n' + AUDACITY)
    assert (dataset.title, dataset.events, dataset.scenes) == ("mine", ("car",), ())
    assert {path: r.events for path, r in by_path(dataset).items()} == {
        "a.wav": (Event(0.5, 1.5, "car"),),
        "quiet.wav": (),
        "unheard.wav": None,
    }
    assert "1 recordings have no annotation and are kept without labels: unheard.wav." in dataset.notes


@pytest.mark.parametrize("name", ["labels/home/a.txt", "labels/a.txt", "labels/home/a.wav.txt"])
def test_annotations_may_lie_in_a_parallel_folder(root, name):
    sound(root, "audio/home/a.wav")
    text(root, name, "0.5\t1.5\tcar\n")
    dataset = read(root, 'audio = "audio"\nannotations = { format = "audacity", path = "labels" }\n')
    assert by_path(dataset)["audio/home/a.wav"].events == (Event(0.5, 1.5, "car"),)


def test_the_longest_name_owns_an_annotation(root):
    for name in ("a.wav", "a.b.wav"):
        sound(root, name)
    header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"
    text(root, "a.Table.1.selections.txt", header + "1\tSpectrogram 1\t1\t0\t1\tdog\n")
    text(root, "a.b.selections.txt", header + "1\tSpectrogram 1\t1\t0\t1\tcat\n")
    recordings = by_path(read(root, 'annotations = { format = "raven" }'))
    assert recordings["a.wav"].events == (Event(0.0, 1.0, "dog"),)
    assert recordings["a.b.wav"].events == (Event(0.0, 1.0, "cat"),)


def test_jams_files_give_events_tags_and_scenes(root):
    sound(root, "a.wav")
    data = [{"time": 0, "duration": 1, "value": "car", "confidence": None}]
    annotations = [{"namespace": name, "data": data} for name in ("segment_open", "tag_open")]
    text(root, "a.jams", json.dumps({"annotations": annotations, "sandbox": {"scene": "street"}}))
    (recording,) = read(root, 'annotations = { format = "jams" }').recordings
    assert (recording.events, recording.tags, recording.scene) == ((Event(0.0, 1.0, "car"),), ("car",), "street")


def test_a_table_names_recordings_by_path_name_or_stem(root):
    for name in ("x/a.wav", "y/b.wav", "y/c.flac"):
        sound(root, name)
    lines = ["x/a.wav\t0\t1\tcar", "b.wav\t0\t1\tdog", "c\t\t\t"]
    text(root, "events.tsv", "filename\tonset\toffset\tevent_label\n" + "\n".join(lines))
    recordings = by_path(read(root, 'annotations = { format = "tsv", path = "events.tsv" }'))
    assert {path: [e.label for e in r.events] for path, r in recordings.items()} == {
        "x/a.wav": ["car"],
        "y/b.wav": ["dog"],
        "y/c.flac": [],
    }


def test_weak_labels_are_tags(root):
    for name in ("a.wav", "b.wav"):
        sound(root, name)
    text(root, "weak.csv", 'filename,event_labels\na.wav,"car,bird"\nb.wav,\n')
    dataset = read(root, 'annotations = { format = "tsv", path = "weak.csv" }\nrename = { bird = "birds" }')
    assert dataset.events == ("birds", "car")
    assert {p: (r.events, r.tags) for p, r in by_path(dataset).items()} == {
        "a.wav": (None, ("car", "birds")),
        "b.wav": (None, ()),
    }


def test_events_are_renamed_and_the_vocabulary_is_as_given(root):
    sound(root, "a.wav")
    text(root, "a.txt", "0\t1\tSpeech\n")
    dataset = read(root, AUDACITY + 'events = ["speech", "car"]\nrename = { Speech = "speech", Spech = "speech" }')
    assert dataset.events == ("speech", "car")
    assert dataset.recordings[0].events == (Event(0.0, 1.0, "speech"),)
    assert "rename: no annotation has the name 'Spech'. Did you mean 'Speech'?" in dataset.notes


def test_a_name_outside_the_vocabulary_is_named_with_its_line(root):
    sound(root, "a.wav")
    text(root, "a.txt", "0\t1\tcar\n1\t2\tspeach\n")
    with pytest.raises(AnnotationError, match=r"a\.txt, line 2: event 'speach' is not among.*Did you mean 'speech'"):
        read(root, AUDACITY + 'events = ["speech", "car"]')


def test_offsets_are_clamped_up_to_a_tenth_of_a_second_and_refused_beyond(root):
    sound(root, "a.wav", 2.0)
    text(root, "a.txt", "0\t2.1\tcar\n2\t2.05\tdog\n")
    dataset = read(root, AUDACITY)
    assert dataset.recordings[0].events == (Event(0.0, 2.0, "car"),)
    assert "Clamped 1 offsets in 1 recordings to the end of the audio, which they passed by at most 100 ms." in (
        dataset.notes
    )
    assert any(note.startswith("Left out 'dog'") and "line 2" in note for note in dataset.notes)
    text(root, "a.txt", "0\t1\tcar\n0\t2.11\tcar\n")
    with pytest.raises(AnnotationError, match=r"a\.txt, line 2: 'car' ends at 2.11 s, after the end of a\.wav at 2 s"):
        read(root)


def test_every_file_that_cannot_be_read_is_named_with_its_reason(root):
    sound(root, "good.wav")
    (root / "empty.wav").touch()
    text(root, "broken.flac", "this is no sound")
    text(root, "phone.m4a", "something")
    os.symlink("/etc/hostname", root / "away.wav")
    text(root, "events.tsv", "filename\tonset\toffset\tevent_label\ngood.wav\t0\t1\tcar\ngod.wav\t0\t1\tcar\n")
    description = 'annotations = { format = "tsv", path = "events.tsv" }\n'
    with pytest.raises(CorpusError, match="5 recordings cannot be read") as error:
        read(root, description)
    for said in (
        r"empty.wav: the file is empty",
        r"broken.flac: not a readable sound file",
        r"phone.m4a: .m4a is not a format that Earmark reads. Convert it",
        r"`ffmpeg -i phone.m4a phone.flac`",
        r"away.wav: a link that leaves the folder",
        r"names 'god.wav', and there is no such sound file. Did you mean 'good.wav'?",
        r"skip_unreadable = true",
        r"earmark data check folder",
    ):
        assert said in str(error.value)
    dataset = read(root, description + "skip_unreadable = true")
    assert [r.path for r in dataset.recordings] == ["good.wav"]
    assert sum(note.startswith("Left out: ") for note in dataset.notes) == 5


def test_every_contradiction_is_named_not_the_first_alone(root):
    for name in ("a.wav", "b.wav"):
        sound(root, name)
    text(root, "a.txt", "0\tsoon\tcar\n")
    text(root, "b.txt", "0\t9\tcar\n")
    with pytest.raises(AnnotationError, match=r"2 contradictions:\n(.|\n)*a\.txt, line 1(.|\n)*b\.txt, line 1"):
        read(root, AUDACITY)


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/secret.wav", "x/../../secret.wav", "C:\\secret.wav"])
def test_no_table_may_name_a_file_outside_the_folder(root, name):
    sound(root, "a.wav")
    sound(root.parent, "secret.wav")
    text(root, "events.tsv", f"filename\tonset\toffset\tevent_label\n{name}\t0\t1\tcar\n")
    with pytest.raises(AnnotationError, match="leaves the folder"):
        read(root, 'annotations = { format = "tsv", path = "events.tsv" }')


@pytest.mark.parametrize(
    "line",
    [
        'audio = ".."',
        'audio = "/tmp"',
        'annotations = { format = "audacity", path = "../labels" }',
        'table = "../t.csv"',
    ],
)
def test_no_description_may_leave_the_folder(root, line):
    sound(root, "a.wav")
    with pytest.raises(CorpusError, match="leaves the folder. Use a path inside it"):
        read(root, line)


def test_a_linked_folder_of_annotations_is_refused(root):
    sound(root, "a.wav")
    (root.parent / "labels").mkdir()
    os.symlink(root.parent / "labels", root / "labels")
    with pytest.raises(CorpusError, match="'labels' is a link that leaves the folder"):
        read(root, 'annotations = { format = "audacity", path = "labels" }')


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("name = [", r"corpus\.toml: not valid TOML"),
        ("anotations = 3", "anotations: no such field. Did you mean 'annotations'.*Fields: name, audio, annotations"),
        ('scenes = { form = "folder" }', "scenes.form: no such field. Did you mean 'from'.*Fields: from, column"),
        ('scenes = { from = "folders" }', "scenes.from: Input should be 'folder', 'column' or 'annotations'"),
        ("annotations = {}", "annotations.format: missing"),
        (
            'scenes = { from = "column" }',
            'scenes.from is "column", but there is no table. Add table = "recordings.csv"',
        ),
        (
            'splits = { from = "drawn", train = 0.8, test = 0.3, validation = 0 }',
            "splits: the shares sum to 1.1, must be 1",
        ),
        ('audio = "sonds"', "no folder 'sonds'. Did you mean 'sounds'"),
        ('annotations = { format = "audacity", path = "x" }', "annotations.path: no file or folder 'x'"),
        ('annotations = { format = "audacity", path = "sounds" }', "no annotation file.*end in .txt, such as a.txt"),
        ('annotations = { format = "audacit" }', "no annotation format named 'audacit'. Did you mean 'audacity'"),
        ('table = "none.csv"', r"table: no file 'none\.csv'"),
    ],
)
def test_a_wrong_description_is_named_with_file_field_and_what_was_meant(root, description, said):
    sound(root, "sounds/a.wav")
    with pytest.raises(Exception, match=said) as error:
        read(root, description)
    assert "corpus.toml" in str(error.value) or "sounds" in str(error.value)


def test_a_misspelt_option_of_a_format_is_named(root):
    sound(root, "a.wav")
    with pytest.raises(OptionError, match=r"corpus\.toml: annotations: .*no option 'colum'. Did you mean 'column'"):
        read(root, 'annotations = { format = "raven", colum = "Call" }')


def test_two_files_of_one_name_are_refused_as_annotations_could_mean_either(root):
    sound(root, "a.wav")
    sound(root, "a.flac")
    with pytest.raises(AnnotationError, match=r"a\.flac and a\.wav have the same name.*Keep one"):
        read(root, "")


def test_two_annotation_files_of_one_recording_are_refused(root):
    sound(root, "a.wav")
    text(root, "a.txt", "")
    text(root, "a.second.txt", "")
    with pytest.raises(AnnotationError, match=r"a\.wav: 2 annotation files, a\.second\.txt, a\.txt. Keep one"):
        read(root, AUDACITY)


def test_a_folder_without_sound_is_an_error(root):
    with pytest.raises(CorpusError, match="no sound file"):
        read(root, "")
    (root / "corpus.toml").unlink()
    with pytest.raises(CorpusError, match=r"no sound file .* and no corpus\.toml"):
        FolderCorpus().read(root)


def test_the_corpus_is_read_by_an_experiment_s_own_way_and_its_digest_follows_the_annotations(root):
    from earmark.experiment import PluginRef
    from earmark.workspace import read_corpus

    sound(root, "a.wav")
    text(root, "a.txt", "0\t1\tcar\n")
    text(root, "corpus.toml", AUDACITY)
    before = read_corpus(PluginRef(use="folder"), root).digest
    text(root, "a.txt", "0\t1.5\tcar\n")
    assert read_corpus(PluginRef(use="folder"), root).digest != before
