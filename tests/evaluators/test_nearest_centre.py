from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from earmark.frames import FrameGrid
from earmark.recordings import Clip, Recording
from earmark.reference import Reference
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.nearest_centre import NearestCentreEvaluator

EVENTS = tuple("abcdefghij")


def reference_of(classes: np.ndarray, prefix: str) -> Reference:
    recordings = [
        Recording(
            path=f"{prefix}/{index}.wav",
            duration_s=1.0,
            rate_hz=44_100,
            channels=1,
            split=prefix,
            events=None,
            tags=(EVENTS[of_clip],),
        )
        for index, of_clip in enumerate(classes)
    ]
    clips = tuple(Clip(recording=recording, start_s=0.0, duration_s=1.0) for recording in recordings)
    return Reference(clips=clips, events=EVENTS, scenes=(), grid=FrameGrid(n_frames=100, hop_s=0.01))


def placed(reference: Reference, embedding: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {"embedding": (("clip", "dim"), embedding.astype(np.float32))}, {"clip": list(reference.clip_ids)}
    )


def measured(train: tuple[np.ndarray, np.ndarray], valid: tuple[np.ndarray, np.ndarray]) -> xr.Dataset:
    """The measure of (classes, embeddings) of validation clips, with centres of those of training clips."""
    references = [reference_of(classes, name) for (classes, _), name in ((train, "train"), (valid, "valid"))]
    told = NearestCentreEvaluator().of_training(references[0], placed(references[0], train[1]))
    return told.evaluate(references[1], placed(references[1], valid[1]))


def test_it_is_1_on_separated_blobs() -> None:
    rng = np.random.default_rng(0)
    classes = np.arange(10).repeat(20)
    blobs = [10 * np.eye(10)[classes] + rng.normal(size=(200, 10)) for _ in range(2)]
    result = measured((classes, blobs[0]), (classes, blobs[1]))
    assert float(result.nearest_centre) == 1
    assert result.nearest_centre_of_class.values.tolist() == [1] * 10


def test_it_is_about_one_in_the_number_of_classes_on_noise() -> None:
    rng = np.random.default_rng(0)
    classes = np.arange(10).repeat(300)
    result = measured((classes, rng.normal(size=(3000, 5))), (classes, rng.normal(size=(3000, 5))))
    assert float(result.nearest_centre) == pytest.approx(0.1, abs=0.02)


def test_centres_are_those_of_the_training_clips_unless_the_other_measure_is_asked_for() -> None:
    train, valid = np.array([[0.0], [0.0], [10.0]]), np.array([[9.0], [8.0], [1.0], [2.0]])
    result = measured((np.array([0, 0, 1]), train), (np.array([0, 0, 1, 1]), valid))
    assert float(result.nearest_centre) == 0
    assert float(result.nearest_centre_own_set) == 1


def test_it_is_the_mean_over_classes_whatever_their_sizes() -> None:
    train = np.array([[0.0], [10.0]])
    valid = np.array([[0.0], [1.0], [9.0], [9.0]])  # three of class 0, of which one is at the wrong place
    result = measured((np.array([0, 1]), train), (np.array([0, 0, 0, 1]), valid))
    assert float(result.nearest_centre) == pytest.approx((2 / 3 + 1) / 2)
    assert math.isnan(result.nearest_centre_of_class.sel(event="c"))


def test_no_clip_is_nearest_to_the_centre_of_a_class_that_was_not_trained() -> None:
    result = measured((np.array([0]), np.array([[0.0]])), (np.array([0, 1]), np.array([[5.0], [5.0]])))
    assert result.nearest_centre_of_class.values[:2].tolist() == [1, 0]


def test_told_of_training_it_is_another_evaluator_and_the_first_still_knows_nothing() -> None:
    reference = reference_of(np.array([0, 1]), "train")
    predictions = placed(reference, np.eye(2))
    evaluator = NearestCentreEvaluator()
    evaluator.of_training(reference, predictions)
    with pytest.raises(EvaluationError, match="of which it has not been told. Call of_training"):
        evaluator.evaluate(reference, predictions)


def test_predictions_without_embeddings_or_with_broken_ones_are_refused() -> None:
    reference = reference_of(np.array([0, 1]), "train")
    with pytest.raises(EvaluationError, match=r"hold no embedding \(clip, dim\) \(they hold nothing\)"):
        NearestCentreEvaluator().of_training(reference, xr.Dataset())
    with pytest.raises(EvaluationError, match="embedding holds values that are NaN or infinite"):
        NearestCentreEvaluator().of_training(reference, placed(reference, np.full((2, 2), np.nan)))
    with pytest.raises(EvaluationError, match="embedding lacks the clip 'train/1.wav@0'"):
        NearestCentreEvaluator().of_training(reference, placed(reference, np.eye(2)).isel(clip=[0]))
    empty = reference_of(np.array([], dtype=int), "train")
    with pytest.raises(EvaluationError, match="holds no clip"):
        NearestCentreEvaluator().of_training(empty, placed(empty, np.zeros((0, 2))))
