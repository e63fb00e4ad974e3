"""Pseudo labels: what a tagger said of each clip, from a table made before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from earmark.clip_tables import ClipTableError, read_clip_table, rows_of
from earmark.errors import OptionError
from earmark.frames import FrameGrid
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedEvents:
    """Weak labels of every clip by a tagger, over the tagger's own events: 527 of AudioSet, or a stand-in's.

    Source: [relation_guided], section on pseudo labels. The paper speaks of probabilities, its published labels are
    decisions.
    """

    table: Path | None = None
    """File that ``earmark label pann`` has written, or published labels in the same form."""
    threshold: float | None = None
    """Posterior from which an event is present; None leaves posteriors as soft labels. Decisions need none."""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise OptionError(f"pann: threshold = {self.threshold:g} must lie above 0 and up to 1; 0.2 is usual.")

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        """Return the labels of the clips, each known.

        Raises:
            ClipTableError: the table is missing, malformed, of other clips, or holds decisions beside a threshold.
        """
        if self.table is None:
            raise ClipTableError(
                "The label source pann reads a table: set its option table. `earmark label pann --corpus DIR --reader "
                f"{dataset.name} --checkpoint FILE --to TABLE.npz` makes one."
            )
        table = read_clip_table(self.table)
        if table.decided and self.threshold is not None:
            raise ClipTableError(f"{self.table}: holds decisions already; leave the option threshold out.")
        chosen = table.values[rows_of(table, clips, str(self.table))]
        if self.threshold is not None:
            chosen = chosen >= np.float32(self.threshold)
        label = torch.from_numpy(chosen if chosen.dtype == np.bool_ else chosen.astype(np.float32))
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=table.events,
            scenes=dataset.scenes,
            clip_event=label,
            clip_event_known=torch.ones(label.shape, dtype=torch.bool),
        )
