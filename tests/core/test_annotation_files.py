from __future__ import annotations

from pathlib import Path

import pytest

from earmark.errors import AnnotationError
from earmark.evaluation.files import read_durations, read_set, without_ending


def test_events_and_scenes_in_two_files_of_a_folder_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "events.tsv").write_text("filename\tonset\toffset\tevent_label\na.wav\t1\t2\tcar\n")
    (tmp_path / "scenes.tsv").write_text("filename\tscene_label\na.wav\thome\nb.wav\tbus\n")
    found = read_set(tmp_path, None, "test")
    assert (found["a.wav"].scene, len(found["a.wav"].events)) == ("home", 1)
    assert found["a.wav"].places[0].endswith("line 2")
    assert found["b.wav"].events is None


def test_two_files_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    for name, onset in (("1.tsv", 1), ("2.tsv", 0)):
        (tmp_path / name).write_text(f"filename\tonset\toffset\tevent_label\na.wav\t{onset}\t2\tcar\n")
    with pytest.raises(AnnotationError, match="2.tsv, a.wav: another file says something else of its events"):
        read_set(tmp_path, None, "test")


def test_the_format_is_that_with_the_longer_ending(tmp_path: Path) -> None:
    header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\n"
    (tmp_path / "a.selections.txt").write_text(header + "1\tSpectrogram 1\t1\t0.5\t1.5\t0\t8000\tcar\n")
    assert [event.label for event in read_set(tmp_path, None, "test")["a"].events] == ["car"]


def test_an_ending_that_no_format_has_asks_for_the_format(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("")
    with pytest.raises(AnnotationError, match="--reference: .*no format has files that end so. Say --format, one of"):
        read_set(tmp_path / "a.xyz", None, "--reference")
    with pytest.raises(AnnotationError, match="no file there ends in .jams. Name another folder or --format"):
        read_set(tmp_path, "jams", "--reference")


def test_durations_are_read_with_tabs_or_commas(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("duration,filename\n9.5,a.wav\n9.5,a.wav\n")
    assert read_durations(tmp_path / "d.csv") == {"a.wav": 9.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "d.tsv: no table of durations. It needs a header with filename and duration; it has nothing."),
        ("file\tlength\n", "it has file, length."),
        ("filename\tduration\na.wav\tlong\n", "line 2: 'a.wav' lasts 'long', which is not a length in seconds."),
        ("filename\tduration\na.wav\t0\n", "line 2: 'a.wav' lasts '0'"),
        ("filename\tduration\na.wav\n", "line 2: 'a.wav' lasts ''"),
        ("filename\tduration\na.wav\t1\na.wav\t2\n", "line 3: a.wav lasts 1 s above. Keep one of the two lines."),
    ],
)
def test_a_table_that_gives_no_lengths_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "d.tsv").write_text(text)
    with pytest.raises(AnnotationError) as raised:
        read_durations(tmp_path / "d.tsv")
    assert message in str(raised.value)


def test_names_that_differ_by_their_ending_alone_are_named() -> None:
    with pytest.raises(AnnotationError, match="The reference: 'a.flac' and 'a.wav' differ by their ending alone"):
        without_ending({"a.wav": 1.0, "b.wav": 1.0, "a.flac": 1.0}, "The reference")
