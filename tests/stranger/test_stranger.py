"""A plugin of somebody else: installed beside Earmark, used by name, without an edit in Earmark."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.testing import check_plugin

PROJECT = Path(__file__).parent / "project"

EXPERIMENT = """
name = "strangers"
corpus = "tut"
frontend = "log-mel"
synthetic = { development_min = 6, evaluation_min = 4 }

[evaluators]
segment = "frame"

[defaults]
n_epochs = 1
model = { use = "linear-net", slope = 0.5 }
losses = [{ use = "scene-ce", weight = 0.001 }, "strong-bce"]
sampler = { use = "shuffled", batch_size = 8 }

[stages.first]
labels = [{ share = 0.5, sources = ["scene", "strong"] }]
predict = ["train"]

[stages.second]
title = "Top events"
starts_from = "first"
labels = [
    { share = 0.5, sources = ["scene", "strong"] },
    { share = 0.5, sources = ["scene", "partial"], refine = { use = "top-events", by = "first", k = 2 } },
]
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory) -> dict[str, str]:
    """Environment in which the stranger's distribution is installed beside Earmark."""
    source = tmp_path_factory.mktemp("stranger") / "project with a space"
    shutil.copytree(PROJECT, source)
    site = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", str(site), str(source)], check=True, timeout=120)
    return {**os.environ, "PYTHONPATH": str(site)}


def earmark(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from earmark.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)


def test_a_strangers_model_and_refiner_run_by_name_from_an_experiment_file(beside, tmp_path, small_study):
    (tmp_path / "strangers.toml").write_text(EXPERIMENT)
    ran = earmark(["run", str(tmp_path / "strangers.toml"), "--stores", str(small_study.store.root)], beside)
    assert ran.returncode == 0, ran.stderr
    assert "Top events" in ran.stdout
    assert "synthetic" in ran.stdout


def test_a_strangers_plugin_keeps_the_contracts(beside, monkeypatch):
    monkeypatch.syspath_prepend(beside["PYTHONPATH"])
    checked = check_plugin(importlib.import_module("earmark_stranger"))
    assert {"refiner 'top-events'", "model 'linear-net'"} <= set(checked)


def test_plugins_are_listed_with_their_owners_and_a_broken_one_leaves_the_command_line_at_work(beside, tmp_path):
    module = tmp_path / "earmark_broken.py"
    module.write_text("import a_library_that_nobody_has\n")
    info = tmp_path / "earmark_broken-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: earmark-broken\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[earmark]\nbroken = earmark_broken\n")
    environment = {**beside, "PYTHONPATH": f"{beside['PYTHONPATH']}{os.pathsep}{tmp_path}", "COLUMNS": "200"}
    listed = earmark(["plugins"], environment)
    assert listed.returncode == 0, listed.stderr
    assert "linear-net" in listed.stdout
    assert "earmark-stranger 0.3.0" in listed.stdout
    assert "'broken' of earmark-broken is broken" in listed.stdout
    assert "a_library_that_nobody_has" in listed.stdout
