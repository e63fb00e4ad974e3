"""Frame-based evaluation at thresholds that are chosen on the evaluated data itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from earmark.evaluation.scores import cell_counts, cell_errors
from earmark.reference import Reference
from earmark_evaluators.adaptive_thresholds import best_thresholds, threshold_counts
from earmark_evaluators.alignment import event_posteriors
from earmark_evaluators.class_error_rates import class_error_rates
from earmark_evaluators.results import Tally, event_result, frame_settings, versions


@dataclass(frozen=True, kw_only=True)
class AdaptiveOracleEvaluator:
    """Frame-based F-scores and error rates, each event at the threshold that suits the evaluated clips best.

    An oracle: it knows the answers, and its scores are higher than anybody could reach. It is there to be compared with
    the paper; ``adaptive-thresholds`` as post-processing, chosen on other clips, is honest.

    Source: [soft_scene_labels], section 9: ``adaptive`` of the public baseline. Evaluate it on posteriors.
    """

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """See `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Returns:
            Also ``threshold`` (event,) and the error rates (event,) of `earmark_evaluators.class_error_rates`.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        posteriors, tally = event_posteriors(reference, predictions), Tally(reference)
        by_block = [threshold_counts(posterior, reference.activity_of(rows)) for rows, posterior in posteriors]
        thresholds = best_thresholds(np.sum(by_block, axis=0))
        for rows, posterior in posteriors:
            # In the precision of the posteriors, as in the choice: 0.3 is not the same number in both.
            activity, decision = reference.activity_of(rows), posterior >= thresholds.astype(posterior.dtype)
            tally.add(rows, cell_counts(activity, decision), cell_errors(activity, decision))
        result = event_result(
            tally,
            criterion=f"frame_based[{reference.grid.hop_s:g} s, adaptive thresholds, oracle]",
            oracle="thresholds are chosen on the evaluated clips",
            versions=versions("earmark", "numpy"),
            **frame_settings(reference),
        )
        rates = class_error_rates(*(np.asarray(result[name].values) for name in ("tp", "fp", "fn")))
        of_event = {"threshold": thresholds, **rates._asdict()}
        return result.assign({name: (("event",), values) for name, values in of_event.items()})
