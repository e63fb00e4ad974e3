"""Where things lie: the checkout, and the root of all stores. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path

SYNTHETIC = "synthetic"
"""What one says instead of a folder to get a synthesised stand-in."""


def checkout() -> Path | None:
    """Root of the checkout that this code, or the working directory, belongs to; None for an installed wheel."""
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        if (folder / "notebooks").is_dir() and (folder / "paper").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    return None


def stores_root(option: Path | None = None) -> Path:
    """Root of all stores: the option, ``EARMARK_STORES``, or ``stores/data`` in the checkout or in this folder."""
    if option is not None:
        return option
    if os.environ.get("EARMARK_STORES"):
        return Path(os.environ["EARMARK_STORES"])
    return (checkout() or Path.cwd()) / "stores" / "data"
