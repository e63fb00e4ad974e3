"""Progress that people see: a bar in a terminal, plain lines in a notebook, a log or a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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


class Reporter:
    """A plugin that follows runs through the lifecycle hooks and shows them."""

    def __init__(self, console: Console | None = None) -> None:
        # A notebook's output is no terminal: rich would redraw its bar as a new block for every step.
        self._console = console or Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
        self._n_runs = 0
        self._n_done = 0
        self._bars: Progress | None = None
        self._bar: TaskID | None = None
        self._last_line = 0.0

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
        """Say how many runs are to come, so that each can be announced with its place."""
        self._n_runs, self._n_done = n_runs, 0

    def say(self, sentence: str) -> None:
        """Print one line, above the bar if there is one."""
        (self._bars.console if self._bars else self._console).print(sentence, highlight=False)

    def close(self) -> None:
        """Take the bar down."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = self._bar = None

    @hookimpl
    def earmark_stage_started(self, stage: str, seed: int, n_epochs: int, first_epoch: int) -> None:
        """Open a bar, or say that a stage begins."""
        place = f"[{self._n_done + 1}/{self._n_runs}] " if self._n_runs else ""
        text = f"{place}{stage}, seed {seed}"
        if first_epoch:
            self.say(f"{text}: goes on after epoch {first_epoch}")
        if self.live:
            if self._bars is None:
                self._bars = self._progress()
                self._bars.start()
            self._bar = self._bars.add_task(text, total=n_epochs, completed=first_epoch, note="")
        self._last_line = time.monotonic()

    @hookimpl
    def earmark_epoch_ended(
        self, stage: str, seed: int, epoch: int, n_epochs: int, losses: Mapping[str, float]
    ) -> None:
        """Move the bar, or print a line from time to time."""
        if self._bars is not None and self._bar is not None:
            self._bars.update(self._bar, completed=epoch + 1, note=f"loss {losses['total']:.4f}")
        elif time.monotonic() - self._last_line > LINE_EVERY_S or epoch + 1 == n_epochs:
            self._last_line = time.monotonic()
            self.say(f"{stage}, seed {seed}: epoch {epoch + 1} of {n_epochs}, loss {losses['total']:.4f}")

    @hookimpl
    def earmark_run_finished(self, stage: str, seed: int, address: str) -> None:
        """Count the run."""
        self._n_done += 1

    @hookimpl
    def earmark_run_evaluated(self, stage: str, seed: int, address: str, scores: Mapping[str, float]) -> None:
        """Print the micro-averaged scores of a run."""
        micro = {name: value for name, value in scores.items() if name.endswith("_micro")}
        listed = ", ".join(f"{name.removesuffix('_micro')} {100 * value:.1f} %" for name, value in micro.items())
        self.say(f"{stage}, seed {seed}: {listed}")

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
