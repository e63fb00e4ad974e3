"""Scores of lists of events for people and for programs: tables, CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from earmark.errors import EarmarkError
from earmark.evaluation.compared_sets import ComparedSets
from earmark.evaluation.scores import POLICY
from earmark.evaluation.scoring import LEAST_RECORDINGS, Row

_WIDTH = 118
"""Characters in a line where the output is not a terminal."""
_PARTS = ("substitution_rate", "deletion_rate", "insertion_rate")
_NAMES = {"fscore": "F-score", "accuracy": "accuracy", "error_rate": "error rate"}


class ReportError(EarmarkError):
    """Scores cannot be written."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All scores of an evaluation with everything that they depend on."""

    sets: ComparedSets
    rows: Sequence[Row]
    n_resamples: int
    seed: int
    confidence: float

    def notes(self) -> Iterator[str]:
        """What a reader must know, in sentences."""
        reference = self.sets.reference
        lists, n = reference.lists, len(reference.lists.recordings)
        length_s = sum(lists.durations_s)
        yield f"{_many(n, 'recording')} of {_duration(length_s)}; {reference.without_events} without a reference event."
        for name, side in self.sets.estimated.items():
            if side.without_events:
                yield f"{name}: nothing detected in {_many(side.without_events, 'recording')}."
        sides = {"reference": reference, **self.sets.estimated}
        for name, side in sides.items():
            if side.n_merged:
                yield f"{name}: {_many(side.n_merged, 'event')} united with an overlapping one of the same name."
            if side.n_cut:
                yield f"{name}: {_many(side.n_cut, 'event')} cut at the end of the recording."
        if absent := self.absent():
            yield f"Absent from the reference, left out of macro averages: {', '.join(absent)}."
        yield from self.sets.notes
        if n < LEAST_RECORDINGS:
            yield "No intervals: on one recording nobody can tell how far scores would move on others."
            return
        yield (
            f"In brackets: {100 * self.confidence:.4g} % intervals, bootstrap over recordings, "
            f"{self.n_resamples} resamples, seed {self.seed}."
        )

    def absent(self) -> list[str]:
        """Events of the vocabulary without any reference."""
        lists = self.sets.reference.lists
        heard = {event.label for events in lists.events for event in events}
        return [name for name in lists.vocabulary if name not in heard]

    def write(self, path: Path) -> None:
        """Write CSV or JSON, as the path ends; scores are fractions, an undefined one is empty, or null.

        Raises:
            ReportError: the folder is missing or not writable.
        """
        try:
            if path.suffix == ".csv":
                with path.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(
                        file, [field.name for field in dataclasses.fields(Row)], lineterminator="\n"
                    )
                    writer.writeheader()
                    writer.writerows(map(_plain, self.rows))
            else:
                path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise ReportError(f"{path} cannot be written ({error.strerror}). Name another --output.") from None

    def as_json(self) -> dict[str, Any]:
        """Scores, differences and settings."""
        rows = [_plain(row) for row in self.rows]
        return {
            "scores": [row for row in rows if not row["compared_with"]],
            "differences": [row for row in rows if row["compared_with"]],
            "recordings": len(self.sets.reference.lists.recordings),
            "events": list(self.sets.reference.lists.vocabulary),
            "absent_events": self.absent(),
            "merged": {"reference": self.sets.reference.n_merged}
            | {f"estimated {name}": side.n_merged for name, side in self.sets.estimated.items()},
            "cut": {"reference": self.sets.reference.n_cut}
            | {f"estimated {name}": side.n_cut for name, side in self.sets.estimated.items()},
            "notes": list(self.notes()),
            "policy": POLICY,
            "bootstrap": {"resamples": self.n_resamples, "seed": self.seed, "confidence": self.confidence},
            "earmark": version("earmark"),
        }

    def print(self) -> None:
        """Print tables, in per cent, and the notes."""
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
        for system in self.sets.estimated:
            rows = [row for row in self.rows if row.system == system and not row.compared_with]
            if vocabulary := self.sets.reference.lists.vocabulary:
                console.print(_classes(f"{system}: F-score by class, %", rows, vocabulary))
            console.print(_averages(f"{system}: averages, %", rows))
        if any(row.compared_with for row in self.rows):
            first_system = next(iter(self.sets.estimated))
            console.print(_differences(first_system, [row for row in self.rows if row.compared_with]))
        for note in self.notes():
            console.print(note, markup=False)


def _classes(title: str, rows: Sequence[Row], vocabulary: Sequence[str]) -> Any:
    """F-scores, a row a class, a column a criterion."""
    from rich.markup import escape
    from rich.table import Table

    found = {(row.label, row.criterion): row for row in rows if row.average == "class" and row.score == "fscore"}
    criteria = list(dict.fromkeys(criterion for _, criterion in found))
    table = Table("event", *map(_on_two_lines, criteria), title=escape(title))
    for label in vocabulary:
        table.add_row(escape(label), *(_with_interval(found[label, criterion]) for criterion in criteria))
    return table


def _averages(title: str, rows: Sequence[Row]) -> Any:
    """Averages, a row a criterion: micro on the first line and macro on the second."""
    from rich.markup import escape
    from rich.table import Table

    found = {(row.criterion, row.score, row.average): row for row in rows if row.average != "class"}
    table = Table(
        "criterion",
        "",
        "F-score, accuracy",
        "precision",
        "recall",
        "error rate\n(S, D, I)",
        title=escape(title),
        show_lines=True,
    )
    for criterion in dict.fromkeys(row.criterion for row in rows):
        headline = "accuracy" if (criterion, "accuracy", "micro") in found else "fscore"
        cells = ["\n".join(_with_interval(found[criterion, headline, average]) for average in ("micro", "macro"))]
        for score in ("precision", "recall"):
            both = [found.get((criterion, score, average)) for average in ("micro", "macro")]
            cells.append("\n".join(_percent(row.value) for row in both if row is not None))
        if (error_rate := found.get((criterion, "error_rate", "micro"))) is not None:
            parts = ", ".join(_percent(found[criterion, part, "micro"].value) for part in _PARTS)
            cells.append(f"{_with_interval(error_rate)}\n({parts})")
        table.add_row(_on_two_lines(criterion), "micro\nmacro", *cells)
    return table


def _differences(first_system: str, rows: Sequence[Row]) -> Any:
    """Differences of averages from the first system."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "system",
        "criterion",
        "score",
        "difference",
        "sign flips",
        title=escape(f"Differences from {first_system}, %"),
        caption="sign flips: share of resamples in which the difference is 0 or has the other sign",
    )
    for row in rows:
        if row.average != "class" and row.score in ("fscore", "accuracy", "error_rate") and row.sign_flips is not None:
            score = f"{_NAMES[row.score]}, {row.average}"
            cells = _with_interval(row, signed=True), _percent(row.sign_flips)
            table.add_row(escape(row.system), escape(row.criterion), score, *cells)
    return table


def _on_two_lines(criterion: str) -> str:
    """Name of a criterion and its parameters below; escaped, as rich would take them for a style."""
    from rich.markup import escape

    return escape(criterion.replace("[", "\n[", 1))


def _with_interval(row: Row, *, signed: bool = False) -> str:
    if math.isnan(row.low) and math.isnan(row.high):
        return _percent(row.value, signed)
    return f"{_percent(row.value, signed)} \\[{_percent(row.low, signed)}, {_percent(row.high, signed)}]"


def _percent(value: float, signed: bool = False) -> str:
    if math.isnan(value):
        return "-"
    return f"{100 * value:{'+' if signed else ''}.1f}"


def _plain(row: Row) -> dict[str, Any]:
    """Fields of a row, numbers that are none as None."""
    return {
        field: None if isinstance(value, float) and not math.isfinite(value) else value
        for field, value in dataclasses.asdict(row).items()
    }


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _duration(seconds: float) -> str:
    """Time in words.

    >>> _duration(11680)
    '3 h 14 min 40 s'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n) or "0 s"
