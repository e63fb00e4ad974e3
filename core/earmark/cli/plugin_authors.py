"""``earmark plugins`` and ``earmark new-plugin``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from earmark.plugins import Given, PluginManager


class Kind(StrEnum):
    """Kinds of which there is an example."""

    REFINER = "refiner"
    MODEL = "model"
    LOSS = "loss"
    LABEL_SOURCE = "label-source"
    EVALUATOR = "evaluator"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("plugins")(plugins_command)
    app.command("new-plugin")(new_plugin)


def plugins_command(
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="NAME",
            help="Run the contract tests on what this plugin gives and explain what fails; the name of a plugin, of "
            "its distribution, or of one thing that it gives.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List every plugin with what it gives, its options and its owner; broken plugins with the cause.

    Example: earmark plugins --check self-distillation
    """
    from earmark.plugins import plugins

    if check is None:
        _list(plugins())
    elif not _checked(plugins(), check):
        raise typer.Exit(1)


def new_plugin(
    name: Annotated[str, typer.Argument(help="Name of the plugin in experiments, such as crisp-labels.")],
    kind: Annotated[Kind, typer.Option(help="What the plugin gives.", show_default=False)],
    to: Annotated[Path, typer.Option(help="Folder below which the project earmark-NAME is written.")] = Path(),
) -> None:
    """Write a small installable plugin project that works: an example to change, its contract tests and a README.

    Example: earmark new-plugin crisp-labels --kind refiner
    """
    from earmark.plugins import plugins
    from earmark.scaffold.project import NewPlugin, write_project

    plugin = NewPlugin(name=name, kind=kind.value.replace("-", " "))
    plugin.check_free(plugins())
    folder = write_project(plugin, to)
    print(f"{folder}: {plugin.a_kind} that works, its tests, an experiment and a README. Next:\n")
    print(f"  cd {folder}")
    print("  python -m pip install --editable .    # into the environment of Earmark")
    print(f"  earmark plugins --check {name}")
    print("  earmark run experiment.toml")


def _list(manager: PluginManager) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "name", "options", "from")
    for given in sorted(manager.given(), key=lambda g: (g.kind, g.name)):
        table.add_row(given.kind, given.name, _options(given), f"{given.distribution} {given.version}")
    console = Console()
    console.print(table)
    for error in manager.broken.values():
        console.print(f"[bold red]broken[/] {error}", highlight=False)


def _options(given: Given) -> str:
    from earmark.plugins import describe_options, options_model

    try:
        return describe_options(options_model(given.factory))
    except Exception as error:  # types of a stranger's options may be anything, and the others must be listed
        return f"cannot be read ({type(error).__name__}: {error}); say earmark plugins --check {given.name}"


def _checked(manager: PluginManager, name: str) -> bool:
    """Print what comes out of the contract tests; whether nothing is broken."""
    from earmark.testing.checking import check_given, given_by

    verdicts = []
    for given in given_by(manager, name):
        verdicts.append(check_given(given))
        print(verdicts[-1])
    n_broken = sum(verdict.problem is not None for verdict in verdicts)
    n_kept = sum(verdict.problem is None and not verdict.unchecked for verdict in verdicts)
    print(f"{n_kept} of {len(verdicts)} kept, {n_broken} broken, {len(verdicts) - n_kept - n_broken} not checked.")
    return n_broken == 0
