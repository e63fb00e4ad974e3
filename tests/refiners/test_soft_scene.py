from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import OptionError, TargetsError
from earmark.targets import Targets
from earmark_refiners.soft_scene import SoftScene, mean_entropy, softened

CLIPS = ("a", "b", "c")
SCENES = ("home", "office", "park")
POSTERIOR = [[0.5, 0.25, 0.25], [0.8, 0.2, 0.0], [1 / 3, 1 / 3, 1 / 3]]


def predictions_of(posterior=POSTERIOR, clips=CLIPS, scenes=SCENES):
    return xr.Dataset(
        {"scene_posterior": (("clip", "scene"), np.asarray(posterior, dtype=np.float32))},
        coords={"clip": list(clips), "scene": list(scenes)},
    )


def targets_of(**changes):
    labels = {"frame_event": torch.zeros(3, 2, 1), "frame_event_known": torch.ones(3, 1, dtype=torch.bool)}
    return Targets(clips=CLIPS, events=("car",), scenes=SCENES, **(labels | changes))


def test_at_temperature_1_the_label_is_the_posterior():
    torch.testing.assert_close(SoftScene().refine(targets_of(), predictions_of()).scene, torch.tensor(POSTERIOR))


def test_at_temperature_2_it_is_the_normalised_root():
    refined = SoftScene(temperature=2.0).refine(targets_of(), predictions_of())
    root = np.sqrt(POSTERIOR)
    np.testing.assert_allclose(refined.scene, root / root.sum(1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.25, 0.5, 1.0, 2.0, 5.0])
def test_a_posterior_says_as_much_as_its_logits_at_any_temperature(temperature):
    logit = 3 * torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(softened(logit.softmax(-1), temperature), (logit / temperature).softmax(-1))


@pytest.mark.parametrize("temperature", [0.01, 0.5, 3.0, 1000.0])
def test_rows_sum_to_1_and_a_scene_without_probability_stays_without(temperature):
    scene = SoftScene(temperature=temperature).refine(targets_of(), predictions_of()).scene
    torch.testing.assert_close(scene.sum(1), torch.ones(3))
    assert scene[1, 2] == 0


def test_entropy_grows_with_the_temperature():
    posterior = torch.tensor(POSTERIOR[:2])
    entropies = [mean_entropy(softened(posterior, temperature)) for temperature in (0.5, 1.0, 2.0, 5.0)]
    assert entropies == sorted(entropies)
    assert mean_entropy(torch.full((3, 4), 0.25)) == pytest.approx(math.log(4))


def test_hard_labels_are_replaced_and_clips_without_a_scene_get_one():
    hard = targets_of(scene=torch.eye(3), scene_known=torch.tensor([True, True, False]))
    refined = SoftScene().refine(hard, predictions_of())
    torch.testing.assert_close(refined.scene, torch.tensor(POSTERIOR))
    assert refined.scene_known.all()
    assert torch.equal(hard.scene, torch.eye(3))
    assert refined.frame_event is hard.frame_event


def test_clips_are_found_by_name_and_there_may_be_others():
    turned = predictions_of([POSTERIOR[2], [1, 0, 0], POSTERIOR[0], POSTERIOR[1]], clips=("c", "x", "a", "b"))
    refined = SoftScene().refine(targets_of(), turned.transpose("scene", "clip"))
    torch.testing.assert_close(refined.scene, torch.tensor(POSTERIOR))


def test_an_overconfident_teacher_is_told_of(caplog):
    with caplog.at_level(logging.INFO, "earmark_refiners.soft_scene"):
        SoftScene().refine(targets_of(), predictions_of())
        assert [record.levelname for record in caplog.records] == ["INFO"]
        SoftScene().refine(targets_of(), predictions_of(np.eye(3)))
    assert caplog.records[1].getMessage() == "soft scenes at temperature 1: mean entropy 0.000 nat"
    assert "0.000 nat: they say no more than hard ones. Train the teacher for fewer epochs" in caplog.records[2].message


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (predictions_of(POSTERIOR[:2], CLIPS[:2]), r"lack 1 of the 3 clips to refine, such as c\. Predict the clips"),
        (predictions_of(scenes=SCENES[::-1]), "over the scenes park, office, home, the targets over home, office"),
        (predictions_of(np.full((3, 3), np.nan)), "do not sum to 1: their model has diverged, or these are logits"),
        (predictions_of(np.full((3, 3), 2.0)), "do not sum to 1"),
        (xr.Dataset({"embedding": ("clip", [1.0])}), "need scene_posterior, but the predictions hold embedding"),
    ],
)
def test_predictions_that_cannot_be_soft_scenes_are_refused(predictions, said):
    with pytest.raises(TargetsError, match=said):
        SoftScene().refine(targets_of(), predictions)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_that_cannot_be_one_is_refused(temperature):
    with pytest.raises(
        OptionError, match=r"SoftScene\.temperature must be a positive number, got .*; the paper uses 1"
    ):
        SoftScene(temperature=temperature)
