"""Every quirk of the published annotation files, and every way in which a copy can be wrong."""

from __future__ import annotations

import pytest

from earmark.errors import AnnotationError, CorpusError
from earmark.recordings import Event
from earmark_corpora.tut.annotations import annotated_recordings, annotation_folder, read_annotations, read_lines
from earmark_corpora.tut.layout import EVENTS, SCENES

STREET = "TUT-sound-events-2017-development/audio/street/a001.wav"
HOME = "TUT-sound-events-2016-development/audio/home/a030.wav"
DEVELOPMENT = "meta/meta_development.txt"


def test_there_are_25_events_and_4_scenes_and_none_twice():
    assert len(set(EVENTS)) == len(EVENTS) == 25
    assert len(set(SCENES)) == len(SCENES) == 4


def test_a_line_of_zero_length_is_dropped_and_its_line_named(tmp_path, write_lines):
    write_lines(
        tmp_path, "a.txt", [f"{STREET}\tcity_center\t1\t2\tcar", f"{STREET}\tcity_center\t224.691453\t224.691453\tcar"]
    )
    lines, notes = read_lines(tmp_path / "a.txt", "development")
    assert [line.event for line in lines] == [Event(1.0, 2.0, "car")]
    assert notes == [f"a.txt: dropped 1 event of zero length, line 3 (car at 224.691 s of {STREET})."]


def test_people_speaking_are_people_talking(tmp_path, write_lines):
    write_lines(tmp_path, "a.txt", [f"{STREET}\tcity_center\t1\t2\tpeople speaking"])
    lines, notes = read_lines(tmp_path / "a.txt", "development")
    assert lines[0].event.label == "people talking"
    assert notes == ["a.txt: read the event 'people speaking' as 'people talking' in 1 lines."]


def test_a_street_is_in_the_city_center(tmp_path, write_lines):
    write_lines(tmp_path, "a.txt", [f"{STREET}\tstreet\t1\t2\tcar"])
    lines, notes = read_lines(tmp_path / "a.txt", "development")
    assert lines[0].scene == "city_center"
    assert notes == ["a.txt: read the scene 'street' as 'city_center' in 1 lines."]


@pytest.mark.parametrize("text", ["30", "30.0", "30.000000", "3e1", " 30 "])
def test_times_are_compared_as_numbers_however_they_are_written(tmp_path, write_lines, text):
    write_lines(tmp_path, "a.txt", [f"{STREET}\tcity_center\t0\t{text}\tcar"])
    lines, _ = read_lines(tmp_path / "a.txt", "development")
    assert lines[0].event == Event(0.0, 30.0, "car")


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    text = f"\ufeffpath\tscene_label\ta\tb\tc\r\n\r\n{STREET}\tcity_center\t0\t1\tcar\r\n"
    (tmp_path / "a.txt").write_bytes(text.encode())
    lines, _ = read_lines(tmp_path / "a.txt", "development")
    assert [line.event.label for line in lines] == ["car"]
    assert lines[0].where == f"{tmp_path / 'a.txt'}, line 3"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((STREET, "city_center", "3", "2", "car"), "'car' from 3 s to 2 s of .* ends before it begins"),
        ((STREET, "city_center", "-1", "2", "car"), "begins before the recording"),
        ((STREET, "city_center", "1", "2", "carr"), "unknown event 'carr'. Did you mean 'car'\\?"),
        ((STREET, "city_centre", "1", "2", "car"), "unknown scene 'city_centre'. Did you mean 'city_center'\\?"),
        ((STREET, "city_center", "1", "soon", "car"), "'soon' is not a time in seconds"),
        ((STREET, "city_center", "nan", "2", "car"), "'nan' is not a time in seconds"),
        ((STREET, "city_center", "1", "2"), "4 fields, expected 5"),
        ((STREET, "home", "1", "2", "car"), "lies in the folder 'street', but its scene is given as 'home'"),
        (("audio/a001.wav", "city_center", "1", "2", "car"), "begins with none of the known data set folders"),
        (
            ("TUT-sound-event-2017-development/audio/street/a.wav", "city_center", "1", "2", "car"),
            "Did you mean 'TUT-sound-events-2017-development'",
        ),
        ((STREET.replace("audio", ".."), "city_center", "1", "2", "car"), "is not of the form DATASET/audio/"),
        (
            (STREET.replace("development", "evaluation"), "city_center", "1", "2", "car"),
            "belongs to the evaluation set, but stands among the development annotations",
        ),
    ],
)
def test_a_line_that_cannot_be_right_is_named_by_file_and_line(tmp_path, write_lines, fields, message):
    write_lines(tmp_path, "a.txt", [f"{STREET}\tcity_center\t0\t1\tcar", "\t".join(fields)])
    with pytest.raises(AnnotationError, match=f"a.txt, line 3: .*{message}"):
        read_lines(tmp_path / "a.txt", "development")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(AnnotationError, match=r"a\.txt: not a UTF-8 text file"):
        read_lines(tmp_path / "a.txt", "development")


def test_a_recording_has_one_scene(corpus_root, write_lines):
    path = "TUT-acoustic-scenes-2016-development/audio/a099_0_30.wav"
    folder = annotation_folder(corpus_root)
    write_lines(folder, DEVELOPMENT, [f"{path}\toffice\t0\t1\tfan", f"{path}\thome\t1\t2\tcutlery"])
    with pytest.raises(AnnotationError, match=r"line 3: scene 'home', but .*line 2 says 'office'"):
        read_annotations(folder)


def test_events_are_sorted_whatever_the_order_of_the_lines(corpus_root, write_lines):
    folder = annotation_folder(corpus_root)
    write_lines(folder, DEVELOPMENT, [f"{STREET}\tcity_center\t{on}\t9\tcar" for on in (5, 1, 3)])
    for fold in (1, 2):
        write_lines(folder, f"crossvaridation/meta_fold0{fold}_evaluation.txt", [])
    recording = annotated_recordings(corpus_root)[0][0]
    assert [event.onset_s for event in recording.events] == [1.0, 3.0, 5.0]


def test_lengths_by_rule_are_those_of_the_data_sets(corpus_root):
    recordings, notes = annotated_recordings(corpus_root)
    lengths_s = {recording.path: recording.duration_s for recording in recordings}
    assert lengths_s == {
        STREET: 4.5 + 3.0,
        "TUT-acoustic-scenes-2016-development/audio/a099_0_30.wav": 30.0,
        "TUT-acoustic-scenes-2017-evaluation/audio/105.wav": 10.0,
        "TUT-acoustic-scenes-2016-evaluation/audio/105.wav": 30.0,
    }
    assert "Clamped 1 offsets in 1 recordings to the end of the audio, which they passed by at most 0.023 ms." in notes


@pytest.mark.parametrize("place", [".", "metadata_SEDandASC01", "metadata_SEDandASC01-main"])
def test_annotations_are_found_where_people_put_them(tmp_path, write_lines, place):
    write_lines(tmp_path / place, DEVELOPMENT, [])
    assert annotation_folder(tmp_path) == tmp_path / place


def test_a_folder_without_annotations_says_what_to_do(tmp_path):
    with pytest.raises(CorpusError, match=r"no meta/meta_development\.txt.*earmark data check tut.*synthesize tut"):
        annotation_folder(tmp_path)


def test_both_splits_are_needed(corpus_root):
    folder = annotation_folder(corpus_root)
    (folder / "meta/meta_evaluation.txt").unlink()
    with pytest.raises(CorpusError, match=r"meta_evaluation\.txt: no such file.*both splits are needed"):
        read_annotations(folder)


def test_a_recording_tested_in_two_folds_is_an_error(corpus_root, write_lines):
    folder = annotation_folder(corpus_root)
    write_lines(folder, "crossvaridation/meta_fold03_evaluation.txt", [f"{STREET}\tcity_center\t0\t4.5\tcar"])
    with pytest.raises(AnnotationError, match=r"meta_fold03_evaluation\.txt, line 2: .*fold 3 and in fold 1"):
        read_annotations(folder)


def test_a_fold_of_another_version_is_an_error(corpus_root, write_lines):
    folder = annotation_folder(corpus_root)
    write_lines(folder, "crossvaridation/meta_fold03_evaluation.txt", [f"{HOME}\thome\t0\t4.5\tdishes"])
    with pytest.raises(AnnotationError, match=r"line 2: .*a030\.wav is not a development recording"):
        read_annotations(folder)


def test_missing_folds_leave_recordings_without_a_fold_and_say_so(corpus_root):
    folder = annotation_folder(corpus_root)
    (folder / "crossvaridation/meta_fold02_evaluation.txt").unlink()
    annotations = read_annotations(folder)
    assert annotations.folds == {STREET: 1}
    assert "No crossvaridation/meta_fold02_evaluation.txt: recordings tested there have no fold." in annotations.notes


def test_a_recording_in_no_fold_is_noted(corpus_root, write_lines):
    folder = annotation_folder(corpus_root)
    write_lines(folder, "crossvaridation/meta_fold02_evaluation.txt", [])
    assert "1 development recordings are tested in no fold." in read_annotations(folder).notes
