"""What is finished of an experiment: its stages, their runs, and the results that these hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import xarray as xr

from earmark.storage import RunShelf
from earmark.study import Job, Study


@dataclass(frozen=True)
class Run:
    """One whole run."""

    study: Study
    job: Job
    fold: int | None

    @cached_property
    def shelf(self) -> RunShelf:
        return self.study.shelf(self.job)

    @cached_property
    def facts(self) -> dict[str, Any]:
        return self.shelf.facts()

    @cached_property
    def description(self) -> dict[str, Any]:
        return self.shelf.description()


@dataclass(frozen=True)
class StageRuns:
    """The whole runs of one stage."""

    name: str
    title: str
    """Of the method; the stage's name where it is a step on the way."""
    is_method: bool
    runs: tuple[Run, ...]
    results: dict[str, list[xr.Dataset]] = field(default_factory=dict)
    """Of each evaluator, those that are there; fewer than runs where one was interrupted before."""


def finished(studies: Sequence[Study], addresses: Collection[str]) -> list[StageRuns]:
    """Stages with the whole runs of these addresses, in the experiment's order; stages without any are left out."""
    experiment = studies[0].experiment
    found = []
    for name, stage in experiment.stages.items():
        runs = tuple(
            Run(study, Job(name, seed), study.experiment.folds[0] if study.experiment.folds else None)
            for study in studies
            for seed in study.experiment.seeds
            if study.run_address(Job(name, seed)) in addresses
        )
        if not runs:
            continue
        results: dict[str, list[xr.Dataset]] = {}
        for judge in experiment.judges(name) if stage.title else ():
            opened = [run.shelf.open_evaluation(run.study.evaluation_address(judge)) for run in runs]
            results[judge] = [result.load() for result in opened if result is not None]
        found.append(StageRuns(name, stage.title or name, bool(stage.title), runs, results))
    return found
