"""Segment-based evaluation on an integer time base.

A segment is active where an event touches it, however shortly, as in sed_eval: an event of 0.2 s across a border fills
two segments of 1 s. Times are whole microseconds: on floats, floor(onset / 0.1) starts every third onset that lies on
the 0.1 s grid one segment early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.evaluation.scores import Counts, Errors, IntArray, cell_counts, cell_errors
from earmark.recordings import to_us
from earmark.reference import Reference
from earmark.spans import Spans, spans
from earmark_evaluators.alignment import check_durations, check_positive_s, check_share, event_decision
from earmark_evaluators.results import event_result, versions


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
        found = spans(event_decision(reference, predictions, self.threshold))
        hop_us = to_us(reference.grid.hop_s)
        durations_us = np.array([to_us(clip.duration_s) for clip in reference.clips], dtype=np.int64)
        counts, errors = segment_counts(
            _annotated(reference),
            found._replace(first=found.first * hop_us, end=found.end * hop_us),
            durations_us,
            len(reference.events),
            to_us(self.segment_s),
        )
        return event_result(
            reference,
            counts,
            errors,
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
    n_segments = -(-durations_us // segment_us)
    # Clips of equal length together: one long recording among short ones must not make them all as long.
    for n in np.unique(n_segments):
        here = np.flatnonzero(n_segments == n)
        sides = [touched(_of(side, here), durations_us[here], n_events, segment_us) for side in (annotated, estimated)]
        for whole, part in zip((*counts, *errors), (*cell_counts(*sides), *cell_errors(*sides)), strict=True):
            whole[here] = part
    return counts, errors


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


def _annotated(reference: Reference) -> Spans:
    column = {label: index for index, label in enumerate(reference.events)}
    times = [
        (index, column[event.label], to_us(event.onset_s), to_us(event.offset_s))
        for index, clip in enumerate(reference.clips)
        for event in clip.events
    ]
    return Spans(*np.array(times, dtype=np.int64).reshape(-1, 4).T)
