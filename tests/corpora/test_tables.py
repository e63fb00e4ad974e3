"""Lines of published files are read whatever ends them, and none of them leads out of its data set."""

from __future__ import annotations

import pytest

from earmark.errors import AnnotationError
from earmark.recordings import Event
from earmark_corpora.tables import Line, inner_path, rows, seconds, within


def test_every_line_end_counts_even_mixed_and_lines_keep_their_numbers(tmp_path, text):
    text(tmp_path / "a.ann", "\ufeff1\ta\r\n2\tb\r3\tc\n\n \t\n4 \t d")
    read = rows(tmp_path / "a.ann")
    assert [row.fields for row in read] == [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")]
    assert read[-1].where == f"{tmp_path / 'a.ann'}, line 6"


def test_a_file_that_is_no_text_is_an_error(tmp_path):
    (tmp_path / "a.ann").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AnnotationError, match=r"a\.ann: not a UTF-8 text file"):
        rows(tmp_path / "a.ann")


@pytest.mark.parametrize(("written", "value"), [("10,045824", 10.045824), ("12.5", 12.5), ("3", 3.0)])
def test_a_decimal_comma_is_a_point(written, value):
    assert seconds(written, "here") == value


@pytest.mark.parametrize("written", ["", "nan", "inf", "1,000.5", "1,2,3", "soon"])
def test_what_is_no_time_is_an_error_with_its_place(written):
    with pytest.raises(AnnotationError, match="here: .* is not a time in seconds"):
        seconds(written, "here")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../a.wav", "audio/../../a.wav", "..\\a.wav", "C:/a.wav"])
def test_a_path_that_leads_out_is_an_error(path):
    with pytest.raises(AnnotationError, match="here: .* is not the path of a recording inside the data set"):
        inner_path(path, "here")


def test_an_offset_just_behind_the_end_is_clamped_and_one_far_behind_is_an_error():
    assert within(Line(Event(1.0, 10.1, "car"), "here"), "a.wav", 10.0) == (
        Event(1.0, 10.0, "car"),
        pytest.approx(0.1),
    )
    with pytest.raises(AnnotationError, match=r"here: 'car' from 1 s to 11\.5 s passes the end of a\.wav at 10 s"):
        within(Line(Event(1.0, 11.5, "car"), "here"), "a.wav", 10.0)
    with pytest.raises(AnnotationError, match="passes the end"):
        within(Line(Event(10.0, 10.1, "car"), "here"), "a.wav", 10.0)
