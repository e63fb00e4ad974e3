"""Intersection-based evaluation: how much of a detection lies on references, and how much of a reference is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from earmark.evaluation.scores import Counts, FloatArray, IntArray
from earmark.reference import Reference
from earmark.spans import Spans, spans
from earmark_evaluators.alignment import check_share, event_posteriors
from earmark_evaluators.results import Tally, event_result, frame_settings, versions


@dataclass(frozen=True, kw_only=True)
class IntersectionEvaluator:
    """Intersection-based F-scores, clip by clip; references are runs of the frame labels, as detections are.

    Source: [partial_labels], Table 5, after Bilen et al., "A framework for the robust evaluation of sound event
    detection", ICASSP 2020; without cross-triggers.
    """

    rho_dtc: float = 0.1
    """Detection tolerance criterion: least share of a detection that lies on references of its event."""
    rho_gtc: float = 0.1
    """Ground truth intersection criterion: least share of a reference that passing detections cover."""
    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""

    def __post_init__(self) -> None:
        for option in ("rho_dtc", "rho_gtc", "threshold"):
            check_share("The evaluator 'intersection'", option, getattr(self, option))

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """See `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        tally = Tally(reference)
        for rows, posterior in event_posteriors(reference, predictions):
            counts = intersection_counts(
                spans(reference.activity_of(rows)),
                spans(posterior >= self.threshold),
                (len(posterior), len(reference.events)),
                rho_dtc=self.rho_dtc,
                rho_gtc=self.rho_gtc,
            )
            tally.add(rows, counts)
        return event_result(
            tally,
            criterion=criterion_name(self.rho_dtc, self.rho_gtc),
            rho_dtc=self.rho_dtc,
            rho_gtc=self.rho_gtc,
            threshold=self.threshold,
            versions=versions("earmark", "numpy"),
            **frame_settings(reference),
        )


def criterion_name(rho_dtc: float, rho_gtc: float) -> str:
    """Name of the criterion with all its parameters."""
    return f"intersection_based[dtc={rho_dtc:g}, gtc={rho_gtc:g}, no cross-triggers]"


def intersection_counts(
    annotated: Spans, detected: Spans, shape: tuple[int, int], *, rho_dtc: float, rho_gtc: float
) -> Counts:
    """Count found references, failing detections and missed references, all (clip, event).

    Args:
        annotated: references, in frames or microseconds; those of one event in one clip do not overlap.
        detected: detections, likewise.
        shape: number of clips and of events.
        rho_dtc: a detection passes if at least this share of it lies on references of its event.
        rho_gtc: a reference is found if passing detections cover at least this share of it.

    Returns:
        Found references as true positives, failing detections as false positives, other references as false
        negatives. A detection that passes but finds nothing is neither.

    >>> reference, estimated = np.zeros((1, 20, 1), dtype=bool), np.zeros((1, 20, 1), dtype=bool)
    >>> reference[0, :10], estimated[0, 9:19] = True, True  # one common frame of ten
    >>> sides = spans(reference), spans(estimated), (1, 1)
    >>> [count.item() for count in intersection_counts(*sides, rho_dtc=0.1, rho_gtc=0.1)]
    [1, 0, 0]
    >>> [count.item() for count in intersection_counts(*sides, rho_dtc=0.1, rho_gtc=0.2)]
    [0, 0, 1]
    >>> [count.item() for count in intersection_counts(*sides, rho_dtc=0.2, rho_gtc=0.1)]
    [0, 1, 1]
    """
    passes = _covered_share(detected, annotated) >= rho_dtc
    found = _covered_share(annotated, detected.where(passes)) >= rho_gtc
    return Counts(
        tally(annotated.where(found), shape),
        tally(detected.where(~passes), shape),
        tally(annotated.where(~found), shape),
    )


def tally(chosen: Spans, shape: tuple[int, int]) -> IntArray:
    """Number of spans (clip, event)."""
    n_clips, n_events = shape
    count = np.bincount(chosen.clip * n_events + chosen.event, minlength=n_clips * n_events)
    return count.astype(np.int64).reshape(shape)


def _covered_share(of: Spans, by: Spans) -> FloatArray:
    """Share of each span (span,) that spans of the same clip and event cover, which do not overlap.

    Divided, not multiplied out: 7 / 70 is the float 0.1, while 0.1 * 70 is more than 7.
    """
    n_events = 1 + max((int(side.event.max()) for side in (of, by) if len(side.event)), default=0)
    n_times = 1 + max((int(side.end.max()) for side in (of, by) if len(side.end)), default=0)

    # One line of time on which the events of all clips follow each other: spans are then sorted, and far apart.
    def on_line(side: Spans, time: IntArray) -> IntArray:
        return (side.clip * n_events + side.event) * n_times + time

    first, end = on_line(by, by.first), on_line(by, by.end)
    until = np.concatenate(([0], np.cumsum(end - first)))

    def covered_before(time: IntArray) -> IntArray:
        n_begun = np.searchsorted(first, time)
        last_end = np.concatenate(([0], end))[n_begun]
        return np.asarray(until[n_begun] - np.maximum(last_end - time, 0))

    common = covered_before(on_line(of, of.end)) - covered_before(on_line(of, of.first))
    return np.asarray(common / (of.end - of.first))
