"""Reading and checking a corpus on disk."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile

from earmark.errors import AnnotationError, AudioError, CorpusError
from earmark.recordings import Event
from earmark_corpora.tut.four_scenes import TutCorpus
from earmark_corpora.tut.layout import EVENTS, SCENES

STREET = "TUT-sound-events-2017-development/audio/street/a001.wav"
OFFICE = "TUT-acoustic-scenes-2016-development/audio/a099_0_30.wav"
CLIP_OF_2017 = "TUT-acoustic-scenes-2017-evaluation/audio/105.wav"
EVENT_FREE = "TUT-acoustic-scenes-2017-evaluation/evaluation_setup/evaluate.txt"


def recording(dataset, path):
    return next(r for r in dataset.recordings if r.path == path)


def test_recordings_carry_what_annotations_and_audio_say(corpus_root):
    dataset = TutCorpus().read(corpus_root)
    assert (dataset.name, dataset.synthetic, dataset.events, dataset.scenes) == ("tut", False, EVENTS, SCENES)
    street = recording(dataset, STREET)
    assert (street.scene, street.split, street.fold, street.group) == ("city_center", "development", 1, None)
    assert (street.duration_s, street.rate_hz, street.channels) == (6.0, 44_100, 2)
    assert street.events == (Event(0.0, 4.5, "car"), Event(2.0, 3.25, "people talking"))


def test_office_clips_of_a_location_are_one_group(corpus_root):
    office = recording(TutCorpus().read(corpus_root), OFFICE)
    assert (office.group, office.fold) == ("a099", 2)


def test_evaluation_recordings_are_in_no_fold(corpus_root):
    assert {r.fold for r in TutCorpus().read(corpus_root).of_split("evaluation")} == {None}


def test_recordings_of_one_name_stay_apart_and_are_noted(corpus_root):
    dataset = TutCorpus().read(corpus_root)
    assert {r.scene for r in dataset.recordings if r.path.endswith("/105.wav")} == {"city_center", "office"}
    assert "1 file names are not unique (105.wav); recordings go by their path." in dataset.notes


def test_offsets_a_hair_behind_the_end_are_clamped(corpus_root):
    dataset = TutCorpus().read(corpus_root)
    assert recording(dataset, CLIP_OF_2017).events == (Event(1.5, 10.0, "car"),)
    assert any(note.startswith("Clamped 1 offsets") for note in dataset.notes)


def test_an_offset_far_behind_the_end_is_an_error_with_its_line(corpus_root):
    soundfile.write(corpus_root / STREET, np.zeros((44_100 * 3, 2)), 44_100)
    with pytest.raises(AnnotationError, match=r"meta_development\.txt, line 2: 'car' .* passes the end .* at 3 s"):
        TutCorpus().read(corpus_root)


def test_clips_without_any_event_come_from_the_list_of_scenes(corpus_root):
    (corpus_root / EVENT_FREE).parent.mkdir(parents=True)
    (corpus_root / EVENT_FREE).write_text("audio/105.wav\tcity_center\naudio/9.wav\tcity_center\naudio/8.wav\tbeach\n")
    shutil.copy(corpus_root / CLIP_OF_2017, (corpus_root / CLIP_OF_2017).with_name("9.wav"))
    dataset = TutCorpus().read(corpus_root)
    silent = recording(dataset, CLIP_OF_2017.replace("105", "9"))
    assert (silent.events, silent.scene, silent.split, silent.duration_s) == ((), "city_center", "evaluation", 10.0)
    assert not any(r.path.endswith("/8.wav") for r in dataset.recordings)
    assert (
        "1 clips of TUT-acoustic-scenes-2017-evaluation without any event come from its "
        "evaluation_setup/evaluate.txt." in dataset.notes
    )


def test_without_that_list_a_note_says_that_clips_may_be_missing(corpus_root):
    notes = TutCorpus().read(corpus_root).notes
    assert any(note.startswith(f"No {EVENT_FREE}: clips") for note in notes)


def test_a_list_of_scenes_with_a_bad_line_is_an_error(corpus_root):
    (corpus_root / EVENT_FREE).parent.mkdir(parents=True)
    (corpus_root / EVENT_FREE).write_text("audio/105.wav\tcity_center\n\naudio/9.wav\n")
    with pytest.raises(AnnotationError, match=r"evaluate\.txt, line 3: expected audio/NAME\.wav, a tab and a scene"):
        TutCorpus().read(corpus_root)


def test_missing_audio_is_counted_and_the_first_files_named(corpus_root):
    (corpus_root / STREET).unlink()
    with pytest.raises(
        CorpusError, match=rf"1 of 4 recordings are missing: {STREET}\. `earmark data check tut .*synthesize tut"
    ):
        TutCorpus().read(corpus_root)


def test_more_than_three_missing_files_are_only_counted(corpus_root):
    for dataset in corpus_root.glob("TUT-*"):
        shutil.rmtree(dataset)
    with pytest.raises(CorpusError, match=r"4 of 4 recordings are missing: .* and 1 more\."):
        TutCorpus().read(corpus_root)


def test_an_empty_audio_file_is_an_error_that_names_it(corpus_root):
    (corpus_root / STREET).write_bytes(b"")
    with pytest.raises(AudioError, match=r"a001\.wav: the file is empty"):
        TutCorpus().read(corpus_root)


def test_only_the_marker_makes_a_corpus_synthetic(corpus_root):
    (corpus_root / "SYNTHETIC.json").write_text("{}")
    dataset = TutCorpus().read(corpus_root)
    assert (dataset.name, dataset.synthetic, dataset.title) == ("tut", True, "tut (synthetic)")


def test_check_says_of_a_whole_copy_that_nothing_is_missing(corpus_root):
    said = list(TutCorpus().check(corpus_root))
    assert said[-1] == "Nothing is missing: the corpus can be read."
    assert "Folds: files of 4 of 4 folds, testing 2 recordings." in said
    assert "TUT-sound-events-2017-development, city_center: 1 of 1 recordings, 0.1 min, complete." in said
    assert "evaluation: 2 of 2 recordings, 0.7 min." in said
    assert any("3 events in 2 development recordings, 2 events in 2 evaluation recordings" in line for line in said)


def test_check_counts_what_a_partial_copy_lacks(corpus_root):
    (corpus_root / STREET).unlink()
    said = list(TutCorpus().check(corpus_root))
    assert "TUT-sound-events-2017-development, city_center: 0 of 1 recordings, 0.0 min, 1 missing." in said
    assert said[-1].startswith("Unpack the audio archives")


def test_check_says_what_does_not_match_and_goes_on(corpus_root):
    soundfile.write(corpus_root / STREET, np.zeros((44_100 * 3, 2)), 44_100)
    (corpus_root / OFFICE).write_bytes(b"no sound")
    said = "\n".join(TutCorpus().check(corpus_root))
    assert "Does not match:" in said
    assert "passes the end of" in said
    assert "a099_0_30.wav: not a readable sound file" in said
    assert "Nothing is missing" not in said


def test_check_works_without_annotations(corpus_root):
    shutil.rmtree(corpus_root / "metadata_SEDandASC01")
    said = list(TutCorpus().check(corpus_root))
    assert any("no meta/meta_development.txt" in line for line in said)
    assert "TUT-sound-events-2017-development: 1 audio files." in said
    assert "TUT-sound-events-2016-development: absent." in said


def test_check_of_no_folder_says_so(tmp_path):
    assert "no such folder" in "\n".join(TutCorpus().check(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("rate_hz", "channels", "said"),
    [(22_050, 2, "22050 Hz, but this data set is published at 44100 Hz"), (44_100, 1, "1 channel, but .* with 2")],
)
def test_converted_audio_is_refused_where_it_would_be_resampled_without_a_word(
    corpus_root, silence, rate_hz, channels, said
):
    silence(corpus_root / STREET, 6.0, rate_hz, channels)
    with pytest.raises(AudioError, match=rf"a001\.wav: {said}.*Unpack its audio archive again"):
        TutCorpus().read(corpus_root)
    assert "Does not match:" in "\n".join(TutCorpus().check(corpus_root))
