"""The page: everything put together, written in one step."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from earmark.errors import StoreError
from earmark.study import Study
from earmark_lab.report.clips import MEASURE, clips_to_show
from earmark_lab.report.curves import curves_of
from earmark_lab.report.described import as_json, corpus_facts, duration, run_rows, stage_facts, training_s, versions
from earmark_lab.report.finished import finished
from earmark_lab.report.scores import class_charts, columns, method_charts

NAME = "report.html"
N_COLOURS = 10
"""Of `page.css`; a method keeps its colour on the whole page."""


def write_report(studies: Sequence[Study], addresses: Collection[str], folder: Path) -> Path:
    """Write the page of an experiment.

    Args:
        studies: one, or one a fold.
        addresses: of the whole runs that the page is of.
        folder: made where it is missing; an older page is replaced once the new one is whole.

    Returns:
        The page: one file that loads nothing.

    Raises:
        StoreError: none of the runs is finished, or the folder cannot be written.
    """
    content = render(studies, addresses).encode()
    page = folder / NAME
    aside = folder / f".{NAME}.{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(page)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{page}: cannot be written ({error.strerror or error}). Choose another folder with --out."
        ) from None
    return page


def render(studies: Sequence[Study], addresses: Collection[str]) -> str:
    """The page as text.

    Raises:
        StoreError: none of the runs is finished.
    """
    import jinja2
    from markupsafe import Markup

    study, experiment = studies[0], studies[0].experiment
    stages = finished(studies, addresses)
    if not stages:
        raise StoreError(
            f"{experiment.name}: none of these runs is finished; there is nothing to report. Run the experiment first: "
            "`earmark run`."
        )
    methods = [stage for stage in stages if stage.is_method]
    colours = {method.title: index % N_COLOURS for index, method in enumerate(methods)}
    scores = columns(methods)
    clips, clip_notes = clips_to_show(methods, colours)
    # Ours alone, and the browser is told to run nothing else: see the policy at the head of the page.
    script = (files("earmark_lab.report") / "page.js").read_text(encoding="utf-8")
    style = (files("earmark_lab.report") / "page.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((files("earmark_lab.report") / "page.html").read_text(encoding="utf-8"))
    n_all = sum(len(experiment.seeds) for _ in studies for _ in experiment.stages)
    shown: dict[str, Any] = {
        "title": experiment.title or experiment.name,
        "experiment": experiment,
        "corpus": study.dataset.title,
        "synthetic": study.dataset.synthetic,
        "style": Markup(style),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "earmark": version("earmark"),
        "methods": methods,
        "colours": colours,
        "n_repetitions": max(len(stage.runs) for stage in stages),
        "n_folds": len(studies),
        "n_runs": len({run.shelf.address for stage in stages for run in stage.runs}),
        "n_all": n_all,
        "n_shown": sum(len(stage.runs) for stage in stages),
        "training": duration(training_s(stages)),
        "devices": dict(versions(stages)).get("Device", ""),
        "evaluators": _grouped([column for column in scores if column.main]),
        "scores": scores,
        "charts": method_charts(scores, colours),
        "class_charts": class_charts(methods, colours),
        "curves": curves_of(stages),
        "clips": clips,
        "clip_notes": clip_notes,
        "measure": MEASURE,
        "corpus_facts": corpus_facts(study),
        "stages": stage_facts(stages, experiment),
        "runs": run_rows(stages),
        "versions": versions(stages),
        "descriptions": as_json(stages),
    }
    return template.render(shown)


def _grouped(scores: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns by evaluator."""
    return {name: [c for c in scores if c.evaluator == name] for name in dict.fromkeys(c.evaluator for c in scores)}
