"""Executed notebooks in the place of those of the repository, which hold no outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earmark.papers import TOUR
from earmark.places import stores_root

PROFILES = ("full", "quick", "smoke")


def tutorials(app: Any) -> set[str]:
    """Names of the pages that are notebooks."""
    return {path.stem for path in Path(app.srcdir).glob("*.ipynb")}


def executed_copy(key: str) -> Path | None:
    """The copy of a notebook that `earmark paper` or papermill has left: of the largest profile, then the newest."""
    found = (stores_root().resolve() / "papers" / key).glob(f"*/{key}.ipynb")
    return min(found, key=lambda path: (_rank(path), -path.stat().st_mtime), default=None)


def show(app: Any, docname: str, source: list[str]) -> None:
    """Replace a notebook by its executed copy, or say above it that there is none."""
    if docname not in tutorials(app):
        return
    copy = executed_copy(docname)
    if copy is not None:
        source[0] = copy.read_text(encoding="utf-8")
        where = f"`papers/{docname}/{copy.parent.name}`"
        says = f"An executed copy, from the folder {where} of the stores, which says its profile and corpus."
    else:
        runs = docname == TOUR or (Path(app.srcdir).parent / "paper" / docname).is_dir()
        how = f"`earmark paper {docname}` runs it" if runs else "Run it in JupyterLab (`make lab`)"
        says = f"Not executed on this machine when the site was built, so no output is shown. {how}."
    notebook = json.loads(source[0])
    notebook["metadata"].pop("widgets", None)  # megabytes for scripts that are not there
    note = {"cell_type": "markdown", "metadata": {}, "source": f"```{{note}}\n{says}\n```"}
    first = notebook["cells"][0]
    # Below the title, which must be the page's first words.
    title, _, rest = "".join(first["source"]).partition("\n")
    notebook["cells"][:1] = [{**first, "source": title}, note, {**first, "id": f"{first['id']}-rest", "source": rest}]
    for number, cell in enumerate(notebook["cells"]):
        cell.setdefault("id", f"note-{number}")
    source[0] = json.dumps(notebook)


def outdated(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Notebooks are read each time: whether one was executed shows in no file of the repository."""
    return sorted(tutorials(app) & env.found_docs)


def _rank(path: Path) -> int:
    profile = path.parent.name.split("-")[0]
    return PROFILES.index(profile) if profile in PROFILES else len(PROFILES)
