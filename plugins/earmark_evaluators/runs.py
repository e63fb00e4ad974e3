"""Maximal runs of active frames of many clips at once: what a detector's frames become when events are counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earmark_evaluators.scores import IntArray


class Runs(NamedTuple):
    """Runs of active frames, each (run,), sorted by clip, event and time."""

    clip: IntArray
    event: IntArray
    first: IntArray
    """First active frame."""
    end: IntArray
    """The frame after the last active one."""


def runs(activity: npt.NDArray[np.bool_]) -> Runs:
    """Runs of an activity (clip, frame, event).

    >>> activity = np.array([[[True, False], [True, True], [False, True]]])
    >>> [field.tolist() for field in runs(activity)]
    [[0, 0], [0, 1], [0, 1], [2, 3]]
    """
    n_clips, n_frames, n_events = activity.shape
    padded = np.zeros((n_clips, n_events, n_frames + 2), dtype=np.int8)
    padded[:, :, 1:-1] = activity.transpose(0, 2, 1)
    step = np.diff(padded, axis=2)
    clip, event, first = np.nonzero(step == 1)
    return Runs(clip, event, first, np.nonzero(step == -1)[2])


def mask(chosen: Runs, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Activity of the given shape (clip, frame, event) in which exactly the chosen runs are active."""
    n_clips, n_frames, n_events = shape
    step = np.zeros((n_clips, n_frames + 1, n_events), dtype=np.int32)
    np.add.at(step, (chosen.clip, chosen.first, chosen.event), 1)
    np.add.at(step, (chosen.clip, chosen.end, chosen.event), -1)
    return np.asarray(step.cumsum(axis=1)[:, :-1] > 0)
