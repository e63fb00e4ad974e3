"""``earmark lab``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import Stores
from earmark.errors import EarmarkError, suggestion
from earmark.places import checkout

EXPLORE = "explore"
"""Notebook that is opened where none is named."""


class LabError(EarmarkError):
    """JupyterLab cannot be opened as it was asked for."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(lab)


def lab(
    notebook: Annotated[
        str, typer.Argument(help="A notebook's path, or its name below notebooks/, such as partial_labels.")
    ] = EXPLORE,
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Passed on to JupyterLab.", show_default=False)
    ] = None,
    stores: Stores = None,
) -> None:
    """Open JupyterLab with a notebook; without a name, explore.ipynb: hear, see and compare what `earmark demo` leaves.

    It is the JupyterLab of the environment that Earmark is installed in, and nothing is looked up in the network. Where
    no browser can be opened, its address is printed. Example: earmark lab tour -- --port 9999
    """
    given = list(options or [])
    if notebook.startswith("-"):  # what follows -- without a notebook before it
        notebook, given = EXPLORE, [notebook, *given]
    path = notebook_path(notebook)
    command = lab_command(path, given, browser=has_browser(os.environ, sys.platform))
    environment = lab_environment(os.environ, stores)
    print(f"Opening {path} in JupyterLab; Ctrl+C twice ends it.", file=sys.stderr, flush=True)
    # In the place of this process, so that Ctrl+C and a request to end reach JupyterLab itself.
    os.execve(command[0], command, environment)


def notebook_path(name: str) -> Path:
    """Where a notebook lies: a path, or a name below the checkout's notebooks/.

    Raises:
        LabError: there is none; the message lists those that exist, or says that a checkout is missing.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    home = checkout()
    if home is None:
        raise LabError(
            f"{name}: no such file, and Earmark's own notebooks live in its repository, which this is not a checkout "
            "of. Clone it and say `earmark lab` inside, or name a notebook of your own by its path."
        )
    folder = home / "notebooks"
    known = {str(one.relative_to(folder).with_suffix("")): one for one in sorted(folder.rglob("*.ipynb"))}
    known = {key: one for key, one in known.items() if ".ipynb_checkpoints" not in key}
    key = name.removesuffix(".ipynb").removeprefix("notebooks/")
    if key not in known:
        raise LabError(f"No notebook {name!r}. {suggestion(key, known)}Notebooks: {', '.join(known) or 'none'}.")
    return known[key].resolve()


def lab_command(path: Path, given: list[str], *, browser: bool) -> list[str]:
    """What starts JupyterLab with a notebook, in the environment of this Python."""
    home = checkout()
    root = home.resolve() if home is not None and path.is_relative_to(home.resolve()) else path.parent
    options = [f"--ServerApp.root_dir={root}"]
    if not browser:
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container; JupyterLab refuses it unasked
        options.append("--allow-root")
    return [sys.executable, "-m", "jupyterlab", str(path), *options, *given]


def lab_environment(environment: Mapping[str, str], stores: Path | None) -> dict[str, str]:
    """Variables of JupyterLab and of its kernels."""
    changed = dict(environment)
    # A kernel of the same name in the home folder may belong to another Python.
    changed["JUPYTER_PREFER_ENV_PATH"] = "1"
    # Nothing is asked of the network, and nobody is asked about news.
    paths = [str(Path(__file__).parent / "jupyter"), changed.get("JUPYTER_CONFIG_PATH", "")]
    changed["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    if stores is not None:
        changed["EARMARK_STORES"] = str(stores.resolve())
    return changed


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser with windows can be opened; one within the terminal cannot show JupyterLab."""
    if not platform.startswith("linux"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY") or environment.get("BROWSER"))
