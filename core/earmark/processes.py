"""An engine that runs jobs in several processes, one processor each, without oversubscription."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar, cast

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
    """Runs jobs in processes of their own, each with one thread: on narrow nets two of them beat two threads.

    A process takes one job after the other: it imports PyTorch and loads the features of a study once. Where there are
    GPUs, they are dealt out to the processes in turn, and those of one GPU work side by side.
    """

    workers: int = 0
    """Processes at a time; where 0, as many as ``EARMARK_WORKERS`` says, or one a processor."""

    def execute(self, jobs: Sequence[OrderedT], work: Callable[[OrderedT], None]) -> None:
        """Do the work of each job once those that it needs are done.

        What the workers say through the lifecycle hooks is repeated in this process.

        Raises:
            EarmarkError: the one that a worker raised; the others are stopped, what was finished is kept.
            EngineError: a worker was killed, or raised something else.
        """
        n_workers = min(self.workers or asked_workers() or n_processors(), len(jobs))
        waiting, done = longest_chains_first(jobs), set[Any]()
        asked = set(jobs)
        workers: list[_Worker] = []
        inherited = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            while waiting or any(worker.job is not None for worker in workers):
                idle = [worker for worker in workers if worker.job is None]
                n_free = len(idle) + n_workers - len(workers)
                ready = (job for job in waiting if all(n in done or n not in asked for n in job.needs))
                for job in list(islice(ready, n_free)):
                    if not idle:  # started once there is something to do: a chain needs but one
                        idle.append(_Worker(work, len(workers)))
                        workers.append(idle[0])
                    idle.pop().give(job)
                    waiting.remove(job)
                busy = {worker.messages: worker for worker in workers if worker.job is not None}
                for connection in wait(list(busy)):
                    done |= busy[cast(Connection, connection)].heard()
        finally:
            for worker in workers:
                worker.end()
            for name, value in inherited.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


class _Worker:
    """A process that does jobs, seen from the one that gives them."""

    def __init__(self, work: Callable[[Any], None], number: int) -> None:
        context = mp.get_context("spawn")
        self.messages, theirs = context.Pipe()
        self.job: Any = None
        """What it is doing; None while it waits."""
        self._process: BaseProcess = context.Process(target=_serve, args=(work, number, theirs), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process ends the pipe

    def give(self, job: Any) -> None:
        self.job = job
        self.messages.send(job)

    def heard(self) -> set[Any]:
        """Take one message: repeat what a hook said, raise what was raised; returns the job that is done, if one is.

        Raises:
            EarmarkError: the worker raised it.
            EngineError: the worker raised something else, or is dead.
        """
        try:
            name, said = self.messages.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            code = self._process.exitcode or 0
            raise EngineError(
                f"The worker of {self.job} ended with code {code}"
                f"{' (killed, perhaps for want of memory)' if code < 0 else ''}. "
                "What was finished is kept; the same command goes on from there."
            ) from None
        if name == "raise":
            raise raised_again(*said)
        if name == "done":
            job, self.job = self.job, None
            return {job}
        from earmark.plugins import plugins

        getattr(plugins().hook, name)(**said)
        return set()

    def end(self) -> None:
        """Stop it, whatever it does."""
        self._process.terminate()
        self._process.join()
        self.messages.close()


def longest_chains_first(jobs: Sequence[OrderedT]) -> list[OrderedT]:
    """Jobs on which a chain of others waits come first, as otherwise that chain is left to one processor at the end."""
    behind: dict[Any, int] = dict.fromkeys(jobs, 0)
    for job in reversed(jobs):
        for needed in job.needs:
            if needed in behind:
                behind[needed] = max(behind[needed], behind[job] + 1)
    return sorted(jobs, key=lambda job: -behind[job])


def raised_again(kind: type[Exception], said: str) -> Exception:
    """An error that was raised in another process, from its class and what it says.

    Errors do not pickle by themselves: their arguments are not always those that their classes want.
    """
    error: Exception = kind.__new__(kind, said)
    return error


def asked_workers() -> int:
    """Processes at a time that ``EARMARK_WORKERS`` asks for; 0 where it is not set.

    Raises:
        EngineError: it is no number.
    """
    asked = os.environ.get("EARMARK_WORKERS", "0")
    if not asked.isdecimal():
        raise EngineError(
            f"EARMARK_WORKERS={asked!r} is no number of processes. Set it to one, such as 8, or unset it."
        )
    return int(asked)


def n_processors() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


WORKER = "EARMARK_WORKER"
"""Variable that holds a worker's number, from 0; `earmark.devices` deals out GPUs by it."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of a worker, set before it imports torch: its thread pools are made once."""


def _serve(work: Callable[[Any], None], number: int, messages: Connection) -> None:
    """Body of a worker: does the jobs that come until it is stopped."""
    from earmark.plugins import plugins

    os.environ[WORKER] = str(number)
    # An interrupt from the keyboard reaches the whole group; the parent alone decides and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugins().register(Forwarder(messages.send), "forwarder")
    while True:
        try:
            job = messages.recv()
        except EOFError:  # the parent is gone
            return
        try:
            work(job)
        except EarmarkError as error:
            messages.send(("raise", (type(error), str(error))))
        except Exception:
            messages.send(("raise", (EngineError, traceback.format_exc())))
        else:
            messages.send(("done", None))


class Forwarder:
    """A plugin of a worker: sends what the lifecycle hooks say to the process that shows it."""

    def __init__(self, send: Callable[[tuple[str, dict[str, Any]]], None]) -> None:
        self._send = send

    @hookimpl
    def earmark_stage_started(self, stage: str, seed: int, n_epochs: int, first_epoch: int) -> None:
        """Forward."""
        said = {"stage": stage, "seed": seed, "n_epochs": n_epochs, "first_epoch": first_epoch}
        self._send(("earmark_stage_started", said))

    @hookimpl
    def earmark_epoch_ended(
        self, stage: str, seed: int, epoch: int, n_epochs: int, losses: Mapping[str, float]
    ) -> None:
        """Forward."""
        said = {"stage": stage, "seed": seed, "epoch": epoch, "n_epochs": n_epochs, "losses": dict(losses)}
        self._send(("earmark_epoch_ended", said))

    @hookimpl
    def earmark_run_finished(self, stage: str, seed: int, address: str) -> None:
        """Forward."""
        self._send(("earmark_run_finished", {"stage": stage, "seed": seed, "address": address}))

    @hookimpl
    def earmark_run_evaluated(self, stage: str, seed: int, address: str, scores: Mapping[str, float]) -> None:
        """Forward."""
        said = {"stage": stage, "seed": seed, "address": address, "scores": dict(scores)}
        self._send(("earmark_run_evaluated", said))

    @hookimpl
    def earmark_piece_done(self, work: str, start: int, stop: int) -> None:
        """Forward."""
        self._send(("earmark_piece_done", {"work": work, "start": start, "stop": stop}))
