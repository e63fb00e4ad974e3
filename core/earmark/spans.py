"""Maximal stretches of active frames of many clips at once, and the activity that chosen ones make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


class Spans(NamedTuple):
    """Stretches of clips in which an event is active, each (span,), in frames or in whole microseconds."""

    clip: IntArray
    event: IntArray
    first: IntArray
    """First active frame, or onset."""
    end: IntArray
    """The frame after the last active one, or offset."""

    def where(self, chosen: npt.NDArray[np.bool_]) -> Spans:
        """The chosen ones (span,)."""
        return Spans(*(field[chosen] for field in self))

    def activity(self, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Activity (clip, frame, event) in which exactly these spans are 1."""
        n_clips, n_frames, n_events = shape
        step = np.zeros((n_clips, n_frames + 1, n_events), dtype=np.int32)
        np.add.at(step, (self.clip, self.first, self.event), 1)
        np.add.at(step, (self.clip, self.end, self.event), -1)
        return np.asarray(step.cumsum(axis=1)[:, :-1] > 0, dtype=np.float32)


def spans(active: npt.NDArray[np.bool_]) -> Spans:
    """Spans of an activity (clip, frame, event), sorted by clip, event and time.

    >>> [field.tolist() for field in spans(np.array([[[True], [True], [False], [True]]]))]
    [[0, 0], [0, 0], [0, 3], [2, 4]]
    """
    n_clips, n_frames, n_events = active.shape
    padded = np.zeros((n_clips, n_events, n_frames + 2), dtype=np.int8)
    padded[:, :, 1:-1] = active.transpose(0, 2, 1)
    step = np.diff(padded, axis=2)
    clip, event, first = np.nonzero(step == 1)
    return Spans(clip, event, first, np.nonzero(step == -1)[2])
