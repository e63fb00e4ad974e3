"""What evaluators compare predictions with: the annotations of the evaluated clips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from earmark.blocks import is_small
from earmark.frames import FrameGrid, clip_activity
from earmark.recordings import Clip


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Annotated clips on a frame grid."""

    clips: tuple[Clip, ...]
    events: tuple[str, ...]
    scenes: tuple[str, ...]
    grid: FrameGrid
    frame_rule: str = "inner"
    """How time spans become frames; see `earmark.frames.FRAME_RULES`."""

    @property
    def clip_ids(self) -> tuple[str, ...]:
        return tuple(clip.id for clip in self.clips)

    @cached_property
    def activity(self) -> npt.NDArray[np.bool_]:
        """Reference frame activity (clip, frame, event)."""
        return clip_activity(self.clips, self.events, self.grid, self.frame_rule)

    def activity_of(self, rows: slice) -> npt.NDArray[np.bool_]:
        """Reference frame activity (clip, frame, event) of a block of clips; that of all is kept where it is small."""
        if is_small(len(self.clips) * self.grid.n_frames * len(self.events)):
            return self.activity[rows]
        return clip_activity(self.clips[rows], self.events, self.grid, self.frame_rule)

    @cached_property
    def scene_index(self) -> npt.NDArray[np.int64]:
        """Index of each clip's scene (clip,); -1 where nobody named one."""
        column = {scene: index for index, scene in enumerate(self.scenes)}
        return np.array([-1 if c.scene is None else column[c.scene] for c in self.clips], dtype=np.int64)
