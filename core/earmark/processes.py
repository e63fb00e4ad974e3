"""An engine that runs stages in several processes, one processor each, without oversubscription."""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar

from earmark.errors import EarmarkError
from earmark.hookspecs import hookimpl


class EngineError(EarmarkError):
    """A worker did not finish its job."""


class Ordered(Protocol):
    """A job that says which jobs must be done before it."""

    @property
    def needs(self) -> tuple[Any, ...]: ...


OrderedT = TypeVar("OrderedT", bound=Ordered)


@dataclass(frozen=True, kw_only=True)
class ProcessEngine:
    """Runs jobs in processes of their own, each with one thread: on narrow nets two of them beat two threads."""

    workers: int = 0
    """Processes at a time; 0 for one a processor."""

    def execute(self, jobs: Sequence[OrderedT], work: Callable[[OrderedT], None]) -> None:
        """Do the work of each job once those that it needs are done.

        What the workers say through the lifecycle hooks is repeated in this process.

        Raises:
            EngineError: a worker raised or was killed; the others are stopped, what was finished is kept.
        """
        n_workers = min(self.workers or n_processors(), len(jobs))
        context = mp.get_context("spawn")
        messages: mp.Queue[tuple[str, Any]] = context.Queue()
        waiting, done = _longest_chains_first(jobs), set[Any]()
        asked = set(jobs)
        running: dict[BaseProcess, OrderedT] = {}
        inherited = {name: os.environ.get(name) for name in _ONE_THREAD}
        os.environ.update(_ONE_THREAD)
        try:
            while waiting or running:
                ready = [job for job in waiting if all(n in done or n not in asked for n in job.needs)]
                for job in ready[: n_workers - len(running)]:
                    process: BaseProcess = context.Process(target=_run, args=(work, job, messages), daemon=True)
                    process.start()
                    running[process] = job
                    waiting.remove(job)
                wait([process.sentinel for process in running], timeout=0.2)
                _repeat(messages)
                for process in [process for process in running if not process.is_alive()]:
                    process.join()
                    _repeat(messages)
                    job = running.pop(process)
                    if process.exitcode:
                        raise EngineError(
                            f"The worker of {job} ended with code {process.exitcode}"
                            f"{' (killed, perhaps for want of memory)' if process.exitcode < 0 else ''}. "
                            "What was finished is kept; the same command goes on from there."
                        )
                    done.add(job)
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.join()
            for name, value in inherited.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _longest_chains_first(jobs: Sequence[OrderedT]) -> list[OrderedT]:
    """Jobs on which a chain of others waits come first, as otherwise that chain is left to one processor at the end."""
    behind: dict[Any, int] = dict.fromkeys(jobs, 0)
    for job in reversed(jobs):
        for needed in job.needs:
            if needed in behind:
                behind[needed] = max(behind[needed], behind[job] + 1)
    return sorted(jobs, key=lambda job: -behind[job])


def n_processors() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


# Set before a worker imports torch: its thread pools are made once.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _run(work: Callable[[Any], None], job: Any, messages: mp.Queue[tuple[str, Any]]) -> None:
    """Body of a worker."""
    from earmark.plugins import plugins

    # An interrupt from the keyboard reaches the whole group; the parent alone decides and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugins().register(Forwarder(messages), "forwarder")
    try:
        work(job)
    except EarmarkError as error:
        messages.put(("raise", f"{type(error).__name__}: {error}"))
    except Exception:
        messages.put(("raise", traceback.format_exc()))


class Forwarder:
    """A plugin of a worker: sends what the lifecycle hooks say to the process that shows it."""

    def __init__(self, messages: mp.Queue[tuple[str, Any]]) -> None:
        self._messages = messages

    @hookimpl
    def earmark_stage_started(self, stage: str, seed: int, n_epochs: int, first_epoch: int) -> None:
        """Forward."""
        said = {"stage": stage, "seed": seed, "n_epochs": n_epochs, "first_epoch": first_epoch}
        self._messages.put(("earmark_stage_started", said))

    @hookimpl
    def earmark_epoch_ended(
        self, stage: str, seed: int, epoch: int, n_epochs: int, losses: Mapping[str, float]
    ) -> None:
        """Forward."""
        said = {"stage": stage, "seed": seed, "epoch": epoch, "n_epochs": n_epochs, "losses": dict(losses)}
        self._messages.put(("earmark_epoch_ended", said))

    @hookimpl
    def earmark_run_finished(self, stage: str, seed: int, address: str) -> None:
        """Forward."""
        self._messages.put(("earmark_run_finished", {"stage": stage, "seed": seed, "address": address}))


def _repeat(messages: mp.Queue[tuple[str, Any]]) -> None:
    """Call the hooks of this process with what the workers said; raise what one of them raised."""
    from earmark.plugins import plugins

    while True:
        try:
            name, said = messages.get_nowait()
        except queue.Empty:
            return
        if name == "raise":
            raise EngineError(said)
        getattr(plugins().hook, name)(**said)
