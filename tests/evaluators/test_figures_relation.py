"""The relation matrix as a heat map, maps of embeddings, and the accuracy of scenes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from earmark.frames import FrameGrid
from earmark.recordings import Recording, cut
from earmark.reference import Reference
from earmark.results import Results
from earmark.testing import check_evaluator
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_embeddings import embedding_map, embedding_maps
from earmark_evaluators.figures_relation import relation_heat_map
from earmark_evaluators.scene_accuracy import SceneAccuracyEvaluator

SCENES = ("metro_station", "park")


def reference_of(*scenes: str, vocabulary=SCENES) -> Reference:
    recordings = tuple(
        Recording(path=f"{n}.wav", duration_s=1.0, rate_hz=8000, channels=1, split="test", scene=scene)
        for n, scene in enumerate(scenes)
    )
    return Reference(clips=cut(recordings, 1.0), events=(), scenes=vocabulary, grid=FrameGrid(n_frames=50, hop_s=0.02))


def predictions_of(reference: Reference, estimated, embedding=None, vocabulary=SCENES) -> xr.Dataset:
    posterior = np.eye(len(vocabulary))[[vocabulary.index(scene) for scene in estimated]]
    variables = {"scene_posterior": (("clip", "scene"), posterior)}
    if embedding is not None:
        variables["embedding"] = (("clip", "dim"), np.asarray(embedding, dtype=np.float32))
    return xr.Dataset(variables, {"clip": list(reference.clip_ids), "scene": list(vocabulary)})


# Accuracy


def test_the_accuracy_is_the_mean_over_scenes_and_not_over_clips():
    check_evaluator(SceneAccuracyEvaluator)
    reference = reference_of("park", "park", "park", "metro_station")
    result = SceneAccuracyEvaluator().evaluate(reference, predictions_of(reference, ["park"] * 4))
    assert (result["accuracy_macro"].item(), result["accuracy_micro"].item()) == (0.5, 0.75)
    assert result["accuracy"].values.tolist() == [0, 1]
    assert result["n_clips"].values.tolist() == [1, 3]


def test_a_scene_without_a_clip_has_no_accuracy_and_no_part_in_the_mean():
    reference = reference_of("park", "park")
    result = SceneAccuracyEvaluator().evaluate(reference, predictions_of(reference, ["park", "metro_station"]))
    assert result["accuracy_macro"].item() == 0.5
    assert math.isnan(result["accuracy"].values[0])


def test_the_printed_average_of_table_v_is_the_mean_over_its_scenes():
    correct = {
        "puASC": [218, 163, 204, 168, 226, 113, 205, 130, 211, 168],
        "RGASC": [229, 186, 201, 213, 219, 123, 209],
    }
    correct["RGASC"] += [163, 222, 189]
    total = np.array([265, 242, 261, 259, 242, 216, 279, 247, 246, 261])
    vocabulary = tuple(f"scene {n}" for n in range(10))
    for method, printed in (("puASC", 71.46), ("RGASC", 77.35)):
        scenes, estimated = [], []
        for n, (right, of) in enumerate(zip(correct[method], total, strict=True)):
            scenes += [vocabulary[n]] * of
            estimated += [vocabulary[n]] * right + [vocabulary[n - 1]] * (of - right)
        reference = reference_of(*scenes, vocabulary=vocabulary)
        predictions = predictions_of(reference, estimated, vocabulary=vocabulary)
        result = SceneAccuracyEvaluator().evaluate(reference, predictions)
        assert 100 * result["accuracy_macro"].item() == pytest.approx(printed, abs=0.006)
        assert abs(100 * result["accuracy_micro"].item() - printed) > 0.2


# The matrix


def test_the_heat_map_has_the_scenes_as_rows_and_the_strongest_events_in_falling_order():
    values = [[0.1, 0.9, 0.0], [0.5, 0.2, 0.004]]
    figure = relation_heat_map(pd.DataFrame(values, SCENES, ["Car", "Speech", "Fly"]), n_events=2, title="R")
    Results("", corpus="any", profile="quick", n_repetitions=1).figure("relation", figure)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Speech", "Car"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["metro station", "park"]
    assert [text.get_text() for text in axes.texts] == ["90", "10", "20", "50"]
    assert axes.get_xlabel() == "2 of 3 events (cells: % of the scene's training clips)"
    assert axes.get_title() == "R"


@pytest.mark.parametrize("values", [[[]], [[1.5]], [[math.nan]]])
def test_what_is_no_relation_matrix_is_not_drawn(values):
    with pytest.raises(EvaluationError, match="shares of clips"):
        relation_heat_map(pd.DataFrame(values))


# Embeddings


def separated(n: int = 12):
    scenes = [SCENES[k % 2] for k in range(n)]
    reference = reference_of(*scenes)
    rng = np.random.default_rng(0)
    embedding = np.array([[10.0 * (k % 2), 0.0, 0.0] for k in range(n)]) + rng.normal(0, 0.1, (n, 3))
    return reference, predictions_of(reference, ["park"] * 2 + scenes[2:], embedding)


def test_clips_far_apart_are_far_apart_on_the_map_and_every_clip_is_there_once():
    reference, predictions = separated()
    found = embedding_map(reference, predictions)
    assert found.points["clip"].tolist() == list(reference.clip_ids)
    at = found.points.groupby("scene")[["x", "y"]]
    between = np.linalg.norm(at.mean().diff().iloc[-1])
    assert between > at.std().to_numpy().max()
    assert found.confusion.to_numpy().tolist() == [[5, 1], [0, 6]]
    again = embedding_map(reference, predictions.isel(clip=slice(None, None, -1)))
    assert found.points.equals(again.points)


def test_every_net_has_its_map_above_its_confusions():
    one = embedding_map(*separated())
    figure = embedding_maps({"puASC": one, "RGASC": one})
    Results("", corpus="any", profile="quick", n_repetitions=1).figure("embeddings", figure)
    figure.draw_without_rendering()
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["puASC", "RGASC", "", ""]
    assert [len(axes.collections) for axes in figure.axes] == [2, 2, 0, 0]  # a colour per scene
    assert [text.get_text() for text in figure.axes[2].texts] == ["83", "17", "100"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["metro station", "park"]


def test_a_net_that_places_all_clips_at_one_point_is_still_drawn():
    reference, predictions = separated()
    flat = predictions.assign(embedding=predictions["embedding"] * 0)
    assert np.isfinite(embedding_map(reference, flat).points[["x", "y"]].to_numpy()).all()


def test_a_map_needs_embeddings_and_some_clips():
    reference, predictions = separated()
    with pytest.raises(EvaluationError, match="hold no embedding.*Choose a model that gives one"):
        embedding_map(reference, predictions.drop_vars("embedding"))
    few = reference_of("park", "park")
    with pytest.raises(EvaluationError, match="t-SNE of 2 clips says nothing; give at least 4"):
        embedding_map(few, predictions_of(few, ["park", "park"], np.zeros((2, 3))))
    with pytest.raises(EvaluationError, match="no map of clips to draw"):
        embedding_maps({})
