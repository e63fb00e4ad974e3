from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from earmark.errors import OptionError
from earmark.frames import FrameGrid
from earmark.recordings import Clip, Event, Recording
from earmark.reference import Reference
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tagging import TaggingEvaluator
from earmark_evaluators.tags import clip_class, clip_events

EVENTS = ("cat", "dog", "frying")


def tagged(*tags: tuple[str, ...] | None, duration_s: float = 1.0, events: tuple[str, ...] = EVENTS) -> Reference:
    """One recording a clip of 1 s, of which somebody said only what sounds in it."""
    recordings = [
        Recording(
            path=f"{index}.wav",
            duration_s=duration_s,
            rate_hz=44_100,
            channels=1,
            split="eval",
            events=None,
            tags=of_clip,
        )
        for index, of_clip in enumerate(tags)
    ]
    clips = tuple(Clip(recording=recording, start_s=0.0, duration_s=1.0) for recording in recordings)
    return Reference(clips=clips, events=events, scenes=(), grid=FrameGrid(n_frames=100, hop_s=0.01))


def said(reference: Reference, posterior: list[list[float]]) -> xr.Dataset:
    return xr.Dataset(
        {"event_clip_posterior": (("clip", "event"), np.array(posterior, dtype=np.float32))},
        {"clip": list(reference.clip_ids), "event": list(reference.events)},
    )


def test_perfect_tags_score_1_and_no_tags_0() -> None:
    reference = tagged(("cat",), ("dog",), ("frying",))
    perfect = TaggingEvaluator().evaluate(reference, said(reference, np.eye(3).tolist()))
    nothing = TaggingEvaluator().evaluate(reference, said(reference, np.full((3, 3), 0.4).tolist()))
    for name, best, worst in (
        ("fscore_macro_all", 1, 0),
        ("fscore_micro", 1, 0),
        ("accuracy", 1, 1 / 3),
        ("no_prediction_share", 0, 1),
    ):
        assert float(perfect[name]) == best
        assert float(nothing[name]) == pytest.approx(worst)
    assert nothing.fscore.values.tolist() == [0, 0, 0]


def test_scores_are_those_of_paper_and_pencil() -> None:
    reference = tagged(("cat",), ("cat",), ("dog",), ("frying",))
    posterior = [[0.9, 0.6, 0.1], [0.4, 0.3, 0.1], [0.2, 0.5, 0.1], [0.7, 0.1, 0.3]]
    result = TaggingEvaluator().evaluate(reference, said(reference, posterior))
    assert result.tp.values.tolist() == [1, 1, 0]  # 0.5 is enough
    assert result.fp.values.tolist() == [1, 1, 0]
    assert result.fn.values.tolist() == [1, 0, 1]
    assert result.fscore.values.tolist() == pytest.approx([1 / 2, 2 / 3, 0])
    assert float(result.fscore_macro_all) == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert float(result.fscore_micro) == pytest.approx(4 / 8)
    assert float(result.accuracy) == 3 / 4
    assert float(result.no_prediction_share) == 1 / 4


def test_a_class_that_is_nowhere_counts_0_in_the_papers_average_and_not_in_the_other() -> None:
    reference = tagged(("cat",), ("dog",))
    result = TaggingEvaluator().evaluate(reference, said(reference, [[1, 0, 0], [0, 1, 0]]))
    assert float(result.fscore_macro_all) == pytest.approx(2 / 3)
    assert float(result.fscore_macro) == 1


def test_predictions_are_found_by_the_names_of_clips_and_events() -> None:
    reference = tagged(("cat",), ("dog",), ("frying",))
    shuffled = said(reference, np.eye(3).tolist()).isel(clip=[2, 0, 1], event=[1, 2, 0])
    assert float(TaggingEvaluator().evaluate(reference, shuffled).fscore_micro) == 1


def test_times_of_events_are_tags_too_and_tags_of_a_longer_recording_are_not() -> None:
    reference = tagged(("cat",), ("cat", "dog"))
    annotated = replace(reference.clips[0].recording, duration_s=2.0, events=(Event(0.5, 1.5, "dog"),), tags=None)
    halves = tuple(Clip(recording=annotated, start_s=start_s, duration_s=0.4) for start_s in (0.0, 0.4, 1.6))
    reference = replace(reference, clips=(*halves, reference.clips[1]))
    assert clip_events(reference).tolist() == [[False] * 3, [False, True, False], [False] * 3, [True, True, False]]
    with pytest.raises(EvaluationError, match=r"'0.wav@0'.*is a part of a recording whose tags do not say when"):
        clip_events(tagged(("cat",), duration_s=2.0))
    with pytest.raises(EvaluationError, match=r"'1.wav@0' of the reference: nobody has said which events"):
        clip_events(tagged(("cat",), None))


def test_a_clip_without_events_counts_for_no_accuracy() -> None:
    reference = tagged((), ("dog",))
    result = TaggingEvaluator().evaluate(reference, said(reference, [[0.9, 0, 0], [0, 0.9, 0]]))
    assert float(result.accuracy) == 1
    alone = tagged(())
    assert math.isnan(TaggingEvaluator().evaluate(alone, said(alone, [[0.9, 0, 0]])).accuracy)


def test_a_class_is_the_one_event_of_a_clip() -> None:
    assert clip_class(tagged(("dog",), ("cat",))).tolist() == [1, 0]
    for tags, n in (((), 0), (("cat", "dog"), 2)):
        with pytest.raises(EvaluationError, match=rf"'0.wav@0' of the reference has {n} events"):
            clip_class(tagged(tags))


def test_predictions_that_are_no_tags_are_refused() -> None:
    reference = tagged(("cat",))
    with pytest.raises(EvaluationError, match="hold no event_clip_posterior"):
        TaggingEvaluator().evaluate(reference, xr.Dataset())
    with pytest.raises(EvaluationError, match=r"not posteriors in \[0, 1\]"):
        TaggingEvaluator().evaluate(reference, said(reference, [[math.nan, 0, 0]]))
    with pytest.raises(OptionError, match="threshold = 0 must lie above 0"):
        TaggingEvaluator(threshold=0)
