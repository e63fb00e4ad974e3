"""``earmark demo`` and ``earmark paper``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import CorpusFolder, Device, Engine, Profile, Repetitions, Scheduler, Stores, chosen_engine


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(demo)
    app.command()(paper)


def demo(stores: Stores = None, device: Device = "auto") -> None:
    """Run the main job: a synthetic corpus, five ways to pay for labels, one table and its figures.

    The first call takes minutes on 2 cores; a second one reuses what is done. The same as
    earmark paper partial_labels --seeds 1, without the sweeps over shares, thresholds and refiners.
    """
    _run("partial_labels", "quick", "synthetic", stores, device, 1, without="sweeps")


def paper(
    key: Annotated[str, typer.Argument(help="Key of the paper, such as partial_labels; or tour.")],
    profile: Profile = "quick",
    corpus: CorpusFolder = "synthetic",
    stores: Stores = None,
    device: Device = "auto",
    seeds: Repetitions = None,
    engine: Engine = "auto",
    scheduler: Scheduler = None,
) -> None:
    """Run a paper's notebook with papermill: its experiment, tables and figures beside the paper's numbers.

    Example: earmark paper partial_labels --profile full --corpus /data/tut --device cuda
    """
    engine = chosen_engine(engine, scheduler)
    if engine != "auto":
        os.environ["EARMARK_ENGINE"] = engine  # the notebook runs in a process of its own, which inherits it
    _run(key, profile, corpus, stores, device, seeds)


def _run(
    key: str,
    profile: str,
    corpus: str,
    stores: Path | None,
    device: str,
    seeds: int | None,
    without: str | None = None,
) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    from earmark.papers import Parameters, run_paper

    parameters = Parameters(
        profile=profile, corpus=corpus, device=device, stores=str(stores) if stores else "", n_seeds=seeds
    )
    run = run_paper(key, parameters, without=without)
    for table in sorted(run.folder.glob("tables/*.md")):
        Console().print(Markdown(table.read_text(encoding="utf-8")))
    print(f"Notebook  {run.notebook}\nPage      {run.page}")
    for kind in ("figures", "tables"):
        if (run.folder / kind).is_dir():
            print(f"{kind.capitalize():9} {run.folder / kind}")
