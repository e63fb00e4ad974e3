"""Predictions in the order of the reference, after everything that could make their comparison a lie is ruled out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.blocks import blocks
from earmark.errors import OptionError, suggestion
from earmark.reference import Reference
from earmark_evaluators.errors import EvaluationError


class Aligned:
    """Posteriors of exactly the reference's clips, events or scenes, in its order, a block of clips at a time.

    To go through them gives rows of the reference and their posteriors (clip, ...), and may be done several times.
    Predictions that are opened lazily are never in memory as a whole.
    """

    def __init__(self, variable: xr.DataArray, dims: Sequence[str], order: Mapping[str, Sequence[int]]) -> None:
        """Name a variable, the order of its dimensions, clips first, and where along some of them the wanted ones are.

        Names and sizes have been held against the reference before.
        """
        self._variable = variable
        self._dims = tuple(dims)
        self._clips = order["clip"]
        # What is in order already is not picked one by one.
        self._picked = {dim: o for dim, o in order.items() if dim != "clip" and list(o) != list(range(len(o)))}
        self._checked = False

    def __iter__(self) -> Iterator[tuple[slice, npt.NDArray[np.floating]]]:
        """Blocks, in order.

        Raises:
            EvaluationError: a value is no posterior.
        """
        n_clips = len(self._clips)
        for rows in blocks(n_clips, self._variable.nbytes // n_clips):
            yield rows, self._values(rows)
        self._checked = True

    def whole(self) -> npt.NDArray[np.floating]:
        """All of them (clip, ...), in memory.

        Raises:
            EvaluationError: a value is no posterior.
        """
        return self._values(slice(0, len(self._clips)))

    def _values(self, rows: slice) -> npt.NDArray[np.floating]:
        clips = self._clips[rows]
        # A range is read as such: stores read it faster than single clips.
        in_order = list(clips) == list(range(clips[0], clips[0] + len(clips)))
        block = self._variable.isel(clip=slice(clips[0], clips[0] + len(clips)) if in_order else list(clips))
        values = np.asarray(block.transpose(*self._dims).values)
        for dim, order in self._picked.items():
            values = values.take(order, axis=self._dims.index(dim))
        # NaN >= 0.5 is False: without this check a net that diverged would look like one that hears nothing.
        if not self._checked and values.size and not (values.min() >= 0 and values.max() <= 1):
            raise EvaluationError(
                f"{self._variable.name} holds values that are not posteriors in [0, 1] (NaN, or logits?). "
                "Did the training diverge? Apply the sigmoid or softmax before storing predictions."
            )
        return values


def event_posteriors(reference: Reference, predictions: xr.Dataset) -> Aligned:
    """Frame posteriors (clip, frame, event) of exactly the reference's clips, in its order, in blocks.

    Raises:
        EvaluationError: they are missing, do not fit the reference, or a clip was never annotated.
    """
    unannotated = [clip.id for clip in reference.clips if clip.recording.events is None]
    if unannotated:
        raise EvaluationError(
            f"{_listed(unannotated)} of the reference: nobody has annotated the events there, so that every detection "
            "would count as false. Evaluate annotated clips only."
        )
    names = {"clip": reference.clip_ids, "event": reference.events}
    posteriors = _aligned(reference, predictions, "event_frame_posterior", ("clip", "frame", "event"), names)
    n_frames = predictions.sizes["frame"]
    if n_frames != reference.grid.n_frames:
        raise EvaluationError(
            f"event_frame_posterior has {n_frames} frames a clip, the reference has "
            f"{reference.grid.n_frames} of {reference.grid.hop_s:g} s. Build the reference on the front end's "
            "frame grid."
        )
    return posteriors


def event_posterior(reference: Reference, predictions: xr.Dataset) -> npt.NDArray[np.floating]:
    """Frame posteriors (clip, frame, event) of exactly the reference's clips, in its order, in memory.

    Raises:
        EvaluationError: see `event_posteriors`.
    """
    return event_posteriors(reference, predictions).whole()


def event_decision(reference: Reference, predictions: xr.Dataset, threshold: float) -> npt.NDArray[np.bool_]:
    """Frame decisions (clip, frame, event) in memory: posterior >= threshold.

    Raises:
        EvaluationError: see `event_posteriors`.
    """
    return np.asarray(event_posterior(reference, predictions) >= threshold)


def event_clip_posteriors(reference: Reference, predictions: xr.Dataset) -> Aligned:
    """Clip posteriors (clip, event) of exactly the reference's clips, in its order, in blocks.

    Raises:
        EvaluationError: they are missing or do not fit the reference.
    """
    names = {"clip": reference.clip_ids, "event": reference.events}
    return _aligned(reference, predictions, "event_clip_posterior", ("clip", "event"), names)


def scene_posterior(reference: Reference, predictions: xr.Dataset) -> npt.NDArray[np.floating]:
    """Scene posteriors (clip, scene) of exactly the reference's clips, in its order, in memory.

    Raises:
        EvaluationError: they are missing, do not fit the reference, or a clip has no scene.
    """
    unnamed = [clip.id for clip in reference.clips if clip.scene is None]
    if unnamed:
        raise EvaluationError(
            f"{_listed(unnamed)} of the reference: nobody has named the scene. Evaluate clips with a scene only."
        )
    names = {"clip": reference.clip_ids, "scene": reference.scenes}
    return _aligned(reference, predictions, "scene_posterior", ("clip", "scene"), names).whole()


def clip_embedding(reference: Reference, predictions: xr.Dataset) -> npt.NDArray[np.float64]:
    """Embeddings (clip, dim) of exactly the reference's clips, in its order, in memory.

    Raises:
        EvaluationError: they are missing, do not fit the reference, or are not finite.
    """
    if not reference.clips:
        raise EvaluationError("The reference holds no clip; there is nothing to evaluate. Choose another split.")
    if "embedding" not in predictions or set(predictions["embedding"].dims) != {"clip", "dim"}:
        raise EvaluationError(
            f"The predictions hold no embedding (clip, dim) (they hold {', '.join(map(str, predictions)) or 'nothing'})"
            ". Choose a model that gives embeddings, one seed at a time, or leave this evaluator out."
        )
    array = predictions["embedding"]
    array = array.isel(clip=_order(array, "embedding", "clip", reference.clip_ids)).transpose("clip", "dim")
    values = np.asarray(array.values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise EvaluationError("embedding holds values that are NaN or infinite. Did the training diverge?")
    return values


def check_durations(reference: Reference) -> None:
    """Raise where the frames of a clip do not last as long as the clip, to within one frame.

    Raises:
        EvaluationError: times in seconds would then mean different things on the two sides.
    """
    for clip in reference.clips:
        if abs(clip.duration_s - reference.grid.duration_s) > reference.grid.hop_s + 1e-6:
            raise EvaluationError(
                f"The clip {clip.id!r} lasts {clip.duration_s:g} s, but {reference.grid.n_frames} frames of "
                f"{reference.grid.hop_s:g} s last {reference.grid.duration_s:g} s. Cut clips as long as the frame grid."
            )


def check_share(owner: str, option: str, value: float) -> None:
    """Raise where an option that is a share or a posterior lies outside (0, 1].

    Raises:
        OptionError: with the option's name and the values that make sense.
    """
    if not 0 < value <= 1:
        raise OptionError(f"{owner}: {option} = {value:g} must lie above 0 and be at most 1.")


def check_positive_s(owner: str, option: str, value: float) -> None:
    """Raise where an option that is a time is not at least one microsecond, the time base of all comparisons.

    Raises:
        OptionError: with the option's name.
    """
    if not 1e-6 <= value < np.inf:
        raise OptionError(f"{owner}: {option} = {value:g} must be a positive time in seconds, at least 1e-6.")


def _aligned(
    reference: Reference,
    predictions: xr.Dataset,
    variable: str,
    dims: tuple[str, ...],
    names: dict[str, tuple[str, ...]],
) -> Aligned:
    if not reference.clips:
        raise EvaluationError("The reference holds no clip; there is nothing to evaluate. Choose another split.")
    if variable not in predictions:
        raise EvaluationError(
            f"The predictions hold no {variable} (they hold {', '.join(map(str, predictions)) or 'nothing'}). "
            "Choose a model with that output, or leave this evaluator out."
        )
    array = predictions[variable]
    if set(array.dims) != set(dims):
        raise EvaluationError(
            f"{variable} has the dimensions ({', '.join(map(str, array.dims))}), expected ({', '.join(dims)}). "
            "Evaluate one method and one seed at a time, for example predictions.sel(seed=0)."
        )
    return Aligned(array, dims, {dim: _order(array, variable, dim, wanted) for dim, wanted in names.items()})


def _order(array: xr.DataArray, variable: str, dim: str, wanted: Sequence[str]) -> list[int]:
    """Where in the array each wanted name stands."""
    if dim not in array.coords:
        raise EvaluationError(
            f"{variable} does not say which {dim} is which: it has no coordinate {dim!r}. "
            f"Add it with predictions.assign_coords({dim}=...)."
        )
    found = [str(name) for name in array.coords[dim].values]
    for owner, names in (("predictions", found), ("reference", wanted)):
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise EvaluationError(f"The {dim} {_listed(twice)} stands twice in the {owner}. Keep one of each.")
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or extra:
        parts = [
            f"{variable} lacks the {dim} {_listed(missing)}." if missing else "",
            f"It holds the {dim} {_listed(extra)}, which the reference lacks." if extra else "",
            suggestion(missing[0], extra).strip() if missing and extra and dim != "clip" else "",
            "Predict and evaluate the same split." if dim == "clip" else f"Use one {dim} vocabulary for both.",
        ]
        raise EvaluationError(" ".join(part for part in parts if part))
    place = {name: index for index, name in enumerate(found)}
    return [place[name] for name in wanted]


def _listed(names: Sequence[str], at_most: int = 3) -> str:
    """Some names in quotes, and how many more.

    >>> _listed(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    shown = ", ".join(repr(name) for name in names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
