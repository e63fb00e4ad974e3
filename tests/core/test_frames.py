from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import AnnotationError
from earmark.frames import FrameGrid, clip_activity, events_of, inner_frames, outer_frames, recording_activity, runs_of
from earmark.recordings import Event, Recording, cut

GRID = FrameGrid(n_frames=500, hop_s=0.02)


def recording(*events: Event, duration_s: float = 20.0) -> Recording:
    return Recording(path="a.wav", duration_s=duration_s, rate_hz=44100, channels=2, split="x", events=events)


@given(st.integers(0, 10**6))
def test_an_onset_on_the_grid_never_starts_a_frame_early(index):
    # floor(50 * t) on floats is one frame early for every eighth multiple of 20 ms.
    assert outer_frames(Event(index * 0.02, index * 0.02 + 1, "x"), 0.02)[0] == index
    assert inner_frames(Event(index * 0.02, index * 0.02 + 1, "x"), 0.02)[0] == index + 1


def test_a_fan_over_30_s_loses_a_frame_at_the_start_and_one_at_the_end():
    fan = recording(Event(0, 30, "fan"), duration_s=30)
    assert recording_activity(fan, ["fan"], 0.02).sum() == 1500 - 2


def test_cutting_after_labelling_keeps_the_frames_at_clip_borders():
    fan = recording(Event(0, 20, "fan"))
    by_clip = clip_activity(cut([fan], 10.0), ["fan"], GRID).sum((1, 2))
    assert by_clip.tolist() == [499, 499]  # the two missing frames are those of the recording's ends


def test_events_shorter_than_two_frames_get_none():
    assert recording_activity(recording(Event(1.0, 1.039, "x")), ["x"], 0.02).sum() == 0


def test_overlapping_instances_of_one_event_are_united():
    once = recording_activity(recording(Event(1, 4, "x")), ["x"], 0.02)
    twice = recording_activity(recording(Event(1, 3, "x"), Event(2, 4, "x")), ["x"], 0.02)
    assert once.sum() - twice.sum() == 0


def test_events_of_is_the_inverse_of_outer_frames_on_the_grid():
    events = [Event(0.1, 0.3, "x"), Event(0.5, 0.52, "x"), Event(0.1, 9.98, "y")]
    activity = recording_activity(recording(*events), ["x", "y"], 0.02, "outer")
    assert events_of(activity, ["x", "y"], 0.02) == sorted(events)


@given(st.lists(st.booleans(), max_size=30))
def test_runs_cover_exactly_the_active_frames(flags):
    covered = np.zeros(len(flags), dtype=bool)
    for first, end in runs_of(np.array(flags, dtype=bool)):
        assert end > first
        covered[first:end] = True
    assert covered.tolist() == flags


def test_an_unknown_frame_rule_lists_those_that_exist():
    with pytest.raises(AnnotationError, match="inner, outer"):
        recording_activity(recording(), ["x"], 0.02, "middle")
