"""What the README prints works as printed."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.experiment import experiment_of, read_experiment
from earmark.testing import check_plugin

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^    (?:\.venv/bin/)?(earmark .*?)(?:\s+#.*)?$", README, re.MULTILINE)


def test_the_plugin_of_the_readme_keeps_its_contract(monkeypatch):
    (source,) = [text for language, text in BLOCKS if language == "python" and "class SureOnly" in text]
    module = types.ModuleType("earmark_mine")
    monkeypatch.setitem(sys.modules, "earmark_mine", module)  # dataclasses look their module up
    exec(source, module.__dict__)
    assert check_plugin(module) == ["refiner 'sure-only'"]
    assert len([line for line in source.splitlines() if line.strip()]) <= 18


def test_the_plugin_project_of_the_readme_names_the_entry_point_group():
    (project,) = [tomllib.loads(text) for language, text in BLOCKS if language == "toml" and "[project]" in text]
    assert project["project"]["entry-points"]["earmark"] == {"mine": "earmark_mine"}


def test_the_experiment_of_the_readme_is_the_papers():
    (shown,) = [tomllib.loads(text) for language, text in BLOCKS if language == "toml" and "[stages.semi" in text]
    whole = read_experiment(REPOSITORY / "paper/partial_labels/table5.toml")
    document = {
        "name": "shown",
        "corpus": "tut",
        "frontend": "log-mel",
        "defaults": {"model": "mtl-cnn-bigru", "losses": ["strong-bce"], "n_epochs": 1},
        **shown,
    }
    described = experiment_of(document)
    for name, stage in described.stages.items():
        assert stage.labels == whole.stages[name].labels
        assert (stage.title, stage.starts_from) == (whole.stages[name].title, whole.stages[name].starts_from)


def test_the_grid_of_the_readme_gives_a_stage_for_each_case():
    (shown,) = [tomllib.loads(text) for language, text in BLOCKS if language == "toml" and "[grids." in text]
    document = {
        "name": "shown",
        "corpus": "tut",
        "frontend": "log-mel",
        "defaults": {"model": "mtl-cnn-bigru", "losses": ["strong-bce"], "n_epochs": 1},
        **shown,
    }
    assert list(experiment_of(document).stages) == ["semi-weak-40", "semi-weak-70"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_exists_with_its_options(command):
    words = shlex.split(command)[1:]
    path = [word for word in words[:2] if word.replace("-", "").isalpha() and word not in ("tut",)]
    path = path if path[0] in ("runs", "data", "label") else path[:1]
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, command
    for word in words:
        if word.startswith("--"):
            assert word in shown.stdout, f"{command}: no option {word}"


def test_the_readmes_way_from_three_annotated_files_to_labels_for_audacity(tmp_path, monkeypatch):
    section = README.split("## Your own recordings")[1].split("\n## ")[0]
    corpus, experiment = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    commands = re.findall(r"^    earmark (.*?)(?:\s+#.*)?$", section, re.MULTILINE)
    assert len(commands) == 4
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARMARK_STORES", str(tmp_path / "stores"))
    monkeypatch.setenv("EARMARK_ENGINE", "local")  # no time for starting workers
    printed = []
    for number, command in enumerate(commands):
        if number == 2:  # the files come before the command that needs them
            (tmp_path / "garden" / "corpus.toml").write_text(corpus)
            (tmp_path / "garden.toml").write_text(experiment)
        ran = CliRunner().invoke(app, shlex.split(command), env={"COLUMNS": "200"})
        assert ran.exit_code == 0, f"{command}: {ran.output}"
        printed.append(ran.stdout)
    assert "3 recordings with times, 1 without" in printed[1]
    # Far above an untrained net: the section promises a detector.
    fscore = float(re.search(r"segment fscore micro\s+([\d.]+)", printed[2]).group(1))
    assert fscore > 0.6
    lines = [line.split("\t") for line in (tmp_path / "labels" / "thursday.txt").read_text().splitlines()]
    assert len(lines) > 5
    for onset, offset, label in lines:
        assert 0 <= float(onset) < float(offset) <= 120
        assert label in ("bird singing", "car", "people talking")


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)\b", README)) - {"sure"} <= targets


def test_every_path_of_the_readme_exists():
    for path in re.findall(r"(?:core|stores|plugins|paper|notebooks|tests)/[\w./-]+\w", README):
        if not path.startswith(("stores/data", "paper/KEY")) and "*" not in path and not path.endswith("earmark_"):
            assert (REPOSITORY / path).exists(), path
