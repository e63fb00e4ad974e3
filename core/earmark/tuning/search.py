"""A search on one copy of a corpus: its address, and what each of its trials is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from earmark.addressing import address_of
from earmark.experiment import Stage, read_experiment
from earmark.places import SYNTHETIC, stores_root
from earmark.plugins import PluginManager, plugins
from earmark.study import Job, Study
from earmark.tuning.description import Search, check_search, read_search, with_parameters
from earmark.tuning.space import Value
from earmark.workspace import open_study

FORMAT = 1
"""Goes into every address; raised when the same search would be made in another way."""


@dataclass(frozen=True, kw_only=True)
class OpenSearch:
    """A search with the study that holds the searched stage, those that it needs, and one seed."""

    search: Search
    study: Study
    root: Path
    """Of the stores."""

    @property
    def stage(self) -> Stage:
        """The searched stage, as it stands in the file."""
        return self.study.experiment.stages[self.search.stage]

    @property
    def score(self) -> str:
        """Name of the score by which trials are compared."""
        assert self.stage.stopping is not None
        return self.stage.stopping.score

    @cached_property
    def address(self) -> str:
        """Address of the search: the hash of everything that decides it.

        Values that the file gives to searched fields are no part of it, so that a search is found again after its best
        values have been written there.
        """
        return address_of(
            {
                "format": FORMAT,
                "first": self.trial(0)[0].run_address(self.trial(0)[1]),
                "search": self.search.model_dump(exclude={"stage"}),
            }
        )

    @property
    def folder(self) -> Path:
        """Where its journal and its results lie."""
        return self.root / "searches" / self.address

    @property
    def journal(self) -> Path:
        return self.folder / "journal.log"

    def parameters(self, draw: int) -> dict[str, Value]:
        """Values of the searched fields in a trial."""
        return self.search.drawn(draw)

    def trial(self, draw: int) -> tuple[Study, Job]:
        """The study and the run that a trial is.

        The run's address is that of any run, so that whoever writes the values into the file finds it done.
        """
        changed = with_parameters(self.study.experiment, self.search.stage, self.parameters(draw))
        # A name of its own: what is said of a stage while it is trained is then said of this trial.
        name = trial_name(draw)
        stages = {(name if key == self.search.stage else key): stage for key, stage in changed.stages.items()}
        study = replace(self.study, experiment=changed.model_copy(update={"stages": stages}))
        return study, Job(name, changed.seeds[0])


def trial_name(draw: int) -> str:
    """Name of the stage that a trial is."""
    return f"trial-{draw:03d}"


def open_search(
    experiment: Path,
    *,
    profile: str | None = None,
    corpus: str = SYNTHETIC,
    stores: Path | None = None,
    advance: Callable[[int, int], None] | None = None,
    manager: PluginManager | None = None,
) -> OpenSearch:
    """Open the search of an experiment file on a corpus; arguments as for `earmark.workspace.open_study`.

    Raises:
        EarmarkError: the file, its search or the corpus is not what it should be; see `check_search`.
    """
    manager = manager or plugins()
    described = read_experiment(experiment, profile)
    search = read_search(experiment, profile)
    check_search(search, described, manager, str(experiment))
    study = open_study(experiment, profile=profile, corpus=corpus, stores=stores, advance=advance, manager=manager)
    alone = study.experiment.only(search.stage, study.experiment.seeds[0])
    return OpenSearch(search=search, study=replace(study, experiment=alone), root=stores_root(stores))
