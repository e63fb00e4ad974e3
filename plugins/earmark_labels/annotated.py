"""Event labels from annotated times: strong, weak, and weak ones copied to all frames.

Labels are bool, a quarter of float32: a corpus' frame labels then lie beside its features on the device, and a loss
converts the batch that it gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from earmark.frames import FrameGrid, clip_activity
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets

FrameRule = Literal["inner", "outer"]
"""How time spans become frames; see `earmark.frames.FRAME_RULES`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strong:
    """Events of every frame, masked for recordings that nobody has annotated."""

    frame_rule: FrameRule = "inner"
    """``inner`` gives the reference counts of [partial_labels], Table 8; ``outer`` loses no short event."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=dataset.events,
            scenes=dataset.scenes,
            frame_event=_frame_event(dataset, clips, grid, self.frame_rule),
            frame_event_known=_annotated(dataset, clips),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Weak:
    """Events of the clip: those with at least one active frame, times dropped ([partial_labels], section 3).

    Where a recording has tags and no times, its tags are the weak labels.
    """

    frame_rule: FrameRule = "inner"
    """As for strong labels; an event too short for a frame is not in the weak label either."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        label, known = _clip_event(dataset, clips, grid, self.frame_rule)
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=dataset.events,
            scenes=dataset.scenes,
            clip_event=label,
            clip_event_known=known,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PseudoStrong:
    """Weak labels copied to all frames of their clip ([partial_labels], Eq. 5)."""

    frame_rule: FrameRule = "inner"
    """As for weak labels."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        label, known = _clip_event(dataset, clips, grid, self.frame_rule)
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=dataset.events,
            scenes=dataset.scenes,
            frame_event=label[:, None].repeat(1, grid.n_frames, 1),
            frame_event_known=known,
        )


def _clip_event(dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid, rule: FrameRule) -> tuple[Tensor, Tensor]:
    """Weak labels (clip, event) and their mask, from times where there are any, else from tags."""
    label = _frame_event(dataset, clips, grid, rule).any(dim=1)
    known = _annotated(dataset, clips)
    column = {event: index for index, event in enumerate(dataset.events)}
    for row, clip in enumerate(clips):
        if clip.recording.events is not None or clip.recording.tags is None:
            continue
        tagged = [column[tag] for tag in clip.recording.tags]
        label[row, tagged] = True
        known[row] = True
        # A tag says that the event sounds somewhere in the recording: not that it sounds in this part of it.
        if clip.sounding_s < clip.recording.duration_s:
            known[row, tagged] = False
    return label, known


def _frame_event(dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid, rule: FrameRule) -> Tensor:
    """Activity (clip, frame, event), bool."""
    return torch.from_numpy(clip_activity(clips, dataset.events, grid, rule))


def _annotated(dataset: Dataset, clips: Sequence[Clip]) -> Tensor:
    """Mask (clip, event): whoever annotated a recording listened for all events."""
    annotated = torch.tensor([clip.recording.events is not None for clip in clips], dtype=torch.bool)
    return annotated[:, None].repeat(1, len(dataset.events))
