"""The quality of embeddings: whether a clip lies nearest to the centre of its own class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.blocks import blocks
from earmark.reference import Reference
from earmark_evaluators.alignment import clip_embedding
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.results import versions
from earmark_evaluators.tags import clip_class

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class NearestCentreEvaluator:
    """Share of clips whose nearest class centre, by squared Euclidean distance, is that of their own class.

    Embeddings of all clips are held in memory, 8 bytes a number; distances are computed a block of clips at a time.

    The centre of a class is the mean embedding of its training clips; of those, `of_training` tells. A class without a
    training clip has no centre, and no clip is nearest to it.

    Source: [weak_label_limits], section 3.
    """

    def __init__(self) -> None:
        self._centres: FloatArray | None = None

    def of_training(self, reference: Reference, predictions: xr.Dataset) -> NearestCentreEvaluator:
        """Return the evaluator with the class centres of these clips.

        Raises:
            EvaluationError: the predictions hold no embedding of the reference's clips, or a clip is of no one class.
        """
        told = NearestCentreEvaluator()
        embedding, of_class = clip_embedding(reference, predictions), clip_class(reference)
        told._centres = class_centres(embedding, of_class, len(reference.events))
        return told

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """Return the measure of the clips; see `earmark.protocols.Evaluator`.

        Returns:
            ``nearest_centre``, the mean over the classes that occur, ``nearest_centre_of_class`` (event), NaN where a
            class does not occur, and ``nearest_centre_own_set``, the mean with centres of the evaluated clips
            themselves, as the authors' code measures.

        Raises:
            EvaluationError: the predictions do not fit the reference, or nobody told of the training clips.
        """
        if self._centres is None:
            raise EvaluationError(
                "The evaluator 'nearest-centre' compares with the centres of training clips, of which it has not been "
                "told. Call of_training(reference, predictions) with those of the same weights, and evaluate with what "
                "it returns."
            )
        embedding, of_class = clip_embedding(reference, predictions), clip_class(reference)
        n_classes = len(reference.events)
        shares = nearest_centre_shares(embedding, of_class, self._centres)
        own = nearest_centre_shares(embedding, of_class, class_centres(embedding, of_class, n_classes))
        return xr.Dataset(
            {
                "nearest_centre": float(np.nanmean(shares)),
                "nearest_centre_of_class": (("event",), shares),
                "nearest_centre_own_set": float(np.nanmean(own)),
            },
            {"event": list(reference.events)},
            {"n_clips": len(reference.clips), "versions": versions("earmark", "numpy")},
        )


def class_centres(embedding: FloatArray, of_class: IntArray, n_classes: int) -> FloatArray:
    """Mean embedding of each class (class, dim); NaN where a class does not occur.

    >>> class_centres(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 2]), 3).tolist()
    [[1.0], [nan], [5.0]]
    """
    centres = np.full((n_classes, embedding.shape[1]), np.nan)
    for index in np.unique(of_class):
        centres[index] = embedding[of_class == index].mean(axis=0)
    return centres


def nearest_centre_shares(embedding: FloatArray, of_class: IntArray, centres: FloatArray) -> FloatArray:
    """Share of each class' clips whose nearest centre is their own (class,); NaN where a class does not occur.

    Args:
        embedding: (clip, dim).
        of_class: (clip,).
        centres: (class, dim); NaN is never the nearest.
    """
    hit = np.empty(len(embedding), dtype=bool)
    for rows in blocks(len(embedding), centres.nbytes):
        distance = ((embedding[rows, None] - centres) ** 2).sum(axis=2)
        hit[rows] = np.where(np.isnan(distance), np.inf, distance).argmin(axis=1) == of_class[rows]
    shares = np.full(len(centres), np.nan)
    for index in np.unique(of_class):
        shares[index] = hit[of_class == index].mean()
    return shares
