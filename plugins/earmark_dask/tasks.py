"""The jobs of one call of the engine as tasks of a cluster, seen from the process that gives them."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

from distributed import KilledWorker
from distributed.protocol.pickle import dumps

from earmark.plugins import plugins
from earmark.processes import EngineError, raised_again
from earmark_dask.worker import TOPIC, Carried, WorkRaised, do, versions

KEPT = "What was finished is kept; the same command goes on from there."


class Tasks:
    """Tasks under way, and what is heard of them."""

    def __init__(self, client: Any, call: str) -> None:
        self.running: dict[Any, tuple[Any, Any]] = {}
        """Job and future, by the task's key."""
        self._client = client
        self._call = call
        self._heard: SimpleQueue[Any] = SimpleQueue()
        client.subscribe_topic(TOPIC, self._told)

    def submit(self, job: Any, urgency: int) -> None:
        """Give a job to the cluster; of two that wait for a worker, the more urgent one goes first."""
        key = (self._call, urgency)
        packed = dumps(job)  # type: ignore[no-untyped-call]
        future = self._client.submit(do, self._call, packed, key=key, pure=False, priority=urgency)
        self.running[key] = (job, future)
        future.add_done_callback(self._heard.put)

    def heard(self) -> set[Any]:
        """Wait for a message: repeat what a hook said, raise what was raised; returns the job that is done, if one is.

        Raises:
            EarmarkError: the worker raised it.
            EngineError: the worker raised something else, or the cluster is lost.
        """
        message = self._heard.get()
        if isinstance(message, dict):
            getattr(plugins().hook, message["hook"])(**message["said"])
            return set()
        job, future = self.running.pop(message.key)
        # Lost is a result whose worker died after the end of the job; the result is nothing but that end.
        if future.status not in ("finished", "lost"):
            raise _raised(job, future.exception() if future.status == "error" else None)
        return {job}

    def _told(self, event: tuple[float, dict[str, Any]]) -> None:
        """Called in dask's thread; hooks are called in that of the engine."""
        _, message = event
        if message["call"] == self._call:
            self._heard.put(message)


@contextlib.contextmanager
def tasks(client: Any, work: Callable[[Any], None]) -> Iterator[Tasks]:
    """Tasks that do a work; it is brought to all workers, also to those that come later, and taken away at the end.

    Raises:
        EngineError: the workers cannot take it.
    """
    call = f"earmark-{uuid.uuid4().hex}"
    packed = dumps(work)  # type: ignore[no-untyped-call]
    try:
        client.register_plugin(Carried(packed, versions(), os.getcwd()), name=call)
    except (ImportError, OSError) as error:
        raise EngineError(
            f"A worker of the cluster does not take the work ({type(error).__name__}: {error}). Install Earmark and "
            "its plugins there as here."
        ) from None
    try:
        yield Tasks(client, call)
    finally:
        if client.status == "running":  # the cluster may be what was lost
            with contextlib.suppress(OSError, ValueError):
                client.unregister_worker_plugin(call)


def _raised(job: Any, error: BaseException | None) -> Exception:
    """What the engine raises after a task that was not done."""
    if isinstance(error, WorkRaised):
        return raised_again(*error.args)
    if error is None:
        return EngineError(f"The scheduler was lost while {job} was under way. {KEPT}")
    if isinstance(error, KilledWorker):
        return EngineError(
            f"{job}: {error.allowed_failures + 1} workers were lost over it one after the other, the last one at "
            f"{error.last_worker.address}. Perhaps it needs more memory than they may have (`dask worker "
            f"--memory-limit`), or their time was up. {KEPT}"
        )
    return EngineError(f"{job} could not be done on the cluster: {type(error).__name__}: {error}. {KEPT}")
