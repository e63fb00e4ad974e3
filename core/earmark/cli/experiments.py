"""``earmark run`` and ``earmark runs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from earmark.cli.options import (
    CorpusFolder,
    Device,
    Engine,
    ExperimentFile,
    FileProfile,
    Repetitions,
    Scheduler,
    Stores,
    chosen_engine,
)

Address = Annotated[str, typer.Argument(help="Address of a run, or the beginning of one.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)
    runs = typer.Typer(help="Look at what the store holds.", no_args_is_help=True)
    runs.command("list")(list_runs)
    runs.command("show")(show_run)
    runs.command("compare")(compare_runs)
    runs.command("clean")(clean_runs)
    app.add_typer(runs, name="runs")


def run(
    experiment: ExperimentFile,
    profile: FileProfile = None,
    corpus: CorpusFolder = "synthetic",
    stores: Stores = None,
    device: Device = "auto",
    seeds: Repetitions = None,
    engine: Engine = "auto",
    scheduler: Scheduler = None,
    status: Annotated[bool, typer.Option("--status", help="Only show which runs are done, begun and left.")] = False,
) -> None:
    """Train, predict and evaluate what an experiment file describes, and print its scores.

    What is done is not done again: killed at any moment, the same command goes on. Under torchrun, several GPUs or
    machines train each run together: torchrun --nproc-per-node 2 -m earmark run EXPERIMENT.toml
    Example: earmark run paper/partial_labels/sweep.toml --profile smoke
    """
    from functools import partial

    from earmark.teams.team import joined
    from earmark.workspace import open_studies

    engine = chosen_engine(engine, scheduler)
    with joined(device, engine) as team:
        engine = engine if team is None else "local"
        opened = partial(
            open_studies, experiment, profile=profile, corpus=corpus, stores=stores, n_seeds=seeds, engine=engine
        )
        if team is None or team.leads:
            _run(opened, device, engine, status)
        else:
            from earmark.teams.following import follow

            follow(team, opened, device)


def _run(opened: Any, device: str, engine: str, status: bool) -> None:
    """Run the studies that a function opens, and print how far they are and their scores."""
    from rich.console import Console

    from earmark.folds import run_studies
    from earmark.plugins import plugins
    from earmark.progress import reporting
    from earmark.standing import standing

    with reporting(plugins()) as reporter:
        with reporter.counting("Synthesising recordings") as advance:
            studies = opened(advance=advance)
        before = standing(studies)
        Console().print(before.table())
        if status:
            return
        reporter.expect(sum(before.count(state) for state in ("running", "interrupted", "left")))
        with reporter.counting("Extracting features, clips") as advance:
            run_studies(studies, device=device, engine=engine, advance=advance)
    print(standing(studies).sentence())
    rows = {title: _scores(by_evaluator) for title, by_evaluator in _joined([s.results() for s in studies]).items()}
    described, folds = studies[0].experiment, f" x {len(studies)} folds" if len(studies) > 1 else ""
    title = f"{described.name} on {studies[0].dataset.title}, mean of {len(described.seeds)}{folds}"
    Console().print(_table(title, rows))


def list_runs(stores: Stores = None) -> None:
    """List all runs, whole and begun."""
    from rich.console import Console
    from rich.table import Table

    from earmark.errors import DamageError

    store = _store(stores)
    table = Table("address", "experiment", "stage", "seed", "status", "finished", "corpus", "training")
    for shelf in store.runs():
        try:
            described = shelf.description()
            facts: dict[str, Any] = shelf.facts() if shelf.whole else {}
        except DamageError:  # `earmark runs show` says what it is; the others are listed
            table.add_row(shelf.address, "", "", "", "damaged", "", "", "")
            continue
        table.add_row(
            shelf.address,
            described.get("experiment", ""),
            described.get("stage", ""),
            str(described.get("seed", "")),
            "whole" if shelf.whole else "begun",
            facts.get("finished", ""),
            facts.get("corpus", ""),
            f"{facts['train_s']:.0f} s" if facts else "",
        )
    Console().print(table)


def show_run(address: Address, stores: Stores = None) -> None:
    """Print everything that is known of one run as JSON."""
    import json

    shelf = _find(stores, address)
    print(json.dumps({"description": shelf.description(), "facts": shelf.facts() if shelf.whole else None}, indent=2))


def compare_runs(
    first: Address,
    second: Annotated[str, typer.Argument(help="Address of the other run.")],
    stores: Stores = None,
) -> None:
    """Show what differs between the descriptions of two runs."""
    from rich.console import Console
    from rich.table import Table

    left, right = (_flat(_find(stores, address).description()) for address in (first, second))
    table = Table("field", first, second)
    for field in sorted(left.keys() | right.keys()):
        if left.get(field) != right.get(field):
            table.add_row(field, str(left.get(field, "")), str(right.get(field, "")))
    Console().print(table)


def clean_runs(
    address: Annotated[str | None, typer.Argument(help="Remove this run, whole or begun.", show_default=False)] = None,
    begun: Annotated[bool, typer.Option("--begun", help="Remove all runs that are begun and not finished.")] = False,
    stores: Stores = None,
) -> None:
    """Remove one run, or all that were begun and never finished."""
    if (address is None) == (not begun):
        raise typer.BadParameter("say either the address of a run, or --begun")
    store = _store(stores)
    removed = [_find(stores, address).address] if address else [s.address for s in store.runs() if not s.whole]
    for name in removed:
        store.remove(name)
    print(f"Removed {len(removed)} runs.")


def _store(stores: Path | None) -> Any:
    from earmark.places import stores_root
    from earmark.workspace import open_store

    return open_store(stores_root(stores))


def _find(stores: Path | None, address: str) -> Any:
    from earmark.errors import StoreError

    shelves = [shelf for shelf in _store(stores).runs() if shelf.address.startswith(address)]
    if len(shelves) != 1:
        found = "several runs begin" if shelves else "no run begins"
        raise StoreError(f"{found} with {address!r}. `earmark runs list` shows all addresses.")
    return shelves[0]


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in _flat(item, f"{prefix}{key}.").items()}
    if isinstance(value, list):
        return {k: v for key, item in enumerate(value) for k, v in _flat(item, f"{prefix}{key}.").items()}
    return {prefix.rstrip("."): value}


def _joined(of_folds: list[Any]) -> dict[str, dict[str, list[Any]]]:
    """Results of several folds as repetitions of one another."""
    first = of_folds[0]
    return {
        title: {name: [result for fold in of_folds for result in fold[title][name]] for name in first[title]}
        for title in first
    }


def _scores(by_evaluator: Any) -> dict[str, float]:
    """Means over repetitions of the micro- and macro-averaged scores of a method."""
    return {
        f"{name} {key}": sum(float(result[key]) for result in results) / len(results)
        for name, results in by_evaluator.items()
        for key, value in results[0].data_vars.items()
        if value.ndim == 0 and str(key).endswith(("_micro", "_macro"))
    }


def _table(title: str, rows: dict[str, dict[str, float]]) -> Any:
    from rich.table import Table

    columns = list(next(iter(rows.values()), {}))
    table = Table("method, %", *(column.replace("_", " ") for column in columns), title=title)
    for method, scores in rows.items():
        table.add_row(method, *(f"{100 * scores[column]:.1f}" for column in columns))
    return table
