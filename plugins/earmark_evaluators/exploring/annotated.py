"""Annotated events as spans of whole microseconds, and how many of them sound at once."""

from __future__ import annotations

import numpy as np

from earmark.recordings import to_us
from earmark.reference import Reference
from earmark.spans import IntArray, Spans


def annotated_spans(reference: Reference) -> Spans:
    """Annotated events of all clips in microseconds from the clip's start, sorted by clip, event and time.

    Annotations of one event that overlap or touch are one event: a frame is active once, so that no detector could
    tell them apart. Events are cut at the clips' borders, as `earmark.recordings.Clip.events` does.
    """
    column = {label: index for index, label in enumerate(reference.events)}
    rows = sorted(
        (row, column[event.label], to_us(event.onset_s), to_us(event.offset_s))
        for row, clip in enumerate(reference.clips)
        for event in clip.events
    )
    united: list[list[int]] = []
    for row, event, first, end in rows:
        if end <= first:
            continue
        if united and united[-1][:2] == [row, event] and first <= united[-1][3]:
            united[-1][3] = max(united[-1][3], end)
        else:
            united.append([row, event, first, end])
    return Spans(*np.array(united, dtype=np.int64).reshape(-1, 4).T)


def polyphony(annotated: Spans) -> IntArray:
    """Largest number of annotated events that sound at once at some time of each one (span,), itself included.

    >>> polyphony(Spans(*np.array([[0, 0, 0], [0, 1, 2], [0, 5, 8], [9, 7, 10]]))).tolist()
    [2, 2, 2]
    """
    most = np.ones(len(annotated.clip), dtype=np.int64)
    for clip in np.unique(annotated.clip):
        here = np.flatnonzero(annotated.clip == clip)
        first, end = annotated.first[here], annotated.end[here]
        # The number sounding rises only where an event begins: (moment, span).
        sounding = (first[None, :] <= first[:, None]) & (first[:, None] < end[None, :])
        most[here] = np.where(sounding, sounding.sum(axis=1, keepdims=True), 0).max(axis=0)
    return most
