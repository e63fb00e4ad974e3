"""What the soft scene labels of a teacher say: which scenes it takes for alike, and where it thinks events belong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from earmark.evaluation.scores import FloatArray
from earmark.study import Study
from earmark_evaluators.alignment import scene_posterior
from earmark_evaluators.errors import EvaluationError


def soft_labels(studies: Sequence[Study], stage: str) -> xr.Dataset:
    """Soft labels of the training clips of all folds and seeds, with what is annotated in these clips.

    Args:
        studies: the folds of an experiment, or a single study.
        stage: a scene classifier that predicts the training clips.

    Returns:
        ``posterior`` (label, scene), ``scene_index`` (label,) of the true scene, and ``frames`` (label, event) in which
        the event sounds. A label is one clip in one fold with one seed; temperature 1.

    Raises:
        EvaluationError: there is no study, or the stage has no scene posteriors of the training clips.
        StoreError: a run is not done.
    """
    parts = []
    for study in studies:
        reference = study.reference_of("train")
        frames = reference.activity.sum(axis=1)
        for seed in study.experiment.seeds:
            predictions = study.predictions(stage, seed, "train").sel(clip=list(reference.clip_ids))
            posterior = scene_posterior(reference, predictions)
            parts.append((posterior, reference.scene_index, frames))
    if not parts:
        raise EvaluationError("There are no folds of which to show soft labels. Open an experiment first.")
    posteriors, scenes, frames_of = (np.concatenate(part) for part in zip(*parts, strict=True))
    return xr.Dataset(
        {
            "posterior": (("label", "scene"), posteriors.astype(np.float64)),
            "scene_index": (("label",), scenes),
            "frames": (("label", "event"), frames_of),
        },
        {"scene": list(studies[0].dataset.scenes), "event": list(studies[0].dataset.events)},
    )


def mean_posteriors(labels: xr.Dataset) -> pd.DataFrame:
    """Mean soft label of the clips of each true scene, a row each, fractions; NaN where no clip is of a scene.

    Source: [soft_scene_labels], section 1: a soft label says how alike a clip is to each scene.
    """
    return _weighted(_true_scenes(labels), labels["posterior"].to_numpy(), _names(labels, "scene"), labels)


def scenes_of_events(labels: xr.Dataset, *, soft: bool) -> pd.DataFrame:
    """In which scenes each event sounds: shares of its frames (event, scene), by the soft labels or by the true scenes.

    An event that never sounds has NaN.
    """
    scenes = labels["posterior"].to_numpy() if soft else _true_scenes(labels)
    return _weighted(labels["frames"].to_numpy().astype(float), scenes, _names(labels, "event"), labels)


def events_in_common(labels: xr.Dataset) -> pd.DataFrame:
    """Likeness of each two scenes in the events annotated there: the cosine of their frame counts (scene, scene).

    A scene without an event has NaN.
    """
    counts = _true_scenes(labels).T @ labels["frames"].to_numpy()  # (scene, event)
    with np.errstate(invalid="ignore"):
        unit = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    scenes = _names(labels, "scene")
    return pd.DataFrame(unit @ unit.T, index=scenes, columns=scenes)


def summary_of_labels(labels: xr.Dataset) -> pd.DataFrame:
    """One row a true scene, and one for all: number of labels, mean entropy in nat, share of them with the true scene
    on top.

    A mean entropy below about 0.05 nat means labels as good as hard ([soft_scene_labels], section 13, B4).
    """
    posterior = labels["posterior"].to_numpy()
    true = labels["scene_index"].to_numpy()
    logarithm = np.log(posterior, out=np.zeros_like(posterior), where=posterior > 0)
    found = pd.DataFrame(
        {
            "scene": [_names(labels, "scene")[index] for index in true],
            "entropy_nat": -(posterior * logarithm).sum(axis=1),
            "true_scene_on_top": (posterior.argmax(axis=1) == true).astype(float),
        }
    )
    columns = {"n": ("entropy_nat", "size")}
    columns |= {name: (name, "mean") for name in ("entropy_nat", "true_scene_on_top")}
    rows = [found.groupby("scene", sort=False).agg(**columns).reset_index(), found.assign(scene="all")]
    rows[1] = rows[1].groupby("scene").agg(**columns).reset_index()
    return pd.concat(rows, ignore_index=True)


def _true_scenes(labels: xr.Dataset) -> FloatArray:
    return np.asarray(np.eye(labels.sizes["scene"])[labels["scene_index"].to_numpy()])


def _weighted(weights: FloatArray, scenes: FloatArray, rows: Sequence[str], labels: xr.Dataset) -> pd.DataFrame:
    """Mean of distributions (label, scene), weighted by the columns of weights (label, row)."""
    with np.errstate(invalid="ignore"):
        mean = weights.T @ scenes / weights.sum(axis=0)[:, None]
    return pd.DataFrame(mean, index=list(rows), columns=_names(labels, "scene"))


def _names(labels: xr.Dataset, dim: str) -> list[str]:
    return [str(name) for name in labels[dim].values]
