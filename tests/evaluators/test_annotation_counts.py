"""Figure 1 of [mutual_benefit]: by hand, and from the published annotations where these are at hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earmark.recordings import Event, Recording
from earmark_evaluators.annotation_counts import instances

# Instances of the published annotations, lines of zero length included: city_center, home, office, residential_area.
DEVELOPMENT = {
    "(object) banging": (0, 0, 0, 15),
    "(object) impact": (0, 155, 650, 0),
    "(object) rustling": (0, 41, 58, 0),
    "(object) snapping": (0, 42, 0, 0),
    "(object) squeaking": (0, 0, 3, 0),
    "bird singing": (0, 0, 0, 162),
    "brakes squeaking": (50, 0, 0, 0),
    "breathing": (0, 0, 31, 0),
    "car": (217, 0, 0, 74),
    "children": (13, 0, 0, 23),
    "cupboard": (0, 27, 0, 0),
    "cutlery": (0, 56, 0, 0),
    "dishes": (0, 94, 0, 0),
    "drawer": (0, 23, 0, 0),
    "fan": (0, 0, 78, 0),
    "glass jingling": (0, 26, 0, 0),
    "keyboard typing": (0, 0, 1425, 0),
    "large vehicle": (47, 0, 0, 0),
    "mouse clicking": (0, 0, 645, 0),
    "mouse wheeling": (0, 0, 197, 0),
    "people talking": (75, 0, 103, 41),
    "people walking": (74, 24, 55, 32),
    "washing dishes": (0, 60, 0, 0),
    "water tap running": (0, 37, 0, 0),
    "wind blowing": (0, 0, 0, 22),
}
EVALUATION = {
    "(object) banging": (0, 0, 0, 8),
    "(object) impact": (0, 95, 201, 0),
    "(object) rustling": (0, 19, 29, 0),
    "(object) snapping": (0, 15, 0, 0),
    "(object) squeaking": (0, 0, 8, 0),
    "bird singing": (35, 0, 0, 109),
    "brakes squeaking": (49, 0, 0, 0),
    "breathing": (11, 0, 4, 0),
    "car": (132, 0, 0, 34),
    "children": (29, 0, 0, 8),
    "cupboard": (0, 13, 0, 0),
    "cutlery": (0, 20, 0, 0),
    "dishes": (0, 57, 0, 0),
    "drawer": (0, 28, 0, 0),
    "fan": (0, 0, 26, 0),
    "glass jingling": (0, 10, 0, 0),
    "keyboard typing": (0, 0, 181, 0),
    "large vehicle": (26, 0, 0, 0),
    "mouse clicking": (0, 0, 136, 0),
    "mouse wheeling": (0, 0, 44, 0),
    "people talking": (14, 0, 17, 11),
    "people walking": (132, 30, 49, 12),
    "washing dishes": (0, 24, 0, 0),
    "water tap running": (0, 10, 0, 0),
    "wind blowing": (0, 0, 0, 8),
}


@pytest.mark.parametrize(("split", "printed"), [("development", DEVELOPMENT), ("evaluation", EVALUATION)])
def test_the_published_annotations_have_the_counts_of_their_statistics(shared_data, split, printed) -> None:
    from earmark_corpora.tut.annotations import annotated_recordings
    from earmark_corpora.tut.layout import EVENTS, SCENES

    recordings, _ = annotated_recordings(shared_data / "tut_metadata")
    table = instances([r for r in recordings if r.split == split], EVENTS, SCENES)
    expected = {event: list(counts) for event, counts in printed.items()}
    if split == "development":
        expected["car"][0] -= 1  # line 445, street/b099.wav: 224.691453 s to 224.691453 s, dropped by the reader
    assert SCENES == ("city_center", "home", "office", "residential_area")
    assert {event: table.loc[event].tolist() for event in EVENTS} == expected


def test_instances_are_counted_by_event_and_scene_and_what_nobody_named_is_not() -> None:
    known = {"duration_s": 5.0, "rate_hz": 44100, "channels": 1, "split": "development"}
    events = (Event(0, 1, "car"), Event(0.5, 2, "car"), Event(2, 3, "bird"))
    street = Recording(path="a.wav", scene="street", events=events, **known)
    recordings = [
        street,
        replace(street, path="b.wav", scene="park", events=events[2:]),
        replace(street, path="c.wav", scene=None),
        replace(street, path="d.wav", events=None),
    ]
    table = instances(recordings, ("car", "bird", "dog"), ("street", "park"))
    assert table.to_numpy().tolist() == [[2, 0], [1, 1], [0, 0]]
    assert (table.index.name, table.columns.name) == ("event", "scene")
