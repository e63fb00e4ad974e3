"""From timed events to frame labels and back, on an integer time base."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.errors import AnnotationError
from earmark.recordings import US_PER_S, Clip, Event, Recording, to_us


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameGrid:
    """The frames of a clip: frame i covers [i * hop_s, (i + 1) * hop_s)."""

    n_frames: int
    hop_s: float

    @property
    def duration_s(self) -> float:
        return self.n_frames * self.hop_s


def inner_frames(event: Event, hop_s: float) -> tuple[int, int]:
    """First active frame and the frame after the last one, about one frame less than covered on either side.

    Source: [partial_labels], recovered from the reference counts of its Table 8: a = floor(50 on) + 1 and
    b = floor(50 off) - 1 at a hop of 20 ms. Events shorter than some 40 to 60 ms get no frame: b <= a.

    >>> inner_frames(Event(0.1, 0.3, "car"), 0.02)
    (6, 14)
    """
    hop_us = to_us(hop_s)
    return to_us(event.onset_s) // hop_us + 1, to_us(event.offset_s) // hop_us - 1


def outer_frames(event: Event, hop_s: float) -> tuple[int, int]:
    """First active frame and the frame after the last one, every touched frame active.

    >>> outer_frames(Event(0.1, 0.31, "car"), 0.02)
    (5, 16)
    """
    hop_us = to_us(hop_s)
    return to_us(event.onset_s) // hop_us, -(-to_us(event.offset_s) // hop_us)


FRAME_RULES = {"inner": inner_frames, "outer": outer_frames}
"""How a time span becomes frames, by name."""


def recording_activity(
    recording: Recording, vocabulary: Sequence[str], hop_s: float, rule: str = "inner"
) -> npt.NDArray[np.bool_]:
    """Frame activity (frame, event) of a whole recording; overlapping instances of one event are united."""
    n_frames = -(-to_us(recording.duration_s) // to_us(hop_s))
    return _activity(recording.events or (), vocabulary, n_frames, hop_s, rule)


def clip_activity(
    clips: Sequence[Clip], vocabulary: Sequence[str], grid: FrameGrid, rule: str = "inner"
) -> npt.NDArray[np.bool_]:
    """Frame activity (clip, frame, event).

    Whole recordings are labelled first and cut afterwards: cutting first would lose frames at the clips' borders.
    """
    activity = np.zeros((len(clips), grid.n_frames, len(vocabulary)), dtype=np.bool_)
    whole: dict[str, npt.NDArray[np.bool_]] = {}
    for index, clip in enumerate(clips):
        path = clip.recording.path
        if path not in whole:
            whole = {path: recording_activity(clip.recording, vocabulary, grid.hop_s, rule)}
        start = to_us(clip.start_s) // to_us(grid.hop_s)
        piece = whole[path][start : start + grid.n_frames]
        activity[index, : len(piece)] = piece
    return activity


def runs_of(active: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Maximal runs (first, one past the last) of True in a (frame,) array.

    >>> runs_of(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def events_of(activity: npt.NDArray[np.bool_], vocabulary: Sequence[str], hop_s: float) -> list[Event]:
    """Events of a (frame, event) activity: frames i..j give [hop_s * i, hop_s * (j + 1)]."""
    hop_us = to_us(hop_s)
    return sorted(
        Event(first * hop_us / US_PER_S, end * hop_us / US_PER_S, label)
        for column, label in enumerate(vocabulary)
        for first, end in runs_of(activity[:, column])
    )


def _activity(
    events: Iterable[Event], vocabulary: Sequence[str], n_frames: int, hop_s: float, rule: str
) -> npt.NDArray[np.bool_]:
    if rule not in FRAME_RULES:
        raise AnnotationError(f"No frame rule named {rule!r}; choose one of {', '.join(FRAME_RULES)}.")
    frames_of = FRAME_RULES[rule]
    column = {label: index for index, label in enumerate(vocabulary)}
    activity = np.zeros((n_frames, len(vocabulary)), dtype=np.bool_)
    for event in events:
        first, end = frames_of(event, hop_s)
        if end > first:
            activity[first:end, column[event.label]] = True
    return activity
