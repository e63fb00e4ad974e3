"""How far a sweep is: which runs are done, running, interrupted and left, stage by stage and seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from earmark.errors import StoreError

if TYPE_CHECKING:
    from earmark.study import Job, Study

State = Literal["done", "running", "interrupted", "left"]

SIGNS: dict[State, str] = {"done": "#", "running": ">", "interrupted": "/", "left": "."}
"""One character a run, in signs that every terminal and log can show."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The runs of some studies, by stage, and by fold where there are several."""

    rows: dict[str, tuple[State, ...]]
    """States of a stage, one a seed."""
    seeds: tuple[int, ...]

    def count(self, state: State) -> int:
        """Number of runs in that state."""
        return sum(states.count(state) for states in self.rows.values())

    def sentence(self) -> str:
        """All in one line.

        >>> Standing({"strong": ("done", "running", "left")}, (0, 1, 2)).sentence()
        '3 runs: 1 done, 1 running, 1 left'
        """
        counts = {state: self.count(state) for state in SIGNS}
        said = [f"{n} {state}" for state, n in counts.items() if n or state in ("done", "left")]
        return f"{sum(counts.values())} runs: {', '.join(said)}"

    def table(self) -> Any:
        """A compact table for a terminal or a log."""
        from rich import box
        from rich.table import Column, Table

        seeds = f"seeds {self.seeds[0]} to {self.seeds[-1]}" if len(self.seeds) > 1 else f"seed {self.seeds[0]}"
        numbers = [Column(name, justify="right") for name in SIGNS]
        table = Table("stage", seeds, *numbers, box=box.SIMPLE, pad_edge=False, caption_justify="left")
        for name, states in self.rows.items():
            counts = [states.count(state) for state in SIGNS]
            table.add_row(name, "".join(SIGNS[state] for state in states), *(str(n) if n else "" for n in counts))
        table.caption = f"{'   '.join(f'{sign} {state}' for state, sign in SIGNS.items())}\n{self.sentence()}"
        return table


def standing(studies: Sequence[Study]) -> Standing:
    """Look how far one study is, or the folds of one experiment; nothing is computed or changed."""
    rows: dict[str, tuple[State, ...]] = {}
    for study in studies:
        fold = f", fold {study.experiment.folds[0]}" if len(studies) > 1 and study.experiment.folds else ""
        for job in study.jobs():
            name = f"{job.stage}{fold}"
            rows[name] = (*rows.get(name, ()), state_of(study, job))
    return Standing(rows, studies[0].experiment.seeds)


def state_of(study: Study, job: Job) -> State:
    """State of one run."""
    shelf = study.shelf(job)
    if shelf.whole:
        return "done"
    try:
        shelf.description()
    except StoreError:
        return "left"
    return "running" if study.store.held(shelf.address) else "interrupted"
