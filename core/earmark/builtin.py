"""What the core itself gives, through the door that every plugin uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from earmark.hookspecs import hookimpl
from earmark.processes import ProcessEngine
from earmark.protocols import Factory, JobT
from earmark.targets import Targets


class Shuffled:
    """Visits every clip once an epoch, in random order."""

    def __init__(self, targets: Targets, *, batch_size: int = 64) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1 clip, got {batch_size}")
        self._n_clips = len(targets)
        self._batch_size = batch_size

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield indices (n,) of the clips of each batch; the last batch may be smaller."""
        order = torch.randperm(self._n_clips, generator=generator)
        # A batch of one clip has no variance over clips for batch normalisation; it joins the batch before.
        batches = list(torch.split(order, self._batch_size))
        if len(batches) > 1 and len(batches[-1]) == 1:
            batches[-2:] = [torch.cat(batches[-2:])]
        yield from batches


@dataclass(frozen=True, kw_only=True)
class LocalEngine:
    """Runs jobs in this process, one after the other."""

    def execute(self, jobs: Sequence[JobT], work: Callable[[JobT], None]) -> None:
        """Do the work of each job; jobs come in an order in which each follows those that it needs."""
        for job in jobs:
            work(job)


@hookimpl
def earmark_samplers() -> Mapping[str, Factory]:
    """Samplers of the core."""
    return {"shuffled": Shuffled}


@hookimpl
def earmark_engines() -> Mapping[str, Factory]:
    """Engines of the core."""
    return {"local": LocalEngine, "processes": ProcessEngine}
