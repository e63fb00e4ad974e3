"""What all figures share: their style, their colours, and a legend above the axes.

Figures are such that no global state knows of them, so that a notebook shows each once and a loop leaks none. Colours
are safe for colour-blind readers; a method keeps its colour within a figure by its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#262626"
WIDTH_IN = 7.2
"""Width of a page's text in inches."""


def new_figure(
    width_in: float, height_in: float, n_rows: int = 1, n_columns: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """An empty figure in the house style, and its axes."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    style: dict[Any, Any] = {
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.edgecolor": "0.6",
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "x",
        "grid.color": "0.88",
        "grid.linewidth": 0.6,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 8,
        "xtick.color": INK,
    }
    with sns.axes_style("ticks"), plt.rc_context(style):
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=(width_in, height_in), layout="constrained", dpi=150, **options
        )
    # Made through pyplot, which tells a notebook how to show figures; closed, so that it shows this one only once.
    plt.close(figure)
    return figure, axes


def colours_of(names: Iterable[str]) -> dict[str, Any]:
    """A colour for each name, by its place."""
    import seaborn as sns

    listed = list(names)
    return dict(zip(listed, sns.color_palette("colorblind", max(1, len(listed))), strict=False))


def legend_above(
    figure: Figure,
    entries: Sequence[tuple[str, Any]],
    *,
    title: str | None = None,
    with_paper: bool = False,
    marker: bool = False,
) -> None:
    """Put a legend of (name, colour) above the axes, in as many columns as fit, and under a title where one is given.

    Args:
        figure: to which it belongs.
        entries: what is drawn, in order.
        title: stands above it.
        with_paper: also explain the hollow markers of a paper's numbers.
        marker: explain markers instead of bars.
    """
    from matplotlib.lines import Line2D

    shape: dict[str, Any] = {"marker": "o", "ls": "", "ms": 5} if marker else {"lw": 4, "solid_capstyle": "butt"}
    handles = [Line2D([], [], color=colour, label=name, **shape) for name, colour in entries]
    if with_paper:
        handles.append(
            Line2D([], [], color="0.35", mfc="white", marker="D", ls="", ms=4.5, label="paper, on its corpus")
        )
    # The title is the legend's: a figure's own title and a legend outside the axes would lie on each other.
    for n_columns in range(max(1, len(handles)), 0, -1):
        legend = figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=n_columns,
            frameon=False,
            fontsize=8,
            title=title,
            title_fontsize=9,
            alignment="left",
        )
        if n_columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    legend.get_title().set_color(INK)
