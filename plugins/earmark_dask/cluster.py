"""The way to a cluster: one that is there already, or one on this machine for as long as it is needed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from earmark.processes import ONE_THREAD, EngineError

_logger = logging.getLogger(__name__)

CONNECT_S = 10.0
"""How long a scheduler may take to answer."""

LOOPBACK = "127.0.0.1"


def distributed() -> Any:
    """The library that talks to clusters; imported late, as it takes its time.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise
        raise EngineError(
            "The engine 'dask' needs dask.distributed, which is not installed. Install it into the environment of "
            "Earmark, on every machine of the cluster: python -m pip install 'distributed>=2026.1'"
        ) from None
    return distributed


@contextlib.contextmanager
def connected(address: str, n_workers: int) -> Iterator[Any]:
    """A client of the scheduler at an address, or of a new cluster of this machine where that is empty.

    The new cluster listens on the loopback alone, and its workers have one thread each.

    Raises:
        EngineError: nobody answers, or dask is not installed.
    """
    library = distributed()
    with contextlib.ExitStack() as stack:
        where: Any = address
        if not address:
            where = stack.enter_context(
                library.LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    host=LOOPBACK,
                    # Without a dashboard dask still serves its health, by default at a port that others may have.
                    scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
                    memory_limit=0,  # a worker that takes more than its share is not killed for that
                    env=ONE_THREAD,
                )
            )
        try:
            client = library.Client(where, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # the last two for an address that is none
            raise EngineError(
                f"No dask scheduler answers at {address} ({error}). Start one with `dask scheduler`, give the address "
                "that it prints, such as tcp://node:8786, as --scheduler or EARMARK_SCHEDULER, and make sure that no "
                "firewall stands between; without an address the cluster is this machine."
            ) from None
        stack.enter_context(client)
        if not client.nthreads():
            _logger.warning("The scheduler at %s has no workers yet; the jobs wait for them.", address)
        yield client
