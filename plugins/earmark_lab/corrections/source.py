"""Labels that people corrected, as a label source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from earmark.frames import FrameGrid, clip_activity
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets
from earmark_lab.corrections.errors import LayerError
from earmark_lab.corrections.layer import CorrectionLayer


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """Strong labels of the clips that somebody has looked at, by a label layer; nothing is known of the others.

    Whatever is added to the layer gives the runs that use it another address.
    """

    layer: Path | None = None
    """File of the layer."""
    frame_rule: Literal["inner", "outer"] = "inner"
    """How time spans become frames, as for strong labels."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        """Return the labels.

        Raises:
            LayerError, AnnotationError: the layer is missing, is of another corpus, or says what cannot be; with file
                and line.
        """
        import torch

        if self.layer is None:
            raise LayerError(
                "The label source corrected reads a label layer: set its option layer to the layer's file. Labels are "
                "corrected in the player (`earmark lab`)."
            )
        layer = CorrectionLayer.read(self.layer, dataset)
        corrected = {
            path: replace(recording, events=layer.events(path))
            for path, recording in {clip.recording.path: clip.recording for clip in clips}.items()
        }
        relabelled = [replace(clip, recording=corrected[clip.recording.path]) for clip in clips]
        checked = torch.tensor([layer.is_checked(clip) for clip in clips], dtype=torch.bool)
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=dataset.events,
            scenes=dataset.scenes,
            frame_event=torch.from_numpy(clip_activity(relabelled, dataset.events, grid, self.frame_rule)),
            frame_event_known=checked[:, None].repeat(1, len(dataset.events)),
        )
