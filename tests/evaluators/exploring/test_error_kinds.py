"""Error kinds on clips whose times fit on paper: frames of 0.1 s, 10 of them a clip."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.errors import OptionError
from earmark.frames import FrameGrid
from earmark.recordings import Clip, Event, Recording
from earmark.reference import Reference
from earmark_evaluators.exploring.annotated import annotated_spans, polyphony
from earmark_evaluators.exploring.error_kinds import occurrences

EVENTS = ("bird", "car", "dog")


def reference_of(*clips: tuple[Event, ...]) -> Reference:
    recordings = [
        Recording(path=f"{n}.wav", duration_s=1.0, rate_hz=8000, channels=1, split="e", scene="park", events=events)
        for n, events in enumerate(clips)
    ]
    return Reference(
        clips=tuple(Clip(recording=recording, start_s=0.0, duration_s=1.0) for recording in recordings),
        events=EVENTS,
        scenes=("park",),
        grid=FrameGrid(n_frames=10, hop_s=0.1),
    )


def decided(**frames: str) -> np.ndarray:
    """Decision (1, frame, event) from rows such as ``car="..##......"``."""
    decision = np.zeros((1, 10, 3), dtype=bool)
    for event, row in frames.items():
        decision[0, :, EVENTS.index(event)] = [sign == "#" for sign in row]
    return decision


def kinds(events: tuple[Event, ...], tolerance_s: float = 0.2, **frames: str) -> list[tuple[str, str, str]]:
    table = occurrences(reference_of(events), decided(**frames), tolerance_s)
    return list(zip(table["event"], table["kind"], table["other"], strict=True))


def test_an_event_is_found_where_its_first_detection_begins_within_the_tolerance() -> None:
    assert kinds((Event(0.2, 0.8, "car"),), car="..####....") == [("car", "found", "")]
    assert kinds((Event(0.2, 0.8, "car"),), car="....###...") == [("car", "found", "")]  # 0.2 s late is within 0.2 s
    assert kinds((Event(0.2, 0.8, "car"),), car=".....##...") == [("car", "late", "")]
    assert kinds((Event(0.3, 0.8, "car"),), car="####......") == [("car", "early", "")]


def test_times_are_compared_as_whole_microseconds() -> None:
    # In floats 0.5 - 0.3 is more than 0.2.
    assert kinds((Event(0.3, 0.9, "car"),), car=".....##...") == [("car", "found", "")]
    assert kinds((Event(0.299999, 0.9, "car"),), car=".....##...") == [("car", "late", "")]


def test_an_event_is_missed_where_a_detection_only_touches_it() -> None:
    assert kinds((Event(0.2, 0.5, "car"),), car=".....##...") == [("car", "missed", ""), ("car", "false alarm", "")]


def test_pieces_of_a_found_event_are_no_false_alarms() -> None:
    assert kinds((Event(0.1, 0.9, "car"),), car=".##.##.##.") == [("car", "found", "")]


def test_one_long_detection_finds_two_events_and_is_early_for_the_second() -> None:
    events = (Event(0.1, 0.3, "car"), Event(0.6, 0.9, "car"))
    table = occurrences(reference_of(events), decided(car=".########."))
    assert table["kind"].tolist() == ["found", "early"]
    assert table["off_by_s"].tolist() == [0.0, -0.5]
    assert table["covered"].tolist() == [1.0, 1.0]


def test_a_detection_over_a_missed_event_of_another_name_is_confused_with_it() -> None:
    assert kinds((Event(0.2, 0.6, "car"),), dog="..####....") == [("car", "missed", "dog"), ("dog", "confused", "car")]


def test_a_detection_over_a_found_event_of_another_name_is_a_false_alarm() -> None:
    assert kinds((Event(0.2, 0.6, "car"),), car="..####....", dog="..####....") == [
        ("car", "found", ""),
        ("dog", "false alarm", ""),
    ]


def test_a_confusion_is_with_what_shares_most_time_and_of_equals_with_the_first() -> None:
    events = (Event(0.0, 0.3, "bird"), Event(0.3, 0.8, "car"))
    assert ("dog", "confused", "car") in kinds(events, dog=".######...")  # 0.2 s of bird, 0.4 s of car
    assert ("dog", "confused", "bird") in kinds(events, dog=".####.....")  # 0.2 s of each


def test_covered_is_the_share_of_the_annotated_time_that_detections_cover() -> None:
    table = occurrences(reference_of((Event(0.0, 0.8, "car"),)), decided(car="##..##..##"))
    assert table["covered"][0] == 0.5  # 0.4 of 0.8 s; the last piece only touches it
    assert table["kind"].tolist() == ["found", "false alarm"]


def test_clips_and_names_are_kept_apart() -> None:
    decision = np.concatenate([decided(car="##########"), decided(dog="##########")])
    table = occurrences(reference_of((), (Event(0.0, 1.0, "car"),)), decision)
    assert table[["clip", "event", "kind"]].to_numpy().tolist() == [
        ["0.wav@0", "car", "false alarm"],
        ["1.wav@0", "car", "missed"],
        ["1.wav@0", "dog", "confused"],
    ]
    assert set(table["scene"]) == {"park"}


@pytest.mark.parametrize("seed", range(3))
def test_the_rule_agrees_with_a_plain_reading_of_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = 0.05
    events = tuple(
        Event(float(on * grid), float((on + n) * grid), EVENTS[e])
        for on, n, e in zip(rng.integers(0, 14, 8), rng.integers(1, 7, 8), rng.integers(0, 3, 8), strict=True)
    )
    reference, decision = reference_of(events), rng.random((1, 10, 3)) < 0.4
    table = occurrences(reference, decision)
    spans = annotated_spans(reference)
    # A missed event is one in none of whose touched frames it is decided.
    missed = sorted(
        (EVENTS[e], a / 1e6)
        for e, a, b in zip(spans.event, spans.first, spans.end, strict=True)
        if not decision[0, a // 100_000 : -(-b // 100_000), e].any()
    )
    rows = table[table["kind"] == "missed"]
    assert sorted(zip(rows["event"], rows["onset_s"], strict=True)) == missed
    assert table["covered"].notna().sum() == len(spans.clip)


def test_annotations_of_one_event_that_overlap_or_touch_are_one() -> None:
    events = (Event(0.1, 0.4, "car"), Event(0.3, 0.5, "car"), Event(0.5, 0.6, "car"), Event(0.2, 0.3, "dog"))
    spans = annotated_spans(reference_of(events))
    assert [field.tolist() for field in spans] == [[0, 0], [1, 2], [100_000, 200_000], [600_000, 300_000]]


def test_polyphony_is_the_most_at_once_and_not_all_that_overlap() -> None:
    # The bird overlaps a car and then a dog, which do not overlap each other.
    events = (Event(0.0, 1.0, "bird"), Event(0.1, 0.4, "car"), Event(0.4, 0.8, "dog"))
    assert polyphony(annotated_spans(reference_of(events))).tolist() == [2, 2, 2]


def test_nothing_annotated_and_nothing_decided_gives_an_empty_table() -> None:
    table = occurrences(reference_of(()), decided())
    assert len(table) == 0
    assert "other" in table


def test_a_tolerance_must_be_a_time() -> None:
    with pytest.raises(OptionError, match="The error kinds: tolerance_s = 0 must be a positive time"):
        occurrences(reference_of(()), decided(), 0.0)
