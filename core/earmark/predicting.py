"""What a model says of clips, in evaluation mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import xarray as xr
from torch import Tensor, nn

from earmark.outputs import Outputs

BATCH = 32
"""Clips that a model hears at a time. The last bits of what it says may depend on it, so it is one for all."""


@torch.no_grad()
def prepare(model: nn.Module, features: Tensor, batch_size: int = BATCH) -> Tensor:
    """What a model takes: features (clip, frame, mel), after the part of it that no training changes, if it has one.

    See `earmark.protocols.Model`.
    """
    prepared = getattr(model, "prepared", None)
    if prepared is None:
        return features
    device = next(model.parameters()).device
    model.eval()
    pieces = [
        prepared(rows_of(features, index, device)) for index in torch.split(torch.arange(len(features)), batch_size)
    ]
    return torch.cat(pieces).to(features.device)


@torch.no_grad()
def predict(
    model: nn.Module,
    features: Tensor,
    clip_ids: Sequence[str],
    events: Sequence[str],
    scenes: Sequence[str],
    hop_s: float,
    batch_size: int = BATCH,
) -> xr.Dataset:
    """Posteriors of a model in evaluation mode.

    Args:
        model: on its device.
        features: (clip, frame, mel), prepared.
        clip_ids: of the features.
        events: vocabulary of the model's events.
        scenes: of its scenes.
        hop_s: from frame to frame.
        batch_size: clips at a time.

    Returns:
        Dataset with whatever the model gives of ``event_frame_posterior`` (clip, frame, event),
        ``event_clip_posterior`` (clip, event), ``scene_posterior`` (clip, scene) and ``embedding`` (clip, dim);
        the coordinate ``frame`` is the onset of each frame in seconds.
    """
    device = next(model.parameters()).device
    model.eval()
    pieces: dict[str, list[Tensor]] = {}
    for index in torch.split(torch.arange(len(clip_ids)), batch_size):
        outputs = cast(Outputs, model(rows_of(features, index, device)))
        for name, posterior in posteriors_of(outputs).items():
            pieces.setdefault(name, []).append(posterior.float().cpu())
    dims = {
        "event_frame_posterior": ("clip", "frame", "event"),
        "event_clip_posterior": ("clip", "event"),
        "scene_posterior": ("clip", "scene"),
        "embedding": ("clip", "dim"),
    }
    data = {name: (dims[name], torch.cat(parts).numpy()) for name, parts in pieces.items()}
    used = {dim for name in data for dim in dims[name]}
    coords: dict[str, Any] = {"clip": list(clip_ids), "event": list(events), "scene": list(scenes)}
    if "event_frame_posterior" in data:
        coords["frame"] = [round(frame * hop_s, 6) for frame in range(data["event_frame_posterior"][1].shape[1])]
    return xr.Dataset(data, coords={name: value for name, value in coords.items() if name in used})


def posteriors_of(outputs: Outputs) -> dict[str, Tensor]:
    """Posteriors of whatever a model gives, under the names that predictions have; embeddings as they are."""
    given: dict[str, Tensor] = {}
    if outputs.event_frame_logit is not None:
        given["event_frame_posterior"] = outputs.event_frame_logit.sigmoid()
    if outputs.event_clip_logit is not None:
        given["event_clip_posterior"] = outputs.event_clip_logit.sigmoid()
    if outputs.scene_logit is not None:
        given["scene_posterior"] = outputs.scene_logit.softmax(-1)
    if outputs.embedding is not None:
        given["embedding"] = outputs.embedding
    return given


def rows_of(features: Tensor, index: Tensor, device: torch.device) -> Tensor:
    """The rows at an index (n,), on a device, wherever the features lie."""
    return features[index.to(features.device, non_blocking=True)].to(device, non_blocking=True)
