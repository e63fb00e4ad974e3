"""Progress of a search, in lines: what has become of a trial, and what is under way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from earmark.hookspecs import hookimpl
from earmark.progress import LINE_EVERY_S
from earmark.tuning.journal import Journal, Trial
from earmark.tuning.results import best_of


class Follower:
    """A plugin that looks into the journal whenever a trial has said something."""

    def __init__(self, journal: Journal, n_trials: int, say: Callable[[str], None]) -> None:
        """Begin to follow; what has ended before is not told again.

        Args:
            journal: of the search.
            n_trials: how many there are to be.
            say: prints a line.
        """
        self._journal = journal
        self._n_trials = n_trials
        self._say = say
        self._told = {trial.draw for trial in journal.trials() if trial.state != "running"}
        self._last_line = time.monotonic()

    @hookimpl
    def earmark_stage_started(self, stage: str, seed: int, n_epochs: int, first_epoch: int) -> None:
        """Say where a trial goes on after an interruption."""
        if first_epoch:
            self._say(f"{stage}, seed {seed}: goes on after epoch {first_epoch}")
        self.look()

    @hookimpl
    def earmark_epoch_ended(self) -> None:
        """Look."""
        self.look()

    @hookimpl
    def earmark_run_finished(self) -> None:
        """Look."""
        self.look()

    def look(self) -> None:
        """Say what has become of trials since the last look; now and then, which ones are under way."""
        trials = self._journal.trials()
        ended = [trial for trial in trials if trial.state != "running"]
        for trial in ended:
            if trial.draw not in self._told:
                self._told.add(trial.draw)
                self._say(f"{_fate(trial)}; {len(self._told)} of {self._n_trials} done{_best(ended)}")
                self._last_line = time.monotonic()
        if time.monotonic() - self._last_line > LINE_EVERY_S:
            self._last_line = time.monotonic()
            running = ", ".join(f"trial {t.draw} at epoch {t.n_epochs}" for t in trials if t.state == "running")
            self._say(f"under way: {running or 'nothing that is a trial yet'}")


def _fate(trial: Trial) -> str:
    became = f"{trial.state} ({trial.why})" if trial.why else trial.state
    return f"trial {trial.draw}: {became} after epoch {trial.n_epochs}, {trial.train_s:.0f} s, score {trial.score:.4f}"


def _best(trials: list[Trial]) -> str:
    best: Any = best_of(trials)
    return "" if best is None else f", best {best.score:.4f} (trial {best.draw})"
