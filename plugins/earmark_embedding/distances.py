"""What both ways of training an embedding ask: distances, and which clips of a batch have a known class."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from earmark.errors import ExperimentError
from earmark.outputs import Outputs
from earmark.targets import Targets


@cache
def euclidean(power: int) -> Any:
    """Euclidean distance to a power, of vectors as they are: the library would else divide them by their norm."""
    # Here, as the library takes longer to import than a command without training may take in all.
    from pytorch_metric_learning.distances import LpDistance

    return LpDistance(normalize_embeddings=False, p=2, power=power)


def squared_euclidean(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances (n, m) of x (n, dim) and y (m, dim)."""
    distances: Tensor = euclidean(2)(x, y)
    return distances


def batch_embedding(outputs: Outputs, loss: str) -> Tensor:
    """Embeddings (clip, dim) of a batch.

    Raises:
        ExperimentError: the model gives none.
    """
    if outputs.embedding is None:
        raise ExperimentError(
            f"The loss {loss!r} needs the output embedding, which the model does not give. "
            "Take the loss out of the stage, or choose a model that gives it."
        )
    return outputs.embedding


def known_clips(targets: Targets, device: torch.device) -> Tensor:
    """Whether all weak labels of a clip are known (clip,), bool."""
    if targets.clip_event_known is None:
        return torch.zeros(len(targets), dtype=torch.bool, device=device)
    return targets.clip_event_known.all(dim=1)
