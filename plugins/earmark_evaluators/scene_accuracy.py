"""Accuracy of scenes: of each, and as papers on scene classification average it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from earmark.evaluation.scores import class_recall, macro
from earmark.reference import Reference
from earmark_evaluators.alignment import scene_posterior
from earmark_evaluators.results import versions
from earmark_evaluators.scene import confusion_counts


@dataclass(frozen=True, kw_only=True)
class SceneAccuracyEvaluator:
    """Share of each scene's clips that are recognised, and its mean over scenes; of equal posteriors the first counts.

    Source: [relation_guided], whose "average accuracy" is the mean over scenes: that of its Table V is printed in
    Tables I and II. The F-scores of the evaluator ``scene`` also weigh what was wrongly taken for a scene.
    """

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """Return accuracies; see `earmark.protocols.Evaluator`.

        Returns:
            ``accuracy_macro`` (the mean over scenes that occur), ``accuracy_micro`` (over clips), ``accuracy`` (scene),
            NaN where no clip is of the scene, and ``n_clips`` (scene).

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        estimated = scene_posterior(reference, predictions).argmax(axis=1)
        n_scenes = len(reference.scenes)
        confusion = np.zeros((n_scenes, n_scenes), dtype=np.int64)
        np.add.at(confusion, (reference.scene_index, estimated), 1)
        counts = confusion_counts(confusion)
        recall = class_recall(counts)
        return xr.Dataset(
            {
                "accuracy_macro": float(macro(recall, counts)),
                "accuracy_micro": float(class_recall(counts.pooled())[0]),
                "accuracy": (("scene",), recall),
                "n_clips": (("scene",), confusion.sum(axis=1)),
            },
            {"scene": list(reference.scenes)},
            {
                "policy": "accuracy_macro is over the scenes of which there is a clip.",
                "n_clips": len(reference.clips),
                "criterion": "scene[largest posterior]",
                "versions": versions("earmark", "numpy"),
            },
        )
