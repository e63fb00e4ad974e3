"""Figures of the relation between scenes and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_style import INK, WIDTH_IN, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def relation_heat_map(relation: pd.DataFrame, *, n_events: int = 24, title: str = "") -> Figure:
    """Draw a relation matrix: a row per scene, a column for each of the events that differ or occur most, in percent.

    Source: [relation_guided], Eqs. (1) and (2); the paper draws no matrix.

    Args:
        relation: (scene, event), shares of clips in [0, 1], with the names as index and columns.
        n_events: columns at most, those with the largest share in any scene, in falling order; the caption says of how
            many.
        title: stands above.

    Raises:
        EvaluationError: there is no entry, or one is not in [0, 1].
    """
    values = relation.to_numpy(dtype=float)
    if not values.size or not ((values >= 0) & (values <= 1)).all():
        raise EvaluationError(
            "A relation matrix to draw has a row per scene, a column per event, and shares of clips in [0, 1] in them."
        )
    order = np.argsort(-values.max(axis=0), kind="stable")[:n_events]
    shown = values[:, order]
    figure, axes = new_figure(WIDTH_IN, 1.6 + 0.22 * len(shown))
    axes.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(shown):
        if round(100 * value):  # a 0 in most cells would hide the others
            colour = "white" if value > 0.6 else INK
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=5.5, color=colour)
    names = [str(relation.columns[column]) for column in order]
    axes.set_xticks(range(len(names)), names, rotation=55, ha="right", rotation_mode="anchor", fontsize=6.5)
    axes.set_yticks(range(len(shown)), [str(scene).replace("_", " ") for scene in relation.index], fontsize=7)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel(f"{len(names)} of {values.shape[1]} events (cells: % of the scene's training clips)")
    if title:
        axes.set_title(title, fontsize=8.5)
    return figure
