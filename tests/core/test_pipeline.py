from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from earmark import hookimpl
from earmark.errors import StoreError
from earmark.experiment import PluginRef
from earmark.hearing import silenced
from earmark.labelling import labelled
from earmark.pipeline import run_study, suitable_engine
from earmark.plugins import PluginManager, plugins
from earmark.processes import EngineError, ProcessEngine, longest_chains_first
from earmark.recordings import cut
from earmark.study import Job, Study
from earmark.testing import small_dataset
from earmark.workspace import open_store, open_study

REPOSITORY = Path(__file__).resolve().parents[2]

# Two stages that need each other, so small that their life is over in seconds.
EXPERIMENT = """
name = "killed"
corpus = "tut"
frontend = "log-mel"
synthetic = { development_min = 6, evaluation_min = 4 }

[evaluators]
segment = "frame"

[defaults]
n_epochs = 4
model = { use = "mtl-cnn-bigru", shared_channels = [4, 4, 4], scene_channels = [4, 4], gru_units = 4, event_units = 4 }
losses = [{ use = "scene-ce", weight = 0.001 }, "strong-bce"]
sampler = { use = "shuffled", batch_size = 16 }

[stages.first]
labels = [{ share = 0.5, sources = ["scene", "strong"] }]
predict = ["train", "test"]

[stages.second]
title = "Second"
starts_from = "first"
labels = [
    { share = 0.5, sources = ["scene", "strong"] },
    { share = 0.5, sources = ["scene", "partial"], refine = { use = "self-distillation", by = "first" } },
]
"""


def test_all_methods_of_a_seed_train_on_the_same_strong_clips(small_study):
    strong = {}
    for stage in ("strong-reduced", "semi-weak", "distillation"):
        targets = labelled(small_study, Job(stage, 0)).targets
        known = targets.frame_event_known.all(1)
        strong[stage] = {clip for clip, strongly in zip(targets.clips, known.tolist(), strict=True) if strongly}
    assert strong["strong-reduced"] == strong["semi-weak"] == strong["distillation"]
    n_clips = len(small_study.clips["train"])
    assert len(strong["semi-weak"]) == round(0.3 * n_clips)


def test_distilled_clips_carry_the_teachers_decisions_and_strong_clips_the_annotation(small_study):
    targets = labelled(small_study, Job("semi-partial", 0)).targets
    partial = labelled(small_study, Job("distillation", 0)).targets
    assert bool(targets.frame_event_known.all())
    teacher = small_study.predictions("distillation", 0, "train").sel(clip=list(targets.clips)).load()
    distilled = ~partial.frame_event_known.all(1)
    decided = torch.from_numpy(teacher["event_frame_posterior"].values >= 0.2)
    assert torch.equal(targets.frame_event[distilled].bool(), decided[distilled])
    assert torch.equal(targets.frame_event[~distilled], partial.frame_event[~distilled])


def test_a_second_run_does_nothing_again(small_study, monkeypatch):
    def fails(*arguments, **options):
        raise AssertionError("something was done again")

    monkeypatch.setattr("earmark.workshop.fit", fails)
    monkeypatch.setattr("earmark.pipeline.extract", fails)
    monkeypatch.setattr("earmark_evaluators.frame.FrameEvaluator.evaluate", fails)
    assert small_study.missing() == []
    run_study(small_study, device="cpu", engine="local")


def test_the_address_follows_everything_that_decides_the_outcome(small_study):
    experiment = small_study.experiment
    job = Job("semi-partial", 0)

    def address(**changes) -> str:
        changed = experiment.model_copy(update=changes)
        return Study(
            experiment=changed, dataset=small_study.dataset, store=small_study.store, manager=small_study.manager
        ).run_address(job)

    def with_stage(name, **changes) -> str:
        return address(stages={**experiment.stages, name: experiment.stages[name].model_copy(update=changes)})

    here = small_study.run_address(job)
    assert address() == here
    assert address(title="another title") == here
    assert with_stage("semi-partial", title="another name of the method") == here
    assert with_stage("weak", n_epochs=3) == here  # a stage that it does not need
    assert with_stage("semi-partial", n_epochs=3) != here
    assert with_stage("distillation", n_epochs=3) != here  # its teacher
    assert address(clip_s=5.0) != here
    assert small_study.run_address(Job("semi-partial", 1)) != here


def test_a_table_of_the_users_own_counts_by_its_content_and_not_by_its_path(small_study, tmp_path):
    def address(table: Path) -> str:
        stage = small_study.experiment.stages["distillation"]
        ref = PluginRef.model_validate({"use": "partial", "table": str(table)})
        labels = (stage.labels[0], stage.labels[1].model_copy(update={"sources": (ref,)}))
        changed = {**small_study.experiment.stages, "distillation": stage.model_copy(update={"labels": labels})}
        experiment = small_study.experiment.model_copy(update={"stages": changed})
        return replace(small_study, experiment=experiment).run_address(Job("distillation", 0))

    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("scene,event\nhome,dishes\n")
    before = address(tmp_path / "a.csv")
    assert address(tmp_path / "b.csv") == before
    (tmp_path / "a.csv").write_text("scene,event\nhome,cutlery\n")
    assert address(tmp_path / "a.csv") != before


def test_a_run_keeps_what_a_stranger_needs_to_use_its_weights(small_study):
    shelf = small_study.shelf(Job("strong", 0))
    weights, facts = shelf.load_weights()
    assert facts["events"] == list(small_study.dataset.events)
    assert facts["scenes"] == list(small_study.dataset.scenes)
    assert facts["frontend"]["use"] == "log-mel"
    assert len(facts["normalisation"]["mean"]) == small_study.frontend.n_mels
    assert (
        sum(w.numel() for name, w in weights.items() if "running" not in name and "tracked" not in name)
        == (shelf.facts()["n_parameters"])
    )
    taken = small_study.shelf(Job("semi-partial", 0)).facts()["taken_over"]
    assert any(name.startswith("trunk.") for name in taken)
    assert any(name.startswith("event.") for name in taken)


def test_results_that_are_not_there_yet_say_how_to_get_them(small_study, tmp_path):
    empty = Study(
        experiment=small_study.experiment,
        dataset=small_study.dataset,
        store=open_store(tmp_path),
        manager=small_study.manager,
    )
    with pytest.raises(StoreError, match="Run the experiment first"):
        empty.results()


def test_a_split_without_a_whole_clip_is_refused(small_study):
    study = Study(
        experiment=small_study.experiment.model_copy(update={"test_split": "holdout", "clip_s": 2.0}),
        dataset=small_dataset(),
        store=small_study.store,
        manager=plugins(),
    )
    with pytest.raises(
        StoreError, match="'holdout' holds no whole clip of 2 s. Splits of this corpus: development, evaluation"
    ):
        _ = study.clips


def test_no_event_is_predicted_after_the_end_of_a_recording():
    clips = cut(small_dataset().recordings[:2], 4.0, pad=True)  # 6 s each: the second clip sounds for 2 of 4 s
    posterior = np.ones((4, 40, 1), dtype=np.float32)
    predictions = xr.Dataset(
        {"event_frame_posterior": (("clip", "frame", "event"), posterior)},
        coords={"clip": [clip.id for clip in clips], "frame": np.arange(40) * 0.1},
    )
    heard = silenced(predictions, clips)["event_frame_posterior"].values[..., 0]
    assert heard.sum(axis=1).tolist() == [40, 20, 40, 20]
    assert posterior.all()


def test_plugins_registered_by_hand_keep_the_work_in_this_process(small_study):
    cpu = torch.device("cpu")
    assert suitable_engine(small_study, cpu) == "processes"
    assert suitable_engine(small_study, torch.device("cuda")) == "local"
    manager = PluginManager.of_environment()
    by_hand = Study(
        experiment=small_study.experiment, dataset=small_study.dataset, store=small_study.store, manager=manager
    )
    manager.register(_HandMade(), "hand made")
    assert suitable_engine(by_hand, cpu) == "local"


class _HandMade:
    @hookimpl
    def earmark_losses(self):
        return {"hand-made": lambda: None}


def test_a_worker_that_fails_ends_the_engine_with_its_message():
    jobs = [Job("a", 0), Job("b", 0, needs=(Job("a", 0),))]
    with pytest.raises(EngineError, match=r"TypeError: int\(\) argument must be"):
        ProcessEngine(workers=1).execute(jobs, int)  # a job is no number


# Workers are fresh processes, which find functions by import: not those of a test.
WORK = """
import os, signal

from earmark.plugins import plugins


def dies(job):
    os.kill(os.getpid(), signal.SIGKILL)


def says_who_it_is(job):
    plugins().hook.earmark_run_finished(stage=str(os.getpid()), seed=job.seed, address=job.stage)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "work_of_a_test.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("work_of_a_test")


def test_a_worker_that_is_killed_ends_the_engine_with_its_job(work):
    with pytest.raises(EngineError, match=r"worker of Job\(stage='a', seed=0.*ended with code -9 \(killed"):
        ProcessEngine(workers=1).execute([Job("a", 0)], work.dies)


def test_workers_do_one_job_after_the_other_each_after_those_that_it_needs(work):
    first = Job("first", 0)
    jobs = [first, *(Job("then", seed, needs=(first,)) for seed in range(5))]
    heard = []

    class Listener:
        @hookimpl
        def earmark_run_finished(self, stage, seed, address):
            heard.append((stage, address))

    plugins().register(Listener(), "listener")
    try:
        ProcessEngine(workers=2).execute(jobs, work.says_who_it_is)
    finally:
        plugins().unregister("listener")
    assert [address for _, address in heard] == ["first"] + ["then"] * 5
    assert len({process for process, _ in heard}) <= 2 < len(heard)


def _run(experiment: Path, stores: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from earmark.cli import main; main()", "run", str(experiment)]
    with output.open("wb") as file:
        return subprocess.Popen(
            [*command, "--stores", str(stores), "--device", "cpu", "--engine", "processes"],
            env={**os.environ, "EARMARK_SAVE_EVERY_S": "0"},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_a_study_whose_processes_are_killed_ends_with_the_numbers_of_an_undisturbed_one_in_this_process(
    tmp_path, one_thread, copy_small_study
):
    """Kills of the engine "local", at any moment, are in the campaigns."""
    (tmp_path / "killed.toml").write_text(EXPERIMENT)
    root = copy_small_study(tmp_path / "stores", "corpora", "features")
    process = _run(tmp_path / "killed.toml", root, tmp_path / "output")
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline and not list((root / "runs").glob("*/weights*")):
        time.sleep(0.01)
    assert process.poll() is None, "it was over before it could be killed: " + (tmp_path / "output").read_text()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    resumed = run_study(open_study(tmp_path / "killed.toml", stores=root), device="cpu", engine="processes")
    assert resumed.missing() == []
    undisturbed = open_study(
        tmp_path / "killed.toml", stores=copy_small_study(tmp_path / "undisturbed", "corpora", "features")
    )
    run_study(undisturbed, device="cpu", engine="local")
    for job in undisturbed.jobs():
        one, _ = undisturbed.shelf(job).load_weights()
        other, _ = resumed.shelf(job).load_weights()
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one), job
        left, right = (s.shelf(job).open_predictions("test")["event_frame_posterior"] for s in (undisturbed, resumed))
        assert np.array_equal(left.values, right.values)
    assert json.dumps(_losses(undisturbed)) == json.dumps(_losses(resumed))


def _losses(study: Study) -> list[float]:
    return [epoch["total"] for runs in study.histories().values() for run in runs for epoch in run]


def test_jobs_on_which_others_wait_start_first():
    teacher = Job("teacher", 0)
    student = Job("student", 0, needs=(teacher,))
    jobs = [Job("alone", 0), teacher, student, Job("alone", 1)]
    assert longest_chains_first(jobs)[0] == teacher
    assert sorted(map(str, longest_chains_first(jobs))) == sorted(map(str, jobs))
