"""From posteriors to decisions: chains of post-processing steps, fitted where a step asks for it, and event lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.blocks import made_variable
from earmark.experiment import PluginRef
from earmark.plugins import PluginManager
from earmark.protocols import PostProcessor
from earmark.reference import Reference

DECISION = 0.5
"""An event is decided to sound where at least this comes out of the last step."""


def fitted(
    steps: Sequence[PluginRef], predictions: xr.Dataset, reference: Reference, manager: PluginManager
) -> tuple[PluginRef, ...]:
    """Steps with the options that validation clips decide; each is fitted on what those before it give.

    Args:
        steps: of an experiment, in order.
        predictions: of the validation clips, with ``event_frame_posterior`` in the order of the reference.
        reference: annotations of the validation clips.
        manager: builds the steps.

    Returns:
        The same steps; those with a ``fit`` carry all their fitted options, so that they need no validation any more.
    """
    done: list[PluginRef] = []
    activity = _posterior(predictions)
    for ref in steps:
        step = _built(ref, manager)
        fit = getattr(step, "fit", None)
        if fit is not None:
            options = fit(activity, reference.activity, reference.events, reference.grid.hop_s)
            ref = PluginRef.model_validate({"use": ref.use, **options})
            step = _built(ref, manager)
        activity = step.process(activity, reference.events, reference.grid.hop_s)
        done.append(ref)
    return tuple(done)


def decisions(steps: Sequence[PluginRef], predictions: xr.Dataset, hop_s: float, manager: PluginManager) -> xr.Dataset:
    """Predictions whose ``event_frame_posterior`` went through all steps; unchanged where there are none.

    They are made when their values are asked for, each time: a block of clips needs no other.
    """
    if not steps or "event_frame_posterior" not in predictions:
        return predictions
    events, sizes = [str(event) for event in predictions["event"].values], predictions.sizes
    dims = ("clip", "frame", "event")

    def decided(rows: slice) -> npt.NDArray[np.float32]:
        return processed(steps, _posterior(predictions.isel(clip=rows)), events, hop_s, manager)

    lazy = made_variable(dims, tuple(sizes[dim] for dim in dims), np.float32, decided)
    return predictions.assign(event_frame_posterior=lazy)


def processed(
    steps: Sequence[PluginRef],
    activity: npt.NDArray[np.float32],
    events: Sequence[str],
    hop_s: float,
    manager: PluginManager,
) -> npt.NDArray[np.float32]:
    """An activity (clip, frame, event) after all steps."""
    for ref in steps:
        activity = _built(ref, manager).process(activity, events, hop_s)
    return activity


def _posterior(predictions: xr.Dataset) -> npt.NDArray[np.float32]:
    return np.asarray(predictions["event_frame_posterior"].transpose("clip", "frame", "event").values, dtype=np.float32)


def _built(ref: PluginRef, manager: PluginManager) -> PostProcessor:
    step: Any = manager.build("post-processor", ref.use, ref.options, "postprocessing")
    return step  # type: ignore[no-any-return]
