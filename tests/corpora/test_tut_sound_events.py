"""TUT Sound Events is read with every quirk of its four data sets."""

from __future__ import annotations

import pytest

from earmark.errors import AnnotationError, AudioError, CorpusError
from earmark.recordings import Event
from earmark_corpora.tut.sound_events import EVENTS, TutSoundEvents

DEV_2016 = "TUT-sound-events-2016-development"
EVA_2016 = "TUT-sound-events-2016-evaluation"
DEV_2017 = "TUT-sound-events-2017-development"
EVA_2017 = "TUT-sound-events-2017-evaluation"


@pytest.fixture
def root(tmp_path, silence, text):
    """One or two recordings of each data set, in the forms that corpora.md describes."""
    for path in ("home/a030", "residential_area/a001"):
        silence(tmp_path / DEV_2016 / f"audio/{path}.wav", 3.0)
    text(tmp_path / DEV_2016 / "meta/home/a030.ann", "0.5\t1.25\t(object) rustling\r\n1.0\t2.0\tobject impact\r\n")
    text(tmp_path / DEV_2016 / "meta/residential_area/a001.ann", "0.1\t0.2\tbird singing\r0.3\t0.4\t(object) impact")
    text(tmp_path / DEV_2016 / "meta_full/home/a030_full.ann", "0\t1\tbreathing\n")
    text(tmp_path / DEV_2016 / "evaluation_setup/home_fold1_test.txt", "audio/home/a030.wav\thome\n")
    text(
        tmp_path / DEV_2016 / "evaluation_setup/home_fold1_evaluate.txt",
        "audio/home/a030.wav\thome\t0.5\t1.25\t(object) rustling\n",
    )
    text(
        tmp_path / DEV_2016 / "evaluation_setup/residential_area_fold3_evaluate.txt",
        "audio/residential_area/a001.wav\tresidential_area\t0.1\t0.2\tbird singing\n",
    )
    silence(tmp_path / EVA_2016 / "audio/home/a029.wav", 13.0)
    text(tmp_path / EVA_2016 / "meta/home/a029.ann", "10,045824\t12,5\tdishes\r\n1\t1\tcupboard\r\n")
    for name in ("a001", "b099"):
        silence(tmp_path / DEV_2017 / f"audio/street/{name}.wav", 3.0)
    text(
        tmp_path / DEV_2017 / "meta/street/a001.ann",
        "audio/street/a001.wav\tstreet\t1.589213\t2.38382\tpeople walking\tmixture\ta001\n",
    )
    text(tmp_path / DEV_2017 / "meta/street/b099.ann", "")
    text(tmp_path / DEV_2017 / "non_verified/meta/street/a001.ann", "0.1\t0.2\tcar\n")
    text(tmp_path / DEV_2017 / "evaluation_setup/street_fold1_test.txt", "audio/street/b099.wav\tstreet\n")
    silence(tmp_path / EVA_2017 / "audio/street/a011.wav")
    text(tmp_path / EVA_2017 / "evaluation_setup/street_test.txt", "audio/street/a011.wav\tstreet\n")
    return tmp_path


def read(root):
    return {r.path: r for r in TutSoundEvents().read(root).recordings}


def test_the_vocabulary_is_that_of_the_readmes():
    assert len(EVENTS) == 21  # 11 of homes, 7 of residential areas, 6 of streets, of which 3 are said twice
    assert list(EVENTS) == sorted(EVENTS)


def test_all_forms_of_lines_and_all_line_ends_are_read(root):
    recordings = read(root)
    assert len(recordings) == 6
    home = recordings[f"{DEV_2016}/audio/home/a030.wav"]
    assert (home.split, home.scene, home.fold, home.duration_s) == ("development", "home", 1, 3.0)
    assert home.events == (Event(0.5, 1.25, "(object) rustling"), Event(1.0, 2.0, "object impact"))
    area = recordings[f"{DEV_2016}/audio/residential_area/a001.wav"]
    assert (area.fold, [e.label for e in area.events]) == (3, ["bird singing", "object impact"])
    assert recordings[f"{EVA_2016}/audio/home/a029.wav"].events == (Event(10.045824, 12.5, "dishes"),)
    street = recordings[f"{DEV_2017}/audio/street/a001.wav"]
    assert (street.scene, street.events) == ("street", (Event(1.589213, 2.38382, "people walking"),))


def test_a_recording_without_events_is_not_one_without_labels(root):
    recordings = read(root)
    assert recordings[f"{DEV_2017}/audio/street/b099.wav"].events == ()
    assert recordings[f"{EVA_2017}/audio/street/a011.wav"].events is None


def test_what_was_mended_or_left_out_is_said(root):
    notes = "\n".join(TutSoundEvents().read(root).notes)
    assert "read the event '(object) impact' as 'object impact' in 1 lines" in notes
    assert "Dropped 1 events of zero length: cupboard" in notes
    assert "non_verified/ holds the labels of version 1.0, which are not read" in notes
    assert "1 recordings have no labels: audio/street/a011.wav" in notes
    assert "1 recordings are tested in no fold: audio/street/a001.wav" in notes


def test_the_folder_of_one_data_set_is_a_corpus_too(root):
    assert set(read(root / DEV_2017)) == {"audio/street/a001.wav", "audio/street/b099.wav"}


def test_a_folder_without_any_data_set_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=rf"none of {DEV_2016}.*earmark data fetch {DEV_2016.lower()}.*45759"):
        TutSoundEvents().read(tmp_path)


def test_missing_audio_names_record_and_download(root):
    (root / DEV_2016 / "audio/home/a030.wav").unlink()
    with pytest.raises(CorpusError, match=r"1 of 2 recordings of .* are missing: .*a030\.wav.*data fetch.*45759"):
        TutSoundEvents().read(root)


def test_missing_labels_of_a_development_set_name_the_archive(root):
    (root / DEV_2017 / "meta/street/b099.ann").unlink()
    with pytest.raises(CorpusError, match=r"1 recordings have no file in meta/: .*b099.*meta archive.*814831"):
        TutSoundEvents().read(root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0.5\t1.0", r"a030\.ann, line 2: 2 fields, expected onset, offset and label"),
        ("0.5\t1.0\tcar\tstreet", r"line 2: 4 fields"),
        ("1.0\t0.5\tdishes", r"line 2: 'dishes' from 1 s to 0\.5 s ends before it begins"),
        ("0.5\t1.0\tdishse", r"line 2: unknown event 'dishse'. Did you mean 'dishes'\?"),
        ("0.5\t9.0\tdishes", r"line 2: 'dishes' from 0\.5 s to 9 s passes the end"),
        ("audio/home/a031.wav\thome\t0\t1\tdishes", r"line 2: the line is of audio/home/a031\.wav"),
        ("../a030.wav\thome\t0\t1\tdishes", r"line 2: '\.\./a030\.wav' is not the path"),
    ],
)
def test_a_line_that_cannot_be_right_is_named(root, text, line, message):
    text(root / DEV_2016 / "meta/home/a030.ann", f"0.5\t1.0\tdishes\n{line}\n")
    with pytest.raises(AnnotationError, match=message):
        TutSoundEvents().read(root)


def test_a_recording_in_two_folds_is_an_error(root, text):
    text(root / DEV_2016 / "evaluation_setup/home_fold2_test.txt", "audio/home/a030.wav\thome\n")
    with pytest.raises(AnnotationError, match="home_fold2_test.txt, line 1: .* is tested in fold 2 and in fold 1"):
        TutSoundEvents().read(root)


@pytest.mark.parametrize(("how", "said"), [({"rate_hz": 48_000}, "48000 Hz,"), ({"channels": 1}, "1 channel,")])
def test_converted_audio_is_refused(root, silence, how, said):
    silence(root / DEV_2016 / "audio/home/a030.wav", 3.0, **how)
    with pytest.raises(AudioError, match=f"a030.wav: {said} but this data set is published"):
        TutSoundEvents().read(root)


def test_check_says_in_one_screen_what_is_there_missing_and_wrong(root, text):
    (root / DEV_2017 / "audio/street/b099.wav").unlink()
    text(root / DEV_2016 / "meta/home/a030.ann", "0.5\t9.0\tdishes\n")
    said = list(TutSoundEvents().check(root))
    assert len(said) < 24
    page = "\n".join(said)
    assert f"{DEV_2017}: 1 of 2 recordings, 0.1 min, 1 missing; 1 events in 2 recordings, 1 of 3 scenes." in page
    assert f"`earmark data fetch {DEV_2017.lower()}`" in page
    assert "Does not match:" in page
    assert "passes the end of" in page
    assert "Nothing is missing" not in page


def test_check_of_a_whole_copy_ends_well_and_of_nothing_says_so(root, tmp_path):
    assert list(TutSoundEvents().check(root))[-1] == "Nothing is missing of what is listed: the corpus can be read."
    (tmp_path / "empty").mkdir()
    assert "Nothing of it is here" in list(TutSoundEvents().check(tmp_path / "empty"))[-1]
    assert "no such folder" in next(iter(TutSoundEvents().check(tmp_path / "nowhere")))
