"""``earmark report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli.options import CorpusFolder, ExperimentFile, FileProfile, Repetitions, Stores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earmark.study import Study


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(report)


def report(
    experiment: ExperimentFile,
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Addresses of runs, or their beginnings. [default: all finished]", show_default=False),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder into which report.html is written.", show_default=False)],
    profile: FileProfile = None,
    corpus: CorpusFolder = "synthetic",
    stores: Stores = None,
    seeds: Repetitions = None,
) -> None:
    """Write a page about what is finished of an experiment: numbers, figures, clips to listen to, how it was made.

    The page is one file that opens from disk without a network. Nothing is trained; say the same file, profile, corpus
    and seeds as to earmark run. Runs alone do not say which sound they heard, so the experiment comes first.
    Example: earmark report paper/partial_labels/table5.toml --profile smoke --out reports
    """
    from earmark.errors import UnknownPluginError
    from earmark.plugins import plugins
    from earmark.progress import Reporter
    from earmark.workspace import open_studies

    if not experiment.is_file() and experiment.suffix != ".toml":
        raise _which_experiment(str(experiment), stores)
    with Reporter().counting("Synthesising recordings") as advance:
        studies = open_studies(
            experiment, profile=profile, corpus=corpus, stores=stores, n_seeds=seeds, advance=advance
        )
    chosen = _chosen(studies, runs or [])
    page = plugins().hook.earmark_report(studies=studies, addresses=chosen, folder=out)
    if page is None:
        raise UnknownPluginError(
            "plugin with the hook", "earmark_report", [], "earmark report", plugins().broken.values()
        )
    print(f"Page      {page}")


def _which_experiment(run: str, stores: Path | None) -> Exception:
    """What to say where a run stands in the place of the experiment."""
    from earmark.errors import ExperimentError
    from earmark.places import stores_root
    from earmark.workspace import open_store

    found = [shelf for shelf in open_store(stores_root(stores)).runs() if shelf.address.startswith(run)]
    if not found:
        return ExperimentError(f"{run}: no such experiment file, and no run begins so.")
    described = found[0].description()
    return ExperimentError(
        f"the run {found[0].address} is the stage {described.get('stage')!r} of the experiment "
        f"{described.get('experiment')!r}; it does not say which sound it heard. Name the experiment's file before it: "
        f"earmark report EXPERIMENT.toml {found[0].address[:8]} --out DIR"
    )


def _no_such_run(address: str) -> Exception:
    """What to say of an address that no run has."""
    from earmark.errors import StoreError

    return StoreError(f"no run begins with {address!r}. `earmark runs list` shows all addresses.")


def _chosen(studies: Sequence[Study], beginnings: Sequence[str]) -> frozenset[str]:
    """Addresses of the finished runs that the page is about."""
    from earmark.errors import StoreError

    store, name = studies[0].store, studies[0].experiment.name
    ours = {study.run_address(job): study.shelf(job).whole for study in studies for job in study.jobs()}
    chosen = set()
    for beginning in beginnings:
        meant = [address for address in ours if address.startswith(beginning)]
        if not meant:
            others = [shelf for shelf in store.runs() if shelf.address.startswith(beginning)]
            if not others:
                raise _no_such_run(beginning)
            raise StoreError(
                f"the run {others[0].address} is none of {name} as it is opened here: of another experiment, profile "
                "or number of seeds, or its corpus has changed. Say the file and options with which it was made."
            )
        if len(meant) > 1:
            raise StoreError(f"several runs begin with {beginning!r}. `earmark runs list` shows all addresses.")
        if not ours[meant[0]]:
            raise StoreError(f"the run {meant[0]} is not finished. Run its experiment again: `earmark run`.")
        chosen.add(meant[0])
    chosen = chosen or {address for address, whole in ours.items() if whole}
    if not chosen:
        made = sum(1 for shelf in store.runs() if shelf.whole and shelf.description().get("experiment") == name)
        hint = f" The store holds {made} of that name, made with other options, seeds or sound." if made else ""
        raise StoreError(
            f"nothing of {name} on {studies[0].dataset.title} is finished, of {len(ours)} runs.{hint} Run it first: "
            "`earmark run`, with the same file, profile and corpus."
        )
    return frozenset(chosen)
