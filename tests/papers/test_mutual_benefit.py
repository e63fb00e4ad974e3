"""The experiments of mutual_benefit say what the paper says, and run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from earmark.experiment import read_experiment
from earmark.labelling import labelled
from earmark.pipeline import run_study
from earmark.plugins import plugins
from earmark.study import Job, check_plugins
from earmark.workspace import open_study

PAPER = Path(__file__).resolve().parents[2] / "paper/mutual_benefit"
FILES = ("table3", "strength")
PROFILES = (None, "smoke", "quick", "full")


def described(file, profile=None):
    return read_experiment(PAPER / f"{file}.toml", profile)


@pytest.fixture(scope="module")
def study(small_stores):
    """Table 3 at the smoke profile, nothing done yet."""
    small_stores.mkdir(parents=True, exist_ok=True)
    with FileLock(small_stores / "conftest.lock"):
        return open_study(PAPER / "table3.toml", profile="smoke", stores=small_stores, n_seeds=2)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("file", FILES)
def test_every_plugin_of_an_experiment_is_there_with_its_options(file, profile):
    check_plugins(described(file, profile), plugins(), file)


def test_the_experiments_have_the_methods_of_table_3_and_its_kinds_of_scores():
    with (PAPER / "numbers/table3.csv").open() as file:
        printed = {(row["method"], row["target"]) for row in csv.DictReader(file)}
    target = {"scene": "scene", "frame": "event"}
    whole = described("table3")
    ours = {(title, target[judge]) for stage, title in whole.methods.items() for judge in whole.judges(stage)}
    assert ours == printed


@pytest.mark.parametrize("profile", PROFILES)
def test_the_nets_of_all_methods_have_the_same_sizes(profile):
    whole = described("table3", profile)
    of_mtl = whole.stages["mtl"].model.options
    stages = list(whole.stages.values())
    defaults = {"gru_units": 32, "event_units": 32}  # of all factories but mtl-cnn-bigru
    for stage in stages:
        options = {name: size for name, size in stage.model.options.items() if name not in ("place", "strength")}
        assert (defaults | options).items() <= of_mtl.items() or stage.model.use == "scene-cnn"
        shared = {name: size for name, size in of_mtl.items() if name in ("shared_channels", "scene_channels")}
        assert shared.items() <= options.items()
        assert (stage.n_epochs, stage.optimiser) == (stages[0].n_epochs, stages[0].optimiser)


def test_what_table_3_has_trained_the_sweep_of_the_strength_finds_done(study, small_stores):
    changes = {"grids": {"strength": {"cases": [{"place": "S2", "strength": 1.0}]}}}
    strength = open_study(read_experiment(PAPER / "strength.toml", "smoke", changes), stores=small_stores)
    assert strength.run_address(Job("grl-S2-1.0", 0)) == study.run_address(Job("grl-S2", 0))


def test_fake_labels_differ_between_runs_and_the_other_tasks_labels_are_true(study):
    true = labelled(study, Job("mtl", 0)).targets
    scenes = [labelled(study, Job("fake-scene", seed)).targets for seed in (0, 1)]
    events = [labelled(study, Job("fake-event", seed)).targets for seed in (0, 1)]
    assert not torch.equal(scenes[0].scene, scenes[1].scene)
    assert not torch.equal(events[0].frame_event, events[1].frame_event)
    assert all(torch.equal(targets.frame_event, true.frame_event) for targets in scenes)
    assert all(torch.equal(targets.scene, true.scene) for targets in events)
    assert torch.equal(labelled(study, Job("fake-scene", 0)).targets.scene, scenes[0].scene)


def test_a_reversed_and_two_single_task_nets_are_trained_and_evaluated(study, small_stores):
    alone = [study.experiment.only(stage, 0) for stage in ("grl-S2", "asc", "sed")]
    with FileLock(small_stores / "conftest.lock"):
        done = [run_study(open_study(e, stores=small_stores), device="cpu", engine="local") for e in alone]
    assert len({d.feature_address for d in done}) == 1  # the corpus is looked at once
    found = [{name: list(by) for name, by in d.results().items()} for d in done]
    assert found == [{"GRL (S2)": ["scene", "frame"]}, {"CNN (ASC)": ["scene"]}, {"CNN-BiGRU (SED)": ["frame"]}]
    confusion = done[1].results()["CNN (ASC)"]["scene"][0].confusion
    assert np.sum(confusion.values) == len(study.clips["test"])
