"""The experiments of relation_guided say what the paper says, and run."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

import earmark_pann.plugin
import earmark_rgasc.plugin
from earmark.clip_tables import ClipTable, names_of
from earmark.errors import PluginConflictError
from earmark.experiment import read_experiment
from earmark.labelling import labelled
from earmark.pipeline import run_study
from earmark.plugins import PluginManager
from earmark.study import Job, check_plugins
from earmark.workspace import open_study
from earmark_rgasc.relation import relation_of

PAPER = Path(__file__).resolve().parents[2] / "paper/relation_guided"
FILES = ("table1", "table2", "fig2", "table4", "readings")
PROFILES = (None, "smoke", "quick", "full")
NAMES = {
    "L_scene": "scene-ce",
    "L_scene_by_event": "scene-by-event",
    "L_event": "weak-bce",
    "L_event_by_scene": "event-by-scene",
}
RGASC = {"scene-ce": 1, "scene-by-event": 0.01, "weak-bce": 0.5, "event-by-scene": 0.01}
EVENTS = tuple(f"event {n}" for n in range(12))


@pytest.fixture(scope="module")
def manager():
    manager = PluginManager.of_environment()
    for name, module in (("pann", earmark_pann.plugin), ("rgasc", earmark_rgasc.plugin)):
        with contextlib.suppress(PluginConflictError):  # installed already
            manager.register(module, name)
    return manager


def described(file, profile=None, changes=None):
    return read_experiment(PAPER / f"{file}.toml", profile, changes)


def weights(stage) -> dict[str, float]:
    return {loss.use: loss.weight for loss in stage.losses}


def printed(table):
    with (PAPER / f"numbers/{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("file", FILES)
def test_every_plugin_of_an_experiment_is_there_with_its_options(manager, file, profile):
    check_plugins(described(file, profile), manager, file)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_row_of_the_ablation_has_exactly_the_losses_that_it_names_each_with_weight_1(profile):
    stages = {stage.title: stage for stage in described("table1", profile).stages.values()}
    for row in printed("table1"):
        named = {NAMES[name] for name in row["method"].replace("puASC", "L_scene").split(" + ")}
        assert weights(stages[row["method"]]) == dict.fromkeys(named, 1)
        flags = ("L_scene", "L_s_by_event", "L_event", "L_e_by_scene")
        assert {loss for loss, flag in zip(NAMES.values(), flags, strict=True) if row[flag] == "1"} == named
    assert weights(stages["RGASC"]) == RGASC
    assert len(stages) == 7


def test_rows_with_one_tower_have_no_other_and_all_others_share_two_blocks():
    stages = described("table1").stages
    assert stages["puasc"].model.options == {"n_shared": 2, "towers": "scene"}
    assert [source.use for source in stages["puasc"].labels[0].sources] == ["scene"]
    assert stages["event"].model.options == {"n_shared": 2, "towers": "event", "scene_from": "events"}
    others = [stage for name, stage in stages.items() if name not in ("puasc", "event")]
    assert all(stage.model.options == {"n_shared": 2} for stage in others)


def test_table_2_has_the_weights_of_its_rows_in_the_order_of_the_paper():
    stages = {stage.title: stage for stage in described("table2").stages.values()}
    assert list(stages) == [row["method"] for row in printed("table2")]
    for row in printed("table2"):
        four = dict(zip(NAMES.values(), (float(row[f"lambda{k}"]) for k in (1, 2, 3, 4)), strict=True))
        assert weights(stages[row["method"]]) == {name: weight for name, weight in four.items() if weight}
        assert [stages[row["method"]].at[f"lambda{k}"] for k in (1, 2, 3, 4)] == list(four.values())


def test_figure_2_goes_from_no_shared_block_to_all_with_two_choices_of_weights():
    stages = described("fig2").stages
    for curve, wanted in (("equal", dict.fromkeys(RGASC, 1)), ("rgasc", RGASC)):
        of_curve = {n: stages[f"{curve}-{n}"] for n in range(7)}
        assert {stage.model.options["n_shared"] for stage in of_curve.values()} == set(range(7))
        assert all((weights(stage), stage.at["n_shared"]) == (wanted, n) for n, stage in of_curve.items())
    assert len(stages) == 14


def test_table_4_has_the_printed_methods_with_the_same_labels():
    stages = described("table4").stages
    assert [stage.title for stage in stages.values()] == [row["method"] for row in printed("table4")]
    assert len({stage.labels for stage in stages.values()}) == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_all_methods_of_a_profile_are_trained_alike(profile):
    stages = [stage for file in FILES for stage in described(file, profile).stages.values()]
    assert len({(stage.n_epochs, stage.optimiser, repr(stage.sampler)) for stage in stages}) == 1
    assert len({repr(described(file, profile).synthetic) for file in FILES}) == 1
    widths = {tuple(stage.model.options.get("channels", ())) for stage in stages if stage.model.use != "clip-wise"}
    assert len(widths) == 1


def test_numbers_of_table_5_are_the_printed_averages():
    for method, average in (("puASC", 71.46), ("RGASC", 77.35)):
        rows = [row for row in printed("table5") if row["method"] == method]
        shares = [int(row["derived_correct"]) / int(row["derived_total"]) for row in rows]
        assert 100 * np.mean(shares) == pytest.approx(average, abs=0.006)
        assert sum(int(row["derived_total"]) for row in rows) == 2518


# On the smallest stand-in, with labels that are made up


@pytest.fixture(scope="module")
def opened(manager, small_stores, tmp_path_factory):
    """Opens an experiment at the smoke profile, with labels of 12 events by chance, other ones in each scene."""
    small_stores.mkdir(parents=True, exist_ok=True)
    path = tmp_path_factory.mktemp("labels") / "labels.npz"
    changes = {"defaults": {"labels": [{"sources": ["scene", {"use": "pann", "table": str(path)}]}]}}

    def open_one(file):
        with FileLock(small_stores / "conftest.lock"):
            return open_study(described(file, "smoke", changes), stores=small_stores, manager=manager)

    # A study's clips are known before its labels are.
    clips = [clip for part in open_one("table1").clips.values() for clip in part]
    rng = np.random.default_rng(0)
    rate = rng.random((10, len(EVENTS))) ** 3
    scenes = sorted({clip.scene for clip in clips})
    labels = rng.random((len(clips), len(EVENTS))) < rate[[scenes.index(clip.scene) for clip in clips]]
    path.write_bytes(ClipTable(clips=names_of(clips), events=EVENTS, values=labels).to_bytes())
    return open_one


@pytest.fixture(scope="module")
def done(opened):
    study = opened("table1")
    return run_study(study, device="cpu", engine="local")


def test_training_hears_every_scene_though_locations_are_held_out_for_the_choice_of_the_epoch(opened):
    # Without a clip of a scene, its row of the matrix is not known, and the notebook stops.
    study = opened("epoch")
    assert study.clips["validation"]
    assert {clip.scene for clip in study.clips["train"]} == set(study.dataset.scenes)


def test_the_vocabulary_is_the_taggers_and_the_matrix_of_the_training_clips_alone(done):
    job = Job("rgasc", 0)
    targets = labelled(done, job).targets
    assert targets.events == EVENTS
    assert set(targets.clips) == {clip.id for clip in done.clips["train"]}
    relation = relation_of(targets)
    bus = targets.scene[:, targets.scenes.index("bus")].bool()
    assert torch.allclose(relation.matrix[targets.scenes.index("bus")], targets.clip_event[bus].double().mean(0))
    weights, _ = done.shelf(Job("event", 0)).load_weights()
    assert torch.allclose(weights["relation"].double(), relation.matrix, atol=1e-7)


def test_every_row_of_the_ablation_is_trained_with_its_losses_and_judged(done):
    results = done.results()
    assert list(results) == list(done.experiment.methods.values())
    for name, stage in done.experiment.stages.items():
        facts = done.shelf(Job(name, 0)).facts()
        assert set(facts["history"][-1]) == {*weights(stage), "total", "wall_s"}
        accuracy = results[stage.title]["accuracy"][0]
        assert 0 <= accuracy["accuracy_macro"].item() <= 1
        assert accuracy["n_clips"].sum() == len(done.clips["test"])
    rows = done.facts().set_index("method")["n_parameters"]
    assert rows["puASC"] < rows["RGASC"] == rows["L_scene + L_event"]


def test_predictions_have_what_figure_3_and_the_scene_of_row_2_need(done):
    event, rgasc = (done.predictions(name, 0).load() for name in ("event", "rgasc"))
    assert rgasc["embedding"].dims == ("clip", "dim")
    relation = relation_of(labelled(done, Job("event", 0)).targets)
    implied = event["event_clip_posterior"].values @ relation.matrix.numpy().T
    assert (event["scene_posterior"].values.argmax(1) == implied.argmax(1)).all()


def test_stages_that_files_share_are_trained_once(done, opened):
    def addresses(file):
        study = opened(file)
        return {name: study.run_address(Job(name, 0)) for name in study.experiment.stages}

    first = {name: done.run_address(Job(name, 0)) for name in done.experiment.stages}
    table2, fig2, table4, readings = (addresses(file) for file in FILES[1:])
    assert table2["weights-6"] == fig2["rgasc-2"] == table4["rgasc"] == readings["rgasc"] == first["rgasc"]
    assert (readings["puasc"], readings["event"]) == (first["puasc"], first["event"])
    every = [*first.values(), *table2.values(), *fig2.values(), *table4.values(), *readings.values()]
    assert len(set(every)) == len(first) + 1 + 2 + 3 + 3


def test_a_warm_start_has_the_weights_of_two_nets_and_other_methods_train(done, opened, manager):
    readings = run_study(opened("readings"), device="cpu", engine="local")
    taken = readings.shelf(Job("warm", 0)).facts()["taken_over"]
    assert {"conv_block1.conv1.weight", "fc_final.weight", "conv_block3_event.conv1.weight", "fc_final_event.bias"} <= {
        *taken
    }
    table4 = run_study(opened("table4"), device="cpu", engine="local")
    predicted = table4.predictions("mtl", 0)
    assert "event_frame_posterior" not in predicted
    assert predicted["event_clip_posterior"].sizes["event"] == len(EVENTS)
