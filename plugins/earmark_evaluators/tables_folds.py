"""Results of a cross-validation, a study for each fold, in the form that tables and figures take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from earmark.study import Study
from earmark_evaluators.adaptive_train import adaptive_train
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.fold_pooling import pooled


def results_of_folds(studies: Sequence[Study]) -> dict[str, dict[str, list[xr.Dataset]]]:
    """Results in which every fold of every seed is a repetition: ``results[title][evaluator][repetition]``.

    For scores that are a number each: [soft_scene_labels], Table 3, is a mean over folds and initialisations.

    Raises:
        EvaluationError: there are no studies.
        StoreError: a run has not been done or evaluated yet.
    """
    of_folds = [study.results() for study in _some(studies)]
    return {
        title: {
            name: [result for fold in zip(*(one[title][name] for one in of_folds), strict=True) for result in fold]
            for name in by_evaluator
        }
        for title, by_evaluator in of_folds[0].items()
    }


def pooled_results(studies: Sequence[Study], evaluators: Sequence[str]) -> dict[str, dict[str, list[xr.Dataset]]]:
    """Results in which every seed is a repetition, the counts of its folds added: for scores of single events.

    Args:
        studies: the folds.
        evaluators: names of some that count events; see `earmark_evaluators.fold_pooling.pooled`.

    Raises:
        EvaluationError: there are no studies, or an evaluator counts no events.
        StoreError: a run has not been done or evaluated yet.
    """
    of_folds = [study.results() for study in _some(studies)]
    return {
        title: {
            name: [pooled(folds) for folds in zip(*(one[title][name] for one in of_folds), strict=True)]
            for name in evaluators
        }
        for title in of_folds[0]
    }


def honest_results(studies: Sequence[Study]) -> dict[str, list[xr.Dataset]]:
    """Each method at adaptive thresholds chosen on its training clips, every fold of every seed a repetition.

    Source: [soft_scene_labels], section 9, ``adaptive_train``; see `earmark_evaluators.adaptive_train`.
    """
    experiment = _some(studies)[0].experiment
    return {
        title: [adaptive_train(study, stage, seed) for seed in experiment.seeds for study in studies]
        for stage, title in experiment.methods.items()
    }


def histories_of_folds(studies: Sequence[Study]) -> dict[str, list[list[dict[str, float]]]]:
    """Training curves of every stage, every fold of every seed a repetition."""
    of_folds: list[Mapping[str, list[list[dict[str, float]]]]] = [study.histories() for study in _some(studies)]
    return {title: [history for one in of_folds for history in one[title]] for title in of_folds[0]}


def _some(studies: Sequence[Study]) -> Sequence[Study]:
    if not studies:
        raise EvaluationError("There are no folds. Open an experiment with `earmark.workspace.open_studies`.")
    return studies
