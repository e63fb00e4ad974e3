"""Where methods place clips, by the length of the clips on which they were trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import xarray as xr

from earmark.reference import Reference
from earmark_evaluators.alignment import clip_embedding
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_embeddings import in_the_plane
from earmark_evaluators.figures_style import WIDTH_IN, colours_of, legend_above, new_figure
from earmark_evaluators.tags import clip_class

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def class_map(reference: Reference, predictions: xr.Dataset, *, seed: int = 0) -> pd.DataFrame:
    """Place clips in the plane by t-SNE of their embeddings.

    Args:
        reference: the clips, of one event each.
        predictions: with ``embedding`` (clip, dim).
        seed: of t-SNE.

    Returns:
        Columns clip, class, x and y.

    Raises:
        EvaluationError: the predictions do not fit, a clip is not of one class, or there are fewer than 4 clips.
    """
    import pandas as pd

    embedding, of_class = clip_embedding(reference, predictions), clip_class(reference)
    plane = in_the_plane(embedding, seed)
    names = [reference.events[index] for index in of_class]
    return pd.DataFrame({"clip": reference.clip_ids, "class": names, "x": plane[:, 0], "y": plane[:, 1]})


def embeddings_by_length(maps: Mapping[tuple[str, float], pd.DataFrame]) -> Figure:
    """Draw maps of clips: a row per method, a column per training length, a colour per class.

    Args:
        maps: made by `class_map`, by method and length in seconds; a pair that is not there leaves its place empty.

    Raises:
        EvaluationError: there is no map.
    """
    if not maps:
        raise EvaluationError("There is no map of clips to draw. Give at least one, by its method and length.")
    methods = list(dict.fromkeys(method for method, _ in maps))
    lengths_s = sorted({length_s for _, length_s in maps})
    classes = sorted({name for one in maps.values() for name in one["class"]})
    colours = colours_of(classes)
    figure, grid = new_figure(WIDTH_IN, 0.8 + 2.3 * len(methods), len(methods), len(lengths_s), squeeze=False)
    for row, method in enumerate(methods):
        for column, length_s in enumerate(lengths_s):
            axes = grid[row, column]
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            if row == 0:
                axes.set_title(f"trained on {length_s:g} s", fontsize=8.5)
            if column == 0:
                axes.set_ylabel(method)
            if (method, length_s) not in maps:
                continue
            one = maps[method, length_s]
            for name, of_class in one.groupby("class"):
                axes.scatter(of_class["x"], of_class["y"], s=6, color=colours[str(name)], linewidths=0)
    legend_above(figure, [(name.replace("_", " "), colour) for name, colour in colours.items()], marker=True)
    return figure
