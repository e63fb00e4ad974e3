"""The evaluation of runs: what evaluators need to know, and results that are kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import xarray as xr

from earmark.blocks import held
from earmark.errors import DamageError, ExperimentError
from earmark.experiment import PluginRef
from earmark.mending import readable_predictions
from earmark.mixing import draw
from earmark.postprocessing import decisions, fitted
from earmark.protocols import Evaluator
from earmark.reference import Reference
from earmark.storage import RunShelf
from earmark.study import Job, Study

_logger = logging.getLogger(__name__)


def evaluate(study: Study, job: Job) -> None:
    """Run the evaluators whose results a whole run does not hold yet; of two processes that do, one waits."""
    if _unjudged(study, job):
        with study.store.lock(f"{study.run_address(job)}-evaluated"):
            _evaluate(study, job, _unjudged(study, job))


def _unjudged(study: Study, job: Job) -> dict[str, str]:
    """Addresses of the results that are missing, by the evaluator's name."""
    shelf = study.shelf(job)
    wanted = {name: study.evaluation_address(name) for name in study.experiment.judges(job.stage)}
    return {name: address for name, address in wanted.items() if not _is_kept(shelf, address)}


def _evaluate(study: Study, job: Job, missing: dict[str, str]) -> None:
    if not missing:
        return
    shelf = study.shelf(job)
    predictions = readable_predictions(study, job, "test")
    scores: dict[str, Any] = {}
    for name, result in judged(study, job, missing, study.reference, predictions):
        shelf.save_evaluation(missing[name], result)
        scores |= {f"{name}.{key}": float(value) for key, value in result.data_vars.items() if value.ndim == 0}
    study.manager.hook.earmark_run_evaluated(stage=job.stage, seed=job.seed, address=shelf.address, scores=scores)


def _is_kept(shelf: RunShelf, address: str) -> bool:
    """Whether the result of an evaluator is there; one that is damaged is not."""
    try:
        result = shelf.open_evaluation(address)
        if result is not None:
            result.load()
    except DamageError as damage:
        _logger.warning("%s It is evaluated again now.", damage)
        return False
    return result is not None


def judged(
    study: Study, job: Job, names: Iterable[str], reference: Reference, predictions: xr.Dataset
) -> Iterator[tuple[str, xr.Dataset]]:
    """Results of some of the experiment's evaluators on predictions of a run, one by one, with their names."""
    steps = fitted_steps(study, job)
    decided = held(decisions(steps, predictions, reference.grid.hop_s, study.manager))
    for name in names:
        after = steps if study.experiment.evaluators[name].on == "decisions" else ()
        result = judging(study, job, name).evaluate(reference, decided if after else predictions)
        if after:
            result = result.assign_attrs(postprocessing=json.dumps([step.model_dump() for step in after]))
        yield name, result


def judging(study: Study, job: Job, name: str) -> Evaluator:
    """An evaluator of the experiment for one run, with that run's training clips where it wants to know them.

    Raises:
        ExperimentError: it does, and the stage does not predict them.
    """
    ref = study.experiment.evaluators[name]
    evaluator: Evaluator = study.manager.build("evaluator", ref.use, ref.options, f"evaluators.{name}")
    if not hasattr(evaluator, "of_training"):
        return evaluator
    if "train" not in study.stage(job).predict:
        raise ExperimentError(
            f"{study.experiment.name}: the evaluator {name!r} compares with the training clips, which "
            f'stages.{job.stage} does not predict; add predict = ["train", "test"] to it.'
        )
    shares = [label.share for label in study.stage(job).labels]
    rows = torch.cat(draw(len(study.clips["train"]), shares, job.seed)).tolist()
    trained = study.reference_of("train", rows)
    predictions = readable_predictions(study, job, "train", trained.clip_ids)
    told_of: Evaluator = evaluator.of_training(trained, predictions)
    return told_of


def fitted_steps(study: Study, job: Job) -> tuple[PluginRef, ...]:
    """The experiment's post-processing with the options that a run's validation predictions decide.

    A step is fitted on all validation clips at once: memory grows with them, and only with them.
    """
    steps = study.experiment.postprocessing
    if not steps or study.experiment.validation_split is None:
        return steps
    reference = study.reference_of("validation")
    posteriors = readable_predictions(study, job, "validation", reference.clip_ids)
    return fitted(steps, posteriors, reference, study.manager)
