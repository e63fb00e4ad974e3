"""The figure of a search for hyper-parameters: learning curves by what became of them, and scores by parameter."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from earmark.results import Results
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures import words
from earmark_evaluators.figures_style import WIDTH_IN, legend_above, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from earmark.tuning.results import Found

FATES = {"pruned": ("pruned", "#9aa5b1"), "running": ("under way", "#de8f05"), "complete": ("complete", "#0173b2")}
BEST = "#d55e00"
N_COLUMNS = 3
"""Panels of parameters side by side."""
N_TICKS = 4
"""Values of a parameter that get a tick each; of more, matplotlib chooses some."""


def search_figure(found: Found) -> Figure:
    """Draw a search: above the learning curves of all trials with the rungs, below the score against each parameter.

    Trials are coloured by what became of them; the best of the complete ones stands out. A rung is the epoch after
    which trials are compared, and some pruned.

    Raises:
        EvaluationError: no trial has been judged yet.
    """
    if found.curves.empty:
        raise EvaluationError("search_figure: no trial has been judged yet, so that there is nothing to draw.")
    n_columns = min(N_COLUMNS, len(found.parameters))
    n_rows = -(-len(found.parameters) // n_columns)
    ratios = {"height_ratios": [1.7, *([1.0] * n_rows)]}
    figure, grid = new_figure(WIDTH_IN, 2.9 + 1.6 * n_rows, 1 + n_rows, n_columns, squeeze=False, gridspec_kw=ratios)
    complete = found.trials[found.trials["state"] == "complete"]
    best = None if complete.empty else int(complete["trial"].to_numpy()[complete["score"].to_numpy().argmax()])
    above, below = grid[0, 0], list(grid[1:].flat)
    above.set_subplotspec(above.get_gridspec()[0, :])
    _curves(above, found, best)
    for axes, name in zip(below, found.parameters, strict=False):
        axes.sharey(below[0])
        _against(axes, found, name, best)
    for axes in grid[1:, 1:].flat:
        axes.tick_params(labelleft=False)
    for axes in grid[1:, 0]:
        axes.set_ylabel(f"best score{_unit(found)}")
    for axes in [*grid[0, 1:], *below[len(found.parameters) :]]:
        axes.remove()
    drawn = [FATES[state] for state in FATES if (found.trials["state"] == state).any()]
    legend_above(figure, [*drawn, *([] if best is None else [(f"best: trial {best}", BEST)])])
    return figure


def draw_search(found: Found, folder: Path) -> None:
    """Write the figure as PNG and SVG into ``figures`` of a folder; nothing before the first trial was judged."""
    if not found.curves.empty:
        results = Results(folder, corpus=found.corpus, profile=found.profile, n_repetitions=1)
        results.figure("search", search_figure(found), averaged=False)


def _curves(axes: Axes, found: Found, best: int | None) -> None:
    states = dict(zip(found.trials["trial"], found.trials["state"], strict=True))
    last = int(found.curves["epoch"].max())
    for rung in found.rungs:
        if rung <= last:
            axes.axvline(rung, color="0.55", lw=0.8, ls=(0, (4, 3)), zorder=1)
            axes.annotate(
                f"rung {rung}", (rung, 1), xycoords=("data", "axes fraction"), xytext=(2, -1),
                textcoords="offset points", fontsize=6.5, color="0.4", va="top",
            )  # fmt: skip
    for trial, curve in found.curves.groupby("trial"):
        colour, width, above = _look(states[trial], trial == best)
        axes.plot(curve["epoch"], _scale(found) * curve["score"], color=colour, lw=width, zorder=above)
        end = curve.iloc[-1]
        axes.plot([end["epoch"]], [_scale(found) * end["score"]], color=colour, marker="o", ms=3, zorder=above + 0.1)
    axes.set_xscale("log")
    ticks = sorted({1, *(rung for rung in found.rungs if rung <= last), last})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{words(found.score)}{_unit(found)}")
    axes.grid(axis="x", visible=False)
    axes.grid(axis="y", color="0.9", lw=0.6)


def _against(axes: Axes, found: Found, name: str, best: int | None) -> None:
    values = list(found.trials[name])
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) for value in values):
        places = [float(value) for value in values]
        ticks = {value: f"{value:g}" for value in sorted(set(places))}
    else:  # names, in the order of the trials
        places = [float(distinct.index(value)) for value in values]
        ticks = {float(place): str(value) for place, value in enumerate(distinct)}
    rows = zip(places, found.trials["trial"], found.trials["state"], found.trials["score"], strict=True)
    for place, trial, state, score in rows:
        colour, _, above = _look(state, trial == best)
        axes.plot([place], [_scale(found) * score], color=colour, marker="o", ms=4, zorder=above)
    if name in found.logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()
        round_ones = [m * 10.0**n for n in range(-9, 9) for m in (1, 2, 5) if min(ticks) <= m * 10.0**n <= max(ticks)]
        ticks = {value: f"{value:g}" for value in (round_ones if len(round_ones) > 1 else (min(ticks), max(ticks)))}
    if name in found.logarithmic or len(ticks) <= N_TICKS:
        axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xlabel(name)
    axes.margins(x=0.1, y=0.12)
    axes.grid(axis="x", visible=False)
    axes.grid(axis="y", color="0.9", lw=0.6)


def _scale(found: Found) -> float:
    return 100.0 if any(name in found.score for name in ("fscore", "accuracy")) else 1.0


def _unit(found: Found) -> str:
    return " (%)" if _scale(found) > 1 else ""


def _look(state: str, best: bool) -> tuple[str, float, int]:
    """Colour, width and height above the paper of a trial."""
    if best:
        return BEST, 1.8, 5
    return FATES[state][1], 1.0 if state == "complete" else 0.8, list(FATES).index(state) + 2
