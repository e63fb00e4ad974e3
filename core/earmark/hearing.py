"""A trained model with all that it needs to hear the clips of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import xarray as xr
from torch import Tensor, nn

from earmark.blocks import made_in_batches
from earmark.predicting import BATCH, predict, prepare
from earmark.protocols import Task
from earmark.recordings import Clip
from earmark.study import Job, Study


@dataclass(frozen=True)
class Hearing:
    """A model with what it takes to hear clips of a study: normalisation, vocabularies, frames."""

    model: nn.Module
    mean: Tensor
    """(mel,)."""
    std: Tensor
    """(mel,)."""
    events: tuple[str, ...]
    study: Study

    def prepared(self, features: Tensor) -> Tensor:
        """What the model takes, of features (clip, frame, mel) as the front end made them."""
        normalised = (features - self.mean.to(features.device)).div_(self.std.to(features.device))
        return prepare(self.model, normalised)

    def predictions(self, prepared: Tensor, clips: Sequence[Clip]) -> xr.Dataset:
        """Predictions of clips."""
        ids, scenes = [clip.id for clip in clips], self.study.dataset.scenes
        return silenced(predict(self.model, prepared, ids, self.events, scenes, self.study.grid.hop_s), clips)

    def predictions_of(self, read: Callable[[Tensor], Tensor], clips: Sequence[Clip]) -> xr.Dataset:
        """Predictions of clips, made batch by batch when their values are asked for: of any number in flat memory.

        Args:
            read: gives the features (clip, frame, mel) at some rows (n,) of the clips, as the front end made them.
            clips: to predict, at least one.
        """

        def of_batch(rows: slice) -> xr.Dataset:
            return self.predictions(self.prepared(read(torch.arange(rows.start, rows.stop))), clips[rows])

        return made_in_batches(of_batch, [clip.id for clip in clips], BATCH)


def trained(study: Study, job: Job, other: Study, device: torch.device) -> Hearing:
    """The model that a whole run has trained, with its own normalisation, for clips of another study or of its own."""
    weights, facts = study.shelf(job).load_weights()
    ref = study.stage(job).model
    task = Task(**{**facts["task"], "n_frames": other.grid.n_frames})
    model = cast(nn.Module, study.manager.build("model", ref.use, ref.options, f"stages.{job.stage}.model", task))
    model.load_state_dict(weights)
    mean, std = (torch.tensor(facts["normalisation"][name]) for name in ("mean", "std"))
    return Hearing(model.to(device), mean, std, tuple(facts["events"]), other)


def silenced(predictions: xr.Dataset, clips: Sequence[Clip]) -> xr.Dataset:
    """Predictions of clips with no event in frames that begin after their recording has ended."""
    short = {row: clip.sounding_s for row, clip in enumerate(clips) if clip.sounding_s < clip.duration_s}
    if not short or "event_frame_posterior" not in predictions:
        return predictions
    values = predictions["event_frame_posterior"].values.copy()
    onset_s = predictions["frame"].values
    for row, sounding_s in short.items():
        values[row, onset_s >= sounding_s] = 0
    return predictions.assign(event_frame_posterior=predictions["event_frame_posterior"].copy(data=values))
