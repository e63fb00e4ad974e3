"""A small study whose store lies on an S3 server: the same numbers, on whatever machine, killed or not."""

from __future__ import annotations

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.experiment import Experiment
from earmark.pipeline import run_study
from earmark.places import stores_root
from earmark.plugins import plugins
from earmark.study import Job, Study
from earmark.workspace import open_store
from earmark_stores import leases

JOB = Job("strong", 0)
REPOSITORY = Path(__file__).resolve().parents[2]
TABLE5 = REPOSITORY / "paper/partial_labels/table5.toml"

CHILD = """
import pickle, sys
import torch
from earmark.pipeline import run_study
from earmark.plugins import plugins
from earmark.study import Study
from earmark.workspace import open_store

torch.set_num_threads(1)
experiment, dataset = pickle.load(sys.stdin.buffer)
run_study(Study(experiment=experiment, dataset=dataset, store=open_store(sys.argv[1]), manager=plugins()),
          device="cpu", engine="local")
"""


@pytest.fixture(scope="module")
def only_strong(small_study) -> Experiment:
    return small_study.experiment.only("strong", 0)


@pytest.fixture
def study(only_strong, small_study, address, machine) -> Study:
    """One run of the small study, whose store is empty and on the server."""
    store = machine("first", address)
    return dataclasses.replace(small_study, experiment=only_strong, store=store)


@pytest.fixture(scope="module")
def alone(only_strong, small_study, tmp_path_factory) -> Study:
    """The same in a folder, with one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    store = open_store(tmp_path_factory.mktemp("alone"))
    study = run_study(dataclasses.replace(small_study, experiment=only_strong, store=store), device="cpu")
    torch.set_num_threads(threads)
    return study


def assert_same_numbers(study: Study, other: Study) -> None:
    mine, theirs = study.shelf(JOB), other.shelf(JOB)
    for name, weight in theirs.load_weights()[0].items():
        assert weight.equal(mine.load_weights()[0][name]), name
    assert mine.open_predictions("test").load().identical(theirs.open_predictions("test").load())
    for title, by_evaluator in other.results().items():
        for name, results in by_evaluator.items():
            assert study.results()[title][name][0].identical(results[0]), name


def earmark(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "250"})


def test_numbers_are_those_of_a_local_store_and_no_other_machine_computes_them_again(
    study, alone, machine, address, server, one_thread, tmp_path, copy_small_study
):
    run_study(study, device="cpu")
    assert_same_numbers(study, alone)
    before = len(server.requests)
    elsewhere = dataclasses.replace(study, store=machine("second", address))
    assert elsewhere.missing() == []
    run_study(elsewhere, device="cpu")
    assert_same_numbers(elsewhere, alone)
    assert {request.partition(" ")[0] for request in server.requests[before:]} == {"GET"}

    run = study.run_address(JOB)
    listed = earmark("runs", "list", "--stores", address)
    assert listed.exit_code == 0, listed.output
    assert run in listed.stdout
    assert "whole" in listed.stdout
    copy_small_study(stores_root(address), "corpora")
    report = earmark("report", TABLE5, "--profile", "smoke", "--stores", address, "--out", tmp_path / "out")
    assert report.exit_code == 0, report.output
    assert "Strong MTL" in (tmp_path / "out" / "report.html").read_text()
    assert '"seed": 0' in earmark("runs", "show", run[:8], "--stores", f"{address}/").stdout
    removed = earmark("runs", "clean", run, "--stores", address)
    assert removed.stdout == "Removed 1 runs.\n"
    assert not study.store.run(run).whole
    nothing = earmark("runs", "show", run, "--stores", address)
    assert nothing.exit_code == 1
    assert "no run begins with" in nothing.output


def test_a_study_that_is_killed_goes_on_on_another_machine_with_the_same_numbers(
    study, alone, machine, address, reached, bucket, one_thread, caplog, monkeypatch
):
    monkeypatch.setattr(leases, "LEASE_S", 2 * leases.RENEW_S / 5)
    environment = {**os.environ, "EARMARK_SAVE_EVERY_S": "0", "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen([sys.executable, "-c", CHILD, address], stdin=subprocess.PIPE, env=environment)

    def kill(request: str) -> None:
        """While the files of the run are uploaded: it is trained, and not yet whole."""
        if request.startswith("PUT") and "/runs/" in request and "/parcels/" in request:
            child.send_signal(signal.SIGKILL)

    reached.refuse = kill
    child.stdin.write(pickle.dumps((study.experiment, study.dataset)))
    child.stdin.close()
    assert child.wait(timeout=200) == -signal.SIGKILL
    reached.refuse = lambda request: None
    assert bucket.exists(bucket.below(f"runs/{study.run_address(JOB)}/begun/state.safetensors"))
    assert not study.shelf(JOB).whole

    elsewhere = dataclasses.replace(study, store=machine("second", address), manager=plugins())
    assert elsewhere.store.features(study.feature_address).whole
    run_study(elsewhere, device="cpu")
    assert "given no sign of life" in caplog.text
    assert_same_numbers(elsewhere, alone)
