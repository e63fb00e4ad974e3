"""Figures of sweeps: scores along a coordinate, and the choice of a value by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures import words
from earmark_evaluators.figures_style import INK, WIDTH_IN, colours_of, legend_above, new_figure
from earmark_evaluators.tables import is_percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Key = tuple[str, str, str]
"""Target, metric and average of a score."""

_LEAST_RANGE = 10.0
"""Percent points that an axis shows at least: noise of one point must not look like a slope."""


def curves(table: pd.DataFrame, keys: Sequence[Key], *, x: str, label: str, logarithmic: bool = False) -> Figure:
    """Draw scores along a coordinate: a panel per score, a line per ``curve``, deviations as bars.

    Source: [partial_labels], Figs. 5 to 7; with a logarithmic axis [soft_scene_labels], Fig. 3.

    Args:
        table: made by `earmark_evaluators.tables_sweeps.point_table`, with a coordinate ``curve``; points without one
            (all clips labelled in the same way) lie on every line and are marked in black; those that lack ``x`` too
            (a net without the loss whose weight is varied) are a level, dashed. Where the table has the paper's numbers
            (`points_beside_paper`) they appear as hollow markers, that of a level at its left end.
        keys: scores to draw.
        x: the coordinate of the axis.
        label: what the axis says.
        logarithmic: whether the axis is, with a tick at each value; all must be positive.

    Raises:
        EvaluationError: the table lacks one of the scores.
    """
    figure, grid = new_figure(WIDTH_IN, 3.1, 1, len(keys))
    names = list(dict.fromkeys(table["curve"].dropna()))
    colours = colours_of(names)
    has_paper = "paper_mean" in table
    for axes, key in zip(np.atleast_1d(grid), keys, strict=True):
        here = _of_key(table, key)
        level, here = here[here[x].isna()], here[here[x].notna()]
        common = here[here["curve"].isna()]
        step = 0.013 * float(np.ptp(here[x].to_numpy(dtype=float)))
        for place, name in enumerate(names):
            line = here[(here["curve"] == name) | here["curve"].isna()].sort_values(x)
            # A little aside, so that the bars of equal points do not hide each other.
            aside = place - (len(names) - 1) / 2
            own = line["curve"].notna().to_numpy()
            at = line[x].to_numpy(dtype=float)
            at = at * np.where(own, 1.1**aside, 1) if logarithmic else at + np.where(own, step * aside, 0)
            scale = 100.0 if is_percent(key[1]) else 1.0
            axes.plot(at, line["mean"] * scale, color=colours[name], lw=1.4, zorder=2)
            _points(axes, at[own], line[own], key, colours[name], has_paper)
        _points(axes, common[x].to_numpy(dtype=float), common, key, INK, has_paper)
        _levels(axes, level, key, has_paper)
        if logarithmic:
            _logarithmic(axes, sorted(here[x].unique()))
        axes.set_xlabel(label)
        axes.set_ylabel(f"{key[0]}: {words(key[1])} {key[2]}" + (" (%)" if is_percent(key[1]) else ""))
        axes.grid(axis="y", color="0.9", lw=0.6)
        axes.margins(x=0.04, y=0.12)
        _at_least(axes, _LEAST_RANGE if is_percent(key[1]) else 0.0)
    starts = [(str(title), INK) for title in dict.fromkeys(table[table["curve"].isna()]["title"])]
    legend_above(figure, [*starts, *colours.items()], with_paper=has_paper, marker=True)
    return figure


def choice(points: pd.DataFrame, keys: Sequence[Key], *, x: str, label: str, paper: float | None = None) -> Figure:
    """Draw how a value is chosen by cross-validation: a panel per score, a thin line per fold, the mean as a thick one.

    Source: [partial_labels], the choice of phi.

    Args:
        points: made by `earmark_evaluators.tables_sweeps.points`.
        keys: scores to draw.
        x: the coordinate that is chosen.
        label: what the axis says.
        paper: the value that the paper has chosen: a dotted line, named on the axis.

    Raises:
        EvaluationError: the table lacks one of the scores.
    """
    figure, grid = new_figure(WIDTH_IN, 2.9, 1, len(keys))
    mean_colour = colours_of(["mean"])["mean"]
    values = sorted(points[x].unique())
    for axes, key in zip(np.atleast_1d(grid), keys, strict=True):
        here = _of_key(points, key)
        scale = 100.0 if is_percent(key[1]) else 1.0
        by_fold = here.groupby(["fold", x])["value"].mean().unstack(x) * scale  # (fold, value of x)
        for _, fold in by_fold.iterrows():
            axes.plot(values, fold[values], color="0.72", lw=0.9, marker="o", ms=2.5, zorder=1)
        mean = [float(by_fold[value].mean()) for value in values]
        axes.plot(values, mean, color=mean_colour, lw=2, marker="o", ms=5, zorder=3)
        best = int(np.argmax(np.round(mean, 9)))  # the first of equal ones, whatever their last digits say
        axes.plot([values[best]], [mean[best]], color=mean_colour, marker="o", ms=10, mfc="none", zorder=3)
        if paper is not None:
            axes.axvline(paper, color=INK, lw=1.2, ls=":", zorder=0.5)
        ticks = sorted({*values, *([paper] if paper is not None else [])})
        axes.set_xticks(ticks, [f"{tick:g}\n(paper)" if tick == paper else f"{tick:g}" for tick in ticks])
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(label)
        axes.set_ylabel(f"{key[0]}: {words(key[1])} {key[2]}" + (" (%)" if is_percent(key[1]) else ""))
        axes.grid(axis="y", color="0.9", lw=0.6)
        axes.margins(x=0.1, y=0.15)
    n_folds = points["fold"].nunique()
    legend_above(figure, [(f"mean of {n_folds} folds, the best ringed", mean_colour), ("each fold", "0.72")])
    return figure


def _of_key(table: pd.DataFrame, key: Key) -> pd.DataFrame:
    found = table[(table["target"] == key[0]) & (table["metric"] == key[1]) & (table["average"] == key[2])]
    if not len(found):
        known = list(dict.fromkeys(zip(table["target"], table["metric"], table["average"], strict=True)))
        raise EvaluationError(
            f"The points hold no score {' '.join(key)}. They hold: {', '.join(' '.join(one) for one in known)}."
        )
    return found


def _points(axes: Axes, at: Any, rows: pd.DataFrame, key: Key, colour: Any, has_paper: bool) -> None:
    """Filled markers with deviations where there are several repetitions, and the paper's as hollow ones."""
    scale = 100.0 if is_percent(key[1]) else 1.0
    deviation = np.where(rows["n"] > 1, rows["sd"] * scale, 0)
    axes.errorbar(at, rows["mean"] * scale, yerr=deviation, fmt="o", ms=4.5, elinewidth=1.1, color=colour, zorder=3)
    if has_paper:
        kept = rows["paper_mean"].notna().to_numpy()
        sd = rows["paper_sd"].fillna(0)[kept] * scale
        printed: dict[str, Any] = {"fmt": "D", "ms": 4.5, "mfc": "white", "elinewidth": 0.7, "zorder": 4}
        axes.errorbar(at[kept], rows["paper_mean"][kept] * scale, yerr=sd, color=colour, **printed)


def _levels(axes: Axes, rows: pd.DataFrame, key: Key, has_paper: bool) -> None:
    """Dashed lines across the axes, with the paper's numbers at their left ends."""
    scale = 100.0 if is_percent(key[1]) else 1.0
    for row in rows.to_dict("records"):
        axes.axhline(row["mean"] * scale, color=INK, lw=1.1, ls="--", zorder=1.5)
        if has_paper and np.isfinite(row["paper_mean"]):
            printed: dict[str, Any] = {"marker": "D", "ms": 4.5, "mfc": "white", "ls": "", "zorder": 4}
            axes.plot([0.015], [row["paper_mean"] * scale], color=INK, transform=axes.get_yaxis_transform(), **printed)


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis with ticks at the values that were tried, and plain numbers."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xlim(values[0] / 2, values[-1] * 2)  # also where only one value was tried


def _at_least(axes: Axes, span: float) -> None:
    low, high = axes.get_ylim()
    more = max(0.0, span - (high - low)) / 2
    axes.set_ylim(low - more, high + more)
