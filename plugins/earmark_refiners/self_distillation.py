"""Self-distillation: what a model says about clips without times becomes their strong label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from earmark.errors import OptionError, TargetsError
from earmark.targets import Targets


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfDistillation:
    """Labels every frame that has no strong label by the posterior of an earlier stage.

    Source: [partial_labels], section 7 and Fig. 4; entries with a strong label stay as they are.
    """

    threshold: float = 0.2
    """An event is labelled active where its frame posterior is at least this (phi of the paper)."""
    confine_to_candidates: bool = False
    """Label only events of the clip's candidate set, where it has one; the paper does not say."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise OptionError(
                f"SelfDistillation.threshold must lie between 0 and 1, got {self.threshold}; the paper uses 0.2."
            )

    def refine(self, targets: Targets, predictions: xr.Dataset) -> Targets:
        """Fill strong labels where they are not known.

        Raises:
            TargetsError: predictions lack the posterior or a clip, or are of another vocabulary or frame count.
        """
        n_events = len(targets.events)
        known = targets.frame_event_known
        if known is None:
            known = torch.zeros(len(targets), n_events, dtype=torch.bool)
        rows = torch.nonzero(~known.all(dim=1)).flatten()  # clips with something to fill
        if len(rows) == 0:
            return targets
        posterior = _posterior(targets, predictions, rows.tolist()).to(known.device)
        distilled = posterior >= self.threshold  # (clip, frame, event)
        if self.confine_to_candidates and targets.candidate is not None and targets.candidate_known is not None:
            allowed = targets.candidate[rows] | ~targets.candidate_known[rows, None]
            distilled &= allowed[:, None, :]
        if targets.frame_event is None:
            frame_event = distilled.new_zeros(len(targets), *distilled.shape[1:])
        else:
            frame_event = targets.frame_event.clone()
        kept = known[rows][:, None, :]
        frame_event[rows] = torch.where(kept, frame_event[rows], distilled.to(frame_event.dtype))
        return replace(targets, frame_event=frame_event, frame_event_known=torch.ones_like(known))


def _posterior(targets: Targets, predictions: xr.Dataset, rows: list[int]) -> Tensor:
    """Frame posteriors (clip, frame, event) of some clips of the targets, read for these clips only."""
    if "event_frame_posterior" not in predictions:
        raise TargetsError(
            "Self-distillation needs event_frame_posterior, but the predictions hold "
            f"{', '.join(map(str, predictions.data_vars)) or 'nothing'}. "
            "Refine by a stage whose model gives frame logits."
        )
    array = predictions["event_frame_posterior"].transpose("clip", "frame", "event")
    vocabulary = tuple(str(event) for event in array["event"].values)
    if vocabulary != targets.events:
        raise TargetsError(
            f"The predictions are over the events {', '.join(vocabulary)}, the targets over "
            f"{', '.join(targets.events)}. Refine by a stage of the same vocabulary, in the same order."
        )
    if targets.frame_event is not None and array.sizes["frame"] != targets.frame_event.shape[1]:
        raise TargetsError(
            f"The predictions have {array.sizes['frame']} frames a clip, the targets {targets.frame_event.shape[1]}. "
            "Refine by a stage of the same front end and clip length."
        )
    place = {str(clip): index for index, clip in enumerate(array["clip"].values)}
    wanted = [targets.clips[row] for row in rows]
    missing = [clip for clip in wanted if clip not in place]
    if missing:
        raise TargetsError(
            f"The predictions lack {len(missing)} of the {len(wanted)} clips to refine, such as {missing[0]}. "
            "Predict the clips of these targets first."
        )
    values = np.asarray(array.isel(clip=[place[clip] for clip in wanted]).values, dtype=np.float32)
    if np.isnan(values).any():
        raise TargetsError(
            "The predictions hold NaN: the earlier stage has diverged. Train it with a lower learning rate."
        )
    return torch.from_numpy(values)
