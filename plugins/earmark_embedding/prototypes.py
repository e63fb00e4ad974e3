"""Prototypical training: queries are told apart by their distance to the mean of each class' supports."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.errors import ExperimentError, OptionError
from earmark.outputs import Outputs
from earmark.targets import Targets
from earmark_embedding.distances import batch_embedding, known_clips, squared_euclidean


def prototypical_logits(supports: Tensor, queries: Tensor) -> Tensor:
    """Negative squared Euclidean distances of queries to prototypes (query, class): logits of a softmax over classes.

    Source: [weak_label_limits], section 2.

    Args:
        supports: (support, class, dim); a prototype is the mean over the supports of its class.
        queries: (query, dim).

    >>> supports = torch.tensor([[[0.0], [3.0]], [[2.0], [5.0]]])
    >>> prototypical_logits(supports, torch.tensor([[1.0], [3.0]])).tolist()
    [[-0.0, -9.0], [-4.0, -1.0]]
    """
    return -squared_euclidean(queries, supports.mean(dim=0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Prototypical:
    """Cross-entropy of queries over the prototypes of their episode, of those clips whose labels are known.

    It goes by the places of clips in the batch alone, as the sampler ``episodes`` gives them: first all supports, then
    all queries, class after class within each round. Query j of a round belongs to prototype j.
    """

    n_support: int = 1
    """Supports of each class; as for the sampler."""
    n_query: int = 1
    """Queries of each class; as for the sampler."""

    def __post_init__(self) -> None:
        if self.n_support < 1 or self.n_query < 1:
            raise OptionError(
                f"prototypical: n_support = {self.n_support} and n_query = {self.n_query} must be at least 1; the "
                "authors' code has 1 and 1."
            )

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        embedding = batch_embedding(outputs, "prototypical")
        n_classes = n_classes_of(len(embedding), self.n_support, self.n_query, "prototypical")
        n_supports = n_classes * self.n_support
        known = known_clips(targets, embedding.device)
        # A prototype of clips whose class nobody knows is none, and makes every distance of the episode meaningless.
        known = known[n_supports:] & known[:n_supports].all()
        supports = embedding[:n_supports].reshape(self.n_support, n_classes, -1)
        logit = prototypical_logits(supports, embedding[n_supports:])
        own = torch.arange(n_classes, device=logit.device).repeat(self.n_query)
        losses = F.cross_entropy(logit, own, reduction="none")
        return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


def n_classes_of(n_clips: int, n_support: int, n_query: int, asked_by: str) -> int:
    """Number of classes of an episode.

    Raises:
        ExperimentError: the batch is no episode of this form.
    """
    n_classes, rest = divmod(n_clips, n_support + n_query)
    if rest:
        raise ExperimentError(
            f"{asked_by} got a batch of {n_clips} clips, which is no episode of {n_support} supports and {n_query} "
            'queries of each class. Set sampler = "episodes" with the same n_support and n_query.'
        )
    return n_classes
