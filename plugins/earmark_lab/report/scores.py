"""Tables and charts of scores: numbers as fractions and as text, places on an axis in percent of its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from earmark_lab.report.finished import StageRuns
from earmark_lab.report.intervals import Interval, student

MAIN = ("_micro", "_macro")


@dataclass(frozen=True, slots=True)
class Cell:
    """A score of a method over its repetitions."""

    interval: Interval
    percent: bool
    """Whether it is shown in percent."""

    @property
    def mean(self) -> str:
        return self._text(self.interval.mean) or "none"

    @property
    def sd(self) -> str:
        return self._text(self.interval.sd)

    @property
    def low(self) -> str:
        return self._text(self.interval.low)

    @property
    def high(self) -> str:
        return self._text(self.interval.high)

    def _text(self, value: float) -> str:
        if math.isnan(value):
            return ""
        text = f"{100 * value:.1f}" if self.percent else f"{value:.3f}"
        return text.replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, slots=True)
class Column:
    """A score of an evaluator, of all methods that it judges."""

    evaluator: str
    name: str
    main: bool
    """Whether it stands in the first table, or among all numbers only."""
    cells: dict[str, Cell]
    """By the title of the method."""

    @property
    def title(self) -> str:
        """Such as "segment: fscore micro"."""
        return f"{self.evaluator}: {self.name.replace('_', ' ')}"

    @property
    def unit(self) -> str:
        return "%" if any(cell.percent for cell in self.cells.values()) else ""


def columns(methods: Sequence[StageRuns]) -> list[Column]:
    """A column for each scalar of each evaluator, in order; averages over classes first of all are the main ones."""
    evaluators = dict.fromkeys(name for method in methods for name, found in method.results.items() if found)
    made: list[Column] = []
    for evaluator in evaluators:
        judged = {method.title: method.results.get(evaluator, []) for method in methods}
        names = dict.fromkeys(
            str(name)
            for results in judged.values()
            for result in results
            for name, value in result.data_vars.items()
            if value.ndim == 0 and value.dtype.kind in "fiu"
        )
        has_main = any(name.endswith(MAIN) for name in names)
        for name in names:
            intervals = {
                title: student(float(result[name]) for result in results if name in result)
                for title, results in judged.items()
            }
            # Scores are fractions; an error rate is one too, but may exceed 1, and papers print it as it is.
            values = [value for interval in intervals.values() for value in interval.values]
            percent = not name.endswith("rate") and all(0 <= value <= 1 for value in values) and _is_float(judged, name)
            cells = {title: Cell(interval, percent) for title, interval in intervals.items()}
            made.append(Column(evaluator, name, name.endswith(MAIN) or not has_main, cells))
    return made


def _is_float(judged: dict[str, list[xr.Dataset]], name: str) -> bool:
    return any(result[name].dtype.kind == "f" for results in judged.values() for result in results if name in result)


@dataclass(frozen=True, slots=True)
class Axis:
    """From 0, or the least value, to a round number above the greatest one."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a value stands, in percent of the width."""
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 2)

    def ticks(self, percent: bool) -> list[tuple[float, str]]:
        """Places and texts."""
        values = [self.low + share * (self.high - self.low) for share in (0, 0.25, 0.5, 0.75, 1)]
        texts = [f"{100 * value:g}" if percent else f"{value:.3g}" for value in values]
        return [
            (self.place(value), text.replace("-", "\N{MINUS SIGN}")) for value, text in zip(values, texts, strict=True)
        ]


def axis_of(values: Sequence[float]) -> Axis:
    """An axis on which all values stand.

    >>> axis_of([0.03, 0.31])
    Axis(low=0.0, high=0.4)
    """
    known = [value for value in values if math.isfinite(value)] or [1.0]
    least, most = min(0.0, *known), max(known)
    reach = max(most, -least)
    if reach <= 0:
        return Axis(0.0, 1.0)
    unit = 10.0 ** math.floor(math.log10(reach))
    # With four parts of an axis, these give ticks that are round.
    step = next((unit * factor for factor in (1, 2, 4, 6, 8) if reach <= unit * factor * (1 + 1e-9)), 10 * unit)
    return Axis(-step if least < 0 else 0.0, round(step, 12))


@dataclass(frozen=True, slots=True)
class DotRow:
    """A row of a chart: a name, and dots with an interval, each in a colour."""

    name: str
    dots: list[tuple[int, str, float]]
    """Colour, what it is in words, and place."""
    bar: tuple[float, float] | None = None
    """From where to where the interval reaches."""
    faint: tuple[float, ...] = ()
    """Places of single repetitions."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows of dots over one axis."""

    title: str
    unit: str
    rows: list[DotRow]
    ticks: list[tuple[float, str]]


def method_charts(scores: Sequence[Column], colours: dict[str, int]) -> list[Chart]:
    """A chart for each main score: a row a method, with its repetitions and its interval."""
    charts = []
    for column in scores:
        if not column.main:
            continue
        cells = {title: cell for title, cell in column.cells.items() if cell.interval.n}
        reaches = [v for c in cells.values() for v in (*c.interval.values, c.interval.high) if math.isfinite(v)]
        percent = bool(column.unit)
        axis = axis_of([min(v, 1.0) for v in reaches] if percent else reaches)
        rows = []
        for title, cell in cells.items():
            interval = cell.interval
            known = interval.n > 1
            said = f"{title}: {cell.mean}{column.unit and ' %'}" + (f", {cell.low} to {cell.high}" if known else "")
            rows.append(
                DotRow(
                    title,
                    [(colours[title], said, axis.place(interval.mean))],
                    (axis.place(interval.low), axis.place(interval.high)) if known else None,
                    tuple(axis.place(value) for value in interval.values) if known else (),
                )
            )
        charts.append(Chart(column.title, column.unit, rows, axis.ticks(percent)))
    return charts


def class_charts(methods: Sequence[StageRuns], colours: dict[str, int]) -> list[Chart]:
    """For events and for scenes, a chart of the first score by class that an evaluator gives: a row a class."""
    charts: dict[str, Chart] = {}
    for evaluator in dict.fromkeys(name for method in methods for name in method.results):
        judged = {method.title: method.results[evaluator] for method in methods if method.results.get(evaluator)}
        first = next((results[0] for results in judged.values()), xr.Dataset())
        for name, value in first.data_vars.items():
            dims = tuple(map(str, value.dims))
            if dims not in (("event",), ("scene",)) or dims[0] in charts or value.dtype.kind != "f":
                continue
            rows = []
            for label in map(str, first[dims[0]].values):
                dots = []
                for title, results in judged.items():
                    values = [float(r[name].sel({dims[0]: label})) for r in results if label in r[dims[0]].values]
                    mean = student(values).mean
                    if math.isfinite(mean) and 0 <= mean <= 1:
                        dots.append((colours[title], f"{title}: {100 * mean:.1f} %", round(100 * mean, 2)))
                rows.append(DotRow(label, dots))
            shown = [row for row in rows if row.dots]
            if shown:
                title = f"{evaluator}: {str(name).replace('_', ' ')} of each {dims[0]}"
                charts[dims[0]] = Chart(title, "%", shown, Axis(0.0, 1.0).ticks(True))
    return list(charts.values())
