"""An engine whose workers are those of a dask cluster: processes of this machine, or of many."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from earmark.processes import OrderedT, longest_chains_first, n_processors
from earmark_dask.cluster import connected


@dataclass(frozen=True, kw_only=True)
class DaskEngine:
    """Runs jobs on a dask.distributed cluster, one thread a worker.

    A worker that is lost costs its piece: another one is given its job and goes on from the last saved state. The store
    must lie where every worker reaches it under the same name.
    """

    workers: int = 0
    """Processes of a cluster on this machine; 0 for one a processor. A cluster that is there already has its own."""

    scheduler: str = ""
    """Address of a running scheduler, such as ``tcp://node:8786``; where empty, that in ``EARMARK_SCHEDULER``, and
    where there is none, a cluster on this machine is started and stopped again."""

    def execute(self, jobs: Sequence[OrderedT], work: Callable[[OrderedT], None]) -> None:
        """Do the work of each job once those that it needs are done.

        What the workers say through the lifecycle hooks is repeated in this process; a stage that begins again on
        another worker says so again.

        Raises:
            EarmarkError: the one that a worker raised; what was finished is kept.
            EngineError: dask is not installed, nobody answers at the scheduler's address, the work failed otherwise,
                or several workers were lost over one job.
        """
        if not jobs:
            return
        waiting, done = longest_chains_first(jobs), set[Any]()
        asked = set(jobs)
        address = self.scheduler or os.environ.get("EARMARK_SCHEDULER", "")
        with connected(address, min(self.workers or n_processors(), len(jobs))) as client:
            from earmark_dask.tasks import tasks  # needs what `connected` has asked for

            with tasks(client, work) as given:
                while waiting or given.running:
                    for job in [job for job in waiting if all(n in done or n not in asked for n in job.needs)]:
                        given.submit(job, urgency=len(waiting))
                        waiting.remove(job)
                    done |= given.heard()
