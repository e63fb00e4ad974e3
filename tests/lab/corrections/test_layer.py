"""Label layers: what they keep, what undoing does, and what is done with files that nobody should trust."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from earmark.errors import AnnotationError
from earmark.recordings import Event, cut
from earmark.testing import small_dataset
from earmark_lab.corrections import Checked, CorrectionLayer, Edit, LayerError, author_here, export, layer_file
from earmark_lab.corrections.exchange import events_of_file

DATASET = small_dataset()
WAV = "audio/0.wav"
CAR, BIRD, TALK = DATASET.recordings[0].events
LATER = Event(4.0, 5.25, "car")


@pytest.fixture
def layer(tmp_path):
    return CorrectionLayer.open(tmp_path / "mine.jsonl", DATASET, author="Ann")


def test_a_layer_begins_as_the_corpus_own_annotations_with_nothing_or_with_events_that_are_given(tmp_path):
    def begun(name, base):
        CorrectionLayer.open(tmp_path / name, DATASET, base=base)
        return CorrectionLayer.read(tmp_path / name, DATASET)

    assert begun("a", "annotations").events(WAV) == (CAR, BIRD, TALK)
    assert begun("b", "nothing").events(WAV) == ()
    given = begun("c", {WAV: [LATER]})
    assert (given.base, given.events(WAV), given.events("audio/1.wav")) == ("given", (LATER,), ())
    given.by("Bo").apply(Edit(WAV, LATER, None))
    assert CorrectionLayer.read(tmp_path / "c", DATASET).events(WAV) == ()


def test_each_edit_is_one_line_that_says_who_when_and_what(layer):
    layer.apply(
        Edit(WAV, None, LATER),
        Edit(WAV, CAR, Event(0.5, 1.25, "car")),
        Edit(WAV, BIRD, Event(1.8, 2.6, "people talking")),
        Edit(WAV, TALK, None),
        Checked(WAV, 0.0, 6.0),
    )
    lines = [json.loads(line) for line in layer.path.read_text().splitlines()]
    assert lines[0] == {"label_layer": 1, "corpus": "small (synthetic)", "base": "annotations"}
    assert [line["do"] for line in lines[1:]] == ["add", "move", "relabel", "remove", "check"]
    assert lines[2]["author"] == "Ann"
    assert lines[2]["time"].endswith("+00:00")
    assert lines[2]["to"] == {"onset_s": 0.5, "offset_s": 1.25, "label": "car"}
    assert layer.events(WAV) == (Event(0.5, 1.25, "car"), Event(1.8, 2.6, "people talking"), LATER)
    assert [entry.line for entry in layer.history()] == [2, 3, 4, 5, 6]


def test_times_are_kept_to_the_microsecond(layer):
    layer.apply(Edit(WAV, None, Event(0.1 + 0.2, 1 / 3, "car")))
    assert CorrectionLayer.read(layer.path, DATASET).events(WAV)[0] == Event(0.3, 0.333333, "car")


def test_undo_and_redo_are_lines_too_and_a_new_edit_ends_redoing(layer):
    layer.apply(Edit(WAV, None, LATER))
    layer.apply(Edit(WAV, LATER, None))
    assert layer.undo().of_line == 3
    assert layer.undo().of_line == 2
    assert layer.undo() is None
    assert layer.events(WAV) == (CAR, BIRD, TALK)
    assert layer.redo().of_line == 2
    assert LATER in layer.events(WAV)
    layer.apply(Checked(WAV, 0.0, 1.0))
    assert layer.redo() is None
    again = CorrectionLayer.read(layer.path, DATASET)
    assert [entry.do for entry in again.history()] == ["add", "remove", "undo", "undo", "redo", "check"]
    assert [again.stands(entry) for entry in again.history()] == [True, False, False, False, False, True]


def test_everybody_undoes_their_own_edits(layer):
    bo = layer.by("Bo")
    layer.apply(Edit(WAV, None, LATER))
    bo.apply(Edit(WAV, CAR, None))
    layer.undo()
    assert bo.events(WAV) == (BIRD, TALK)
    assert bo.undo().of_line == 3


def test_an_edit_that_another_one_built_upon_cannot_be_undone_and_nothing_changes(layer):
    layer.apply(Edit(WAV, None, LATER))
    layer.by("Bo").apply(Edit(WAV, LATER, Event(4.0, 5.0, "car")))
    before = layer.path.read_bytes()
    with pytest.raises(LayerError, match=r"mine.jsonl, line 4: audio/0.wav holds no 'car' from 4 s to 5.25 s"):
        layer.undo()
    assert layer.path.read_bytes() == before
    assert layer.events(WAV)[-1] == Event(4.0, 5.0, "car")


def test_of_several_changes_all_are_made_or_none(layer):
    with pytest.raises(LayerError, match="line 3: audio/0.wav holds no 'car' from 4 s"):
        layer.apply(Edit(WAV, CAR, None), Edit(WAV, LATER, None))
    assert layer.events(WAV) == (CAR, BIRD, TALK)
    assert len(layer.path.read_text().splitlines()) == 1


def test_parts_that_were_looked_at_unite_and_a_clip_is_checked_once_they_cover_it(layer):
    first, second, _ = cut([DATASET.recordings[0]], 2.0)
    layer.apply(Checked(WAV, 0.0, 1.5))
    assert not layer.is_checked(first)
    layer.apply(Checked(WAV, 1.0, 2.0))
    assert layer.checked(WAV) == ((0.0, 2.0),)
    assert layer.is_checked(first)
    assert not layer.is_checked(second)
    layer.undo()
    assert layer.checked(WAV) == ((0.0, 1.5),)


def test_a_torn_last_line_is_left_out_said_and_overwritten_by_the_next_writer(layer):
    layer.apply(Edit(WAV, None, LATER))
    with layer.path.open("ab") as file:
        file.write(b'{"time": "2026-11-21T12:00:00+00:00", "auth')
    again = CorrectionLayer.read(layer.path, DATASET)
    assert again.notes == (
        f"{layer.path}, line 3: torn, as when a computer is switched off in the middle of writing; it is left out.",
    )
    assert len(again.history()) == 1
    layer.apply(Checked(WAV, 0.0, 6.0))
    assert CorrectionLayer.read(layer.path, DATASET).notes == ()
    assert [entry.do for entry in CorrectionLayer.read(layer.path, DATASET).history()] == ["add", "check"]


def test_a_last_line_whose_end_alone_is_missing_counts(layer):
    layer.apply(Edit(WAV, None, LATER))
    layer.path.write_bytes(layer.path.read_bytes().rstrip(b"\n"))
    again = CorrectionLayer.open(layer.path, DATASET, author="Bo")
    assert len(again.history()) == 1
    again.apply(Edit(WAV, LATER, None))
    assert [e.author for e in CorrectionLayer.read(layer.path, DATASET).history()] == ["Ann", "Bo"]


def test_two_writers_at_once_leave_every_line_whole(tmp_path):
    path = tmp_path / "both.jsonl"

    def write(author):
        layer = CorrectionLayer.open(path, DATASET, author=author)
        for number in range(20):
            layer.apply(Edit(WAV, None, Event(number / 10, number / 10 + 0.05, "car")))
            if number % 2:
                layer.undo()

    with ThreadPoolExecutor(2) as writers:  # locks are of open files, so threads wait for each other as processes do
        list(writers.map(write, ["Ann", "Bo"]))
    layer = CorrectionLayer.read(path, DATASET)
    assert len(layer.history()) == 2 * 30
    assert len(layer.events(WAV)) == 3 + 2 * 10


HEAD = {"label_layer": 1, "corpus": "small (synthetic)", "base": "annotations"}
LINE = {"time": "2026-11-21T12:00:00Z", "author": "Ann", "do": "add", "recording": WAV}
TO = {"onset_s": 4.0, "offset_s": 5.0, "label": "car"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "line 2: not a line of a label layer"),
        ("{", "line 2: not a line of a label layer"),
        (LINE, "line 2: not a line of a label layer ('add' goes with recording, to and nothing else). Correct"),
        ({**LINE, "to": TO, "event": TO}, "'add' goes with recording, to"),
        ({**LINE, "do": "steal", "to": TO}, "line 2: do: "),
        ({**LINE, "author": "", "to": TO}, "line 2: author: "),
        ({**LINE, "time": "yesterday", "to": TO}, "line 2: time: "),
        ({**LINE, "time": "2026-11-21T12:00:00", "to": TO}, "line 2: time: "),
        ({**LINE, "do": "move", "event": TO, "to": {**TO, "label": "bird singing"}}, "'move' keeps the label"),
        ({**LINE, "to": {**TO, "onset_s": "4"}}, "line 2: to.onset_s: "),
        ({**LINE, "to": {**TO, "offset_s": float("nan")}}, "line 2: to.offset_s: "),
        ({**LINE, "to": {**TO, "label": "cat"}}, "line 2: audio/0.wav: event 'cat' is not in the vocabulary"),
        ({**LINE, "to": {**TO, "offset_s": 6.5}}, "line 2: audio/0.wav: 'car' ends at 6.5 s, after the"),
        ({**LINE, "to": {**TO, "offset_s": 4.0}}, "does not end after it begins"),
        ({**LINE, "recording": "audio/9.wav", "to": TO}, "line 2: small (synthetic) has no recording 'audio/9.wav'."),
        ({**LINE, "recording": "../../etc/passwd", "to": TO}, "has no recording '../../etc/passwd'"),
        ({**LINE, "do": "remove", "event": TO}, "line 2: audio/0.wav holds no 'car' from 4 s to 5 s"),
        ({**LINE, "do": "check", "start_s": 0.0, "end_s": 7.0}, "lasts 6 s and cannot have been checked from 0 s"),
        ({"time": LINE["time"], "author": "Ann", "do": "undo", "line": 1}, "line 1 is not what Ann could undo here"),
    ],
)  # fmt: skip
def test_what_a_line_cannot_say_is_one_error_with_file_and_line(tmp_path, line, said):
    text = line if isinstance(line, str) else json.dumps(line)
    (tmp_path / "bad.jsonl").write_text(f"{json.dumps(HEAD)}\n{text}\n")
    with pytest.raises((LayerError, AnnotationError)) as raised:
        CorrectionLayer.read(tmp_path / "bad.jsonl", DATASET)
    assert said in str(raised.value)
    assert f"{tmp_path / 'bad.jsonl'}, line 2" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not a label layer: it holds no whole line"),
        ("onset\toffset\n", "line 1: not a label layer"),
        (json.dumps({**HEAD, "label_layer": 9}), "a label layer of version 9; this Earmark reads version 1"),
        (json.dumps({**HEAD, "corpus": "tut"}), "a layer of the corpus 'tut', and this is 'small (synthetic)'"),
        (json.dumps({**HEAD, "base": "guesses"}), "base: 'guesses' is none"),
    ],
)
def test_another_file_is_no_layer(tmp_path, content, said):
    (tmp_path / "bad.jsonl").write_text(content)
    with pytest.raises(LayerError, match=said.replace("(", r"\(").replace(")", r"\)")):
        CorrectionLayer.read(tmp_path / "bad.jsonl", DATASET)


def test_edits_of_recordings_that_a_part_of_the_corpus_leaves_out_are_passed_over(tmp_path):
    whole = replace(DATASET, root=tmp_path)
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/0.wav").touch()
    layer = CorrectionLayer.open(tmp_path / "a.jsonl", whole, author="Ann")
    layer.apply(Edit(WAV, CAR, None), Checked(WAV, 0.0, 6.0))
    layer.undo()
    part = CorrectionLayer.read(layer.path, replace(whole, recordings=whole.recordings[1:]))
    assert len(part.history()) == 3
    assert part.touched() == ()
    with pytest.raises(LayerError, match="has no recording 'audio/0.wav'"):
        part.by("Ann").apply(Edit(WAV, CAR, None))


def test_what_is_applied_must_fit_the_corpus(layer):
    with pytest.raises(LayerError, match=r"no recording 'audio/7.wav'. Did you mean"):
        layer.apply(Checked("audio/7.wav", 0.0, 1.0))
    with pytest.raises(AnnotationError, match="event 'cat' is not in the vocabulary"):
        layer.apply(Edit(WAV, None, Event(0.0, 1.0, "cat")))
    with pytest.raises(LayerError, match="an edit of nothing"):
        Edit(WAV)
    with pytest.raises(LayerError, match="no base 'old'. Say 'annotations', 'nothing'"):
        CorrectionLayer.open(layer.path.with_name("b"), DATASET, base="old")
    with pytest.raises(LayerError, match="the base names 'x.wav', which is no recording"):
        CorrectionLayer.open(layer.path.with_name("b"), DATASET, base={"x.wav": []})


def test_a_file_that_shrinks_while_it_is_open_is_not_followed(layer):
    layer.apply(Checked(WAV, 0.0, 1.0))
    layer.path.write_text("")
    with pytest.raises(LayerError, match="has become shorter while it was open"):
        layer.events(WAV)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LayerError, match=r"file/a.jsonl: cannot be written \(.*\); nothing was changed"):
        CorrectionLayer.open(tmp_path / "file" / "a.jsonl", DATASET)


def test_a_writer_that_never_ends_is_said(layer, monkeypatch):
    import filelock

    monkeypatch.setattr("earmark_lab.corrections.line_file.LOCK_S", 0.05)
    with filelock.FileLock(f"{layer.path}.lock"), pytest.raises(LayerError, match=r"has been writing to it for 0.05 s"):
        layer.apply(Checked(WAV, 0.0, 1.0))


def test_layers_lie_below_the_stores_by_name(tmp_path):
    assert layer_file("mine", tmp_path) == tmp_path / "layers" / "mine.jsonl"
    with pytest.raises(LayerError, match="'../mine' is no name of a layer"):
        layer_file("../mine", tmp_path)


def test_the_author_is_that_of_the_environment_else_the_login_name(monkeypatch):
    monkeypatch.setenv("EARMARK_AUTHOR", "Ann")
    assert author_here() == "Ann"
    monkeypatch.delenv("EARMARK_AUTHOR")
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    assert author_here() == "login"
    monkeypatch.setattr("getpass.getuser", lambda: "")
    with pytest.raises(LayerError, match="set EARMARK_AUTHOR"):
        author_here()


def test_a_layer_goes_to_other_programs_and_comes_back_as_a_base(layer, tmp_path):
    with pytest.raises(LayerError, match="there is nothing to export"):
        export(layer, tmp_path / "a.tsv")
    layer.apply(Edit(WAV, CAR, None), Checked("audio/1.wav", 0.0, 6.0))
    table = export(layer, tmp_path / "a.tsv")
    assert events_of_file(table, DATASET) == {WAV: (BIRD, TALK), "audio/1.wav": (CAR, BIRD, TALK)}
    tracks = export(layer, tmp_path / "tracks", "audacity")
    assert sorted(path.name for path in tracks.rglob("*.txt")) == ["0.txt", "1.txt"]
    assert events_of_file(tracks, DATASET, format="audacity")[WAV] == (BIRD, TALK)
    (tmp_path / "b.tsv").write_text("filename\tonset\toffset\tevent_label\nnowhere.wav\t0\t1\tcar\n")
    with pytest.raises(LayerError, match=r"b.tsv: 'nowhere.wav' is no recording of small"):
        events_of_file(tmp_path / "b.tsv", DATASET)
