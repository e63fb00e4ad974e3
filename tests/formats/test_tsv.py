"""Tables of events, as the DCASE challenges have them."""

from __future__ import annotations

import pytest

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.recordings import Event
from earmark_formats.tsv import Tsv


def read(tmp_path, text):
    (tmp_path / "a.tsv").write_text(text, encoding="utf-8")
    return Tsv().read(tmp_path / "a.tsv")


def test_lines_of_one_recording_are_gathered_and_sorted(tmp_path):
    text = "filename\tonset\toffset\tevent_label\nb.wav\t2.5\t3\tcar\na.wav\t0\t1\tcar\nb.wav\t0.5\t1\tdog\n"
    b, a = read(tmp_path, text)
    assert b == Annotated(recording="b.wav", events=(Event(0.5, 1.0, "dog"), Event(2.5, 3.0, "car")))
    assert a.recording == "a.wav"
    assert b.places == (f"{tmp_path}/a.tsv, line 4", f"{tmp_path}/a.tsv, line 2")


def test_blank_times_say_that_somebody_listened_and_heard_nothing(tmp_path):
    (one,) = read(tmp_path, "filename\tonset\toffset\tevent_label\na.wav\t\t\t\n")
    assert one == Annotated(recording="a.wav", events=())


def test_a_line_without_its_trailing_tabs_is_the_same(tmp_path):
    assert read(tmp_path, "filename\tonset\toffset\tevent_label\na.wav\n")[0].events == ()


def test_weak_labels_are_tags_and_claim_no_times(tmp_path):
    car, none = read(tmp_path, "filename\tevent_labels\na.wav\tcar, bird,car\nb.wav\t\n")
    assert car == Annotated(recording="a.wav", events=None, tags=("car", "bird"))
    assert none == Annotated(recording="b.wav", events=None, tags=())


def test_strong_and_weak_labels_stand_side_by_side(tmp_path):
    header = "filename,onset,offset,event_label,event_labels,scene_label\n"
    strong, weak = read(tmp_path, header + 'a.wav,0,1,car,,street\nb.wav,,,,"car,bird",park\n')
    assert strong == Annotated(recording="a.wav", events=(Event(0.0, 1.0, "car"),), scene="street")
    assert weak == Annotated(recording="b.wav", events=None, tags=("car", "bird"), scene="park")


def test_a_table_of_scenes_alone_says_nothing_on_events(tmp_path):
    assert read(tmp_path, "file\tscene\na.wav\thome\n")[0] == Annotated(recording="a.wav", events=None, scene="home")


@pytest.mark.parametrize(
    "text",
    [
        "file,start,end,label\na.wav,0.5,1,car\n",
        "annotator\tPath\tEvent_Label\tOnset\tOffset\nme\ta.wav\tcar\t0,5\t1,0\n",
        "\ufefffilename\tonset\toffset\tevent_label\r\n\r\na.wav\t0.5\t1.0\tcar\r\n",
        'filename,onset,offset,event_label\n"a.wav","0.5","1","car"\n',
    ],
)
def test_columns_may_have_other_names_and_places_and_commas_may_separate(tmp_path, text):
    assert read(tmp_path, text)[0] == Annotated(recording="a.wav", events=(Event(0.5, 1.0, "car"),))


def test_a_file_without_header_is_one_recording_as_in_the_tut_sets(tmp_path):
    (one,) = read(tmp_path, "0.000000\t4.5\tpeople talking\n2.0\t3.25\tcar\n")
    assert one == Annotated(events=(Event(0.0, 4.5, "people talking"), Event(2.0, 3.25, "car")))
    assert read(tmp_path, "") == (Annotated(events=()),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.wav\t3\t2\tcar", "'car' from 3 s to 2 s ends before it begins"),
        ("a.wav\t1\tsoon\tcar", "'soon' is not a time in seconds"),
        ("a.wav\tnan\t2\tcar", "'nan' is not a time in seconds"),
        ("a.wav\t1\t2\t", "an event with no name"),
        ("a.wav\t1\t\tcar", "an event with no offset"),
        ("a.wav\t\t\tcar", "an event with no onset and no offset"),
        ("\t1\t2\tcar", "no filename. Name the recording"),
        ("a.wav\t1\t2\tcar\tbus", "5 fields under 4 columns"),
        ('"a.wav\t1\t2\tcar', "unexpected end of data. Correct the quotation marks"),
    ],
)
def test_a_line_that_cannot_be_right_is_named_by_file_and_line(tmp_path, line, said):
    with pytest.raises(AnnotationError, match=rf"a\.tsv, line 3: .*{said}"):
        read(tmp_path, f"filename\tonset\toffset\tevent_label\na.wav\t0\t1\tcar\n{line}\n")


def test_a_table_of_something_else_is_refused_with_its_columns(tmp_path):
    with pytest.raises(AnnotationError, match="no table of events. It needs a header.*Columns: name, age"):
        read(tmp_path, "name\tage\nx\t3\n")
    with pytest.raises(AnnotationError, match="line 2: 2 fields; a file without header has onset"):
        read(tmp_path, "1\t2\tcar\n3\t4\n")


def test_two_scenes_of_one_recording_are_an_error(tmp_path):
    with pytest.raises(AnnotationError, match=r"line 3: scene 'park', but 'home' above for the same recording"):
        read(tmp_path, "file\tscene\na.wav\thome\na.wav\tpark\n")


def test_a_line_without_length_is_left_out_with_a_note(tmp_path):
    (one,) = read(tmp_path, "filename\tonset\toffset\tevent_label\na.wav\t1\t1.0000001\tcar\n")
    assert one.events == ()
    assert "Left out 1 labels without length, as they mark no event: 'car' at 1 s" in one.notes[0]


def test_the_written_table_is_that_of_dcase(tmp_path):
    Tsv().write(
        tmp_path / "a.tsv",
        [Annotated(recording="a.wav", events=(Event(0.5, 1.0, "car"),)), Annotated(recording="b.wav", events=())],
    )
    assert (tmp_path / "a.tsv").read_bytes() == (
        b"filename\tonset\toffset\tevent_label\na.wav\t0.500000\t1.000000\tcar\nb.wav\t\t\t\n"
    )


def test_the_real_annotations_of_desed_are_read(shared_data):
    annotated = Tsv().read(shared_data / "desed_metadata/validation.tsv")
    lines = (shared_data / "desed_metadata/validation.tsv").read_text().splitlines()[1:]
    silent = [line for line in lines if line.split("\t")[1:] == ["", "", ""]]
    assert len(annotated) == len({line.split("\t")[0] for line in lines})
    assert sum(len(one.events) for one in annotated) == len(lines) - len(silent)
