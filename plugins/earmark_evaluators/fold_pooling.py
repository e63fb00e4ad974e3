"""Scores of events over the folds of a cross-validation: counts are added first, scores made last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from earmark.evaluation.scores import Counts, class_fscore
from earmark_evaluators.class_error_rates import class_error_rates
from earmark_evaluators.errors import EvaluationError


def pooled(folds: Sequence[xr.Dataset]) -> xr.Dataset:
    """Scores of each event from the counts of all folds of one repetition.

    A fold may lack an event ([soft_scene_labels], section 9: the test part of fold 1 lacks four), so that a mean of
    class scores over folds would be one of different numbers for each event.

    Args:
        folds: results of one event evaluator, each with ``tp``, ``fp`` and ``fn`` over (event,).

    Returns:
        ``tp``, ``fp``, ``fn``, ``fscore``, ``error_rate_of_all`` and ``error_rate_of_own``, all (event,).

    Raises:
        EvaluationError: there is no fold, one has no counts, or they are of different events.
    """
    if not folds:
        raise EvaluationError("There are no folds to pool. Give the results of one repetition, one for each fold.")
    events = folds[0]["event"].values.tolist() if "event" in folds[0].coords else []
    for number, fold in enumerate(folds, start=1):
        lacks = [name for name in ("tp", "fp", "fn") if name not in fold or fold[name].dims != ("event",)]
        if lacks:
            raise EvaluationError(
                f"Result {number} of the folds has no {', '.join(lacks)} over events. Pool results of an evaluator "
                'that counts events, such as "frame".'
            )
        if fold["event"].values.tolist() != events:
            raise EvaluationError(f"Result {number} of the folds is over other events than the first one.")
    tp, fp, fn = (np.sum([fold[name].values for fold in folds], axis=0) for name in ("tp", "fp", "fn"))
    scores = {"fscore": class_fscore(Counts(tp, fp, fn)), **class_error_rates(tp, fp, fn)._asdict()}
    variables = {"tp": tp, "fp": fp, "fn": fn, **scores}
    attributes = {"n_folds": len(folds), "criterion": str(folds[0].attrs.get("criterion", ""))}
    return xr.Dataset({name: (("event",), v) for name, v in variables.items()}, {"event": events}, attributes)
