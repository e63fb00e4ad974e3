"""The comparison of candidate sets for people and for programs: tables and CSV."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Mapping, Sequence
from itertools import combinations

from earmark.candidates.sets import Sets, Truth, agreement, counts, gaps
from earmark.recordings import Dataset

_WIDTH = 118
"""Characters in a line where the output is not a terminal."""

ALL = "all scenes"

Row = tuple[str, str, str, str, float]
"""Table, the one it is compared with if any, scene or `ALL`, measure, value."""


def report_rows(tables: Mapping[str, Sets], truth: Truth, scenes: Sequence[str]) -> list[Row]:
    """Every number of the comparison; NaN where one is undefined."""
    rows: list[Row] = []
    chosen = {**{scene: [scene] for scene in scenes}, ALL: list(scenes)}
    for name, sets in tables.items():
        for scene, among in chosen.items():
            count = counts(sets, truth, among)
            annotated = any(one in truth for one in among)
            rows += [
                (name, "", scene, "size", sum(len(sets.get(one, ())) for one in among)),
                (name, "", scene, "true", count.true if annotated else math.nan),
                (name, "", scene, "hits", count.hits if annotated else math.nan),
                (name, "", scene, "coverage", count.coverage),
                (name, "", scene, "coverage_of_instances", count.instance_coverage),
                (name, "", scene, "precision", count.precision),
            ]
    for one, other in combinations(tables, 2):
        rows += [
            (one, other, scene, "jaccard", agreement(tables[one], tables[other], among))
            for scene, among in chosen.items()
        ]
    return rows


def csv_text(rows: Sequence[Row]) -> str:
    """One number a line; shares are fractions, undefined ones are empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", "compared_with", "scene", "measure", "value"])
    writer.writerows((*names, "" if math.isnan(value) else f"{value:.6g}") for *names, value in rows)
    return text.getvalue()


def print_report(
    rows: Sequence[Row], tables: Mapping[str, Sets], truth: Truth, dataset: Dataset, notes: Sequence[str]
) -> None:
    """Print sizes, coverage and precision, then agreement, then what no number says."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    values = {(table, other, scene, measure): value for table, other, scene, measure, value in rows}
    scenes = [*dataset.scenes, ALL]
    judged = ("true", "coverage, %", "instances, %", "precision, %") if truth else ()
    sizes = Table(
        Column("table", overflow="fold"),
        Column("scene", overflow="fold"),
        "size",
        *judged,
        title=escape(f"Candidate sets, {dataset.title}"),
        caption="true: annotated events; coverage: share of them, and of their instances, in the set"
        if truth
        else None,
    )
    for table in tables:
        for scene in scenes:
            cells = [_number(values[table, "", scene, measure]) for measure in ("size", "true")]
            cells += [_percent(values[table, "", scene, m]) for m in ("coverage", "coverage_of_instances", "precision")]
            sizes.add_row(escape(table), escape(scene), *cells[: 1 + len(judged)], end_section=scene == ALL)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(sizes)
    pairs = list(dict.fromkeys((table, other) for table, other, *_ in rows if other))
    if pairs:
        agreements = Table(
            Column("scene", overflow="fold"),
            *(escape(f"{one}, {other}") for one, other in pairs),
            title="Jaccard index, %",
        )
        for scene in scenes:
            agreements.add_row(escape(scene), *(_percent(values[*pair, scene, "jaccard"]) for pair in pairs))
        console.print(agreements)
    for sentence in (*notes, *gaps(tables, truth, dataset)):
        print(sentence)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
