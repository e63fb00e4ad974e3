from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.scene import SceneEvaluator
from earmark_evaluators.scene_recall import recall_confusion


def test_each_row_is_a_share_of_the_true_scenes_clips_and_the_mean_is_over_repetitions(
    make_reference, make_predictions
) -> None:
    reference = make_reference(np.zeros((4, 2, 1), dtype=bool), of_clip=["home", "home", "home", "office"])
    results = [
        SceneEvaluator().evaluate(reference, make_predictions(reference, np.zeros((4, 2, 1)), np.eye(2)[estimated]))
        for estimated in ([0, 0, 1, 1], [0, 1, 1, 0])
    ]
    recall = recall_confusion(results)
    assert recall.dims == ("scene_reference", "scene_estimated")
    assert recall.values == pytest.approx(np.array([[(2 + 1) / 6, (1 + 2) / 6], [0.5, 0.5]]))
    assert recall.attrs["n"] == 2


def test_a_scene_without_clips_has_no_recall(make_reference, make_predictions) -> None:
    reference = make_reference(np.zeros((1, 2, 1), dtype=bool), of_clip=["home"])
    predictions = make_predictions(reference, np.zeros((1, 2, 1)), np.eye(2)[[0]])
    recall = recall_confusion([SceneEvaluator().evaluate(reference, predictions)])
    assert recall.values[0].tolist() == [1, 0]
    assert np.isnan(recall.values[1]).all()


def test_results_without_a_confusion_matrix_are_refused() -> None:
    for results in ([], [xr.Dataset({"fscore_micro": 0.5})]):
        with pytest.raises(EvaluationError, match='needs results of the evaluator "scene"'):
            recall_confusion(results)
