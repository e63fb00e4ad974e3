from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.frames import FrameGrid
from earmark.recordings import Event, to_us
from earmark.reference import Reference
from earmark.spans import Spans
from earmark_evaluators.frame import FrameEvaluator
from earmark_evaluators.segment import SegmentEvaluator, touched
from earmark_evaluators.through_sed_eval import SegmentSedEval

GRID = FrameGrid(n_frames=500, hop_s=0.02)


def one_clip(make_clip, *events: Event) -> Reference:
    clip = make_clip("audio/a.wav", events, 10.0)
    return Reference(clips=(clip,), events=("car", "bird"), scenes=("home",), grid=GRID)


def posterior_of(event: Event) -> np.ndarray:
    posterior = np.zeros((1, 500, 2))
    posterior[0, round(event.onset_s / 0.02) : round(event.offset_s / 0.02), 0] = 1
    return posterior


def test_a_short_event_across_a_border_fills_two_segments(make_clip, make_predictions) -> None:
    reference = one_clip(make_clip, Event(0.9, 1.1, "car"))
    result = SegmentEvaluator().evaluate(reference, make_predictions(reference, posterior_of(Event(0.2, 0.3, "car"))))
    assert (int(result.tp[0]), int(result.fp[0]), int(result.fn[0])) == (1, 0, 1)
    assert float(result.fscore_micro) == pytest.approx(2 / 3)


@given(first=st.integers(0, 98), length=st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_an_event_on_the_grid_fills_exactly_its_segments(first: int, length: int) -> None:
    end = min(first + length, 100)
    event = Spans(*np.array([[0], [0], [to_us(first * 0.1)], [to_us(end * 0.1)]]))
    active = np.flatnonzero(touched(event, np.array([10_000_000]), 1, 100_000)[0, :, 0])
    assert active.tolist() == list(range(first, end))


def test_sed_eval_gives_an_event_on_a_decimal_grid_one_segment_more(make_clip, make_predictions) -> None:
    # floor(0.3 * 1 / 0.1) is 2 on floats: the reason for a time base of whole microseconds.
    reference = one_clip(make_clip, Event(0.3, 0.6, "car"))
    predictions = make_predictions(reference, np.zeros((1, 500, 2)))
    assert int(SegmentEvaluator(segment_s=0.1).evaluate(reference, predictions).fn[0]) == 3
    assert int(SegmentSedEval(segment_s=0.1).evaluate(reference, predictions).fn[0]) == 4


def test_segments_of_one_frame_give_the_frame_based_counts(make_reference, make_predictions, make_activity) -> None:
    reference = make_reference(make_activity((4, 100, 3), seed=1))
    predictions = make_predictions(reference, make_activity((4, 100, 3), seed=2))
    by_segment = SegmentEvaluator(segment_s=0.02).evaluate(reference, predictions)
    by_frame = FrameEvaluator().evaluate(reference, predictions)
    for name in ("tp", "fp", "fn", "fscore", "error_rate"):
        assert by_segment[name].equals(by_frame[name])


def test_a_last_frame_beyond_the_end_of_the_clip_makes_no_segment(make_clip, make_predictions) -> None:
    clip = make_clip("audio/a.wav", [Event(9.5, 10.0, "car")], 10.0)
    grid = FrameGrid(n_frames=501, hop_s=0.02)
    reference = Reference(clips=(clip,), events=("car",), scenes=("home",), grid=grid)
    posterior = np.zeros((1, 501, 1))
    posterior[0, 490:] = 1
    result = SegmentEvaluator().evaluate(reference, make_predictions(reference, posterior))
    assert (int(result.tp[0]), int(result.fp[0]), int(result.fn[0])) == (1, 0, 0)
    through = SegmentSedEval().evaluate(reference, make_predictions(reference, posterior))
    assert (int(through.tp[0]), int(through.fp[0]), int(through.fn[0])) == (1, 0, 0)
    assert through.attrs["n_cut_estimated_events"] == 1


def test_no_event_on_either_side_counts_nothing(make_clip, make_predictions) -> None:
    reference = one_clip(make_clip)
    result = SegmentEvaluator().evaluate(reference, make_predictions(reference, np.zeros((1, 500, 2))))
    assert int(result.tp.sum() + result.fp.sum() + result.fn.sum()) == 0
    assert np.isnan(result.fscore_micro)
    assert result.attrs["segment_s"] == 1.0
