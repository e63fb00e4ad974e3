"""Audio tagging: which events a clip holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.evaluation.scores import Counts
from earmark.reference import Reference
from earmark_evaluators.alignment import check_share, event_clip_posteriors
from earmark_evaluators.results import Tally, event_result, versions
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
        tally, n_clips = Tally(reference), len(reference.clips)
        n_with_events = n_right = n_decided = 0
        for rows, posterior in event_clip_posteriors(reference, predictions):
            sounds = clip_events(replace(reference, clips=reference.clips[rows]))
            decided = posterior >= self.threshold
            tally.add(rows, Counts(*(part.astype(np.int64) for part in _cells(sounds, decided))))
            n_with_events += int(sounds.any(axis=1).sum())
            n_right += int(sounds[np.arange(len(sounds)), posterior.argmax(axis=1)].sum())
            n_decided += int(decided.any(axis=1).sum())
        result = event_result(tally, criterion="clip", threshold=self.threshold, versions=versions("earmark", "numpy"))
        return result.assign(
            accuracy=n_right / n_with_events if n_with_events else float("nan"),
            no_prediction_share=1 - n_decided / n_clips,
        )


def _cells(sounds: npt.NDArray[np.bool_], decided: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], ...]:
    """Hits, false alarms and misses."""
    return sounds & decided, ~sounds & decided, sounds & ~decided
