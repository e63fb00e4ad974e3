"""A batch over several processes: each forwards its share of the clips, and all see the outputs of the whole.

Losses are means over what a batch knows, triplets, prototypes and matrices over all its clips; the mean of the losses
of shares is none of these. So the outputs, which are small, are gathered, and every process computes the loss of the
whole batch. Clips meet in nothing else but batch normalisation (`earmark.teams.norms`).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from earmark.outputs import Outputs
from earmark.predicting import rows_of
from earmark.teams.norms import SharedBatchNorm
from earmark.teams.team import Team


class SharedModel(nn.Module):
    """A model whose batches are shared out over a team; its outputs are those of the whole batch, in its order.

    Args:
        model: on this process' device, its batch normalisation shared.
        team: whose gradients are averaged by DistributedDataParallel.
    """

    def __init__(self, model: nn.Module, team: Team) -> None:
        super().__init__()
        self.model = model
        device = next(model.parameters()).device
        # Where torch looks for parameters that a loss does not need and finds none, it prints a warning.
        self._needless = nn.Parameter(torch.zeros((), device=device))
        self._team = team
        self._parts: int = getattr(model, "parts", 1)
        self._norms = [module for module in model.modules() if isinstance(module, SharedBatchNorm)]

    def forward(self, features: Tensor, index: Tensor) -> Outputs:
        """Outputs of the clips at an index (n,) of features (clip, frame, mel)."""
        device = next(self.model.parameters()).device
        if len(index) % self._parts:  # no batch for this model, as it will say itself
            return cast(Outputs, self.model(rows_of(features, index, device)))
        shares = [share(len(index), self._parts, rank, self._team.size) for rank in range(self._team.size)]
        own = shares[self._team.rank]
        # A process without a clip takes part in every exchange all the same, with one that counts nowhere.
        for norm in self._norms:
            norm.counts = len(own) > 0
        taken = index[own] if len(own) else index.new_zeros(self._parts)
        outputs = cast(Outputs, self.model(rows_of(features, taken, device)))
        back = torch.cat(shares).argsort().to(device)
        whole: dict[str, Any] = {}
        for field in fields(outputs):
            given = getattr(outputs, field.name)
            if given is not None:
                sizes = tuple(map(len, shares))
                gathered = Gathered.apply(given[: len(own)], sizes, self._team.rank)  # type: ignore[no-untyped-call]
                whole[field.name] = gathered[back]
        return replace(outputs, **whole)


def averaging(objective: nn.Module) -> nn.Module:
    """A module whose gradients are averaged over all processes, and which begins with the weights of the first.

    Its forward pass must end in the loss: parameters that this loss does not need are then left without a gradient, as
    they are in one process, and nobody waits for it.
    """
    return DistributedDataParallel(objective, broadcast_buffers=False, find_unused_parameters=True)


def share(n_clips: int, parts: int, rank: int, size: int) -> Tensor:
    """Places in a batch of the clips that one of several processes forwards.

    A model that tells clips apart by their place in a batch, such as anchors, positives and negatives, says of how many
    parts of one length the batch is made (``parts``); a share then holds the same places of each part, and is such a
    batch itself.

    >>> [share(9, 3, rank, 2).tolist() for rank in range(2)]
    [[0, 2, 3, 5, 6, 8], [1, 4, 7]]
    """
    return torch.arange(n_clips).reshape(parts, -1)[:, rank::size].flatten()


class Gathered(torch.autograd.Function):
    """The clips of all processes, one process after the other, of those of each.

    Every process computes the same loss of what is gathered, so each has the whole gradient of its own clips by itself.
    As the average over processes follows, it is taken as many times as there are processes.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: tuple[int, ...], rank: int) -> Tensor:
        ctx.first, ctx.sizes, ctx.rank = sum(sizes[:rank]), sizes, rank
        padded = own.new_zeros(max(sizes), *own.shape[1:])
        padded[: len(own)] = own
        pieces = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(pieces, padded)
        return torch.cat([piece[:n] for piece, n in zip(pieces, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, d_whole: Tensor) -> tuple[Tensor, None, None]:
        return d_whole[ctx.first : ctx.first + ctx.sizes[ctx.rank]] * len(ctx.sizes), None, None
