"""DESED is read in the layouts of its archives: recorded clips, the soundbank, and the backgrounds it draws on."""

from __future__ import annotations

import shutil

import pytest

from earmark.errors import AnnotationError, AudioError, CorpusError
from earmark.recordings import Event
from earmark_corpora.desed.recorded import LAYOUT, PARTS, Desed
from earmark_corpora.desed.soundbank import DesedSoundbank
from earmark_corpora.musan import Musan
from earmark_corpora.plans import absent
from earmark_corpora.sins import Sins
from earmark_corpora.tables import within

CLIP = "Y00pbt6aJV8Y_350.000_360.000.wav"
HEADER = "filename\tonset\toffset\tevent_label\n"


@pytest.fixture
def recorded(tmp_path, silence, text):
    silence(tmp_path / "audio/validation" / CLIP, 9.97, 16_000, 1)
    silence(tmp_path / "audio/validation/Yquiet_0.000_10.000.wav", 10.0, 44_100, 1)
    text(
        tmp_path / "metadata/validation/validation.tsv",
        f"{HEADER}{CLIP}\t0.000\t9.990\tVacuum_cleaner\n{CLIP}\t1.5\t2.0\tSpeech\nYquiet_0.000_10.000.wav\t\t\t\n",
    )
    silence(tmp_path / "audio/train/weak/Ya_0_10.wav", 1.0, 44_100, 1)
    text(tmp_path / "metadata/train/weak.tsv", "filename\tevent_labels\nYa_0_10.wav\tSpeech,Dog\n")
    silence(tmp_path / "audio/train/unlabel_in_domain/Yb_0_10.wav", 1.0, 44_100, 1)
    text(tmp_path / "metadata/train/unlabel_in_domain.tsv", "filename\nYb_0_10.wav\n")
    silence(tmp_path / "audio/eval/public/c_0_10.wav", 10.0, 44_100, 1)
    text(tmp_path / "metadata/eval/public.tsv", f"{HEADER}c_0_10.wav\t0\t1\tCat\n")
    return tmp_path


@pytest.mark.parametrize("below", ["", "dataset", "real"])
def test_every_list_keeps_what_is_known_of_its_clips(recorded, tmp_path, below):
    if below:
        for name in ("audio", "metadata"):
            (tmp_path / below).mkdir(exist_ok=True)
            shutil.move(recorded / name, tmp_path / below / name)
    dataset = Desed().read(tmp_path)
    known = {r.path.rpartition("/")[2]: (r.split, r.group, r.events, r.tags) for r in dataset.recordings}
    assert known == {
        "Ya_0_10.wav": ("development", "Ya", None, ("Dog", "Speech")),
        "Yb_0_10.wav": ("development", "Yb", None, None),
        CLIP: ("validation", "Y00pbt6aJV8Y", (Event(0.0, 9.97, "Vacuum_cleaner"), Event(1.5, 2.0, "Speech")), None),
        "Yquiet_0.000_10.000.wav": ("validation", "Yquiet", (), None),
        "c_0_10.wav": ("evaluation", "c", (Event(0.0, 1.0, "Cat"),), None),
    }
    notes = "\n".join(dataset.notes)
    assert "1 recordings in which no event is heard" in notes
    assert "Clamped 1 offsets in 1 recordings to the end of the audio, which they passed by at most 20.000 ms." in notes


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("validation/validation.tsv", f"{HEADER}{CLIP}\t0\t1\n", "line 2: 3 fields, expected filename, onset"),
        (
            "validation/validation.tsv",
            f"{HEADER}{CLIP}\t0\t1\tDogs\n",
            r"line 2: unknown event 'Dogs'. Did you mean 'Dog'",
        ),
        ("validation/validation.tsv", f"{HEADER}../{CLIP}\t0\t1\tDog\n", "line 2: .* is not the path"),
        ("train/weak.tsv", "filename\tevent_labels\nYa_0_10.wav\n", "line 2: 1 fields, expected filename and"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(recorded, text, name, content, message):
    text(recorded / "metadata" / name, content)
    with pytest.raises(AnnotationError, match=message):
        Desed().read(recorded)


def test_missing_clips_are_counted_and_their_source_named(recorded):
    (recorded / "audio/eval/public/c_0_10.wav").unlink()
    with pytest.raises(CorpusError, match=r"1 of 1 recordings of public.tsv are missing.*record 4560759"):
        Desed().read(recorded)
    page = "\n".join(Desed().check(recorded))
    assert "public.tsv: 0 of 1 recordings, 0.0 min, 1 missing" in page
    assert "validation.tsv: 2 of 2 recordings, 0.3 min, complete; 2 events in 2 recordings." in page


def test_the_published_annotations_are_those_that_were_counted(shared_data, tmp_path):
    lists = shared_data / "desed_metadata"
    for name, n_clips, n_events, n_empty in (("validation.tsv", 1168, 4224, 15), ("public.tsv", 692, 2765, 0)):
        part = next(part for part in PARTS if part.publication.folder == name)
        plan = LAYOUT.plan(lists, part.publication)
        assert len(plan.entries) == n_clips
        assert sum(len(entry.lines) for entry in plan.entries) == n_events
        assert sum(not entry.lines for entry in plan.entries) == n_empty
        # Without audio, the name says how long a clip is.
        beyond = 0
        for entry in plan.entries:
            start, end = entry.path.removesuffix(".wav").rsplit("_", 2)[1:]
            beyond += sum(within(line, entry.path, float(end) - float(start))[1] > 1e-3 for line in entry.lines)
        assert beyond == (4 if name == "validation.tsv" else 0)
        assert len(absent(lists, plan.entries)) == n_clips
    page = "\n".join(Desed().check(lists))
    assert "validation.tsv: 0 of 1168 recordings, 0.0 min, 1168 missing; 4224 events in 1168 recordings." in page
    assert "Absent: weak.tsv, unlabel_in_domain.tsv." in page


@pytest.fixture
def bank(tmp_path, silence, text):
    train, evaluation = tmp_path / "audio/train/soundbank", tmp_path / "audio/eval/soundbank"
    silence(train / "foreground/Cat/56380_4.wav", 0.5, 44_100, 1)
    silence(train / "foreground/Cat/56380_5.wav", 0.7, 48_000, 2)
    silence(train / "foreground/Frying_nOn_nOff/82048.wav", 2.0, 44_100, 1)
    (train / "foreground/Cat/._56380_4.wav").write_bytes(b"left by a Mac")
    silence(train / "background/sins/DevNode1_ex165_5.wav", 1.0, 16_000, 4)
    silence(train / "background/sins/DevNode1_ex87_10.wav", 1.0, 16_000, 4)
    silence(evaluation / "foreground/Blender_nOff/7.wav", 1.0, 44_100, 1)
    silence(evaluation / "background/youtube/8.wav", 1.0, 44_100, 1)
    silence(evaluation / "foreground_short/Dog/9.wav", 1.0, 44_100, 1)
    text(
        tmp_path / "soundbank_validation.tsv",
        "filepath\naudio/validation/soundbank/foreground/Cat/56380_5.wav\n"
        "audio/validation/soundbank/background/sins/DevNode1_ex87_10.wav\n",
    )
    return tmp_path


def listed(bank):
    reader = DesedSoundbank()
    return {
        subset: (
            [(f.label, f.variant, f.freesound_id, f.duration_s) for f in reader.foreground(bank, subset)],
            [(b.path.rpartition("/")[2], b.group) for b in reader.background(bank, subset)],
        )
        for subset in ("train", "valid", "eval")
    }


def test_the_list_decides_the_subset_before_and_after_files_have_been_moved(bank):
    expected = {
        "train": (
            [("Cat", "", "56380", 0.5), ("Frying", "_nOn_nOff", "82048", 2.0)],
            [("DevNode1_ex165_5.wav", "sins")],
        ),
        "valid": ([("Cat", "", "56380", 0.7)], [("DevNode1_ex87_10.wav", "sins")]),
        "eval": ([("Blender", "_nOff", "7", 1.0)], [("8.wav", "youtube")]),
    }
    assert listed(bank) == expected
    for inner in ("foreground/Cat/56380_5.wav", "background/sins/DevNode1_ex87_10.wav"):
        moved = bank / "audio/validation/soundbank" / inner
        moved.parent.mkdir(parents=True)
        shutil.move(bank / "audio/train/soundbank" / inner, moved)
    assert listed(bank) == expected


def test_a_foreground_file_is_a_recording_that_its_event_fills(bank):
    dataset = DesedSoundbank().read(bank)
    cat = next(r for r in dataset.recordings if r.path.endswith("56380_4.wav"))
    assert (cat.split, cat.group, cat.events) == ("development", "56380", (Event(0.0, 0.5, "Cat"),))
    rooms = [r for r in dataset.recordings if "/background/" in r.path]
    assert {(r.split, r.events) for r in rooms} == {("development", None), ("validation", None), ("evaluation", None)}
    assert len(dataset.recordings) == 7
    assert "train: 2 foreground files of 2 of 10 classes, 1 _nOn_nOff; 1 backgrounds." in dataset.notes


def test_what_the_bank_lacks_is_named(bank, tmp_path):
    shutil.rmtree(bank / "audio/train/soundbank/background")
    with pytest.raises(CorpusError, match=r"no background files for 'train' in audio/train/.*fetch desed-soundbank"):
        DesedSoundbank().background(bank, "train")
    with pytest.raises(CorpusError, match="no subset 'test' of the soundbank. They are train, valid, eval"):
        DesedSoundbank().foreground(bank, "test")
    page = "\n".join(DesedSoundbank().check(bank))
    assert "train has no backgrounds, which no archive of the soundbank holds" in page
    (bank / "soundbank_validation.tsv").unlink()
    assert "No soundbank_validation.tsv" in "\n".join(DesedSoundbank().check(bank))
    with pytest.raises(CorpusError, match="none of soundbank train"):
        DesedSoundbank().read(tmp_path / "audio/eval")


def test_a_folder_of_no_class_and_a_strange_list_are_errors(bank, silence, text):
    silence(bank / "audio/train/soundbank/foreground/Cats/1.wav", 1.0, 44_100, 1)
    with pytest.raises(AnnotationError, match=r"the folder 'Cats' is no class of DESED. Did you mean 'Cat'"):
        DesedSoundbank().read(bank)
    text(bank / "soundbank_validation.tsv", "filepath\nfoo/bar.wav\n")
    with pytest.raises(AnnotationError, match=r"soundbank_validation.tsv, line 2: 'foo/bar.wav' is not of the form"):
        DesedSoundbank().read(bank)


@pytest.fixture
def sins(tmp_path, silence, text):
    folder = tmp_path / "DCASE2018-task5-dev"
    for name in ("DevNode1_ex1_1", "DevNode1_ex1_2", "DevNode2_ex3_1"):
        silence(folder / f"audio/{name}.wav", 10.0, 16_000, 4)
    text(
        folder / "meta.txt",
        "audio/DevNode1_ex1_1.wav\tabsence\ts1\naudio/DevNode1_ex1_2.wav\tother\ts1\n"
        "audio/DevNode2_ex3_1.wav\twatching TV\ts2\n",
    )
    text(folder / "evaluation_setup/fold2_test.txt", "audio/DevNode2_ex3_1.wav\n")
    return tmp_path


def test_sins_takes_activities_as_scenes_and_opens_a_sample_only(sins):
    dataset = Sins().read(sins)
    assert [(r.scene, r.group, r.fold, r.duration_s, r.channels) for r in dataset.recordings] == [
        ("absence", "DevNode1_ex1", None, 10.0, 4),
        ("other", "DevNode1_ex1", None, 10.0, 4),
        ("watching_tv", "DevNode2_ex3", 2, 10.0, 4),
    ]
    assert "Opened 3 of 3 audio files" in dataset.notes[1]
    assert "1 segments are 'other', of which DESED makes its backgrounds" in "\n".join(Sins().check(sins))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("audio/DevNode1_ex1_1.wav", "line 1: expected an audio file, a label and a session"),
        ("audio/1.wav\tother", "line 1: 'audio/1.wav' is not of the form audio/DevNode1_ex1_1.wav"),
        ("audio/DevNode1_ex1_1.wav\tabsense\ts1", "line 1: unknown label 'absense'. Did you mean 'absence'"),
    ],
)
def test_sins_names_lines_that_cannot_be_right(sins, text, line, message):
    text(sins / "DCASE2018-task5-dev/meta.txt", line)
    with pytest.raises(AnnotationError, match=message):
        Sins().read(sins)


def test_sins_refuses_a_sampled_file_of_another_length_and_names_missing_ones(sins, silence):
    silence(sins / "DCASE2018-task5-dev/audio/DevNode1_ex1_1.wav", 9.0, 16_000, 4)
    with pytest.raises(AudioError, match="9 s, but all recordings of this data set last 10 s"):
        Sins().read(sins)
    (sins / "DCASE2018-task5-dev/audio/DevNode1_ex1_1.wav").unlink()
    with pytest.raises(CorpusError, match=r"1 of 3 recordings .*`earmark data fetch sins`.*1247102"):
        Sins().read(sins)
    (sins / "DCASE2018-task5-dev/meta.txt").unlink()
    with pytest.raises(CorpusError, match=r"no meta\.txt"):
        Sins().read(sins)


def test_musan_is_read_without_labels_from_inside_and_from_above(tmp_path, silence):
    for path in ("noise/free-sound/noise-free-sound-0287", "music/fma/music-fma-0001", "speech/librivox/speech-0"):
        silence(tmp_path / f"musan/{path}.wav", 1.0, 16_000, 1)
    for root in (tmp_path, tmp_path / "musan"):
        dataset = Musan().read(root)
        assert len(dataset.recordings) == 3
        assert {(r.split, r.scene, r.events) for r in dataset.recordings} == {("development", None, None)}
    assert "1 music, 1 noise, 1 speech recordings" in dataset.notes[0]
    with pytest.raises(CorpusError, match="`earmark data fetch musan`"):
        Musan().read(tmp_path / "musan/noise")
