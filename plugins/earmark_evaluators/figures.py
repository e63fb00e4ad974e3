"""Figures of any paper: training curves, and scores beside the printed ones.

Each function returns a matplotlib Figure; see `earmark_evaluators.figures_style` for what they have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_style import WIDTH_IN, colours_of, legend_above, new_figure
from earmark_evaluators.tables import cell, columns_of, is_percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]
"""Losses of one training: ``history[epoch][loss]``, with ``wall_s`` beside them."""


def training_curves(histories: Mapping[str, Sequence[History]]) -> Figure:
    """Draw each loss over the epochs: the mean over repetitions, and the range from the lowest to the highest.

    Args:
        histories: ``histories[method][repetition][epoch][loss]``; methods may have different losses and lengths.

    Raises:
        EvaluationError: no training has an epoch.
    """
    from matplotlib.ticker import MaxNLocator

    losses = list(
        dict.fromkeys(
            name
            for repetitions in histories.values()
            for history in repetitions
            for epoch in history[:1]
            for name in epoch
            if name != "wall_s"
        )
    )
    if not losses:
        raise EvaluationError("There is no training curve to draw: no history has an epoch. Train for at least one.")
    n_columns = 2 if len(losses) in (2, 4) else min(3, len(losses))
    n_rows = -(-len(losses) // n_columns)
    figure, grid = new_figure(WIDTH_IN, 0.7 + 1.9 * n_rows, n_rows, n_columns)
    colours = colours_of(histories)
    panels = np.atleast_1d(grid).ravel()
    for axes, loss in zip(panels, losses, strict=False):
        for method, repetitions in histories.items():
            curves = [[epoch[loss] for epoch in history if loss in epoch] for history in repetitions]
            length = min((len(curve) for curve in curves), default=0)
            if length:
                curve = np.array([values[:length] for values in curves])  # (repetition, epoch)
                epochs = np.arange(1, length + 1)
                marker = "o" if length == 1 else None
                axes.plot(epochs, curve.mean(axis=0), color=colours[method], lw=1.3, marker=marker, ms=3)
                axes.fill_between(epochs, curve.min(axis=0), curve.max(axis=0), color=colours[method], alpha=0.18, lw=0)
        axes.set_title(loss, fontsize=8.5)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if all(line.get_ydata().min() > 0 for line in axes.lines):
            _logarithmic(axes)
        axes.grid(axis="y", color="0.92", lw=0.5)
    for axes in panels[len(losses) :]:
        axes.set_visible(False)
    panels[0].set_ylabel("Loss")
    legend_above(figure, list(colours.items()))
    return figure


def score_table_figure(table: pd.DataFrame) -> Figure:
    """Draw a table of scores: a panel per metric, a row per method, a colour per average, deviations as bars.

    Args:
        table: made by `earmark_evaluators.tables.score_table`; after `beside_paper` the paper's numbers appear as
            hollow markers.
    """
    keys = columns_of(table)
    panels = list(dict.fromkeys((target, metric) for target, metric, _ in keys))
    averages = list(dict.fromkeys(average for *_, average in keys))
    methods = [str(method) for method in table.index]
    figure, grid = new_figure(WIDTH_IN, 1.2 + 0.36 * len(methods), 1, len(panels), sharey=True)
    colours = colours_of(averages)
    for axes, (target, metric) in zip(np.atleast_1d(grid), panels, strict=True):
        for row in range(0, len(methods), 2):
            axes.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
        shown = [average for average in averages if (target, metric, average) in keys]
        for lane, average in enumerate(shown):
            for row, method in enumerate(methods):
                height = row + (lane - (len(shown) - 1) / 2) * 0.3
                _score(axes, cell(table, method, (target, metric, average)), metric, height, colours[average])
        unit = " (%)" if is_percent(metric) else ""
        axes.set_xlabel(f"{target}:\n{words(metric)}{unit}")
        axes.margins(x=0.08)
    first = np.atleast_1d(grid)[0]
    first.set_yticks(range(len(methods)), methods)
    first.set_ylim(len(methods) - 0.5, -0.5)
    for axes in np.atleast_1d(grid):
        axes.tick_params(axis="y", length=0)
    legend_above(figure, list(colours.items()), with_paper=_has_paper(table), marker=True)
    return figure


def scores_by_event(table: pd.DataFrame) -> Figure:
    """Draw the scores of each class: a row per class, a colour per method, deviations as bars.

    Args:
        table: made by `earmark_evaluators.tables.class_table`; after `beside_paper` the paper's numbers appear as
            hollow markers. Classes without a number in any method are left out.
    """
    methods = [str(method) for method in table.index]
    keys = [key for key in columns_of(table) if table[(*key, "n")].max() > 0]
    metric = columns_of(table)[0][1]
    figure, axes = new_figure(WIDTH_IN * 0.8, 1.15 + max(1, len(keys)) * (0.12 + 0.075 * len(methods)))
    colours = colours_of(methods)
    for row in range(0, len(keys), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
    for row, key in enumerate(keys):
        for lane, method in enumerate(methods):
            height = row + (lane - (len(methods) - 1) / 2) * 0.8 / len(methods)
            _score(axes, cell(table, method, key), metric, height, colours[method], size=3.6)
    axes.set_yticks(range(len(keys)), [key[0] for key in keys])
    axes.set_ylim(max(1, len(keys)) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(words(metric) + (" (%)" if is_percent(metric) else ""))
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    legend_above(figure, list(colours.items()), with_paper=_has_paper(table), marker=True)
    return figure


def _score(axes: Axes, score: Mapping[str, float], metric: str, height: float, colour: Any, size: float = 4.5) -> None:
    """One filled marker with its deviation, and the paper's as a hollow one; what is not a number is not drawn."""
    scale = 100.0 if is_percent(metric) else 1.0
    line: dict[str, Any] = {"color": colour, "capsize": 0}
    if np.isfinite(score["mean"]):
        deviation = score["sd"] * scale if score["n"] > 1 else None
        axes.errorbar(score["mean"] * scale, height, xerr=deviation, fmt="o", ms=size, elinewidth=1.1, zorder=3, **line)
    if np.isfinite(score.get("paper_mean", np.nan)):
        deviation = score["paper_sd"] * scale if np.isfinite(score["paper_sd"]) else None
        line |= {"mfc": "white", "ms": size - 0.6, "elinewidth": 0.7}
        # Raised a little, so that equal numbers do not hide each other.
        axes.errorbar(score["paper_mean"] * scale, height - 0.07, xerr=deviation, fmt="D", zorder=2, **line)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis with plain numbers, where matplotlib would write powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def words(metric: str) -> str:
    """A metric's name in words.

    >>> words("segment_fscore")
    'segment F-score'
    """
    return metric.replace("fscore", "F-score").replace("_", " ")


def _has_paper(table: pd.DataFrame) -> bool:
    return any(column[-1] == "paper_mean" for column in table.columns)
