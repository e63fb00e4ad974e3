"""What is shown below the picture of a sound: lanes of spans and of posteriors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.frames import events_of
from earmark.recordings import Event, to_us
from earmark_lab.player.errors import PlayerError

OCCURS = 0.25
"""An event that no lane holds a span of is still shown where a posterior comes near: at least this."""


@dataclass(frozen=True)
class Track:
    """Frame posteriors of one method."""

    posterior: npt.NDArray[Any]
    """(frame, event) in [0, 1]; frame i covers [i * hop_s, (i + 1) * hop_s) from the clip's start."""
    events: tuple[str, ...]
    hop_s: float

    def __post_init__(self) -> None:
        shape = np.shape(self.posterior)
        if len(shape) != 2 or shape[1] != len(self.events):
            raise PlayerError(
                f"Track: posteriors of shape {shape} for {len(self.events)} events; they must be (frame, event). "
                "Choose one clip and one run, such as predictions.isel(seed=0).sel(clip=...)."
            )
        if not self.hop_s > 0:
            raise PlayerError(f"Track: hop_s = {self.hop_s:g} must be positive seconds, such as 0.02.")


@dataclass(frozen=True)
class Lane:
    """A title, and below it a row for each event: spans, posteriors, or both. Times are seconds from the clip's start.

    The first lane without a track is the reference, with which the decisions of all others are compared. Where a lane
    has both, its spans are the decisions until somebody moves a threshold.
    """

    title: str
    spans: tuple[Event, ...] = ()
    track: Track | None = None
    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""
    editable: bool = False
    note: str = ""
    """One line beside the title."""

    def decisions(self) -> tuple[Event, ...]:
        """Its spans, or where it has none what the threshold makes of its posteriors."""
        if self.spans or self.track is None:
            return self.spans
        return tuple(events_of(self._active(self.track), self.track.events, self.track.hop_s))

    def n_decisions(self) -> int:
        """How many `decisions` there are; half an hour may hold hundreds of thousands, which is no matter here."""
        if self.spans or self.track is None:
            return len(self.spans)
        active = self._active(self.track)
        return int(np.count_nonzero(active[:1]) + np.count_nonzero(active[1:] & ~active[:-1]))

    def _active(self, track: Track) -> npt.NDArray[np.bool_]:
        return np.asarray(track.posterior) >= self.threshold


def reference_of(lanes: Sequence[Lane]) -> int | None:
    """Index of the lane with which the others are compared."""
    return next((index for index, lane in enumerate(lanes) if lane.track is None), None)


def vocabulary_of(lanes: Iterable[Lane]) -> tuple[str, ...]:
    """Every event that a lane can hold, in the order of the first lanes that name them.

    >>> track = Track(np.zeros((1, 2)), ("bird", "car"), hop_s=1)
    >>> vocabulary_of([Lane("a", (Event(0.0, 1.0, "car"),)), Lane("b", track=track)])
    ('bird', 'car')
    """
    listed = list(lanes)
    ordered = [event for lane in listed if lane.track is not None for event in lane.track.events]
    return tuple(dict.fromkeys([*ordered, *(span.label for lane in listed for span in sorted(lane.spans))]))


def occurring(lanes: Sequence[Lane]) -> tuple[str, ...]:
    """Events with a span or a decision in a lane, or with a posterior that comes near one."""
    found = {span.label for lane in lanes for span in lane.spans}
    for lane in lanes:
        if lane.track is not None and len(lane.track.posterior):
            most = np.nanmax(np.nan_to_num(lane.track.posterior), axis=0)
            found |= {
                event
                for event, value in zip(lane.track.events, most, strict=True)
                if value >= min(OCCURS, lane.threshold)
            }
    return tuple(event for event in vocabulary_of(lanes) if event in found)


def quantised(posterior: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Posteriors as bytes, floor(256 p) and at most 255; NaN as 0.

    A byte is at least k exactly where the posterior is at least k / 256: a threshold of 0.5 decides on bytes as it
    does on posteriors, others to within 1 / 256.

    >>> quantised(np.array([0.0, 0.4999, 0.5, 1.0, np.nan])).tolist()
    [0, 127, 128, 255, 0]
    """
    scaled = np.floor(np.nan_to_num(np.asarray(posterior, dtype=np.float64)) * 256)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def as_sent(lane: Lane) -> dict[str, Any]:
    """A lane as the page takes it: JSON, and posteriors (event, frame) as bytes, so that a row lies in one piece."""
    track = lane.track
    return {
        "title": lane.title,
        "spans": [[span.onset_s, span.offset_s, span.label] for span in sorted(lane.spans)],
        "threshold": lane.threshold,
        "editable": lane.editable,
        "note": lane.note,
        "track": None
        if track is None
        else {
            "events": list(track.events),
            "hop_s": track.hop_s,
            "n_frames": len(track.posterior),
            "data": np.ascontiguousarray(quantised(track.posterior).T).tobytes(),
        },
    }


def notes_on(lanes: Sequence[Lane]) -> list[str]:
    """One sentence for each thing that a reader of the lanes must know.

    Methods that cannot know what is annotated, and posteriors that are no numbers.
    """
    notes = []
    reference = reference_of(lanes)
    annotated = {} if reference is None else dict.fromkeys(span.label for span in sorted(lanes[reference].spans))
    for lane in lanes:
        if lane.track is None:
            continue
        unknown = [event for event in annotated if event not in lane.track.events]
        if unknown:
            notes.append(
                f"{lane.title}: another vocabulary, which lacks {', '.join(unknown)}; its counts leave these out."
            )
        if np.isnan(lane.track.posterior).any():
            notes.append(f"{lane.title}: some posteriors are NaN and shown as 0. Did its training diverge?")
    return notes


def last_s(lanes: Iterable[Lane]) -> float:
    """End of the last span or frame of any lane; 0 where there is none."""
    ends = [0]
    for lane in lanes:
        ends += [to_us(span.offset_s) for span in lane.spans]
        if lane.track is not None:
            ends.append(to_us(lane.track.hop_s) * len(lane.track.posterior))
    return max(ends) / 1e6
