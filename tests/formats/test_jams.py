"""JAMS files, as the library of that name and Scaper write them."""

from __future__ import annotations

import json

import pytest

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.recordings import Event
from earmark_formats.jams import Jams


def observation(time, duration, value):
    return {"time": time, "duration": duration, "value": value, "confidence": 1.0}


def read(tmp_path, annotations, **more):
    (tmp_path / "a.jams").write_text(json.dumps({"annotations": annotations, **more}))
    (annotated,) = Jams().read(tmp_path / "a.jams")
    return annotated


def test_segments_are_events_and_open_tags_are_tags(tmp_path):
    annotated = read(
        tmp_path,
        [
            {"namespace": "segment_open", "data": [observation(0.1, 0.2, "car")]},
            {"namespace": "tag_open", "data": [observation(0, 10, "wind")]},
            {"namespace": "beat", "data": [observation(0, 0, 1)]},
        ],
        file_metadata={"title": "a.wav", "duration": 10.0},
    )
    assert annotated == Annotated(recording="a.wav", events=(Event(0.1, 0.3, "car"),), tags=("wind",), duration_s=10.0)
    assert annotated.places == (f"{tmp_path}/a.jams, annotations[0].data[0]",)


def test_the_foreground_of_a_scaper_soundscape_is_its_events_and_the_background_its_scene(tmp_path):
    def sound(label, role, time, duration):
        value = {"label": label, "source_file": "x.wav", "event_time": time, "event_duration": duration, "snr": 0}
        return observation(time, duration, {**value, "time_stretch": None, "pitch_shift": None, "role": role})

    data = [sound("street", "background", 0, 10), sound("siren", "foreground", 2.5, 1.5)]
    annotated = read(tmp_path, [{"namespace": "scaper", "data": data, "sandbox": {"scaper": {"fg_path": "x"}}}])
    assert (annotated.events, annotated.scene) == ((Event(2.5, 4.0, "siren"),), "street")


def test_observations_may_lie_in_columns(tmp_path):
    data = {"time": [0, 2], "duration": [1, 1], "value": ["car", "dog"], "confidence": [None, None]}
    assert read(tmp_path, [{"namespace": "segment_open", "data": data}]).events == (
        Event(0.0, 1.0, "car"),
        Event(2.0, 3.0, "dog"),
    )


def test_annotations_of_two_people_are_joined_with_a_note(tmp_path):
    one = {"namespace": "segment_open", "data": [observation(0, 1, "car")]}
    annotated = read(tmp_path, [one, {**one, "data": [observation(0, 2, "dog")]}])
    assert [event.label for event in annotated.events] == ["car", "dog"]
    assert annotated.notes == (f"Joined 2 annotations of events ({tmp_path}/a.jams).",)


def test_an_annotation_without_observations_is_a_recording_without_events(tmp_path):
    assert read(tmp_path, [{"namespace": "segment_open", "data": []}]).events == ()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "not a JAMS file"),
        ('{"annotations": [1]}', "not a JAMS file"),
        ('{"annotations": [{"namespace": "beat", "data": []}]}', "no annotation of events.*this file has beat"),
        ('{"annotations": []}', "this file has none"),
        ('{"annotations": [{"namespace": "segment_open"}]}', r"annotations\[0\].data: expected a list"),
        (
            '{"annotations": [{"namespace": "segment_open", "data": [{"time": 1, "value": "car"}]}]}',
            r"annotations\[0\].data\[0\]: no duration",
        ),
        (
            '{"annotations": [{"namespace": "segment_open", "data": [{"time": NaN, "duration": 1, "value": "car"}]}]}',
            r"annotations\[0\].data\[0\]: 'nan' is not a time",
        ),
        (
            '{"annotations": [{"namespace": "segment_open", "data": [{"time": 0, "duration": 1, "value": 3}]}]}',
            r"annotations\[0\].data\[0\]: 3 is not the name of an event",
        ),
        (
            '{"annotations": [{"namespace": "segment_open", "data": {"time": [1], "duration": [], "value": []}}]}',
            "columns of different lengths",
        ),
    ],
)
def test_a_file_that_cannot_be_right_is_named_with_the_place(tmp_path, document, said):
    (tmp_path / "a.jams").write_text(document)
    with pytest.raises(AnnotationError, match=rf"a\.jams(: |, ){said}|{said}"):
        Jams().read(tmp_path / "a.jams")


def test_what_is_written_meets_the_schema_of_jams(tmp_path):
    one = Annotated(recording="a.wav", events=(Event(0.5, 1.5, "car"),), tags=("wind",), scene="park", duration_s=4.0)
    Jams().write(tmp_path / "a.jams", [one])
    document = json.loads((tmp_path / "a.jams").read_text())
    # What jams_schema.json of jams 0.3 demands: the types of the metadata, and the fields that it requires.
    assert document["file_metadata"]["duration"] == 4.0
    assert document["file_metadata"]["title"] == "a.wav"
    assert isinstance(document["sandbox"], dict)
    for annotation in document["annotations"]:
        assert {"annotation_metadata", "data", "namespace"} <= set(annotation)
        for one_of in annotation["data"]:
            assert set(one_of) == {"time", "duration", "value", "confidence"}
            assert isinstance(one_of["value"], str)
            assert min(one_of["time"], one_of["duration"]) >= 0
