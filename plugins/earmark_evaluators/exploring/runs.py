"""Runs of a study as they are explored: what was decided, clip by clip, beside the annotation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earmark.errors import EarmarkError, StoreError, suggestion
from earmark.evaluation.scores import Counts, cell_counts
from earmark.postprocessing import DECISION
from earmark.reference import Reference
from earmark_evaluators.alignment import event_decision, event_posterior
from earmark_evaluators.exploring.error_kinds import TOLERANCE_S, occurrences

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from earmark.study import Job, Study


@dataclass(frozen=True, kw_only=True)
class ExploredRun:
    """What one run decided of the test clips."""

    title: str
    """Method and seed."""
    job: Job
    reference: Reference
    decision: npt.NDArray[np.bool_]
    """(clip, frame, event)."""
    tolerance_s: float = TOLERANCE_S
    """Of onsets; see `earmark_evaluators.exploring.error_kinds`."""

    @cached_property
    def occurrences(self) -> pd.DataFrame:
        """What became of every annotated event and which detections belong to none."""
        return occurrences(self.reference, self.decision, self.tolerance_s)

    @cached_property
    def counts(self) -> Counts:
        """Frames that are right and wrong (clip, event), by the reference's frame rule, as the evaluators count."""
        return cell_counts(self.reference.activity, self.decision)


def explored_run(study: Study, job: Job, tolerance_s: float = TOLERANCE_S) -> ExploredRun:
    """Read what a run decided: its posteriors after the experiment's post-processing, from 0.5 on.

    Raises:
        StoreError: the run has not been done yet, or is damaged.
        EvaluationError: it holds no frame posteriors, or those of other clips, frames or events than the study's.
    """
    from earmark.judging import fitted_steps
    from earmark.postprocessing import decisions

    predictions = _opened(study, job).load()
    decided = decisions(fitted_steps(study, job), predictions, study.grid.hop_s, study.manager)
    return ExploredRun(
        title=title_of(study, job),
        job=job,
        reference=study.reference,
        decision=event_decision(study.reference, decided, DECISION),
        tolerance_s=tolerance_s,
    )


def check_run(study: Study, job: Job) -> None:
    """Raise where a run cannot be explored, as far as its first clip tells; the others are not read.

    Raises:
        StoreError, EvaluationError: as `explored_run`.
    """
    predictions, first = _opened(study, job), study.reference.clips[0].id
    if "clip" in predictions.coords and first in predictions["clip"].values:
        predictions = predictions.sel(clip=[first])
    event_posterior(replace(study.reference, clips=study.reference.clips[:1]), predictions)


def explorable(study: Study, methods: tuple[str, ...] = ()) -> tuple[dict[str, Job], list[str]]:
    """All runs of a study's methods that can be explored, by title, and sentences that say which cannot, and why.

    Args:
        study: experiment, dataset and store; nothing is trained.
        methods: titles of the methods that are wanted; all of them where empty.
    """
    known = study.experiment.methods
    titles = list(known.values())
    notes = [
        f"The experiment has no method {name!r}. {suggestion(name, titles)}".strip()
        for name in methods
        if name not in titles
    ]
    jobs = [job for job in study.jobs() if known.get(job.stage) in (methods or titles)]
    seeds = seeds_done(study)
    runs: dict[str, Job] = {}
    absent: list[str] = []
    for job in jobs:
        title = title_of(study, job)
        if not study.shelf(job).whole:
            absent += [title] if job.seed in seeds else []
            continue
        try:
            check_run(study, job)
        except EarmarkError as error:
            notes.append(f"{title}: {error}")
        else:
            runs[title] = job
    absent += [f"seed {seed}" for seed in study.experiment.seeds if seeds and seed not in seeds]
    if absent:
        notes.append(f"Not in the store yet: {', '.join(absent)}. `earmark run` adds what is missing.")
    if not seeds:
        notes.append(
            "No run of this experiment is in the store yet. Say `make demo` for partial_labels at the profile quick, "
            "`earmark run` for any."
        )
    return runs, notes


def _opened(study: Study, job: Job) -> xr.Dataset:
    """Predictions of the test clips, opened lazily."""
    shelf = study.shelf(job)
    if not shelf.whole:
        raise StoreError(
            f"The run {shelf.address} (stage {job.stage}, seed {job.seed}) is not in the store. "
            "Do it first: `earmark run`, or `earmark.pipeline.run_study(study)`."
        )
    return shelf.open_predictions("test")


def seeds_done(study: Study) -> tuple[int, ...]:
    """Seeds with a whole run of any method."""
    whole = {job.seed for job in study.jobs() if study.stage(job).title and study.shelf(job).whole}
    return tuple(seed for seed in study.experiment.seeds if seed in whole)


def title_of(study: Study, job: Job) -> str:
    """Method and, where there are runs of several seeds, the seed."""
    title = study.stage(job).title or job.stage
    return f"{title} · seed {job.seed}" if len(seeds_done(study)) > 1 else title
