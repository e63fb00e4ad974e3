"""Audio tagging: which events a clip holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from earmark.evaluation.scores import Counts
from earmark.reference import Reference
from earmark_evaluators.alignment import check_share, event_clip_posterior
from earmark_evaluators.results import event_result, versions
from earmark_evaluators.tags import clip_events


@dataclass(frozen=True, kw_only=True)
class TaggingEvaluator:
    """F-scores of the events of clips, and what explains them where a net decides for nothing.

    Source: [weak_label_limits], Tables 2 and 3, which give the macro average as ``fscore_macro_all``: a class that is
    never decided counts 0, so that chance is 0 and not one in the number of classes.
    """

    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""

    def __post_init__(self) -> None:
        check_share("The evaluator 'tagging'", "threshold", self.threshold)

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """Return scores and counts; see `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Returns:
            Those, ``accuracy``, the share of clips with at least one event whose largest posterior is that of such an
            event (NaN where no clip has one), and ``no_prediction_share``, the share of clips for which nothing is
            decided.

        Raises:
            EvaluationError: the predictions do not fit the reference, or a clip has neither times nor tags.
        """
        posterior = event_clip_posterior(reference, predictions)
        sounds, decided = clip_events(reference), posterior >= self.threshold
        counts = Counts(*((part).astype(np.int64) for part in (sounds & decided, ~sounds & decided, sounds & ~decided)))
        largest = sounds[np.arange(len(sounds)), posterior.argmax(axis=1)][sounds.any(axis=1)]
        result = event_result(
            reference, counts, criterion="clip", threshold=self.threshold, versions=versions("earmark", "numpy")
        )
        return result.assign(
            accuracy=float(largest.mean()) if len(largest) else float("nan"),
            no_prediction_share=float(1 - decided.any(axis=1).mean()),
        )
