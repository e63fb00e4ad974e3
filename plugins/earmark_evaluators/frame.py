"""Frame-based evaluation: every frame of every event is one decision."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from earmark.evaluation.scores import cell_counts, cell_errors
from earmark.reference import Reference
from earmark_evaluators.alignment import check_share, event_posteriors
from earmark_evaluators.results import Tally, event_result, frame_settings, versions


@dataclass(frozen=True, kw_only=True)
class FrameEvaluator:
    """Frame-based F-scores and error rate.

    Source: [partial_labels], Tables 5, 7 and 8: what it calls segment-based has segments of one frame, as its counts
    show.
    """

    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""

    def __post_init__(self) -> None:
        check_share("The evaluator 'frame'", "threshold", self.threshold)

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """See `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        tally = Tally(reference)
        for rows, posterior in event_posteriors(reference, predictions):
            activity, decision = reference.activity_of(rows), posterior >= self.threshold
            tally.add(rows, cell_counts(activity, decision), cell_errors(activity, decision))
        return event_result(
            tally,
            criterion=f"frame_based[{reference.grid.hop_s:g} s]",
            threshold=self.threshold,
            versions=versions("earmark", "numpy"),
            **frame_settings(reference),
        )
