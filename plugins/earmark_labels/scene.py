"""Scene labels: the scene of the recording, for each of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from earmark.frames import FrameGrid
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One-hot scene of each clip, masked where nobody named one."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        column = {scene: index for index, scene in enumerate(dataset.scenes)}
        one_hot = torch.zeros(len(clips), len(dataset.scenes))
        for row, clip in enumerate(clips):
            if clip.scene is not None:
                one_hot[row, column[clip.scene]] = 1
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=dataset.events,
            scenes=dataset.scenes,
            scene=one_hot,
            scene_known=one_hot.sum(1) > 0,
        )
