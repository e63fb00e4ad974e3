"""Scene classification: one scene a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from earmark.evaluation.scores import POLICY, Counts, IntArray, class_fscore
from earmark.reference import Reference
from earmark_evaluators.alignment import scene_posterior
from earmark_evaluators.results import recordings_of, scalar_scores, versions


@dataclass(frozen=True, kw_only=True)
class SceneEvaluator:
    """F-scores of scenes and the confusion matrix; the micro F-score of one scene a clip is the accuracy.

    Source: [partial_labels], Tables 5 and 6.
    """

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """Return scores and the confusion matrix; see `earmark.protocols.Evaluator`.

        Returns:
            ``fscore_micro`` (the accuracy), ``fscore_macro``, ``fscore_macro_all``, ``fscore`` (scene), ``confusion``
            (scene_reference, scene_estimated) and ``confusion_by_recording``, in clips.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        estimated = scene_posterior(reference, predictions).argmax(axis=1)
        n_scenes, (recordings, of_clip) = len(reference.scenes), recordings_of(reference.clips)
        by_recording = np.zeros((len(recordings), n_scenes, n_scenes), dtype=np.int64)
        np.add.at(by_recording, (of_clip, reference.scene_index, estimated), 1)
        confusion = by_recording.sum(axis=0)
        counts = confusion_counts(confusion)
        absent = [scene for scene, n in zip(reference.scenes, counts.tp + counts.fn, strict=True) if n == 0]
        variables = {
            **scalar_scores(counts),
            "fscore": (("scene",), class_fscore(counts)),
            "confusion": (("scene_reference", "scene_estimated"), confusion),
            "confusion_by_recording": (("recording", "scene_reference", "scene_estimated"), by_recording),
        }
        names = list(reference.scenes)
        return xr.Dataset(
            variables,
            {"scene": names, "scene_reference": names, "scene_estimated": names, "recording": recordings},
            {
                "policy": POLICY,
                "absent_scenes": absent,
                "n_clips": len(reference.clips),
                "criterion": "scene[largest posterior]",
                "versions": versions("earmark", "numpy"),
            },
        )


def confusion_counts(confusion: IntArray) -> Counts:
    """Counts (scene,) of a confusion matrix (scene_reference, scene_estimated).

    >>> [count.tolist() for count in confusion_counts(np.array([[3, 1], [0, 2]]))]
    [[3, 2], [0, 1], [1, 0]]
    """
    hits = np.diagonal(confusion)
    return Counts(hits, confusion.sum(axis=0) - hits, confusion.sum(axis=1) - hits)
