"""Cross-validation: a study for each fold, and all of them run as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from earmark.errors import CorpusError
from earmark.recordings import Dataset

if TYPE_CHECKING:
    from earmark.study import Job, Study


def with_fold(dataset: Dataset, fold: int, *, train_split: str, test_split: str) -> Dataset:
    """Return a dataset on whose test split the recordings of one fold of the training split stand.

    Those of the test split proper are left out: what is chosen by cross-validation must not have seen them.

    Raises:
        CorpusError: no recording of the training split is tested in that fold, or no other one is left to train on.
    """
    training = dataset.of_split(train_split)
    known = sorted({recording.fold for recording in training if recording.fold is not None})
    if fold not in known or all(recording.fold == fold for recording in training):
        raise CorpusError(
            f"{dataset.title}: fold {fold} does not divide the split {train_split!r} into two parts. "
            f"Folds of its recordings: {', '.join(map(str, known)) or 'none'}. Correct `folds` in the experiment."
        )
    kept = [
        replace(recording, split=test_split) if recording.split == train_split and recording.fold == fold else recording
        for recording in dataset.recordings
        if recording.split != test_split
    ]
    return replace(dataset, recordings=tuple(kept))


@dataclass(frozen=True, slots=True)
class FoldJob:
    """A job of one of several studies: what an engine gets."""

    study: int
    job: Job
    needs: tuple[FoldJob, ...] = field(default=(), compare=False, repr=False)
    """Jobs that must be done before it: of the same study, and one of another study that makes the same run."""


class FoldWork:
    """Does jobs of several studies, in whatever process it finds itself."""

    def __init__(self, works: Sequence[Callable[[Job], None]]) -> None:
        self._works = list(works)

    def __call__(self, job: FoldJob) -> None:
        self._works[job.study](job.job)


def run_studies(
    studies: Sequence[Study],
    *,
    device: str = "auto",
    engine: str = "auto",
    advance: Callable[[int, int], None] | None = None,
) -> Sequence[Study]:
    """Do what is missing of several studies, such as the folds of one experiment, side by side, and evaluate them.

    One after the other would leave processors idle wherever the stages of a fold wait for each other. Arguments are
    those of `earmark.pipeline.run_study`.
    """
    from earmark.devices import resolve_device
    from earmark.pipeline import evaluated, extracted, run_study, suitable_engine
    from earmark.study import check_plugins
    from earmark.workshop import Work

    if len(studies) < 2:
        return [run_study(study, device=device, engine=engine, advance=advance) for study in studies]
    where = resolve_device(device)
    missing: list[FoldJob] = []
    maker: dict[str, FoldJob] = {}
    for index, study in enumerate(studies):
        check_plugins(study.experiment, study.manager, study.experiment.name)
        extracted(study, advance, engine)
        for job in study.missing():
            # Studies may share a run: one makes it, and no worker of the others waits at its lock.
            same = maker.get(study.run_address(job))
            needs = [FoldJob(index, needed) for needed in job.needs] + ([same] if same else [])
            missing.append(FoldJob(index, job, tuple(needs)))
            maker.setdefault(study.run_address(job), missing[-1])
    chosen = suitable_engine(studies[0], where) if engine == "auto" else engine
    runner: Any = studies[0].manager.build("engine", chosen, {}, "--engine")
    if missing:
        runner.execute(missing, FoldWork([Work(study, device) for study in studies]))
    return [
        evaluated(study, [done.job for done in missing if done.study == index]) for index, study in enumerate(studies)
    ]
