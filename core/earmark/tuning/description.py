"""What a search is: the table ``[search]`` of an experiment file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
from pydantic import Field

from earmark.errors import EarmarkError, ExperimentError, suggestion
from earmark.experiment import Description, Experiment, document_of, experiment_of, merged
from earmark.explained import explained
from earmark.plugins import PluginManager
from earmark.study import check_plugins
from earmark.tuning.space import Value, Values, place_of

EXAMPLE = '[search]\nstage = "classifier"\n\n[search.space]\n"model.conv_dropout" = { low = 0.0, high = 0.5 }'


class SearchError(EarmarkError):
    """A search cannot be made as it is described, or where it is asked for."""


class Search(Description):
    """Which stage is searched, over which of its fields, and when a trial is given up.

    A trial is judged by the score of the stage's own early stopping, on the validation part.
    """

    stage: str
    min_resource: int = Field(default=5, ge=1)
    """Epochs after which a trial is compared for the first time; then after ``reduction_factor`` times as many, and so
    on; never after the last epoch of the stage, where nothing is left to be saved."""
    reduction_factor: int = Field(default=4, ge=2)
    """Of all trials that have come that far, one in so many goes on."""
    seed: int = 0
    """Of the draws; the trainings have the experiment's first seed."""
    space: dict[str, Values] = Field(min_length=1)
    """Values by field of the stage, such as ``"model.n_conv"`` or ``"optimiser.lr"``."""

    @pydantic.field_validator("space", mode="before")
    @classmethod
    def _dotted(cls, space: Any) -> Any:
        """TOML reads ``model.n_conv = ...`` as a table in a table, and ``"model.n_conv" = ...`` as one name."""
        if not isinstance(space, Mapping):
            return space
        flat: dict[str, Any] = {}
        for name, value in _flat(space, ""):
            if name in flat:
                raise ValueError(f"{name!r} stands there twice")
            flat[name] = value
        for name in flat:
            for other in flat:
                if other.startswith(f"{name}."):
                    raise ValueError(f"{name!r} and {other!r} cannot both be searched: one holds the other")
        return flat

    def drawn(self, draw: int) -> dict[str, Value]:
        """Parameters of a draw: decided by the description and the number alone."""
        return {field: values.at(place_of(self.seed, draw, field)) for field, values in self.space.items()}

    def rungs(self, n_epochs: int) -> tuple[int, ...]:
        """Epochs at which trials are compared, in a training of a length."""
        rungs = [self.min_resource]
        while rungs[-1] * self.reduction_factor < n_epochs:
            rungs.append(rungs[-1] * self.reduction_factor)
        return tuple(rung for rung in rungs if rung < n_epochs)


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        inner = isinstance(value, Mapping) and value and all(isinstance(item, Mapping) for item in value.values())
        found += _flat(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", value)]
    return found


def read_search(path: Path, profile: str | None = None) -> Search:
    """Read the table ``[search]`` of an experiment file, with what a profile changes of it.

    Raises:
        SearchError: the file has none.
        ExperimentError: a field is unknown, missing or wrong; the message names the file and the field.
    """
    document = document_of(path)
    profiles = document.get("profiles", {})
    changes = profiles.get(profile, {}) if profile and isinstance(profiles, Mapping) else {}
    if isinstance(changes, Mapping):  # else the experiment itself is refused
        document = merged(document, changes)
    if "search" not in document:
        raise SearchError(f"{path}: no table [search], which says what to search. For example:\n{EXAMPLE}")
    try:
        return Search.model_validate(document["search"])
    except pydantic.ValidationError as error:
        raise ExperimentError(f"{path}: search: {explained(error, Search)}") from None


def with_parameters(experiment: Experiment, stage: str, parameters: Mapping[str, Value]) -> Experiment:
    """The same experiment with fields of one of its stages changed.

    Raises:
        ExperimentError: there is no such field, or it takes no such value.
    """
    changes: dict[str, Any] = {}
    for field, value in parameters.items():
        *tables, last = field.split(".")
        table = changes
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    document = merged(experiment.model_dump(exclude_unset=True), {"stages": {stage: changes}})
    return experiment_of(document, experiment.name)


def check_search(search: Search, experiment: Experiment, manager: PluginManager, where: str) -> None:
    """Check that an experiment can be searched so, before anything runs.

    Raises:
        ExperimentError: the stage does not exist, has no early stopping whose score could be followed, or is shorter
            than the first comparison; a field does not exist or does not take its values; with the file and the field.
    """
    if search.stage not in experiment.stages:
        raise ExperimentError(
            f"{where}: search.stage: no stage {search.stage!r}. {suggestion(search.stage, experiment.stages)}"
            f"Stages: {', '.join(experiment.stages)}."
        )
    stage = experiment.stages[search.stage]
    if stage.stopping is None:
        raise ExperimentError(
            f"{where}: search.stage: stages.{search.stage} has no score on the validation part by which trials could "
            'be compared. Give it early stopping, such as stopping = { use = "tagging", score = "fscore_macro_all" }.'
        )
    for field, values in search.space.items():
        for value in values.ends:
            try:
                check_plugins(with_parameters(experiment, search.stage, {field: value}), manager, where)
            except EarmarkError as error:
                raise ExperimentError(f"{where}: search.space: {field!r} = {value!r} does not fit: {error}") from None
    shortest = min([stage.n_epochs, *map(int, search.space["n_epochs"].ends if "n_epochs" in search.space else ())])
    if shortest <= search.min_resource:
        raise ExperimentError(
            f"{where}: search.min_resource: trials are first compared after {search.min_resource} epochs, but "
            f"stages.{search.stage} ends after {shortest}. Lower the one or raise the other."
        )
