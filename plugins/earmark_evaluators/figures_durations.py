"""How long events of each class last: densities of durations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_style import WIDTH_IN, colours_of, legend_above, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

GRID_S = (0.0, 12.0, 0.05)
"""First and last duration, and the step between them."""


def duration_densities(durations_s: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Kernel density estimates of the durations of each class: Gaussian kernel, Scott's bandwidth.

    Source: [weak_label_limits], Fig. 1.

    Args:
        durations_s: of the events of each class.

    Returns:
        Columns class, duration_s and density (1/s), from 0 to 12 s in steps of 0.05 s.

    Raises:
        EvaluationError: the durations of a class are fewer than two, or all the same, and have no density.
    """
    import pandas as pd
    from scipy.stats import gaussian_kde

    first, last, step = GRID_S
    grid = np.linspace(first, last, round((last - first) / step) + 1)
    parts = []
    for name, values in durations_s.items():
        if len(set(values)) < 2:
            raise EvaluationError(
                f"{name!r} has {len(values)} durations, of which {len(set(values))} differ; a density needs two. "
                "Take more clips, or leave the class out."
            )
        density = gaussian_kde(np.asarray(values, dtype=np.float64))(grid)
        parts.append(pd.DataFrame({"class": name, "duration_s": grid.round(6), "density": density}))
    if not parts:
        raise EvaluationError("There are no durations to draw. Give those of at least one class.")
    return pd.concat(parts, ignore_index=True)


def durations(densities: pd.DataFrame) -> Figure:
    """Draw the densities of durations, a line per class.

    Source: [weak_label_limits], Fig. 1.

    Args:
        densities: made by `duration_densities`.
    """
    names = list(dict.fromkeys(densities["class"]))
    colours = colours_of(names)
    figure, axes = new_figure(WIDTH_IN, 3.4)
    for place, name in enumerate(names):
        line = densities[densities["class"] == name]
        # Ten colours of one palette are hard to tell apart; every second line is dashed.
        style = "-" if place % 2 == 0 else "--"
        axes.plot(line["duration_s"], line["density"], style, color=colours[name], lw=1.3)
    axes.set_xlim(*GRID_S[:2])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("duration of the event (s)")
    axes.set_ylabel("density (1/s)")
    legend_above(figure, [(name.replace("_", " "), colours[name]) for name in names])
    return figure
