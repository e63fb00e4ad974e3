"""Figures of scenes: heat maps of confusions and soft labels, and how often events are annotated in each scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_style import INK, WIDTH_IN, colours_of, legend_above, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 3
"""Heat maps side by side in which a number still fits into a cell."""


def heat_maps(maps: Mapping[str, pd.DataFrame], *, rows: str, columns: str) -> Figure:
    """Draw tables of fractions: a panel each, under its title, a cell per number, in percent.

    Source: [mutual_benefit], Fig. 3.

    Args:
        maps: tables of the same rows and columns, by title; what is not a number is left empty.
        rows: what the rows are, such as "true scene".
        columns: what the columns are.

    Raises:
        EvaluationError: there is no table.
    """
    if not maps:
        raise EvaluationError("There is no heat map to draw. Give at least one table, by its title.")
    n_rows = len(next(iter(maps.values())))
    n_across = min(_MOST_COLUMNS, len(maps))
    n_down = -(-len(maps) // n_across)
    # Cells of a long table are as high as a line of text, those of a short one nearly square.
    height_in = n_down * (0.55 + n_rows * (0.4 if n_rows <= 8 else 0.19)) + 0.95
    figure, grid = new_figure(WIDTH_IN, height_in, n_down, n_across, sharex=True, sharey=True, squeeze=False)
    for place, (title, table) in enumerate(maps.items()):
        axes = grid[place // n_across, place % n_across]
        _heat_map(axes, table)
        axes.set_title(title, fontsize=8.5)
        axes.tick_params(length=0, labelbottom=place + n_across >= len(maps))
    for axes in grid.ravel()[len(maps) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(rows)
    grid[-1, 0].set_xlabel(f"{columns} (cells: %)")
    return figure


def _heat_map(axes: Axes, table: pd.DataFrame) -> None:
    fractions = table.to_numpy(dtype=float)
    axes.imshow(np.ma.masked_invalid(fractions), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(fractions):
        if np.isfinite(value):
            colour = "white" if value > 0.6 else INK
            axes.text(column, row, f"{100 * value:.1f}", ha="center", va="center", fontsize=6.5, color=colour)
    axes.set_xticks(range(table.shape[1]), [_words(name) for name in table.columns], fontsize=7)
    axes.set_yticks(range(table.shape[0]), [_words(name).replace("\n", " ") for name in table.index], fontsize=7.5)
    axes.grid(visible=False)


def annotated_instances(counts: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how often each event is annotated: a panel per split, bars side by side for the scenes, a logarithmic axis.

    Source: [mutual_benefit], Fig. 1.

    Args:
        counts: tables (event, scene) of `earmark_evaluators.annotation_counts.instances`, by the split's name.

    Raises:
        EvaluationError: there is no table.
    """
    if not counts:
        raise EvaluationError("There are no counts to draw. Give the instances of at least one split, by its name.")
    tables = list(counts.values())
    events, scenes = list(tables[0].index), list(tables[0].columns)
    figure, grid = new_figure(
        WIDTH_IN, 1.7 + 1.7 * len(tables), len(tables), 1, sharex=True, sharey=True, squeeze=False
    )
    colours = colours_of(scenes)
    for axes, (split, table) in zip(grid[:, 0], counts.items(), strict=True):
        for place, event in enumerate(events):
            # Only scenes in which the event was heard take room: most events have one or two.
            heard = [scene for scene in scenes if table.loc[event, scene] > 0]
            for lane, scene in enumerate(heard):
                at = place + (lane - (len(heard) - 1) / 2) * 0.22
                axes.bar(at, table.loc[event, scene], width=0.2, color=colours[scene], zorder=2)
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)  # so that a single instance has a bar
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_ylabel(f"Instances, {split}")
        axes.grid(axis="x", visible=False)
        axes.grid(axis="y", color="0.9", lw=0.6)
        axes.set_axisbelow(True)
    grid[-1, 0].set_xticks(range(len(events)), events, rotation=60, ha="right", rotation_mode="anchor")
    grid[-1, 0].set_xlim(-0.6, len(events) - 0.4)
    legend_above(figure, [(_words(scene).replace("\n", " "), colour) for scene, colour in colours.items()])
    return figure


def _words(name: object) -> str:
    r"""A name as people write it, on two lines where it has two words.

    >>> _words("city_center")
    'city\ncenter'
    """
    return str(name).replace("_", "\n")
