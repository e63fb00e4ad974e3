"""Triplet training: an anchor must be nearer to a clip of its own class than to one of another, by a margin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from earmark.errors import ExperimentError, OptionError
from earmark.outputs import Outputs
from earmark.targets import Targets
from earmark_embedding.distances import batch_embedding, euclidean, known_clips


@dataclass(frozen=True, kw_only=True, slots=True)
class Triplet:
    """max(0, d(a, p) - d(a, n) + margin), the mean over the triplets of a batch whose labels are known.

    The batch holds anchors, positives and negatives, a third each, as the sampler ``triplets`` gives them. Through
    which of them a gradient goes is for the model to say: see `earmark_embedding.models.EmbeddingOfTriplets`.

    Source: [weak_label_limits], section 2, with squared distances of embeddings that the model has normalised.
    """

    margin: float = 0.2
    """By how much the negative must be farther away; the paper does not state it."""
    squared: bool = True
    """Squared Euclidean distance, as in the paper; plain, as in the authors' code, where False."""
    swap: bool = False
    """Whether the negative's distance is that to the positive, where this is smaller."""

    def __post_init__(self) -> None:
        if not 0 <= self.margin < math.inf:
            raise OptionError(
                f"triplet: margin = {self.margin:g} must be a number of at least 0; for squared distances of "
                "normalised embeddings 0.2 is a start."
            )

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        embedding = batch_embedding(outputs, "triplet")
        n, rest = divmod(len(embedding), 3)
        if rest:
            raise ExperimentError(
                f"The loss 'triplet' got a batch of {len(embedding)} clips, which are no anchors, positives and "
                'negatives. Set sampler = "triplets" in its stage.'
            )
        places = torch.split(torch.arange(3 * n, device=embedding.device), n)
        found = _of_library(self.margin, self.squared, self.swap)(embedding, indices_tuple=places)
        losses: Tensor = found["loss"]["losses"]
        known = known_clips(targets, embedding.device).reshape(3, n).all(dim=0)
        return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


@cache
def _of_library(margin: float, squared: bool, swap: bool) -> Any:
    """What gives the loss of each triplet."""
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.reducers import DoNothingReducer

    # Its own mean leaves out triplets that have no loss any more: the fewer are left, the more each would count.
    return TripletMarginLoss(
        margin=margin, swap=swap, distance=euclidean(2 if squared else 1), reducer=DoNothingReducer()
    )
