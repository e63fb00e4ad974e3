"""Runs a paper: its experiment, then its notebook through papermill, then an HTML page of it."""

from __future__ import annotations

import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from earmark.errors import EarmarkError, suggestion
from earmark.places import SYNTHETIC, checkout, stores_root

TOUR = "tour"
"""The notebook for authors of plugins, which takes the parameters of a paper's."""


PAGE = """
{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
"""Template of the HTML page: nbconvert's, without the scripts that it would fetch from the network when opened."""


class PaperError(EarmarkError):
    """A paper's notebook is not there, or stopped with an error."""


class Parameters(pydantic.BaseModel):
    """Parameters of every paper's notebook: text and numbers only, as papermill turns a tuple into text unasked."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    profile: str = "quick"
    corpus: str = SYNTHETIC
    device: str = "auto"
    stores: str = ""
    n_seeds: int | None = pydantic.Field(default=None, ge=1)
    output: str = ""


@dataclass(frozen=True, slots=True)
class PaperRun:
    """Where an executed paper lies."""

    folder: Path
    notebook: Path
    page: Path


def paper_folder(key: str) -> Path:
    """Folder of a paper in the checkout: numbers, experiments, ambiguities.

    Raises:
        PaperError: no checkout, or no such paper; the message lists those that exist.
    """
    root = _checkout()
    known = [name for name in _notebooks(root) if (root / "paper" / name).is_dir()]
    if key not in known:
        raise PaperError(f"No paper {key!r}. {suggestion(key, known)}Papers: {', '.join(known) or 'none'}.")
    return root / "paper" / key


def _checkout() -> Path:
    root = checkout()
    if root is None:
        raise PaperError(
            "The papers' notebooks live in Earmark's repository, which this is not a checkout of. "
            "Clone it, and run the command inside; your own experiments run anywhere with `earmark run`."
        )
    return root


def _notebooks(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))


def output_folder(key: str, parameters: Parameters) -> Path:
    """Folder under the stores' root in which notebook, figures and tables of a run land."""
    corpus = parameters.corpus if parameters.corpus == SYNTHETIC else Path(parameters.corpus).resolve().name
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{parameters.profile}-{corpus}")[:200]
    return stores_root(Path(parameters.stores) if parameters.stores else None).resolve() / "papers" / key / name


def run_paper(key: str, parameters: Parameters, *, without: str | None = None) -> PaperRun:
    """Execute a paper's notebook, or the tour, with papermill and write it, an HTML page, figures and tables.

    The kernel shows its output while it runs. What the notebook computes rests in the store: a second call reuses it.

    Args:
        key: of the paper, or "tour".
        parameters: of its notebook.
        without: leave out the cells with this tag.

    Raises:
        PaperError: the notebook does not exist, or a cell raised; the message says which and where the rest lies.
    """
    import nbformat
    import papermill
    from nbconvert import HTMLExporter
    from papermill.exceptions import PapermillExecutionError

    root = _checkout()
    if key != TOUR:
        paper_folder(key)
    folder = output_folder(key, parameters)
    folder.mkdir(parents=True, exist_ok=True)
    notebook, page = folder / f"{key}.ipynb", folder / f"{key}.html"
    # What is not given stays as the notebook has it: the tour trains one repetition, a paper as many as its profile.
    values: dict[str, Any] = {**parameters.model_dump(exclude_none=True), "output": str(folder)}
    values["stores"] = str(stores_root(Path(parameters.stores) if parameters.stores else None).resolve())
    if values["corpus"] != SYNTHETIC:
        values["corpus"] = str(Path(values["corpus"]).resolve())
    logging.getLogger("papermill").setLevel(logging.WARNING)
    # A kernel of that name in the home folder may belong to another Python.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    begun = notebook.with_suffix(".begun.ipynb")
    source = nbformat.read(root / "notebooks" / f"{key}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    source.cells = [cell for cell in source.cells if without not in cell.metadata.get("tags", [])]
    nbformat.write(source, begun)  # type: ignore[no-untyped-call]
    try:
        papermill.execute_notebook(
            str(begun),
            str(begun),
            parameters=values,
            kernel_name="python3",
            cwd=str(root),
            progress_bar=False,
            log_output=False,
            stdout_file=sys.stdout,
            autosave_cell_every=0,
            # The kernel talks to this process over the loopback; its warning about that frightens without use.
            extra_arguments=["--log-level=40"],
        )
    except PapermillExecutionError as error:
        raise PaperError(
            f"The notebook {key} stopped in cell {error.exec_count}: {error.ename}: {error.evalue}. "
            f"What it had done rests in the store; the notebook so far is {begun}."
        ) from None
    executed = nbformat.read(begun, as_version=4)  # type: ignore[no-untyped-call]
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        raw_template=PAGE, exclude_input_prompt=True, exclude_output_prompt=True
    )
    exporter.log.setLevel(logging.ERROR)  # its template has no place for the text that it misses beside images
    body, _ = exporter.from_notebook_node(executed)
    page.write_text(body, encoding="utf-8")
    begun.replace(notebook)
    return PaperRun(folder=folder, notebook=notebook, page=page)
