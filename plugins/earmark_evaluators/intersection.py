"""Intersection-based evaluation: how much of a detection lies on references, and how much of a reference is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.reference import Reference
from earmark_evaluators.alignment import check_share, event_decision
from earmark_evaluators.results import event_result, frame_settings, versions
from earmark_evaluators.runs import Runs, mask, runs
from earmark_evaluators.scores import Counts, IntArray


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
        decision = event_decision(reference, predictions, self.threshold)
        return event_result(
            reference,
            intersection_counts(reference.activity, decision, rho_dtc=self.rho_dtc, rho_gtc=self.rho_gtc),
            criterion=f"intersection_based[dtc={self.rho_dtc:g}, gtc={self.rho_gtc:g}, no cross-triggers]",
            rho_dtc=self.rho_dtc,
            rho_gtc=self.rho_gtc,
            threshold=self.threshold,
            versions=versions("earmark", "numpy"),
            **frame_settings(reference),
        )


def intersection_counts(
    reference: npt.NDArray[np.bool_], estimated: npt.NDArray[np.bool_], *, rho_dtc: float, rho_gtc: float
) -> Counts:
    """Count found references, failing detections and missed references, all (clip, event).

    Args:
        reference: activity (clip, frame, event).
        estimated: decisions (clip, frame, event).
        rho_dtc: a detection passes if at least this share of it lies on references of its event.
        rho_gtc: a reference is found if passing detections cover at least this share of it.

    Returns:
        Found references as true positives, failing detections as false positives, other references as false
        negatives. A detection that passes but finds nothing is neither.

    >>> reference, estimated = np.zeros((1, 20, 1), dtype=bool), np.zeros((1, 20, 1), dtype=bool)
    >>> reference[0, :10], estimated[0, 9:19] = True, True  # one common frame of ten
    >>> [count.item() for count in intersection_counts(reference, estimated, rho_dtc=0.1, rho_gtc=0.1)]
    [1, 0, 0]
    >>> [count.item() for count in intersection_counts(reference, estimated, rho_dtc=0.1, rho_gtc=0.2)]
    [0, 0, 1]
    >>> [count.item() for count in intersection_counts(reference, estimated, rho_dtc=0.2, rho_gtc=0.1)]
    [0, 1, 1]
    """
    annotated, detected = runs(reference), runs(estimated)
    # Runs of one event in one clip never overlap, so a sum over intersections is a number of common frames.
    passes = _active_share(detected, reference) >= rho_dtc
    passing = Runs(*(field[passes] for field in detected))
    found = _active_share(annotated, mask(passing, estimated.shape)) >= rho_gtc
    shape = (reference.shape[0], reference.shape[2])
    return Counts(_tally(annotated, found, shape), _tally(detected, ~passes, shape), _tally(annotated, ~found, shape))


def _active_share(of: Runs, activity: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Share of each run (run,) in which an activity (clip, frame, event) is active.

    Divided, not multiplied out: 7 / 70 is the float 0.1, while 0.1 * 70 is more than 7.
    """
    n_clips, n_frames, n_events = activity.shape
    until = np.zeros((n_clips, n_frames + 1, n_events), dtype=np.int32)
    np.cumsum(activity, axis=1, out=until[:, 1:])
    common = until[of.clip, of.end, of.event] - until[of.clip, of.first, of.event]
    return np.asarray(common / (of.end - of.first))


def _tally(of: Runs, chosen: npt.NDArray[np.bool_], shape: tuple[int, int]) -> IntArray:
    """Number of chosen runs (clip, event)."""
    count = np.zeros(shape, dtype=np.int64)
    np.add.at(count, (of.clip[chosen], of.event[chosen]), 1)
    return count
