"""Options that several commands share."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from earmark.places import stores_root

ExperimentFile = Annotated[
    Path, typer.Argument(help="Experiment file, see paper/*/*.toml for examples.", show_default=False)
]
FileProfile = Annotated[
    str | None,
    typer.Option("--profile", help="One of the file's profiles. [default: the file as it stands]", show_default=False),
]
Stores = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|ADDRESS",
        parser=stores_root,  # of the text: a Path of s3://bucket would lack a slash
        help="Root of all stores: a folder, or an address such as s3://bucket/folder. "
        "[default: $EARMARK_STORES, else stores/data in the checkout]",
        show_default=False,
    ),
]
CorpusFolder = Annotated[
    str, typer.Option("--corpus", help="Folder of the corpus, or 'synthetic' for the synthesised stand-in.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Engine = Annotated[
    str, typer.Option(help="auto, local (this process), processes, dask (a cluster), or the engine of a plugin.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Scheduler of a running dask cluster, such as tcp://node:8786; says --engine dask, too. "
        "[default: $EARMARK_SCHEDULER, else a cluster of this machine]",
        show_default=False,
    ),
]
Profile = Annotated[str, typer.Option(help="smoke (seconds), quick (minutes on 2 cores) or full (the paper's sizes).")]
Repetitions = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="Repetitions, seeds 0 to N - 1. [default: the profile's]", show_default=False),
]


def chosen_engine(engine: str, scheduler: str | None) -> str:
    """Name of the engine that two options ask for; the scheduler's address is left to it in the environment."""
    if scheduler is None:
        return engine
    if engine not in ("auto", "dask"):
        raise typer.BadParameter(f"--scheduler ADDRESS is for --engine dask, not for {engine}")
    os.environ["EARMARK_SCHEDULER"] = scheduler
    return "dask"


def option_value(text: str) -> Any:
    """Value of an option of a plugin on the command line: what JSON makes of it, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def listed_names(text: str, option: str) -> tuple[str, ...]:
    """Names in a file, one a line, or between commas."""
    from earmark.errors import AnnotationError

    try:
        # Unlike Path, os.path takes a long list of names for what it is: no file.
        lines = Path(text).read_text("utf-8-sig").splitlines() if os.path.isfile(text) else text.split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{option} {text}: not a text file that can be read ({error}).") from None
    names = [line.strip() for line in lines if line.strip()]
    if not names or len(set(names)) < len(names):
        raise AnnotationError(f"{option} {text}: {'a name stands there twice' if names else 'no name stands there'}.")
    return tuple(names)


def named_paths(given: Sequence[str], what: str, taken: Sequence[str] = ()) -> dict[str, Path]:
    """Paths by name: NAME=PATH, or named after the file.

    Args:
        given: as the command line has them.
        what: they are, for the message, such as "systems".
        taken: names that stand for something else.
    """
    named: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or os.path.exists(text):
            name, path = Path(text).stem, text
        if name in named or name in taken:
            raise typer.BadParameter(f"two {what} are named {name!r}; write NAME=PATH")
        named[name] = Path(path)
    return named
