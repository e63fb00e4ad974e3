"""Segment-based evaluation on an integer time base.

A segment is active where an event touches it, however shortly, as in sed_eval: an event of 0.2 s across a border fills
two segments of 1 s. Times are whole microseconds: on floats, floor(onset / 0.1) starts every third onset that lies on
the 0.1 s grid one segment early.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.blocks import blocks
from earmark.evaluation.scores import Counts, Errors, IntArray, cell_counts, cell_errors
from earmark.recordings import Clip, to_us
from earmark.reference import Reference
from earmark.spans import Spans, spans
from earmark_evaluators.alignment import check_durations, check_positive_s, check_share, event_posteriors
from earmark_evaluators.results import Tally, event_result, versions

_CELL_BYTES = 16
"""What one event in one segment takes while the segments that spans touch are found."""


@dataclass(frozen=True, kw_only=True)
class SegmentEvaluator:
    """Segment-based F-scores and error rate against the annotated times, cut at the clips' borders."""

    segment_s: float = 1.0
    """Length of a segment."""
    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""

    def __post_init__(self) -> None:
        check_positive_s("The evaluator 'segment'", "segment_s", self.segment_s)
        check_share("The evaluator 'segment'", "threshold", self.threshold)

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """See `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        check_durations(reference)
        hop_us, tally = to_us(reference.grid.hop_s), Tally(reference)
        for rows, posterior in event_posteriors(reference, predictions):
            clips, found = reference.clips[rows], spans(posterior >= self.threshold)
            counted = segment_counts(
                _annotated(clips, reference.events),
                found._replace(first=found.first * hop_us, end=found.end * hop_us),
                np.array([to_us(clip.duration_s) for clip in clips], dtype=np.int64),
                len(reference.events),
                to_us(self.segment_s),
            )
            tally.add(rows, *counted)
        return event_result(
            tally,
            criterion=criterion_name(self.segment_s),
            segment_s=self.segment_s,
            threshold=self.threshold,
            versions=versions("earmark", "numpy"),
        )


def criterion_name(segment_s: float) -> str:
    """Name of the criterion with all its parameters."""
    return f"segment_based[{segment_s:g} s, touched]"


def segment_counts(
    annotated: Spans, estimated: Spans, durations_us: IntArray, n_events: int, segment_us: int
) -> tuple[Counts, Errors]:
    """Compare activities segment by segment; counts (clip, event) and errors (clip,).

    Args:
        annotated: references in microseconds.
        estimated: detections in microseconds.
        durations_us: lengths of the clips (clip,), each greater than 0.
        n_events: size of the vocabulary.
        segment_us: length of a segment; the last one of a clip may be shorter.
    """
    counts = Counts(*np.zeros((3, len(durations_us), n_events), dtype=np.int64))
    errors = Errors(*np.zeros((3, len(durations_us)), dtype=np.int64))
    # Events that occur nowhere have no cell: of a large vocabulary, these are most of a recording's.
    occurring = np.union1d(annotated.event, estimated.event)
    columns = [side._replace(event=np.searchsorted(occurring, side.event)) for side in (annotated, estimated)]
    for here in _alike(-(-durations_us // segment_us), len(occurring)):
        sides = [touched(_of(side, here), durations_us[here], len(occurring), segment_us) for side in columns]
        for whole, part in zip(counts, cell_counts(*sides), strict=True):
            whole[here[:, None], occurring] = part
        for whole, part in zip(errors, cell_errors(*sides), strict=True):
            whole[here] = part
    return counts, errors


def _alike(n_segments: IntArray, n_events: int) -> Iterator[IntArray]:
    """Clips (clip,), ascending, of one number of segments each, no more than a block of cells at a time.

    One long recording among short ones must not make them all as long.
    """
    for n in np.unique(n_segments):
        alike = np.flatnonzero(n_segments == n)
        for rows in blocks(len(alike), int(n) * n_events * _CELL_BYTES):
            yield alike[rows]


def touched(side: Spans, durations_us: IntArray, n_events: int, segment_us: int) -> npt.NDArray[np.bool_]:
    """Activity (clip, segment, event) of spans in microseconds: each segment that one touches is active.

    >>> span = Spans(*np.array([[0], [0], [900_000], [1_100_000]]))
    >>> touched(span, np.array([3_000_000]), 1, 1_000_000)[0, :, 0].tolist()
    [True, True, False]
    """
    n_segments = -(-int(durations_us.max()) // segment_us)
    # The last frame of a clip may reach past its end, into a segment that does not exist.
    first, end = np.minimum(side.first, durations_us[side.clip]), np.minimum(side.end, durations_us[side.clip])
    within = side._replace(first=first // segment_us, end=-(-end // segment_us)).where(end > first)
    return within.activity((len(durations_us), n_segments, n_events)) > 0


def _of(side: Spans, clips: IntArray) -> Spans:
    """Spans of the chosen clips (clip,), ascending, whose places are their new indices."""
    place = np.searchsorted(clips, side.clip)
    chosen = clips[np.minimum(place, len(clips) - 1)] == side.clip
    return side._replace(clip=place).where(chosen)


def _annotated(clips: Sequence[Clip], events: Sequence[str]) -> Spans:
    column = {label: index for index, label in enumerate(events)}
    times = [
        (index, column[event.label], to_us(event.onset_s), to_us(event.offset_s))
        for index, clip in enumerate(clips)
        for event in clip.events
    ]
    return Spans(*np.array(times, dtype=np.int64).reshape(-1, 4).T)
