"""Contracts of what comes after training: post-processing, evaluators, criteria, annotation formats."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from earmark.annotations import Annotated, EventLists
from earmark.protocols import (
    AnnotationFormat,
    Criterion,
    Factory,
    PostProcessor,
)
from earmark.recordings import Dataset, Event, cut
from earmark.reference import Reference
from earmark.testing.small import CLIP_S, EVENTS, GRID, SCENES, small_dataset, small_predictions


def check_evaluator(factory: Factory, *, dataset: Dataset | None = None, **options: Any) -> None:
    """An xarray Dataset of results, the same for any order of the predicted clips, also where nothing is detected.

    An evaluator with ``of_training`` is given the evaluated clips as those of the training.
    """
    evaluator: Any = factory(**options)
    dataset = dataset or small_dataset()
    reference = Reference(clips=cut(dataset.recordings, CLIP_S), events=EVENTS, scenes=SCENES, grid=GRID)
    predictions = small_predictions(reference.clip_ids)
    if hasattr(evaluator, "of_training"):
        evaluator = evaluator.of_training(reference, predictions)
    result = evaluator.evaluate(reference, predictions)
    assert isinstance(result, xr.Dataset) and result.data_vars, "evaluate() must return a Dataset with results"
    assert "clip" not in result.dims, "results are over the whole set (per recording or class), not per clip"
    for name, variable in result.data_vars.items():
        if variable.ndim == 0 and "fscore" in str(name):
            assert 0 <= float(variable) <= 1, f"{name} is {float(variable)}, must be a fraction in [0, 1]"
    backwards = evaluator.evaluate(reference, predictions.isel(clip=slice(None, None, -1)))
    assert backwards.equals(result), "predictions must be aligned by clip id, not by place"
    evaluator.evaluate(reference, predictions * 0)


def check_post_processor(factory: Factory, **options: Any) -> None:
    """An activity of the same shape in [0, 1], clip by clip, repeatable; what `fit` returns are options, as JSON."""
    step: Any = factory(**options)
    rng = np.random.default_rng(0)
    posterior = rng.random((3, GRID.n_frames, len(EVENTS)), dtype=np.float32)
    before = posterior.copy()
    if hasattr(step, "fit"):
        fitted = step.fit(posterior, posterior > 0.7, EVENTS, GRID.hop_s)
        step = factory(**{**options, **json.loads(json.dumps(dict(fitted)))})
    processor: PostProcessor = step
    activity = processor.process(posterior, EVENTS, GRID.hop_s)
    assert isinstance(activity, np.ndarray) and activity.shape == posterior.shape, "process() must keep the shape"
    assert activity.dtype == np.float32, f"an activity is float32, process() gave {activity.dtype}"
    assert ((activity >= 0) & (activity <= 1)).all(), "an activity must lie in [0, 1]"
    assert (posterior == before).all(), "process() changed its input in place"
    assert (processor.process(posterior, EVENTS, GRID.hop_s) == activity).all(), "process() gave two results"
    alone = processor.process(posterior[1:2], EVENTS, GRID.hop_s)
    assert (alone[0] == activity[1]).all(), "a clip's activity depends on the clips beside it"
    silence = processor.process(np.zeros_like(posterior), EVENTS, GRID.hop_s)
    assert not (silence >= 0.5).any(), "an event was decided where every posterior is 0"


def check_criterion(factory: Factory, **options: Any) -> None:
    """Counts over the same recordings and events: a list against itself is without error, nothing finds nothing."""
    criterion: Criterion = factory(**options)
    heard = tuple(
        tuple(Event(number + 0.5, number + 1.5, EVENTS[(number + row) % len(EVENTS)]) for number in range(3))
        for row in range(2)
    )
    reference = EventLists(recordings=("a", "b"), durations_s=(6.0, 5.0), vocabulary=EVENTS, events=heard)
    nothing = EventLists(recordings=("a", "b"), durations_s=(6.0, 5.0), vocabulary=EVENTS, events=((), ()))
    for estimated, errors in ((reference, ("fp", "fn")), (nothing, ("tp", "fp"))):
        counts = criterion.count(reference, estimated)
        for name in ("tp", "fp", "fn"):
            assert counts[name].dims == ("recording", "event"), f"{name} must be (recording, event)"
            assert counts[name].dtype.kind == "i" and (counts[name] >= 0).all(), f"{name} must be counts"
        assert not any(counts[name].any() for name in errors), f"{' and '.join(errors)} must be 0 here"
        assert list(counts["event"].values) == list(EVENTS) and list(counts["recording"].values) == ["a", "b"]
    assert criterion.count(reference, reference)["tp"].sum() > 0, "a list against itself must have true positives"


def check_annotation_format(factory: Factory, **options: Any) -> None:
    """What is written is read again: events to a millisecond, names of recordings where the format has them."""
    format: AnnotationFormat = factory(**options)
    assert format.suffix.startswith("."), "a suffix begins with a dot"
    events = (Event(0.0, 0.25, EVENTS[0]), Event(0.125, 7.5, EVENTS[1 % len(EVENTS)]), Event(3.5, 3.75, EVENTS[0]))
    written = [
        Annotated(recording="one.wav", events=events, duration_s=10.0),
        Annotated(recording="two.wav", events=events[1:2], duration_s=8.0),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"annotated{format.suffix}"
        given = written if format.names_recordings else written[:1]
        format.write(path, given)
        read = format.read(path)
    assert len(read) == len(given), f"wrote {len(given)} recordings, read {len(read)}"
    for before, after in zip(given, read, strict=True):
        if format.names_recordings:
            assert after.recording == before.recording, "a recording's name changed on the way"
        found = sorted((e.label, round(e.onset_s, 3), round(e.offset_s, 3)) for e in after.events or ())
        assert found == sorted((e.label, e.onset_s, e.offset_s) for e in before.events or ()), "events changed"
