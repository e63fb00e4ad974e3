"""The experiments of soft_scene_labels say what the paper says, and run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from earmark.experiment import read_experiment
from earmark.labelling import labelled
from earmark.mixing import draw
from earmark.pipeline import run_study
from earmark.plugins import plugins
from earmark.study import Job, check_plugins
from earmark.workspace import open_studies, open_study
from earmark_evaluators.adaptive_train import adaptive_train
from earmark_evaluators.fold_pooling import pooled

PAPER = Path(__file__).resolve().parents[2] / "paper/soft_scene_labels"
FILES = ("table3", "sweep", "cross_fitted")
PROFILES = (None, "smoke", "quick", "full")


def described(file, profile=None):
    return read_experiment(PAPER / f"{file}.toml", profile)


@pytest.fixture(scope="module")
def studies(small_stores):
    """Folds 1 and 2 of Table 3 at the smoke profile, nothing done yet."""
    small_stores.mkdir(parents=True, exist_ok=True)
    with FileLock(small_stores / "conftest.lock"):
        return open_studies(PAPER / "table3.toml", profile="smoke", stores=small_stores)


@pytest.fixture(scope="module")
def student(studies, small_stores):
    """Fold 1 of the student with soft labels, done."""
    alone = studies[0].experiment.only("soft-1.0", 0)
    with FileLock(small_stores / "conftest.lock"):
        study = open_study(alone, stores=small_stores)
        return run_study(study, device="cpu", engine="local")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("file", FILES)
def test_every_plugin_of_an_experiment_is_there_with_its_options(file, profile):
    check_plugins(described(file, profile), plugins(), file)


@pytest.mark.parametrize("file", FILES)
def test_teacher_and_student_have_one_temperature(file):
    n_soft = 0
    for stage in described(file).stages.values():
        of_loss = {loss.options["temperature"] for loss in stage.losses if loss.use == "soft-scene-ce"}
        of_teacher = {label.refine.options["temperature"] for label in stage.labels if label.refine}
        assert of_loss == of_teacher
        assert not of_loss or "scene-ce" not in {loss.use for loss in stage.losses}  # the hard loss is dropped
        n_soft += len(of_loss)
    assert n_soft


def test_the_experiment_has_the_methods_of_table_3():
    with (PAPER / "numbers/table3.csv").open() as file:
        printed = {", ".join(filter(None, (row["method"], row["condition"]))) for row in csv.DictReader(file)}
    assert set(described("table3").methods.values()) == printed


def test_every_stage_learns_events_at_weight_1_and_the_scene_at_the_weight_in_its_title():
    for stage in described("sweep").stages.values():
        if stage.title is None:
            continue
        weights = {loss.use: loss.weight for loss in stage.losses}
        assert weights.pop("strong-bce") == 1
        said = stage.title.partition(", ")[2].partition(";")[0].partition("=")[2]
        assert list(weights.values()) == ([float(said)] if said else [])


def test_what_table_3_has_trained_the_sweep_finds_done(studies, small_stores):
    sweep = open_studies(PAPER / "sweep.toml", profile="smoke", stores=small_stores)
    shared = {"teacher", "cnn-bigru", "mtl-1.0", "soft-1.0"}
    for one, other in zip(studies, sweep, strict=True):
        assert {name for name in one.experiment.stages if name in other.experiment.stages} == shared
        assert all(one.run_address(Job(name, 0)) == other.run_address(Job(name, 0)) for name in shared)


def test_no_cross_fitted_label_comes_from_a_teacher_that_has_learned_the_clips_scene(small_stores, studies):
    cross_fitted = open_studies(PAPER / "cross_fitted.toml", profile="smoke", stores=small_stores)[0]
    ids = [clip.id for clip in cross_fitted.clips["train"]]
    shares = cross_fitted.experiment.stages["cross-fitted"].labels
    for share, rows in zip(shares, draw(len(ids), [share.share for share in shares], seed=0), strict=True):
        taught = {ids[row] for row in rows.tolist()}
        targets = labelled(cross_fitted, Job(share.refine.by, 0)).targets
        learned = {clip for clip, known in zip(targets.clips, targets.scene_known.tolist(), strict=True) if known}
        assert learned == set(ids) - taught


def test_the_student_learns_the_teachers_posteriors_of_its_own_training_clips(student):
    targets = labelled(student, Job("soft-1.0", 0)).targets
    posterior = student.predictions("teacher", 0, "train")["scene_posterior"].sel(clip=list(targets.clips))
    torch.testing.assert_close(targets.scene, torch.from_numpy(posterior.values))
    assert targets.scene_known.all()
    assert targets.frame_event_known.all()


def test_thresholds_of_the_training_clips_are_no_better_than_the_oracles(student):
    (result,) = student.results()["MTL w/ soft labels, beta=1.0;T=1.0"]["oracle"]
    honest = adaptive_train(student, "soft-1.0", 0)
    assert (honest.fscore.fillna(0).values <= result.fscore.fillna(0).values).all()
    (step,) = json.loads(honest.attrs["postprocessing"])
    assert step["use"] == "adaptive-thresholds"
    assert list(step["of_event"]) == list(student.dataset.events)
    assert honest.tp.values.sum() + honest.fn.values.sum() == student.reference.activity.sum()
    assert pooled([honest, result]).attrs["n_folds"] == 2
