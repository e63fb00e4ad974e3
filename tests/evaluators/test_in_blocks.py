"""Evaluators go through the clips block by block: the same results as at once, in memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import xarray as xr

from earmark import blocks
from earmark.annotations import EventLists
from earmark.blocks import made_variable
from earmark.evaluation.scoring import count_events, score_rows
from earmark.frames import FrameGrid
from earmark.recordings import Clip, Event, Recording
from earmark.reference import Reference
from earmark.spans import Spans
from earmark_evaluators.criteria import ClipBased, EventBased, SegmentBased
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.frame import FrameEvaluator
from earmark_evaluators.plugin import earmark_evaluators
from earmark_evaluators.segment import segment_counts

N_CLIPS, N_FRAMES, N_EVENTS = 11, 50, 3


@pytest.fixture
def pair(make_reference, make_activity) -> tuple[Reference, xr.Dataset]:
    activity = make_activity((N_CLIPS, N_FRAMES, N_EVENTS), seed=0)
    activity[:, :, 2] = False  # an event that never occurs
    reference = make_reference(activity)
    # Three clips a recording, and blocks that cut through recordings.
    clips = tuple(
        replace(clip, recording=replace(clip.recording, path=f"audio/{index // 3}.wav"), start_s=float(index))
        for index, clip in enumerate(reference.clips)
    )
    reference = replace(reference, clips=clips)
    rng = np.random.default_rng(1)
    variables = {
        "event_frame_posterior": (("clip", "frame", "event"), (N_FRAMES, N_EVENTS)),
        "event_clip_posterior": (("clip", "event"), (N_EVENTS,)),
        "scene_posterior": (("clip", "scene"), (2,)),
        "embedding": (("clip", "dim"), (7,)),
    }
    coords = {"clip": list(reference.clip_ids), "event": list(reference.events), "scene": list(reference.scenes)}
    random = {name: (dims, rng.random((N_CLIPS, *shape), np.float32)) for name, (dims, shape) in variables.items()}
    return reference, xr.Dataset(random, coords)


def evaluated(name: str, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
    if name == "nearest-centre":  # classes need one event a clip
        of_one = [
            replace(clip, recording=replace(clip.recording, events=(Event(0, 20, reference.events[index % 2]),)))
            for index, clip in enumerate(reference.clips)
        ]
        reference = replace(reference, clips=tuple(of_one))
        return earmark_evaluators()[name]().of_training(reference, predictions).evaluate(reference, predictions)
    options = {"n_operating_points": 4} if name == "psds-eval" else {}  # each takes the library a while
    return earmark_evaluators()[name](**options).evaluate(replace(reference), predictions)


@pytest.mark.parametrize("name", earmark_evaluators())
def test_clips_evaluated_a_few_at_a_time_score_as_all_at_once(name, pair, monkeypatch) -> None:
    reference, predictions = pair
    at_once = evaluated(name, reference, predictions)
    monkeypatch.setattr(blocks, "HELD_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4 * N_FRAMES * N_EVENTS * 4)
    assert len(list(blocks.blocks(N_CLIPS, N_FRAMES * N_EVENTS * 4))) == 3
    assert evaluated(name, reference, predictions).identical(at_once)
    shuffled = predictions.isel(clip=np.random.default_rng(2).permutation(N_CLIPS), event=[1, 2, 0])
    assert evaluated(name, reference, shuffled).identical(at_once)


def test_a_value_that_is_no_posterior_is_found_in_any_block(pair, monkeypatch) -> None:
    reference, predictions = pair
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1)
    predictions["event_frame_posterior"][N_CLIPS - 1, 0, 0] = np.nan
    with pytest.raises(EvaluationError, match=r"event_frame_posterior holds values that are not posteriors"):
        FrameEvaluator().evaluate(reference, predictions)


def test_segments_of_a_few_events_out_of_many_are_counted_as_those_of_all() -> None:
    rng = np.random.default_rng(0)

    def spans_of(n: int) -> Spans:
        first = rng.integers(0, 9_000_000, n)
        rows = np.stack([rng.integers(0, 5, n), rng.choice([3, 100, 526], n), first, first + 700_000])
        return Spans(*rows[:, np.lexsort(rows[::-1])])

    annotated, estimated, durations_us = spans_of(12), spans_of(12), np.array([10, 10, 20, 10, 9]) * 1_000_000
    counts, errors = segment_counts(annotated, estimated, durations_us, 527, 1_000_000)
    few = {3: 0, 100: 1, 526: 2}
    renamed = [side._replace(event=np.array([few[e] for e in side.event.tolist()])) for side in (annotated, estimated)]
    counts_of_few, errors_of_few = segment_counts(*renamed, durations_us, 3, 1_000_000)
    for all_events, those in zip(counts, counts_of_few, strict=True):
        assert np.array_equal(all_events[:, list(few)], those)
        assert all_events.sum() == those.sum() > 0
    assert all(map(np.array_equal, errors, errors_of_few))


# Memory


def peak_mb(work: Callable[[], object]) -> float:
    """Most memory that a work takes at once, in MB; NumPy reports its arrays."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def long_set(n_clips: int) -> tuple[Reference, xr.Dataset]:
    """Clips of a few long recordings, and predictions that are made when they are read: 40 kB a clip."""
    events = tuple(f"event {index}" for index in range(20))
    recordings = [
        Recording(
            path=f"{number}.wav",
            duration_s=10.0 * n_clips / 8,
            rate_hz=8000,
            channels=1,
            split="x",
            scene="home",
            events=(Event(1.0, 4.0, events[number]), Event(3.0, 8.0, events[-1])),
        )
        for number in range(8)
    ]
    clips = tuple(Clip(recording=r, start_s=10.0 * k, duration_s=10.0) for r in recordings for k in range(n_clips // 8))
    grid = FrameGrid(n_frames=500, hop_s=0.02)
    shape = (n_clips, grid.n_frames, len(events))
    tile = np.random.default_rng(0).random((512, *shape[1:]), np.float32) < 0.02

    def make(rows: slice) -> np.ndarray:
        return tile[np.arange(rows.start, rows.stop) % len(tile)].astype(np.float32)

    lazy = made_variable(("clip", "frame", "event"), shape, np.float32, make)
    coords = {"clip": [clip.id for clip in clips], "event": list(events)}
    return Reference(clips=clips, events=events, scenes=("home",), grid=grid), xr.Dataset(
        {"event_frame_posterior": lazy}, coords
    )


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(blocks, "HELD_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 21)


@pytest.mark.parametrize("name", ["frame", "segment", "intersection", "adaptive-oracle"])
def test_evaluating_twice_the_clips_takes_no_more_memory(name, small_blocks) -> None:
    evaluate = earmark_evaluators()[name]().evaluate
    half, whole = (peak_mb(partial(evaluate, *long_set(n_clips))) for n_clips in (256, 512))
    assert whole < 20.48  # what the posteriors alone take
    assert whole - half < 1.5


def tables(n_recordings: int, seed: int, n_events: int = 527) -> EventLists:
    rng = np.random.default_rng(seed)
    vocabulary = tuple(f"event {index}" for index in range(n_events))
    onset_s = np.cumsum(rng.uniform(0.1, 1.0, (n_recordings, 8)), axis=1).round(3).tolist()
    label = rng.integers(0, n_events, (n_recordings, 8)).tolist()
    return EventLists(
        recordings=tuple(f"{index}.wav" for index in range(n_recordings)),
        durations_s=(10.0,) * n_recordings,
        vocabulary=vocabulary,
        events=tuple(
            tuple(Event(on, on + 0.05, vocabulary[k]) for on, k in zip(*row, strict=True))
            for row in zip(onset_s, label, strict=True)
        ),
    )


def test_lists_of_twice_the_recordings_with_527_classes_take_no_more_memory(small_blocks) -> None:
    def judge(n_recordings: int) -> Callable[[], object]:
        reference, estimated = tables(n_recordings, 0), {"one": tables(n_recordings, 1)}
        criteria, rng = [EventBased(), ClipBased()], np.random.default_rng(0)
        return lambda: score_rows(
            count_events(reference, estimated, criteria), n_resamples=2, confidence=0.9, generator=rng
        )

    half, whole = peak_mb(judge(200)), peak_mb(judge(400))
    # Counts (recording, 3, class) by two criteria would take 5 MB more, and their floats as much again.
    assert whole - half < 2.5


def test_counts_do_not_depend_on_how_many_recordings_are_counted_at_a_time(monkeypatch) -> None:
    reference, estimated = tables(40, 0, 5), {"one": tables(40, 1, 5)}

    def rows() -> list:
        counted = count_events(reference, estimated, [SegmentBased(), EventBased(), ClipBased()])
        return score_rows(counted, n_resamples=10, confidence=0.9, generator=np.random.default_rng(0))

    at_once = rows()
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1000)
    assert repr(rows()) == repr(at_once)  # NaN is no number that equals itself
