"""Fake strong labels: the events of every frame in random order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from earmark.addressing import derived_seed
from earmark.frames import FrameGrid
from earmark.protocols import LabelSource
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets
from earmark_labels.annotated import FrameRule, Strong


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeStrong:
    """Strong label of each frame with its elements in random order; the number of active events stays, masks stay.

    Every frame is shuffled by itself, so that times say as little as names. Drawn once for each run and clip, from the
    run's seed.

    Source: [mutual_benefit], Eq. (7).
    """

    frame_rule: FrameRule = "inner"
    """As for strong labels."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        return self.of_run(0).label(dataset, clips, grid)

    def of_run(self, seed: int) -> LabelSource:
        """The source with the chance of one run; see `earmark.protocols.LabelSource`."""
        return ShuffledStrong(seed, self.frame_rule)


@dataclass(frozen=True, slots=True)
class ShuffledStrong:
    """Fake strong labels of one run."""

    seed: int
    frame_rule: FrameRule

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        true = Strong(frame_rule=self.frame_rule).label(dataset, clips, grid)
        assert true.frame_event is not None  # what Strong gives
        fake = true.frame_event.clone()
        for row, clip in enumerate(clips):
            generator = torch.Generator().manual_seed(derived_seed(self.seed, "fake events", clip.id))
            # The order of independent uniform numbers is a uniformly drawn permutation of each frame.
            order = torch.rand(grid.n_frames, len(dataset.events), generator=generator).argsort(dim=1)
            fake[row] = true.frame_event[row].gather(1, order)
        return replace(true, frame_event=fake)
