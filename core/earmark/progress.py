"""Progress that people see: a bar in a terminal, plain lines in a notebook, a log or a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from earmark.fetching.downloads import bytes_text
from earmark.hookspecs import hookimpl

LINE_EVERY_S = 10.0
"""Seconds between two lines of one stage where no bar can be drawn."""


@dataclass(slots=True)
class _Running:
    """A stage that is being trained."""

    text: str
    began: float
    last_line: float = 0.0
    bar: TaskID | None = None

    def __post_init__(self) -> None:
        self.last_line = self.began


class Reporter:
    """A plugin that follows runs through the lifecycle hooks and shows them."""

    def __init__(self, console: Console | None = None) -> None:
        # A notebook's output is no terminal: rich would redraw its bar as a new block for every step.
        # Nor must rich find out where it is: it would send each line as a picture that papermill does not pass on.
        # A kernel also says FORCE_COLOR, which rich takes for a terminal.
        terminal = sys.stdout.isatty()
        self._console = console or Console(
            file=sys.stdout, width=None if terminal else 120, force_terminal=terminal, force_jupyter=False
        )
        self._n_runs = 0
        self._n_done = 0
        self._bars: Progress | None = None
        self._all: TaskID | None = None
        self._running: list[_Running] = []

    @property
    def live(self) -> bool:
        return self._console.is_terminal

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A callback for (done, total) of one long piece of work."""
        if self.live:
            with self._progress() as bars:
                bar = bars.add_task(what, total=None, note="")
                yield lambda done, total: bars.update(bar, completed=done, total=total)
            return
        began = last = time.monotonic()

        def advance(done: int, total: int) -> None:
            nonlocal last
            if done == total or time.monotonic() - last > LINE_EVERY_S:
                last = time.monotonic()
                self._console.print(f"{what}: {done} of {total}, {last - began:.0f} s", highlight=False)

        yield advance

    @contextmanager
    def transferring(self, what: str) -> Iterator[Callable[[int, int | None], None]]:
        """A callback for (bytes done, bytes in all or None) of one file."""
        if self.live:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=self._console) as bars:
                bar = bars.add_task(what, total=None)
                yield lambda done, total: bars.update(bar, completed=done, total=total)
            return
        began = last = time.monotonic()
        reached = 0

        def advance(done: int, total: int | None) -> None:
            nonlocal last, reached
            reached = done
            if time.monotonic() - last > LINE_EVERY_S:
                last = time.monotonic()
                self.say(f"{what}: {bytes_text(done)} of {bytes_text(total)}, {last - began:.0f} s")

        yield advance
        self.say(f"{what}: {bytes_text(reached)}, {time.monotonic() - began:.0f} s")

    def expect(self, n_runs: int) -> None:
        """Say how many runs are to come, so that it can be said how many are done, running and left."""
        self._n_runs, self._n_done = n_runs, 0

    def say(self, sentence: str) -> None:
        """Print one line, above the bar if there is one."""
        (self._bars.console if self._bars else self._console).print(sentence, highlight=False)

    def close(self) -> None:
        """Take the bar down."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = self._all = None
        self._running.clear()

    @hookimpl
    def earmark_stage_started(self, stage: str, seed: int, n_epochs: int, first_epoch: int) -> None:
        """Open a bar, or say that a stage begins."""
        text = f"{stage}, seed {seed}"
        if first_epoch:
            self.say(f"{text}: goes on after epoch {first_epoch}")
        running = _Running(text, time.monotonic())
        self._running.append(running)
        if self.live:
            if self._bars is None:
                self._bars = self._progress()
                self._bars.start()
            if self._n_runs and self._all is None:
                self._all = self._bars.add_task("all runs", total=self._n_runs, completed=self._n_done, note="")
            running.bar = self._bars.add_task(text, total=n_epochs, completed=first_epoch, note="")
            self._note()

    @hookimpl
    def earmark_epoch_ended(
        self, stage: str, seed: int, epoch: int, n_epochs: int, losses: Mapping[str, float]
    ) -> None:
        """Move the bar, or print a line from time to time."""
        running = self._find(stage, seed)
        if running is None:
            return
        if self._bars is not None and running.bar is not None:
            self._bars.update(running.bar, completed=epoch + 1, note=f"loss {losses['total']:.4f}")
        elif time.monotonic() - running.last_line > LINE_EVERY_S or epoch + 1 == n_epochs:
            running.last_line = time.monotonic()
            self.say(f"{running.text}: epoch {epoch + 1} of {n_epochs}, loss {losses['total']:.4f}")

    @hookimpl
    def earmark_run_finished(self, stage: str, seed: int, address: str) -> None:
        """Count the run, and say how many are done, running and left."""
        self._n_done += 1
        running = self._find(stage, seed)
        if running is None:
            return
        self._running.remove(running)
        if self._bars is not None and running.bar is not None:
            # Bars of finished runs would push those of running ones off the screen.
            self._bars.remove_task(running.bar)
            self._note()
        if self._n_runs:
            self.say(f"{running.text}: done in {time.monotonic() - running.began:.0f} s; {self._counts()}")

    @hookimpl
    def earmark_run_evaluated(self, stage: str, seed: int, address: str, scores: Mapping[str, float]) -> None:
        """Print the micro-averaged scores of a run."""
        micro = {name: value for name, value in scores.items() if name.endswith("_micro")}
        listed = ", ".join(f"{name.removesuffix('_micro')} {100 * value:.1f} %" for name, value in micro.items())
        self.say(f"{stage}, seed {seed}: {listed}")

    def _find(self, stage: str, seed: int) -> _Running | None:
        """The running stage of that name and seed; of several, as folds have them, the one that began first."""
        text = f"{stage}, seed {seed}"
        return next((running for running in self._running if running.text == text), None)

    def _counts(self) -> str:
        left = max(0, self._n_runs - self._n_done - len(self._running))
        return f"{self._n_done} of {self._n_runs} done, {len(self._running)} running, {left} left"

    def _note(self) -> None:
        if self._bars is not None and self._all is not None:
            self._bars.update(self._all, completed=self._n_done, note=self._counts())

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
        )


@contextmanager
def reporting(manager: Any) -> Iterator[Reporter]:
    """Show what runs do within this block."""
    reporter = Reporter()
    manager.register(reporter, "progress")
    try:
        yield reporter
    finally:
        reporter.close()
        manager.unregister("progress")
