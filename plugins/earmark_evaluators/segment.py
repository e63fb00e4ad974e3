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

from earmark.recordings import to_us
from earmark.reference import Reference
from earmark_evaluators.alignment import check_durations, check_positive_s, check_share, event_decision
from earmark_evaluators.results import event_result, versions
from earmark_evaluators.runs import runs
from earmark_evaluators.scores import IntArray, cell_counts, cell_errors


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
        decision = event_decision(reference, predictions, self.threshold)
        annotated = annotated_segments(reference, self.segment_s)
        estimated = decided_segments(reference, decision, self.segment_s)
        return event_result(
            reference,
            cell_counts(annotated, estimated),
            cell_errors(annotated, estimated),
            criterion=f"segment_based[{self.segment_s:g} s, touched]",
            segment_s=self.segment_s,
            threshold=self.threshold,
            versions=versions("earmark", "numpy"),
        )


def annotated_segments(reference: Reference, segment_s: float) -> npt.NDArray[np.bool_]:
    """Activity (clip, segment, event) of the annotated times."""
    column = {label: index for index, label in enumerate(reference.events)}
    spans = [
        (index, column[event.label], to_us(event.onset_s), to_us(event.offset_s))
        for index, clip in enumerate(reference.clips)
        for event in clip.events
    ]
    clip, event, onset_us, offset_us = np.array(spans, dtype=np.int64).reshape(-1, 4).T
    return _touched(reference, clip, event, onset_us, offset_us, segment_s)


def decided_segments(reference: Reference, decision: npt.NDArray[np.bool_], segment_s: float) -> npt.NDArray[np.bool_]:
    """Activity (clip, segment, event) of frame decisions (clip, frame, event)."""
    found, hop_us = runs(decision), to_us(reference.grid.hop_s)
    return _touched(reference, found.clip, found.event, found.first * hop_us, found.end * hop_us, segment_s)


def _touched(
    reference: Reference, clip: IntArray, event: IntArray, onset_us: IntArray, offset_us: IntArray, segment_s: float
) -> npt.NDArray[np.bool_]:
    durations_us = np.array([to_us(clip.duration_s) for clip in reference.clips], dtype=np.int64)
    segment_us = to_us(segment_s)
    n_segments = -(-int(durations_us.max()) // segment_us)
    # The last frame may reach past the end of the clip, into a segment that does not exist.
    onset_us, offset_us = np.minimum(onset_us, durations_us[clip]), np.minimum(offset_us, durations_us[clip])
    step = np.zeros((len(durations_us), n_segments + 1, len(reference.events)), dtype=np.int32)
    first, end = onset_us // segment_us, -(-offset_us // segment_us)
    sounding = offset_us > onset_us
    np.add.at(step, (clip[sounding], first[sounding], event[sounding]), 1)
    np.add.at(step, (clip[sounding], end[sounding], event[sounding]), -1)
    return np.asarray(step.cumsum(axis=1)[:, :-1] > 0)
