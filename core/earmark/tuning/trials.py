"""The work of a trial: an ordinary run that reports each epoch and is given up where others did better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earmark.devices import resolve_device
from earmark.hookspecs import hookimpl
from earmark.study import Job, Study
from earmark.training import TrainingError
from earmark.tuning.journal import Journal
from earmark.tuning.search import OpenSearch
from earmark.workshop import Workshop

JUDGE = "judge of trials"


@dataclass(frozen=True, slots=True)
class Draw:
    """A trial that is to be made: the unit that an engine runs."""

    number: int

    @property
    def needs(self) -> tuple[Draw, ...]:
        """None: trials wait for nobody, which makes the search asynchronous."""
        return ()

    def __str__(self) -> str:
        return f"trial {self.number}"


class Pruned(Exception):
    """Leaves the training of a trial that is given up."""


class TrialWork:
    """Makes trials of a search, in whatever process it finds itself."""

    def __init__(self, opened: OpenSearch, device: str) -> None:
        self._opened = opened
        self._device = device
        self._journal: Journal | None = None

    def __call__(self, draw: Draw) -> None:
        opened, number = self._opened, draw.number
        if self._journal is None:
            self._journal = Journal(opened.journal, opened.search)
        journal = self._journal
        study, job = opened.trial(number)
        shelf = study.shelf(job)
        journal.begin(number)
        judge = Judge(journal, number, job.stage)
        if shelf.whole:
            # Made by an earlier search or by hand: it costs nothing, and others are compared with it.
            judge.catch_up(shelf.facts()["history"])
            journal.end(number, "complete", shelf.facts()["train_s"])
            return
        saved = shelf.load_state()
        if saved is not None:
            judge.catch_up(saved[1]["history"])
        study.manager.register(judge, JUDGE)
        try:
            Workshop(study, resolve_device(self._device)).work(job)
        except Pruned:
            _forget(study, job)
            journal.end(number, "pruned", judge.train_s)
        except TrainingError as error:  # options with which nothing is learnt are a result of the search
            _forget(study, job)
            journal.end(number, "pruned", judge.train_s, str(error))
        else:
            # Once more where another process has made the run meanwhile: two draws may be one.
            judge.catch_up(shelf.facts()["history"])
            journal.end(number, "complete", shelf.facts()["train_s"])
        finally:
            study.manager.unregister(JUDGE)

    def __reduce__(self) -> tuple[Any, ...]:
        # The journal is opened where the work is done.
        return type(self), (self._opened, self._device)


class Judge:
    """A plugin that reports each epoch of one trial and ends its training where the journal says so."""

    def __init__(self, journal: Journal, draw: int, stage: str) -> None:
        self.train_s = 0.0
        """Training seconds, those before an interruption included."""
        self._journal = journal
        self._draw = draw
        self._stage = stage

    def catch_up(self, history: Sequence[Mapping[str, float]]) -> None:
        """Report epochs that were trained before, by whomever; none of them ends anything."""
        self.train_s = sum(epoch["wall_s"] for epoch in history)
        for number, epoch in enumerate(history, start=1):
            if "score" in epoch:
                self._journal.report(self._draw, number, epoch["score"])

    @hookimpl(trylast=True)
    def earmark_epoch_ended(self, stage: str, epoch: int, n_epochs: int, losses: Mapping[str, float]) -> None:
        """Report, after all others have heard of the epoch.

        Raises:
            Pruned: others did better.
        """
        if stage != self._stage:
            return
        self.train_s += losses["wall_s"]
        worse = "score" in losses and self._journal.report(self._draw, epoch + 1, losses["score"])
        if worse and epoch + 1 < n_epochs:  # after the last epoch there is nothing left to be saved
            raise Pruned


def _forget(study: Study, job: Job) -> None:
    """Remove what was begun of a run, unless another process has made it whole meanwhile."""
    shelf = study.shelf(job)
    with study.store.lock(shelf.address):
        if not shelf.whole and any(begun.address == shelf.address for begun in study.store.runs()):
            study.store.remove(shelf.address)
