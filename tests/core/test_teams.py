"""One training over several processes is the training of one process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from trainings_in_teams import IN_THREE, IN_TWO, Net

from earmark.devices import DeviceError
from earmark.pipeline import run_study
from earmark.study import Job
from earmark.teams.following import follow
from earmark.teams.team import TeamError, joined, team
from earmark.workspace import open_study

LAUNCHED = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
ON_THE_LOOPBACK = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "GLOO_SOCKET_IFNAME": next(name for _, name in socket.if_nameindex() if name.startswith("lo")),
}
WITHOUT_CHANCE = [
    case.__name__ for case in IN_TWO if case.__name__ not in ("dropped", "resumed", "undisturbed", "at_odds")
]


class Found:
    """What the processes of `trainings_in_teams` have written."""

    def __init__(self, folder):
        self.folder = folder
        self.codes = json.loads((folder / "codes.json").read_text())

    def facts(self, case, rank, size):
        return json.loads((self.folder / f"{case}-{rank}-of-{size}.json").read_text())

    def weights(self, case, rank, size):
        return load_file(self.folder / f"{case}-{rank}-of-{size}.safetensors")

    def assert_same_bits(self, one, other):
        assert self.facts(*one)["history"] == self.facts(*other)["history"]
        weights = self.weights(*other)
        for name, tensor in self.weights(*one).items():
            assert torch.equal(tensor, weights[name]), name


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teams")
    script = Path(__file__).with_name("trainings_in_teams.py")
    subprocess.run(
        [sys.executable, str(script), str(folder)],
        env={**ON_THE_LOOPBACK, "EARMARK_SAVE_EVERY_S": "-1"},
        check=True,
        timeout=300,
    )
    return Found(folder)


def test_all_processes_end_well(found):
    assert {name: codes for name, codes in found.codes.items() if not name.startswith("left")} == {
        "alone": [0],
        "in two": [0, 0],
        "in three": [0, 0, 0],
    }


@pytest.mark.parametrize(
    ("case", "size"),
    [*((case, 2) for case in WITHOUT_CHANCE), *((case.__name__, 3) for case in IN_THREE)],
)
def test_a_batch_shared_by_processes_is_learnt_from_as_by_one(found, case, size):
    alone, weights = found.facts(case, 0, 1), found.weights(case, 0, 1)
    for rank in range(size):
        shared, shared_weights = found.facts(case, rank, size), found.weights(case, rank, size)
        assert shared["best_epoch"] == alone["best_epoch"]
        for epoch, by_one in zip(shared["history"], alone["history"], strict=True):
            assert epoch == pytest.approx(by_one, rel=1e-6, nan_ok=True)
        for name, tensor in weights.items():
            assert torch.allclose(shared_weights[name], tensor, rtol=1e-9, atol=1e-12), name


def test_the_cases_are_what_they_are_for(found):
    history = found.facts("triplets", 0, 2)["history"]
    assert history[-1]["total"] < history[0]["total"] - 1e-4  # it learns from something
    assert found.facts("stopped", 1, 2)["best_epoch"] == 2  # of which the second process has no score of its own
    plain = found.weights("plain", 0, 2)
    assert not torch.allclose(plain["norm.running_mean"], torch.zeros(8).double(), atol=1e-3)


def test_what_no_loss_reads_is_left_as_it_was(found):
    # AdamW lets weights decay that have a gradient of 0, but not those that have none.
    torch.manual_seed(5)
    start = Net().double().state_dict()
    for name in ("unread.weight", "idle.weight"):
        assert torch.equal(found.weights("plain", 1, 2)[name], start[name])


def test_two_trainings_by_as_many_processes_are_the_same_bit_by_bit_with_dropout(found):
    found.assert_same_bits(("dropped", 0, 2), ("dropped-again", 0, 2))
    found.assert_same_bits(("dropped", 0, 2), ("dropped", 1, 2))
    alone, together = found.facts("dropped", 0, 1), found.facts("dropped", 0, 2)
    assert alone["history"] != together["history"]  # the chance of each process is its own


def test_a_training_saved_by_the_first_process_goes_on_in_all_to_the_same_bits(found):
    for rank in range(2):
        found.assert_same_bits(("resumed", rank, 2), ("undisturbed", rank, 2))
        assert found.facts("resumed", rank, 2)["went_on"] == [3]


def test_processes_that_find_different_states_all_stop(found):
    for rank in range(2):
        error = found.facts("at_odds", rank, 2)["error"]
        assert error == (
            "The 2 processes found the run saved after different epochs (0, 1). Let --stores name one folder that all "
            "machines share."
        )


@pytest.mark.parametrize("gone", [0, 1])
def test_nobody_waits_for_a_process_that_is_gone(found, gone):
    left = 1 - gone
    assert (found.folder / f"left-by-{gone}-{left}.txt").read_text() == (
        f"Process {left + 1} of 2: another process of this training has ended; what it said last tells why. "
        "What was saved is kept; the same command goes on from there."
    )
    assert found.codes[f"left by {gone}"][left] == 0


# Rounding, 1e-7 of a weight, doubles in a few steps of a larger rate, in one process as in two.
EXPERIMENT = """
name = "together"
corpus = "tut"
clip_s = 10.0
frontend = "log-mel"
seeds = [0]
synthetic = { development_min = 6, evaluation_min = 4 }
validation_split = "development"
evaluators = { segment = { use = "frame", threshold = 0.5 } }

[defaults]
n_epochs = 2
labels = [{ sources = ["scene", "strong"] }]
model = { use = "mtl-cnn-bigru", shared_channels = [4, 4, 4], scene_channels = [4, 4], gru_units = 4, dropout = 0.0 }
sampler = { use = "shuffled", batch_size = 7 }
optimiser = { use = "sgd", lr = 0.01 }
losses = [{ use = "scene-ce", weight = 0.001 }, "strong-bce"]

[stages.first]
stopping = { use = "frame", threshold = 0.5, score = "fscore_micro" }

[stages.second]
title = "Second"
starts_from = "first"
"""


def test_torchrun_trains_the_runs_of_an_experiment_as_one_process_does(copy_small_study, tmp_path, one_thread):
    experiment = tmp_path / "together.toml"
    experiment.write_text(EXPERIMENT)
    stores = copy_small_study(tmp_path / "stores", "corpora")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    command = [*torchrun, "--nproc-per-node", "2", "-m", "earmark", "run", str(experiment), "--device", "cpu"]
    done = subprocess.run(
        [*command, "--stores", str(stores)], env=ON_THE_LOOPBACK, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 runs: 2 done, 0 left") == 1  # the first process alone reports
    assert not done.stderr.strip()
    study = open_study(experiment, stores=stores)
    jobs = [Job("first", 0), Job("second", 0)]
    shared, heard = [study.shelf(job).facts() for job in jobs], study.predictions("second", 0).load()
    assert "Second" in study.results()
    for job in jobs:
        study.store.remove(study.run_address(job))
    run_study(study, device="cpu", engine="local")
    for job, facts in zip(jobs, shared, strict=True):
        alone = study.shelf(job).facts()
        assert facts["n_processes"] == 2
        assert "n_processes" not in alone
        assert facts.get("best_epoch") == alone.get("best_epoch")
        for epoch, by_one in zip(facts["history"], alone["history"], strict=True):
            assert {**epoch, "wall_s": 0} == pytest.approx({**by_one, "wall_s": 0}, rel=1e-5)
    again = study.predictions("second", 0)
    assert abs(heard["event_frame_posterior"] - again["event_frame_posterior"]).max() < 1e-5


def test_without_torchrun_a_process_works_alone(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # some clusters set it for everything
    with joined() as alone:
        assert alone is None
        assert team() is None


@pytest.mark.parametrize("asked", [{"engine": "processes"}, {"engine": "auto"}])
def test_engines_that_give_runs_away_are_refused_under_torchrun(monkeypatch, asked):
    for name, value in {**LAUNCHED, "EARMARK_ENGINE": "processes"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        TeamError, match="The engine 'processes' gives .* torchrun has started several.* say --engine local"
    ):
        joined(**asked).__enter__()


def test_each_process_needs_a_gpu_of_its_own(monkeypatch):
    for name, value in {**LAUNCHED, "LOCAL_RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        DeviceError, match="--device cuda:1 names one device for all processes .* Say auto, cuda or cpu"
    ):
        joined("cuda:1").__enter__()
    monkeypatch.setattr("earmark.teams.team.resolve_device", lambda asked: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match=r"more processes .* than it has GPUs \(2\). Say --nproc-per-node 2."):
        joined().__enter__()


def test_processes_that_cannot_meet_say_where(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for name, value in {**LAUNCHED, "MASTER_PORT": str(port)}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TeamError, match=f"could not meet at 127.0.0.1:{port} .* say torchrun --standalone"):
            joined("cpu").__enter__()
    assert team() is None


def test_a_follower_of_another_experiment_says_so():
    told = SimpleNamespace(rank=1, size=2, told=lambda: "0" * 24)
    with pytest.raises(
        TeamError, match="Process 2 of 2: the first process trains the run 0{24}, which is none of this"
    ):
        follow(told, list, "cpu")
