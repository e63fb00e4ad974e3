"""What a search has found: a table of trials, their learning curves, and the best values as lines to paste."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.tuning.description import with_parameters
from earmark.tuning.journal import Journal, Trial
from earmark.tuning.search import OpenSearch

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Found:
    """Trials of a search, as they are at this moment."""

    trials: pd.DataFrame
    """A row a trial: ``trial``, ``state`` (running, pruned or complete), ``epochs``, ``score`` (its best one), a column
    a parameter, ``seconds`` of training, ``why``."""
    curves: pd.DataFrame
    """A row an epoch that was judged: ``trial``, ``epoch`` from 1, ``score``."""
    parameters: tuple[str, ...]
    logarithmic: frozenset[str]
    """Parameters that are drawn so."""
    rungs: tuple[int, ...]
    """Epochs at which trials are compared."""
    score: str
    """Name of the score."""
    corpus: str
    profile: str
    best: str
    """The best trial's fields as lines of the experiment file; empty where no trial is complete."""

    def write(self, folder: Path) -> None:
        """Write ``search.csv``, ``curves.csv`` and ``best.toml``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.trials.to_csv(folder / "search.csv", index=False)
        self.curves.to_csv(folder / "curves.csv", index=False)
        (folder / "best.toml").write_text(self.best, encoding="utf-8")


def found(opened: OpenSearch, journal: Journal) -> Found:
    """Read what a journal holds."""
    import pandas as pd

    trials = journal.trials()
    fields = tuple(opened.search.space)
    rows = [
        {
            "trial": trial.draw,
            "state": trial.state,
            "epochs": trial.n_epochs,
            "score": trial.score,
            **trial.parameters,
            "seconds": trial.train_s,
            "why": trial.why or "",
        }
        for trial in trials
    ]
    curves = [
        {"trial": trial.draw, "epoch": epoch, "score": score}
        for trial in trials
        for epoch, score in sorted(trial.scores.items())
    ]
    top = best_of(trials)
    return Found(
        trials=pd.DataFrame(rows, columns=["trial", "state", "epochs", "score", *fields, "seconds", "why"]),
        curves=pd.DataFrame(curves, columns=["trial", "epoch", "score"]),
        parameters=fields,
        logarithmic=frozenset(field for field, values in opened.search.space.items() if values.log),
        rungs=opened.search.rungs(opened.stage.n_epochs),
        score=opened.score,
        corpus=opened.study.dataset.title,
        profile=opened.study.experiment.profile,
        best="" if top is None else as_toml(opened, top),
    )


def best_of(trials: list[Trial]) -> Trial | None:
    """The complete trial with the best score, the earlier one of equals; None where none is complete.

    One that was given up may have had a better epoch, but nobody knows what would have become of it.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    return max(complete, key=lambda trial: (trial.score, -trial.draw), default=None)


def as_toml(opened: OpenSearch, trial: Trial) -> str:
    """Whole fields of the stage with the values of a trial, to stand in the place of those of the experiment file."""
    stage = with_parameters(opened.study.experiment, opened.search.stage, trial.parameters).stages[opened.search.stage]
    document = stage.model_dump(exclude_unset=True)
    changed = dict.fromkeys(field.split(".")[0] for field in trial.parameters)
    lines = [f"{name} = {_toml(document[name])}" for name in changed]
    of = f"trial {trial.draw}, {opened.score} {trial.score:.4f}"
    return "\n".join([f"[stages.{opened.search.stage}]  # {of}", *lines, ""])


def _toml(value: Any) -> str:
    """A value as TOML writes it in one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items() if item is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return json.dumps(value, ensure_ascii=False)
