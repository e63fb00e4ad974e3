"""``earmark tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.options import CorpusFolder, Device, FileProfile, Stores

if TYPE_CHECKING:
    from earmark.tuning import Found

N_SHOWN = 10
"""Trials in the table that is printed."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(tune)


def tune(
    experiment: Annotated[
        Path, typer.Argument(help="Experiment file with a table [search], see paper/weak_label_limits/tune.toml.")
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trials that are complete or pruned in the end.")] = 64,
    profile: FileProfile = None,
    corpus: CorpusFolder = "synthetic",
    stores: Stores = None,
    device: Device = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes, one thread each; 1 for this process. [default: one a processor; on a GPU 1]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of figure, tables and best values. [default: searches/ADDRESS under the stores]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Search the hyper-parameters of a stage by asynchronous successive halving, and draw the search.

    Trials are compared by the score of the stage's early stopping, on the validation part, and the worse ones are
    pruned early. Killed at any moment, the same command goes on, and ends with so many trials; a larger number adds to
    them. Needs Optuna. Example: earmark tune paper/weak_label_limits/tune.toml --profile smoke --trials 6
    """
    from rich.console import Console

    from earmark.plugins import plugins
    from earmark.progress import Reporter
    from earmark.tuning import found, open_search, run_search
    from earmark.tuning.journal import optuna

    optuna()  # before anything is synthesised
    reporter = Reporter()
    with reporter.counting("Synthesising recordings") as advance:
        opened = open_search(experiment, profile=profile, corpus=corpus, stores=stores, advance=advance)
    with reporter.counting("Extracting features, clips") as advance:
        journal = run_search(opened, trials, device=device, workers=workers, advance=advance, say=reporter.say)
    result, folder = found(opened, journal), out or opened.folder
    result.write(folder)
    plugins().hook.earmark_search_ended(found=result, folder=folder)
    Console().print(_table(result))
    if result.best:
        of = f" at the profile {profile}" if profile else ""
        print(f"The best trial's fields{of}, to stand in {experiment} in the place of those that are there:\n")
        print(result.best)
    print(f"Table, learning curves, best fields and figure: {folder}")


def _table(result: Found) -> Any:
    """The best trials, complete ones first."""
    from rich.table import Table

    order = result.trials.assign(complete=result.trials["state"] == "complete")
    best = order.sort_values(["complete", "score"], ascending=False, kind="stable").head(N_SHOWN)
    counts = ", ".join(f"{n} {state}" for state, n in result.trials["state"].value_counts().items())
    title = f"{result.score} on the validation part of {result.corpus}: {counts}"
    table = Table("trial", "state", "epochs", "score", "seconds", "parameters", title=title)
    short = {name: name.rpartition(".")[2] for name in result.parameters}
    if len(set(short.values())) < len(short):
        short = {name: name for name in short}
    for row in best.to_dict("records"):
        values = ", ".join(f"{said} = {row[name]}" for name, said in short.items())
        numbers = (str(row["trial"]), row["state"], str(row["epochs"]), f"{row['score']:.4f}", f"{row['seconds']:.0f}")
        table.add_row(*numbers, values)
    return table
