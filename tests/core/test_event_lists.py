from __future__ import annotations

import pytest

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.evaluation.event_lists import checked, gathered
from earmark.recordings import Event


def test_a_name_outside_the_vocabulary_is_an_error_that_guesses() -> None:
    with pytest.raises(AnnotationError, match=r"a.wav: the event 'cat' is not in the vocabulary. Did you mean 'car'\?"):
        checked([Event(0, 1, "cat")], ["car"], duration_s=10, tolerance_s=0, where="a.wav")


def test_an_event_far_beyond_the_evaluated_length_is_an_error() -> None:
    with pytest.raises(AnnotationError, match=r"'car' ends at 12 s, but only 10 s are evaluated.*durations"):
        checked([Event(0, 12, "car")], ["car"], duration_s=10, tolerance_s=0.02, where="a.wav")


def test_an_event_that_does_not_end_after_it_begins_is_an_error() -> None:
    with pytest.raises(AnnotationError, match=r"'car' from 2 s to 1 s does not end after it begins"):
        checked([Event(2, 1, "car")], ["car"], duration_s=10, tolerance_s=0, where="a.wav")


def test_an_event_just_beyond_the_end_is_cut_or_dropped_and_counted() -> None:
    events = [Event(9.0, 10.01, "car"), Event(10.0, 10.02, "bird")]
    result = checked(events, ["car", "bird"], duration_s=10, tolerance_s=0.03, where="a.wav")
    assert result.events == [Event(9.0, 10, "car")]
    assert result.n_cut == 2


def test_a_chain_of_overlaps_becomes_one_event() -> None:
    events = [Event(0, 4, "car"), Event(1, 2, "car"), Event(1.5, 2, "bird"), Event(3, 6, "car")]
    result = checked(events, ["car", "bird"], duration_s=10, tolerance_s=0, where="a.wav")
    assert result.events == [Event(0, 6, "car"), Event(1.5, 2, "bird")]
    assert result.n_merged == 2


def test_the_line_of_a_wrong_event_is_named_where_it_is_known() -> None:
    events, places = [Event(5, 6, "car"), Event(1, 2, "cat")], ["ref.tsv, line 2", "ref.tsv, line 3"]
    with pytest.raises(AnnotationError, match="^ref.tsv, line 3: the event 'cat' is not in the vocabulary"):
        checked(events, ["car"], duration_s=10, tolerance_s=0, where="a.wav", places=places)


def test_recordings_without_a_line_are_silent_and_counted() -> None:
    annotated = {"b.wav": Annotated(events=(Event(1, 2, "car"),))}
    side = gathered(annotated, {"a.wav": 10.0, "b.wav": 10.0}, ["car"], "The estimate")
    assert side.lists.events == ((), (Event(1, 2, "car"),))
    assert side.without_events == 1


def test_a_recording_that_is_not_evaluated_is_an_error_that_guesses() -> None:
    annotated = {"home_1.wav": Annotated(), "b.wav": Annotated()}
    with pytest.raises(AnnotationError, match="The estimate: 1 recordings are not among .*Did you mean 'home_2.wav'"):
        gathered(annotated, {"home_2.wav": 10.0, "b.wav": 10.0}, ["car"], "The estimate")


def test_names_without_times_last_as_long_as_the_recording() -> None:
    side = gathered({"a.wav": Annotated(events=None, tags=("car",))}, {"a.wav": 7.5}, ["car"], "The reference")
    assert side.lists.events == ((Event(0.0, 7.5, "car"),),)
