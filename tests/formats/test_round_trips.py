"""What a format writes, it reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.annotations import Annotated
from earmark.errors import AnnotationError, OptionError
from earmark.plugins import plugins
from earmark.protocols import AnnotationFormat
from earmark.recordings import Event, to_us

FORMATS = ("audacity", "jams", "raven", "tsv")

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1).map(str.strip)


def build(name: str, **options) -> AnnotationFormat:
    return plugins().build("annotation format", name, options, "a test")


def as_us(annotated):
    return [(to_us(e.onset_s), to_us(e.offset_s), e.label) for e in annotated.events]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_keeps_the_protocol(name):
    built = build(name)
    assert isinstance(built, AnnotationFormat)
    assert built.suffix.startswith(".")
    assert built.names_recordings == (name == "tsv")


@pytest.mark.parametrize("name", FORMATS)
@given(events=st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 10**9), NAMES.filter(bool)), max_size=5))
def test_events_come_back_to_the_microsecond_whatever_their_names(name, events, tmp_path_factory):
    known = tuple(sorted(Event(on / 1e6, (on + length) / 1e6, label) for on, length, label in events))
    path = tmp_path_factory.mktemp("round") / "a"
    one = Annotated(recording="a.wav", events=known)
    build(name).write(path, [one])
    (again,) = build(name).read(path)
    assert as_us(again) == as_us(one)
    assert again.recording in (["a.wav"] if known and name != "audacity" else ["a.wav", ""])


@pytest.mark.parametrize("name", ["jams", "tsv"])
@pytest.mark.parametrize(
    "one",
    [
        Annotated(recording="a.wav", events=None, tags=("car", "bird"), scene="park"),
        Annotated(recording="a.wav", events=None, tags=()),
        Annotated(recording="a.wav", events=None, scene="park"),
        Annotated(recording="a.wav", events=(), tags=("car",)),
        Annotated(recording="a.wav", events=(Event(0.0, 1.0, "car"),), tags=("bird",), scene="park"),
    ],
)
def test_names_without_times_and_scenes_come_back(name, one, tmp_path):
    build(name).write(tmp_path / "a", [one])
    assert list(build(name).read(tmp_path / "a")) == [one]


def test_a_table_keeps_many_recordings_of_every_kind(tmp_path):
    many = [
        Annotated(recording="a.wav", events=(Event(0.0, 1.0, "car, bus"), Event(0.5, 2.0, 'a "b"'))),
        Annotated(recording="b.wav", events=()),
        Annotated(recording="c.wav", events=None, tags=("car", "bird")),
    ]
    build("tsv").write(tmp_path / "a.tsv", many)
    assert list(build("tsv").read(tmp_path / "a.tsv")) == many


@pytest.mark.parametrize("name", ["audacity", "raven"])
@pytest.mark.parametrize(
    ("annotated", "said"),
    [
        ([], "0 recordings were given"),
        ([Annotated(), Annotated()], "2 recordings were given. Write one file each, or use the format 'tsv'"),
        ([Annotated(events=None, tags=("car",))], "timed events only.*'tsv' and 'jams' also hold names"),
        ([Annotated(events=(Event(0.0, 1.0, "a\tb"),))], r"the name 'a\\tb' holds a tab or a line break"),
    ],
)
def test_what_a_file_of_one_recording_cannot_say_is_not_written(name, annotated, said, tmp_path):
    with pytest.raises(AnnotationError, match=said):
        build(name).write(tmp_path / "a", annotated)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("annotated", "said"),
    [
        ([Annotated(events=())], "needs the name of each"),
        ([Annotated(recording="a", events=()), Annotated(recording="b", events=None)], "b has no timed events"),
        ([Annotated(recording="a", events=()), Annotated(recording="b", events=None, tags=())], "b has no timed"),
        ([Annotated(recording="a", events=None, tags=("a, b",))], "a name with a comma cannot stand in event_labels"),
        ([Annotated(recording="a", events=(Event(0.0, 1.0, "a\nb"),))], "holds a tab or a line break"),
    ],
)
def test_what_a_table_cannot_say_is_not_written(annotated, said, tmp_path):
    with pytest.raises(AnnotationError, match=said):
        build("tsv").write(tmp_path / "a.tsv", annotated)
    assert not (tmp_path / "a.tsv").exists()


def test_a_misspelt_option_is_named():
    with pytest.raises(OptionError, match="no option 'colum'. Did you mean 'column'"):
        build("raven", colum="x")
