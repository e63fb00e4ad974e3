"""Where nets place clips: maps of embeddings in two dimensions above confusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.reference import Reference
from earmark_evaluators.alignment import scene_posterior
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_style import INK, WIDTH_IN, colours_of, legend_above, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERPLEXITY = 30.0


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    """A net's test clips in the plane."""

    points: pd.DataFrame
    """A row per clip: ``clip``, ``scene``, ``predicted``, ``x``, ``y``."""
    confusion: pd.DataFrame
    """Clips (true scene, predicted scene)."""


def embedding_map(reference: Reference, predictions: xr.Dataset, *, seed: int = 0) -> EmbeddingMap:
    """Place clips in the plane by t-SNE of their embeddings, and count the confusions of their scenes.

    Source: [relation_guided], Fig. 3, which gives no settings of t-SNE: perplexity 30 (less where there are few clips),
    beginning with the principal components.

    Args:
        reference: the clips and their scenes.
        predictions: with ``embedding`` (clip, dim) and ``scene_posterior`` (clip, scene).
        seed: of t-SNE.

    Raises:
        EvaluationError: the predictions do not fit, hold no embedding, or there are fewer than 4 clips.
    """
    import pandas as pd

    estimated = scene_posterior(reference, predictions).argmax(axis=1)
    if "embedding" not in predictions:
        raise EvaluationError(
            "The predictions hold no embedding, which a map of clips is made of. Choose a model that gives one."
        )
    clips = list(reference.clip_ids)
    embedding = np.asarray(predictions["embedding"].sel(clip=clips).transpose("clip", "dim").values, dtype=np.float32)
    plane = in_the_plane(embedding, seed)
    scenes = list(reference.scenes)
    confusion = np.zeros((len(scenes), len(scenes)), dtype=np.int64)
    np.add.at(confusion, (reference.scene_index, estimated), 1)
    return EmbeddingMap(
        points=pd.DataFrame(
            {
                "clip": clips,
                "scene": [scenes[index] for index in reference.scene_index],
                "predicted": [scenes[index] for index in estimated],
                "x": plane[:, 0],
                "y": plane[:, 1],
            }
        ),
        confusion=pd.DataFrame(confusion, index=scenes, columns=scenes),
    )


def in_the_plane(embedding: npt.NDArray[np.floating], seed: int) -> npt.NDArray[np.float32]:
    """Places (clip, 2) of embeddings (clip, dim), by t-SNE.

    Raises:
        EvaluationError: there are fewer than 4 clips.
    """
    from sklearn.manifold import TSNE

    if len(embedding) < 4:
        raise EvaluationError(f"t-SNE of {len(embedding)} clips says nothing; give at least 4.")
    # Neighbourhoods of a third of all clips, at most, as scikit-learn's own advice for small sets.
    perplexity = min(PERPLEXITY, (len(embedding) - 1) / 3)
    # Principal components of clips that all lie at one point are not numbers.
    begin = "pca" if np.ptp(embedding, axis=0).any() else "random"
    tsne = TSNE(2, perplexity=perplexity, init=begin, random_state=seed)
    plane: npt.NDArray[np.float32] = tsne.fit_transform(embedding.astype(np.float32))
    return plane


def embedding_maps(maps: Mapping[str, EmbeddingMap]) -> Figure:
    """Draw maps of clips, a colour per scene, and under each the confusions, in percent of the true scene's clips.

    Source: [relation_guided], Fig. 3.

    Args:
        maps: by title; all of the same scenes.

    Raises:
        EvaluationError: there is no map.
    """
    if not maps:
        raise EvaluationError("There is no map of clips to draw. Give at least one, by its title.")
    scenes = list(next(iter(maps.values())).confusion.index)
    figure, grid = new_figure(WIDTH_IN, 3.1 + 1.1 + 0.19 * len(scenes), 2, len(maps), squeeze=False)
    colours = colours_of(scenes)
    for place, (title, one) in enumerate(maps.items()):
        above, below = grid[:, place]
        for scene in scenes:
            here = one.points[one.points["scene"] == scene]
            above.scatter(here["x"], here["y"], s=7, color=colours[scene], linewidths=0)
        above.set_title(title, fontsize=8.5)
        above.set_xticks([])
        above.set_yticks([])
        above.grid(visible=False)
        _confusion(below, one.confusion, with_names=place == 0)
    legend_above(figure, [(scene.replace("_", " "), colour) for scene, colour in colours.items()], marker=True)
    return figure


def _confusion(axes: Axes, confusion: pd.DataFrame, *, with_names: bool) -> None:
    counts = confusion.to_numpy(dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if round(100 * share):
            colour = "white" if share > 0.6 else INK
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=5.5, color=colour)
    names = [str(name).replace("_", " ") for name in confusion.index]
    axes.set_xticks(range(len(names)), names, rotation=55, ha="right", rotation_mode="anchor", fontsize=6.5)
    axes.set_yticks(range(len(names)), names if with_names else [], fontsize=6.5)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel("estimated scene (cells: %)")
    if with_names:
        axes.set_ylabel("true scene")
