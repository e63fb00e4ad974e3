"""``earmark data``: list, synthesize and check corpora."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from earmark.cli.options import Stores

Name = Annotated[str, typer.Argument(help="Name of a corpus, see `earmark data list`.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    data = typer.Typer(
        help="Corpora: what there is, synthetic stand-ins, and checks of your copy.", no_args_is_help=True
    )
    data.command("list")(list_corpora)
    data.command("synthesize")(synthesize)
    data.command("check")(check)
    app.add_typer(data, name="data")


def list_corpora(stores: Stores = None) -> None:
    """List the corpora that can be read, and the stand-ins that lie in the store."""
    from earmark.places import stores_root
    from earmark.plugins import plugins

    manager = plugins()
    synthetic = manager.names("synthesizer")
    for name in manager.names("corpus"):
        given = manager.find("corpus", name, "earmark data list")
        first_line = (given.factory.__doc__ or "").strip().splitlines()[0]
        print(f"{name:12} {first_line}{' [can be synthesised]' if name in synthetic else ''}")
    for folder in sorted((stores_root(stores) / "corpora").glob("*-synthetic-*")):
        if folder.is_dir():
            state = "" if folder.with_suffix(".whole").exists() else " (not finished)"
            print(f"  synthetic  {folder}{state}")


def synthesize(
    name: Name,
    to: Annotated[
        Path | None,
        typer.Option(help="Folder to write to. [default: a folder of its own in the store]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another corpus of the same kind.")] = 0,
    annotations: Annotated[
        Path | None,
        typer.Option(help="Follow these real annotation files recording by recording.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="Option of the synthesizer, such as --set development_min=30.", show_default=False),
    ] = None,
    stores: Stores = None,
) -> None:
    """Write a synthetic stand-in: audio and annotations in the layout of the real corpus.

    Finished recordings are kept, so that an interrupted call goes on.
    Example: earmark data synthesize tut --set development_min=30 --set evaluation_min=15
    """
    from earmark.experiment import PluginRef
    from earmark.places import stores_root
    from earmark.plugins import plugins
    from earmark.progress import reporting
    from earmark.workspace import synthesized

    options = _options(option or [])
    if annotations is not None:
        options["annotations"] = str(annotations)
    manager = plugins()
    with reporting(manager) as reporter, reporter.counting("Synthesising recordings") as advance:
        if to is None:
            folder = synthesized(stores_root(stores), PluginRef(use=name), options, seed, advance, manager)
        else:
            synthesizer = manager.build("synthesizer", name, options, "earmark data synthesize")
            to.mkdir(parents=True, exist_ok=True)
            synthesizer.synthesize(to, seed=seed, advance=advance)
            folder = to
    print(f"Synthetic {name}: {folder}")


def check(name: Name, folder: Annotated[Path, typer.Argument(help="Your copy of the corpus.")]) -> None:
    """Say what is there, what is missing and what does not match."""
    from earmark.errors import CorpusError
    from earmark.plugins import plugins

    reader = plugins().build("corpus", name, {}, "earmark data check")
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder.")
    for sentence in reader.check(folder):
        print(sentence)


def _options(settings: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set wants NAME=VALUE, got {setting!r}")
        try:
            options[key.strip()] = json.loads(value)
        except json.JSONDecodeError:
            options[key.strip()] = value
    return options
