"""Candidate sets copied to all frames: pseudo strong labels where not one clip has a weak or a strong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.frames import FrameGrid
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets
from earmark_labels.partial import Partial


@dataclass(frozen=True, kw_only=True, slots=True)
class PseudoStrongPartial:
    """Candidate set of each clip in every frame of it, masked where nobody named a scene.

    Source: [partial_labels], Eq. (5) with candidate sets for weak labels. The paper's curves end at 100 % partial
    labels without saying how; with its masks alone, the frame output would learn nothing there.
    """

    table: Path | None = None
    """As for partial labels."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        """Return the copied candidate sets; errors are those of partial labels."""
        partial = Partial(table=self.table).label(dataset, clips, grid)
        assert partial.candidate is not None  # what Partial gives
        assert partial.candidate_known is not None
        return Targets(
            clips=partial.clips,
            events=dataset.events,
            scenes=dataset.scenes,
            frame_event=partial.candidate[:, None].repeat(1, grid.n_frames, 1),
            frame_event_known=partial.candidate_known[:, None].repeat(1, len(dataset.events)),
        )
