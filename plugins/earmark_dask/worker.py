"""What a worker of the cluster does: one job at a time, saying what the lifecycle hooks say.

The scheduler imports this module too, so nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from distributed import WorkerPlugin, get_worker

# Dask itself speaks pickle between the machines of a cluster, which have to trust each other; no file is read so.
from distributed.protocol.pickle import loads

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from distributed import Worker

TOPIC = "earmark"
"""Under which workers say what the hooks say. One for all calls, as a scheduler keeps the last messages of a topic."""


DECISIVE = ("torch", "numpy", "scipy", "soundfile", "soxr", "pyloudnorm")
"""Libraries that decide the last bit of what is computed, read or synthesised."""


class WorkRaised(Exception):
    """An error of the work on its way to the client: its class and what it says."""

    def __str__(self) -> str:
        kind: type[Exception] = self.args[0]
        return kind.__name__  # dask cuts errors that say much


class Carried(WorkerPlugin):
    """The work of one call of the engine, held by a worker until the call is over."""

    def __init__(self, work: bytes, versions: Mapping[str, str], folder: str) -> None:
        self._packed = work
        self._versions = dict(versions)
        self._folder = folder
        self._work: Callable[[Any], None] | None = None

    def setup(self, worker: Worker) -> None:
        """Called by dask where it arrives."""
        # An interrupt from the keyboard reaches the whole group; a nanny stops its worker by itself.
        if worker.nanny and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def do(self, job: bytes, worker: Worker) -> None:
        """Do a job where the client's paths mean the same, if its folder is there.

        Raises:
            EngineError: the worker has several threads, or other versions than the client.
        """
        here = contextlib.chdir(self._folder) if os.path.isdir(self._folder) else contextlib.nullcontext()
        with here:
            if self._work is None:
                check(worker, self._versions)
                import torch

                torch.set_num_threads(1)  # the number of threads is part of what makes a sum
                self._work = cast(Callable[[Any], None], loads(self._packed))  # type: ignore[no-untyped-call]
            self._work(loads(job))  # type: ignore[no-untyped-call]


def do(call: str, job: bytes) -> None:
    """Body of a task.

    Raises:
        WorkRaised: the work raised.
    """
    from earmark.plugins import plugins
    from earmark.processes import EngineError, Forwarder

    worker = get_worker()
    key = worker.get_current_task()

    def send(message: tuple[str, dict[str, Any]]) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise _Unwanted  # the client is gone, or has met an error elsewhere
        hook, said = message
        worker.log_event(TOPIC, {"call": call, "hook": hook, "said": plain(said)})

    plugins().register(Forwarder(send), call)
    try:
        cast(Carried, worker.plugins[call]).do(job, worker)
    except _Unwanted:
        return
    except EarmarkError as error:
        raise WorkRaised(type(error), str(error)) from None
    except Exception:
        raise WorkRaised(EngineError, f"On the worker {worker.address}: {traceback.format_exc()}") from None
    finally:
        plugins().unregister(call)


def check(worker: Worker, wanted: Mapping[str, str]) -> None:
    """See whether a worker gives the results that the client expects.

    Raises:
        EngineError: it has several threads, or another version of a distribution that both have.
    """
    from earmark.processes import EngineError

    n_threads = worker.state.nthreads
    if n_threads != 1:
        raise EngineError(
            f"The worker {worker.address} has {n_threads} threads. Chance and sums are right with one alone: start "
            "one worker for each processor or GPU, as in `dask worker ADDRESS --nworkers 8 --nthreads 1`."
        )
    found = versions()
    other = {name: found[name] for name in wanted if found.get(name, wanted[name]) != wanted[name]}
    if other:
        listed = ", ".join(f"{name} {version} instead of {wanted[name]}" for name, version in other.items())
        raise EngineError(
            f"The worker {worker.address} has {listed}: its results would be others, at other addresses. Install the "
            "same versions on all machines of the cluster, and start its workers anew."
        )


def versions() -> dict[str, str]:
    """Versions in this process of what decides results: libraries, and all distributions that give plugins."""
    from earmark.plugins import BY_HAND, plugins
    from earmark.versions import installed_version

    given = {given.distribution: given.version for given in plugins().given() if given.distribution != BY_HAND}
    return {**{name: installed_version(name) for name in DECISIVE}, **given}


def plain(value: Any) -> Any:
    """What a hook says as dask's messages want it: mappings, texts and numbers of Python's own types."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value if isinstance(value, (str, bool, int)) else float(value)


class _Unwanted(Exception):
    """Nobody waits for this job any more."""
