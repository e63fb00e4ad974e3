"""What all processes of a team do but the first: they train along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from earmark.devices import resolve_device
from earmark.study import Job, Study
from earmark.teams.team import Team, TeamError
from earmark.workshop import Workshop


def follow(team: Team, opened: Callable[[], Sequence[Study]], device: str) -> None:
    """Train the runs that the first process names, one after the other, until it has no more.

    Args:
        team: of this process.
        opened: gives the studies that the first process has opened; asked once a run is named, as corpus and features
            are there by then.
        device: as the first process was told.

    Raises:
        TeamError: no run of these studies has that address.
    """
    runs: dict[str, tuple[Workshop, Job]] = {}
    while address := team.told():
        if not runs:
            for study in opened():
                workshop = Workshop(study, resolve_device(device))
                runs |= {study.run_address(job): (workshop, job) for job in study.jobs()}
        if address not in runs:
            raise TeamError(
                f"Process {team.rank + 1} of {team.size}: the first process trains the run {address}, which is none of "
                "this experiment here. Let all machines have the same files, corpus and versions, and --stores name a "
                "folder that they share."
            )
        workshop, job = runs[address]
        workshop.train_along(job)
