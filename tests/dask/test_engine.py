from __future__ import annotations

import os
import shlex
import signal
import time
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from typer.testing import CliRunner

from earmark import hookimpl
from earmark.bundles.bundle import save_bundle
from earmark.bundles.export import export
from earmark.cli import app
from earmark.errors import UnknownPluginError
from earmark.experiment import experiment_of
from earmark.pipeline import extracted, run_study
from earmark.plugins import plugins
from earmark.processes import EngineError
from earmark.protocols import Task
from earmark.study import Job
from earmark.workspace import open_store, open_study
from earmark_dask import cluster as way
from earmark_dask.engine import DaskEngine

REPOSITORY = Path(__file__).resolve().parents[2]

# Two stages, of which one needs the other: over in seconds, but not before one of its workers is killed.
EXPERIMENT = """
name = "spread"
corpus = "tut"
frontend = "log-mel"
synthetic = { development_min = 6, evaluation_min = 4 }

[evaluators]
segment = "frame"

[defaults]
n_epochs = 1
model = { use = "mtl-cnn-bigru", shared_channels = [4, 4, 4], scene_channels = [4, 4], gru_units = 4, event_units = 4 }
losses = [{ use = "scene-ce", weight = 0.001 }, "strong-bce"]
sampler = { use = "shuffled", batch_size = 8 }

[stages.first]
labels = [{ share = 0.2, sources = ["scene", "strong"] }]
predict = ["train"]

[stages.second]
title = "Second"
starts_from = "first"
n_epochs = 9
labels = [
    { share = 0.2, sources = ["scene", "strong"] },
    { share = 0.2, sources = ["scene", "partial"], refine = { use = "self-distillation", by = "first" } },
]
"""


class Killer:
    """Hears what workers say, and kills the one that is at the fourth epoch of the second stage."""

    def __init__(self, client):
        self._client, self._killed = client, False
        self.heard = []

    @hookimpl
    def earmark_stage_started(self, stage, seed, n_epochs, first_epoch):
        self.heard.append(("started", stage, first_epoch))

    @hookimpl
    def earmark_epoch_ended(self, stage, seed, epoch, n_epochs, losses):
        if (stage, epoch) == ("second", 3) and not self._killed:
            (busy,) = (address for address, tasks in self._client.processing().items() if tasks)
            os.kill(self._client.run(os.getpid, workers=[busy])[busy], signal.SIGKILL)
            self._killed = True

    @hookimpl
    def earmark_run_finished(self, stage, seed, address):
        self.heard.append(("finished", stage))

    @hookimpl
    def earmark_run_evaluated(self, stage, seed, address, scores):
        self.heard.append(("evaluated", stage, *sorted(scores)))


def test_a_worker_killed_in_the_middle_costs_its_piece_and_no_bit_of_the_result(
    cluster, listening, one_thread, copy_small_study, tmp_path, monkeypatch
):
    (tmp_path / "spread.toml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARMARK_SCHEDULER", cluster.scheduler)
    alone, spread = (
        # Named as from this folder, which is not that of the workers.
        open_study(Path("spread.toml"), stores=copy_small_study(Path(name), "corpora", "features"))
        for name in ("alone", "spread")
    )
    run_study(alone, device="cpu", engine="local")
    killer = listening(Killer(cluster.client))
    run_study(spread, engine="dask")

    goes_on = [heard for heard in killer.heard if heard[:2] == ("started", "second")]
    assert len(goes_on) == 2
    assert goes_on[1][2] >= 3
    rest = [heard for heard in killer.heard if heard not in goes_on]
    assert [heard[:2] for heard in rest] == [
        ("started", "first"),
        ("finished", "first"),
        ("finished", "second"),
        ("evaluated", "second"),
    ]
    assert "segment.fscore_micro" in rest[-1]
    for job in alone.jobs():
        one, other = (study.shelf(job).load_weights()[0] for study in (alone, spread))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one), job
    left, right = (study.predictions("second", 0)["event_frame_posterior"].values for study in (alone, spread))
    assert np.array_equal(left, right)


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_worker_killed_in_the_middle_of_an_extraction_costs_its_piece_and_no_bit(
    cluster, work, small_study, one_thread, tmp_path, monkeypatch
):
    description = {**tomllib.loads(EXPERIMENT), "clip_s": 1.0, "train_split": "evaluation"}
    opened = open_study(experiment_of(description), stores=small_study.store.root)
    alone, spread = (replace(opened, store=open_store(tmp_path / name)) for name in ("alone", "spread"))
    extracted(alone)
    monkeypatch.setenv("EARMARK_SCHEDULER", cluster.scheduler)
    monkeypatch.setattr("earmark.pipeline.ExtractionWork", partial(work.Mortal, folder=tmp_path))
    told, n_clips = [], len(alone.clips_by_id)
    extracted(spread, lambda *step: told.append(step), engine="dask")
    assert files_of(tmp_path / "spread") == files_of(tmp_path / "alone")
    begun = sorted(map(int, (tmp_path / "begun").read_text().split()))
    assert begun == sorted([*range(0, n_clips, 64), 128])
    assert told[-1] == (n_clips, n_clips)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_commands_that_make_pieces_make_on_the_cluster_what_they_make_alone(
    cluster, small_study, one_thread, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # which is not the folder of the workers
    monkeypatch.setenv("EARMARK_SCHEDULER", "")  # the commands' own is forgotten after the test
    export(small_study, Job("strong", 0), Path("detector"))
    torch.manual_seed(0)
    channels, task = [4, 4, 4, 8, 8, 8], Task(n_frames=101, n_mels=64, n_events=1, n_scenes=0)
    net = plugins().build("model", "cnn14", {"channels": channels}, "a test", task)
    described = {
        **{"name": "tagger", "title": "t", "model": {"use": "cnn14", "channels": channels}, "task": task},
        **{"frontend": {"use": "log-mel-pann"}, "clip_s": 1.0, "events": ["Speech"], "scenes": []},
        **{"normalisation": {"mean": [0.0] * 64, "std": [1.0] * 64}, "postprocessing": [], "about": {}},
    }
    save_bundle(Path("tagger"), net.state_dict(), described, "")
    sounds = "TO/sounds/audio"
    commands = [
        "data synthesize isolated-events --set n_train=3 --set n_test=1 --set clip_s=1.0 --to TO/sounds",
        f"predict detector {sounds} --to TO/events --scores TO/scores.zarr --device cpu",
        f"label pann {sounds} --checkpoint tagger --clip-s 0.5 --to TO/table.npz --stores TO --device cpu",
    ]
    for name, engine in (("alone", "--engine local"), ("spread", f"--scheduler {cluster.scheduler}")):
        for command in commands:
            ran = CliRunner().invoke(app, shlex.split(f"{command.replace('TO', name)} {engine}"))
            assert ran.exit_code == 0, ran.output
    assert files_of(Path("alone")) == files_of(Path("spread"))
    assert len(list(Path("spread/sounds").rglob("*.wav"))) == 4


def test_the_command_of_the_guide_trains_on_the_cluster_what_is_missing(
    cluster, small_study, copy_small_study, tmp_path, monkeypatch
):
    root = copy_small_study(tmp_path, "corpora", "features", "runs")
    table5 = open_study(REPOSITORY / "paper/partial_labels/table5.toml", profile="smoke", stores=root)
    table5.store.remove(table5.run_address(Job("semi-partial", 0)))
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("EARMARK_STORES", str(root))
    monkeypatch.setenv("EARMARK_SCHEDULER", "")  # the command's own is forgotten after the test
    ran = CliRunner().invoke(app, shlex.split(cluster.command)[1:], env={"COLUMNS": "200"})
    assert ran.exit_code == 0, ran.output
    assert table5.missing() == []
    assert table5.shelf(Job("semi-partial", 0)).facts()["device"] == "cpu (1 threads)"
    assert "Semi-MTL w/ partial labels" in ran.stdout


def test_the_error_of_a_worker_arrives_as_it_is_and_the_others_stop(cluster, work, tmp_path):
    jobs = [Job(str(tmp_path), 0), Job(str(tmp_path), 1)]
    with pytest.raises(UnknownPluginError, match="stages.a: no loss named 'bcee'. Did you mean 'bce'"):
        DaskEngine(scheduler=cluster.scheduler).execute(jobs, work.one_is_wrong)
    deadline = time.monotonic() + 20
    while not (tmp_path / "ended").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (tmp_path / "ended").exists()


def test_what_is_no_error_of_earmark_arrives_with_its_traceback(cluster, work):
    with pytest.raises(EngineError, match=r"(?s)On the worker tcp://127.*return 1 / job.seed.*ZeroDivisionError"):
        DaskEngine(scheduler=cluster.scheduler).execute([Job("a", 0)], work.divides)


def test_a_cluster_of_this_machine_has_one_thread_a_worker_and_listens_on_the_loopback_alone(work, listening):
    class Listener:
        said, hosts = [], set()

        @hookimpl
        def earmark_run_evaluated(self, stage, seed, address, scores):
            me = psutil.Process()
            for process in (me, *me.children(recursive=True)):
                found = process.net_connections(kind="inet")
                self.hosts.update(each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN)
            self.said.append((stage, scores))

    listener = listening(Listener())
    first = Job("first", 0)
    jobs = [Job("alone", 0), first, Job("then", 0, needs=(first,))]
    DaskEngine(workers=1).execute(jobs, work.says_who_it_is)
    assert [stage for stage, _ in listener.said] == ["first", "alone", "then"]  # those first on which others wait
    assert listener.hosts == {"127.0.0.1"}
    ((pid, threads, omp),) = {tuple(scores[name] for name in ("pid", "threads", "OMP")) for _, scores in listener.said}
    assert pid != os.getpid()
    assert (threads, omp) == (1, 1)
    assert not psutil.pid_exists(pid)


def test_a_scheduler_that_nobody_answers_for_is_one_error_which_says_what_to_do(monkeypatch):
    monkeypatch.setattr(way, "CONNECT_S", 0.2)
    monkeypatch.setenv("EARMARK_SCHEDULER", "tcp://127.0.0.1:9")
    with pytest.raises(EngineError, match="No dask scheduler answers at tcp://127.0.0.1:9 .*Start one with `dask sch"):
        DaskEngine().execute([Job("a", 0)], print)
    with pytest.raises(EngineError, match="No dask scheduler answers at here and there"):
        DaskEngine(scheduler="here and there").execute([Job("a", 0)], print)


def test_a_worker_with_several_threads_or_other_versions_is_refused():
    from earmark_dask.worker import check, versions

    def worker(n_threads):
        return SimpleNamespace(address="tcp://node:1", state=SimpleNamespace(nthreads=n_threads))

    check(worker(1), {**versions(), "a plugin of the client alone": "1"})
    with pytest.raises(EngineError, match="tcp://node:1 has 8 threads.*--nthreads 1"):
        check(worker(8), versions())
    with pytest.raises(EngineError, match=rf"has earmark {versions()['earmark']} instead of 9.9: its results"):
        check(worker(1), {"earmark": "9.9"})


def test_a_loss_that_no_other_worker_can_make_good_is_said():
    from distributed import KilledWorker

    from earmark_dask.tasks import _raised

    last = SimpleNamespace(address="tcp://node:1")
    assert "4 workers were lost over it one after the other, the last one at tcp://node:1" in str(
        _raised(Job("a", 0), KilledWorker("key", last, 3))
    )
    assert "The scheduler was lost while Job(stage='a', seed=0" in str(_raised(Job("a", 0), None))
    assert "could not be done on the cluster: ModuleNotFoundError: no mine" in str(
        _raised(Job("a", 0), ModuleNotFoundError("no mine"))
    )


def test_no_jobs_need_no_cluster(monkeypatch):
    monkeypatch.setattr("earmark_dask.engine.connected", None)
    DaskEngine().execute([], print)
