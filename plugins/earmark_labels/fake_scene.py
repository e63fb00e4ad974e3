"""Fake scene labels: the true ones in random order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from earmark.addressing import derived_seed
from earmark.frames import FrameGrid
from earmark.protocols import LabelSource
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets
from earmark_labels.scene import Scene


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeScene:
    """Scene label of each clip with its elements in random order, so that it says nothing; masks stay.

    Of a one-hot label this makes a scene drawn uniformly; with four scenes, one in four stays as it is. Drawn once for
    each run and clip, from the run's seed: the labels of a clip do not depend on which others there are.

    Source: [mutual_benefit], Eq. (6).
    """

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        return self.of_run(0).label(dataset, clips, grid)

    def of_run(self, seed: int) -> LabelSource:
        """The source with the chance of one run; see `earmark.protocols.LabelSource`."""
        return ShuffledScene(seed)


@dataclass(frozen=True, slots=True)
class ShuffledScene:
    """Fake scene labels of one run."""

    seed: int

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        true = Scene().label(dataset, clips, grid)
        assert true.scene is not None  # what Scene gives
        fake = true.scene.clone()
        for row, clip in enumerate(clips):
            generator = torch.Generator().manual_seed(derived_seed(self.seed, "fake scene", clip.id))
            fake[row] = true.scene[row, torch.randperm(len(dataset.scenes), generator=generator)]
        return replace(true, scene=fake)
