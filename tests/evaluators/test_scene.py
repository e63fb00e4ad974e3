from __future__ import annotations

import math

import numpy as np
import pytest

from earmark_evaluators.scene import SceneEvaluator

SCENES = ("home", "office", "park")


def result_of(make_reference, make_predictions, of_clip: list[str], decided: list[int]):
    activity = np.zeros((len(of_clip), 4, 1), dtype=bool)
    reference = make_reference(activity, scenes=SCENES, of_clip=of_clip)
    return SceneEvaluator().evaluate(reference, make_predictions(reference, activity, np.eye(3)[decided]))


def test_micro_is_accuracy_and_macro_the_mean_of_the_scenes_that_occur(make_reference, make_predictions) -> None:
    result = result_of(make_reference, make_predictions, ["home", "home", "home", "office"], [0, 0, 2, 1])
    assert float(result.fscore_micro) == 0.75
    assert result.fscore.values.tolist() == [pytest.approx(0.8), 1.0, 0.0]
    assert float(result.fscore_macro) == pytest.approx(0.9)
    assert float(result.fscore_macro_all) == pytest.approx(0.6)
    assert result.attrs["absent_scenes"] == ["park"]


def test_the_confusion_matrix_names_reference_and_estimate(make_reference, make_predictions) -> None:
    result = result_of(make_reference, make_predictions, ["home", "home", "office"], [0, 2, 1])
    assert int(result.confusion.sel(scene_reference="home", scene_estimated="park")) == 1
    assert int(result.confusion.sel(scene_reference="park", scene_estimated="home")) == 0
    assert int(result.confusion.sum()) == 3
    assert result.confusion_by_recording.sum("recording").equals(result.confusion)


def test_a_scene_that_is_never_estimated_scores_zero_and_one_that_is_nowhere_nan(
    make_reference, make_predictions
) -> None:
    result = result_of(make_reference, make_predictions, ["home", "office"], [0, 0])
    assert float(result.fscore.sel(scene="office")) == 0
    assert math.isnan(result.fscore.sel(scene="park"))
    assert float(result.fscore_macro) == pytest.approx(1 / 3)
