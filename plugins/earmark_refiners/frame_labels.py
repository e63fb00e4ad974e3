"""What refiners of strong labels share: which clips they fill, what was predicted for these, and the filling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from earmark.errors import TargetsError
from earmark.targets import Targets


def rows_to_fill(targets: Targets) -> Tensor:
    """Indices (n,) of the clips with an event of which no strong label is known."""
    if targets.frame_event_known is None:
        return torch.arange(len(targets))
    return torch.nonzero(~targets.frame_event_known.all(dim=1)).flatten()


def filled(targets: Targets, rows: Tensor, label: Tensor) -> Targets:
    """Targets whose missing strong labels are taken from `label`; what is known stays as it is.

    Args:
        targets: of any clips.
        rows: (n,), those of `rows_to_fill`.
        label: (n, frame, event), bool, or float in [0, 1]; the labels become float where it is.
    """
    known = targets.frame_event_known
    if known is None:
        known = torch.zeros(len(targets), len(targets.events), dtype=torch.bool, device=label.device)
    if targets.frame_event is None:
        frame_event = label.new_zeros(len(targets), *label.shape[1:])
    else:
        frame_event = targets.frame_event.to(torch.promote_types(targets.frame_event.dtype, label.dtype), copy=True)
    kept = known[rows][:, None, :]
    frame_event[rows] = torch.where(kept, frame_event[rows], label.to(frame_event.dtype))
    return replace(targets, frame_event=frame_event, frame_event_known=torch.ones_like(known))


def allowed_events(targets: Targets, rows: Tensor) -> Tensor:
    """Whether an event may sound in a clip (n, event): all of them where the clip has no candidate set."""
    if targets.candidate is None or targets.candidate_known is None:
        return torch.ones(len(rows), len(targets.events), dtype=torch.bool)
    return targets.candidate[rows] | ~targets.candidate_known[rows, None]


def frame_posterior(targets: Targets, predictions: xr.Dataset, rows: Tensor, *, confined: bool) -> Tensor:
    """Frame posteriors (n, frame, event) of some clips of the targets, read for these clips only.

    Args:
        targets: of any clips.
        predictions: of at least these clips.
        rows: (n,), of the clips.
        confined: make posteriors of events outside a clip's candidate set 0, where it has one.

    Raises:
        TargetsError: predictions lack the posterior or a clip, or are of another vocabulary or frame count.
    """
    array = _checked(targets, predictions, "event_frame_posterior", "frame").transpose("clip", "frame", "event")
    if targets.frame_event is not None and array.sizes["frame"] != targets.frame_event.shape[1]:
        raise TargetsError(
            f"The predictions have {array.sizes['frame']} frames a clip, the targets {targets.frame_event.shape[1]}. "
            "Refine by a stage of the same front end and clip length."
        )
    posterior = _of_clips(array, [targets.clips[row] for row in rows.tolist()])
    return torch.where(allowed_events(targets, rows)[:, None, :], posterior, 0.0) if confined else posterior


def clip_posterior(targets: Targets, predictions: xr.Dataset, rows: Tensor) -> Tensor:
    """Clip posteriors (n, event) of some clips of the targets.

    Raises:
        TargetsError: predictions lack the posterior or a clip, or are of another vocabulary.
    """
    array = _checked(targets, predictions, "event_clip_posterior", "clip").transpose("clip", "event")
    return _of_clips(array, [targets.clips[row] for row in rows.tolist()])


def _checked(targets: Targets, predictions: xr.Dataset, name: str, logits: str) -> xr.DataArray:
    if name not in predictions:
        raise TargetsError(
            f"The refiner needs {name}, but the predictions hold "
            f"{', '.join(map(str, predictions.data_vars)) or 'nothing'}. "
            f"Refine by a stage whose model gives {logits} logits of events."
        )
    array = predictions[name]
    vocabulary = tuple(str(event) for event in array["event"].values)
    if vocabulary != targets.events:
        raise TargetsError(
            f"The predictions are over the events {', '.join(vocabulary)}, the targets over "
            f"{', '.join(targets.events)}. Refine by a stage of the same vocabulary, in the same order."
        )
    return array


def _of_clips(array: xr.DataArray, wanted: list[str]) -> Tensor:
    place = {str(clip): index for index, clip in enumerate(array["clip"].values)}
    missing = [clip for clip in wanted if clip not in place]
    if missing:
        raise TargetsError(
            f"The predictions lack {len(missing)} of the {len(wanted)} clips to refine, such as {missing[0]}. "
            "Predict the clips of these targets first."
        )
    values = np.asarray(array.isel(clip=[place[clip] for clip in wanted]).values, dtype=np.float32)
    if np.isnan(values).any():
        raise TargetsError("The predictions hold NaN: their model has diverged. Train it with a lower learning rate.")
    return torch.from_numpy(values)
