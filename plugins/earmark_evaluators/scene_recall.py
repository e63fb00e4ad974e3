"""Confusion matrices of scenes in terms of recall."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from earmark_evaluators.errors import EvaluationError


def recall_confusion(repetitions: Sequence[xr.Dataset]) -> xr.DataArray:
    """Share of each true scene's clips that were taken for each scene, the mean over repetitions.

    Source: [mutual_benefit], Fig. 3: each row of a confusion matrix divided by its sum.

    Args:
        repetitions: results of the evaluator ``scene``.

    Returns:
        (scene_reference, scene_estimated), fractions; a row is NaN where no clip is of the scene.

    Raises:
        EvaluationError: there is no result, or one without a confusion matrix.
    """
    if not repetitions or any("confusion" not in result for result in repetitions):
        raise EvaluationError('A confusion matrix needs results of the evaluator "scene", one a repetition.')
    shares = [result["confusion"] / result["confusion"].sum("scene_estimated") for result in repetitions]
    mean = xr.concat(shares, "repetition").mean("repetition", skipna=False)
    return mean.rename("recall").assign_attrs(n=len(repetitions))
