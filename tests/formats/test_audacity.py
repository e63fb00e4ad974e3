"""Label tracks, as Audacity exports and imports them."""

from __future__ import annotations

import pytest

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.recordings import Event
from earmark_formats.audacity import Audacity

# As in the manual, "Importing and Exporting Labels", with the extended format's lines of frequencies.
AS_EXPORTED = (
    "1.000000\t1.000000\tpoint\n\\\t6928.456055\t6928.456055\n"
    "2.000000\t2.500000\tcar\n\\\t-1.000000\t6334.588867\n"
    "2.250000\t4.500000\tpeople talking\n\\\t1484.669312\t2969.338523\n"
)


def read(tmp_path, text, encoding="utf-8"):
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    (annotated,) = Audacity().read(tmp_path / "a.txt")
    return annotated


def test_regions_are_events_points_are_not_and_frequencies_are_passed_over(tmp_path):
    annotated = read(tmp_path, AS_EXPORTED)
    assert annotated.events == (Event(2.0, 2.5, "car"), Event(2.25, 4.5, "people talking"))
    assert annotated.places == (f"{tmp_path}/a.txt, line 3", f"{tmp_path}/a.txt, line 5")
    assert annotated.notes == (
        f"Left out 1 labels without length, as they mark no event: 'point' at 1 s ({tmp_path}/a.txt, line 1).",
    )


def test_the_single_time_of_audacity_1_2_is_a_point(tmp_path):
    assert read(tmp_path, "1.5\tdoor slam\n").events == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_windows_line_ends_byte_order_marks_and_decimal_commas_do_no_harm(tmp_path, encoding):
    assert read(tmp_path, "1,5\t2,25\tTür\r\n", encoding).events == (Event(1.5, 2.25, "Tür"),)


def test_an_empty_label_track_is_a_recording_without_events(tmp_path):
    assert read(tmp_path, "").events == ()


def test_one_label_is_one_event_whatever_its_name_holds(tmp_path):
    assert read(tmp_path, "0\t1\tcar, bus; 2 of them\n").events == (Event(0.0, 1.0, "car, bus; 2 of them"),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3\t2\tcar", "line 2: 'car' from 3 s to 2 s ends before it begins"),
        ("-1\t2\tcar", "line 2: -1 s lies before the recording begins"),
        ("1\t2\t", "line 2: the event from 1 s to 2 s has no name"),
        ("1\t2", "line 2: the event from 1 s to 2 s has no name"),
        ("soon\t2\tcar", "line 2: 'soon' is not a time in seconds"),
        ("1\tsoon\tcar", "line 2: 'soon' is not a time in seconds"),
        ("1\tinf\tcar", "line 2: 'inf' is not a time in seconds"),
        ("1 2 car", "line 2: expected start, tab, end, tab and a name.*found '1 2 car'"),
    ],
)
def test_a_line_that_cannot_be_right_is_named_by_file_and_line(tmp_path, line, said):
    with pytest.raises(AnnotationError, match=rf"a\.txt, {said}"):
        read(tmp_path, f"0\t1\tcar\n{line}\n")


@pytest.mark.parametrize(
    ("header", "other"), [("Selection\tView\tBegin Time (s)", "raven"), ("filename\tonset\toffset", "tsv")]
)
def test_a_file_of_another_program_is_recognised(tmp_path, header, other):
    with pytest.raises(AnnotationError, match=f"not a label track of Audacity. The format '{other}' reads this file"):
        read(tmp_path, header + "\n")


def test_files_that_are_no_text_or_not_there_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1\t2\t\x81\x82")
    with pytest.raises(AnnotationError, match=r"a\.txt: not a UTF-8 text file. Save it again"):
        Audacity().read(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"RIFF\0\0")
    with pytest.raises(AnnotationError, match=r"b\.txt: not a text file"):
        Audacity().read(tmp_path / "b.txt")
    with pytest.raises(AnnotationError, match=r"c\.txt: no such annotation file"):
        Audacity().read(tmp_path / "c.txt")
    (tmp_path / "d.txt").mkdir()
    with pytest.raises(AnnotationError, match=r"d\.txt: cannot be read \(Is a directory\)"):
        Audacity().read(tmp_path / "d.txt")


def test_what_is_written_is_what_audacity_imports(tmp_path):
    Audacity().write(tmp_path / "a.txt", [Annotated(events=(Event(2.0, 2.5, "car"), Event(2.25, 4.5, "a b")))])
    assert (tmp_path / "a.txt").read_bytes() == b"2.000000\t2.500000\tcar\n2.250000\t4.500000\ta b\n"
