"""Where a layer of a name lies, and whose name its edits carry."""

from __future__ import annotations

import getpass
import os
import re
from pathlib import Path

from earmark.places import stores_root
from earmark_lab.corrections.errors import LayerError


def layer_file(name: str, stores: Path | None = None) -> Path:
    """Where a layer of a name lies: ``layers/NAME.jsonl`` under the root of the stores.

    Raises:
        LayerError: the name could lead elsewhere.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name):
        raise LayerError(
            f"{name[:100]!r} is no name of a layer: letters, digits, points, hyphens and underscores may stand there, "
            "100 at most."
        )
    return stores_root(stores) / "layers" / f"{name}.jsonl"


def author_here() -> str:
    """Who sits here: ``EARMARK_AUTHOR``, else the login name.

    Raises:
        LayerError: the system knows no name.
    """
    try:
        name = os.environ.get("EARMARK_AUTHOR", "").strip() or getpass.getuser()
    except (KeyError, OSError, ImportError):
        name = ""
    if not name:
        raise LayerError("Nobody knows who you are: set EARMARK_AUTHOR to the name that edits are to carry.")
    return name
