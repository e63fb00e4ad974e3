"""The journal of a search: one Optuna study in a file of JSON lines that several processes write."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from earmark.tuning.description import Search, SearchError
from earmark.tuning.space import Value, Values

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

NAME = "search"

State = Literal["running", "pruned", "complete"]


def optuna() -> Any:
    """The library that decides which trials go on.

    Raises:
        SearchError: it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise SearchError(
            "`earmark tune` needs Optuna, which is not installed. Install it into the environment of Earmark: "
            "python -m pip install 'optuna>=4.4'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@dataclass(frozen=True, slots=True)
class Trial:
    """What the journal says of a trial."""

    draw: int
    """Which draw of the search it is, from 0."""
    state: State
    parameters: dict[str, Value]
    scores: dict[int, float]
    """By epoch, from 1; only epochs that were judged."""
    train_s: float | None
    """Training seconds; None before its end."""
    why: str | None
    """Why it came to an end without a comparison, if it did."""

    @property
    def n_epochs(self) -> int:
        """Last epoch that was judged."""
        return max(self.scores, default=0)

    @property
    def score(self) -> float:
        """Best score so far; NaN before the first."""
        return max((score for score in self.scores.values() if not math.isnan(score)), default=math.nan)


class Journal:
    """Trials of one search, seen from one process.

    A trial is one draw and keeps its place in the journal: whoever continues it after a kill writes under it, and what
    it had reached counts once. Only JSON is written and read.
    """

    def __init__(self, path: Path, search: Search) -> None:
        """Open the journal, or begin one.

        Raises:
            SearchError: Optuna is not installed.
        """
        library = optuna()
        backend, lock = library.storages.journal.JournalFileBackend, library.storages.journal.JournalFileOpenLock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._optuna = library
        self._search = search
        self._storage = library.storages.JournalStorage(backend(str(path), lock(str(path))))
        self._study = library.create_study(
            storage=self._storage,
            study_name=NAME,
            direction="maximize",
            sampler=library.samplers.RandomSampler(),  # asked for nothing: draws come from `Search.drawn`
            pruner=library.pruners.SuccessiveHalvingPruner(
                min_resource=search.min_resource,
                reduction_factor=search.reduction_factor,
                min_early_stopping_rate=0,
            ),
            load_if_exists=True,
        )

    def trials(self) -> list[Trial]:
        """All trials, by draw."""
        return sorted(map(self._read, self._study.get_trials(deepcopy=False)), key=lambda trial: trial.draw)

    def begin(self, draw: int) -> Trial:
        """Put a trial down as running, or find it so after an interruption."""
        known = self._find(draw)
        if known is None:
            # In one line of the journal: a kill cannot leave a trial without its parameters.
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    state=self._optuna.trial.TrialState.RUNNING,
                    params=dict(self._search.drawn(draw)),
                    distributions={field: self._distribution(v) for field, v in self._search.space.items()},
                    user_attrs={"draw": draw},
                )
            )
        return self._read(self._found(draw))

    def report(self, draw: int, epoch: int, score: float) -> bool:
        """Put down the score of an epoch, once; returns whether the trial is to be given up.

        A kill between the comparison at a rung and `end` lets the trial go on to the next rung: it costs time, and is
        no reason to decide otherwise than Optuna does.
        """
        key = self._key(draw)
        if epoch not in self._storage.get_trial(key).intermediate_values:
            self._storage.set_trial_intermediate_value(key, epoch, score)
        return bool(self._study.pruner.prune(self._study, self._storage.get_trial(key)))

    def end(self, draw: int, state: Literal["pruned", "complete"], train_s: float, why: str | None = None) -> None:
        """Put down the end of a trial; the value of a complete one is its best score."""
        score = self._read(self._found(draw)).score
        if state == "complete" and math.isnan(score):
            state, why = "pruned", "no score was a number"
        key = self._key(draw)
        self._storage.set_trial_user_attr(key, "train_s", train_s)
        if why is not None:
            self._storage.set_trial_user_attr(key, "why", why)
        number = self._found(draw).number
        if state == "complete":
            self._study.tell(number, score)
        else:
            self._study.tell(number, state=self._optuna.trial.TrialState.PRUNED)

    def _find(self, draw: int) -> FrozenTrial | None:
        return next((t for t in self._study.get_trials(deepcopy=False) if t.user_attrs["draw"] == draw), None)

    def _found(self, draw: int) -> FrozenTrial:
        trial = self._find(draw)
        assert trial is not None, draw
        return trial

    def _key(self, draw: int) -> int:
        study = self._storage.get_study_id_from_name(NAME)
        key: int = self._storage.get_trial_id_from_study_id_trial_number(study, self._found(draw).number)
        return key

    def _read(self, trial: FrozenTrial) -> Trial:
        states = self._optuna.trial.TrialState
        names: Mapping[Any, State] = {states.PRUNED: "pruned", states.COMPLETE: "complete"}
        return Trial(
            draw=trial.user_attrs["draw"],
            state=names.get(trial.state, "running"),
            parameters=dict(trial.params),
            scores=dict(trial.intermediate_values),
            train_s=trial.user_attrs.get("train_s"),
            why=trial.user_attrs.get("why"),
        )

    def _distribution(self, values: Values) -> BaseDistribution:
        """What Optuna calls the values, for its own tools to read the journal."""
        kinds = self._optuna.distributions
        if values.choices is not None:
            choice: BaseDistribution = kinds.CategoricalDistribution(values.choices)
            return choice
        kind = kinds.IntDistribution if values.whole else kinds.FloatDistribution
        step = {} if values.step is None else {"step": values.step}
        number: BaseDistribution = kind(values.low, values.high, log=values.log, **step)
        return number


def mend(path: Path) -> None:
    """Cut off a last line that a killed process has not finished: nobody has acted on it, and no line could follow it.

    Raises:
        SearchError: Optuna is not installed.
    """
    if not path.exists():
        return
    lock = optuna().storages.journal.JournalFileOpenLock(str(path))
    lock.acquire()
    try:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
    finally:
        lock.release()
