"""Selection tables, as Raven and BirdNET write them."""

from __future__ import annotations

import pytest

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.recordings import Event
from earmark_formats.raven import Raven

HEADER = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def read(tmp_path, text, **options):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    return Raven(**options).read(tmp_path / "a.txt")


def test_a_selection_that_raven_shows_in_two_views_counts_once(tmp_path):
    (annotated,) = read(
        tmp_path,
        f"{HEADER}\tDelta Time (s)\tAvg Power Density (dB FS/Hz)\tAnnotation\n"
        "1\tWaveform 1\t1\t6.709509878\t15.096397225\t1739.012\t3798.813\t8.3869\t\tbird\n"
        "1\tSpectrogram 1\t1\t6.709509878\t15.096397225\t1739.012\t3798.813\t8.3869\t-75.87\tbird\n"
        "2\tWaveform 1\t1\t29.383026016\t40.257059266\t1587.060\t4136.485\t10.8740\t\tdonkey\n"
        "2\tSpectrogram 1\t1\t29.383026016\t40.257059266\t1587.060\t4136.485\t10.8740\t-75.64\tdonkey\n",
    )
    assert annotated.recording == ""
    assert annotated.events == (Event(6.709509878, 15.096397225, "bird"), Event(29.383026016, 40.257059266, "donkey"))


def test_two_selections_of_one_time_in_one_view_are_two_events(tmp_path):
    rows = "1\tSpectrogram 1\t1\t1\t2\t0\t100\tbird\n2\tSpectrogram 1\t1\t1\t2\t200\t300\tbird\n"
    (annotated,) = read(tmp_path, f"{HEADER}\tSpecies\n{rows}")
    assert annotated.events == (Event(1.0, 2.0, "bird"),) * 2


def test_times_of_a_sequence_of_files_count_from_the_start_of_each_file(tmp_path):
    table = (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tAnnotation\n"
        "1\tSpectrogram 1\t1\t10.5\t11.25\tfirst.wav\t10.5\twhale\n"
        "2\tSpectrogram 1\t1\t65.0\t66.5\tsecond.wav\t5.0\twhale\n"
    )
    first, second = read(tmp_path, table)
    assert (first.recording, first.events) == ("first.wav", (Event(10.5, 11.25, "whale"),))
    assert (second.recording, second.events) == ("second.wav", (Event(5.0, 6.5, "whale"),))


def test_a_table_of_birdnet_is_read_by_the_name_of_its_file_and_its_common_names(tmp_path):
    table = (
        f"{HEADER}\tCommon Name\tSpecies Code\tConfidence\tBegin Path\tFile Offset (s)\n"
        "1\tSpectrogram 1\t1\t3.0\t6.0\t0\t15000\tCommon Chaffinch\tcomcha\t0.42\tL:\\data\\rec.wav\t3.0\n"
    )
    (annotated,) = read(tmp_path, table)
    assert (annotated.recording, annotated.events) == ("rec.wav", (Event(3.0, 6.0, "Common Chaffinch"),))


def test_a_header_alone_is_a_recording_without_events(tmp_path):
    assert read(tmp_path, HEADER + "\n")[0].events == ()


def test_the_column_of_names_can_be_chosen(tmp_path):
    table = f"{HEADER}\tAnnotation\tWhat\n1\tSpectrogram 1\t1\t1\t2\t0\t9\tx\tcar\n"
    assert read(tmp_path, table, column="What")[0].events == (Event(1.0, 2.0, "car"),)
    assert read(tmp_path, table)[0].events == (Event(1.0, 2.0, "x"),)


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        ("a\tb\n1\t2\n", {}, "not a selection table of Raven.*Columns: a, b"),
        ("", {}, "not a selection table of Raven.*Columns: none"),
        (f"{HEADER}\n1\tS\t1\t1\t2\t0\t9\n", {}, 'no column with names. Columns: Selection.*column = "Call"'),
        (f"{HEADER}\tWhat\n1\tS\t1\t1\t2\t0\t9\tx\n", {"column": "Wat"}, "no column 'Wat'. Did you mean 'What'"),
        (f"{HEADER}\tTag\n1\tS\t1\t1\t2\t0\t9\t\n", {}, "line 2: the event from 1 s to 2 s has no name"),
        (f"{HEADER}\tTag\n1\tS\t1\tx\t2\t0\t9\ta\n", {}, "line 2: 'x' is not a time in seconds"),
    ],
)
def test_a_table_that_cannot_be_right_is_named_with_its_line(tmp_path, table, options, said):
    with pytest.raises(AnnotationError, match=rf"a\.txt(: |, ){said}"):
        read(tmp_path, table, **options)


def test_what_is_written_has_the_columns_that_raven_asks_for(tmp_path):
    one = Annotated(recording="home/a.wav", events=(Event(2.0, 2.5, "car"),))
    Raven(high_hz=4000.0).write(tmp_path / "a.txt", [one])
    header, row = (line.split("\t") for line in (tmp_path / "a.txt").read_text().splitlines())
    assert dict(zip(header, row, strict=True)) == {
        "Selection": "1",
        "View": "Spectrogram 1",
        "Channel": "1",
        "Begin File": "a.wav",
        "Begin Time (s)": "2.000000",
        "End Time (s)": "2.500000",
        "Low Freq (Hz)": "0.000",
        "High Freq (Hz)": "4000.000",
        "File Offset (s)": "2.000000",
        "Annotation": "car",
    }
