from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE5 = REPOSITORY / "paper" / "partial_labels" / "table5.toml"


def earmark(*arguments: str):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    "command",
    [[], ["demo"], ["paper"], ["run"], ["runs"], ["runs", "list"], ["runs", "show"], ["runs", "compare"],
     ["runs", "clean"], ["train"], ["predict"], ["evaluate"], ["data"], ["data", "list"], ["data", "synthesize"],
     ["data", "check"], ["data", "fetch"], ["plugins"]],
    ids=" ".join,
)  # fmt: skip
def test_help_answers_for_every_command(command):
    shown = earmark(*command, "--help")
    assert shown.exit_code == 0
    assert "Usage" in shown.stdout


def test_help_imports_nothing_heavy():
    heavy = ("torch", "xarray", "zarr", "pandas", "matplotlib", "sed_eval", "papermill")
    code = f"import sys\nfrom earmark.cli import app\nprint([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_an_error_is_one_sentence_on_standard_error_and_exit_code_1(tmp_path):
    ran = earmark("run", tmp_path / "none.toml")
    assert ran.exit_code == 1
    assert ran.stderr == f"earmark: {tmp_path}/none.toml: no such experiment file.\n"


def test_a_misspelt_plugin_in_a_file_is_named_before_anything_runs(tmp_path):
    (tmp_path / "mine.toml").write_text(TABLE5.read_text().replace('"strong-bce"', '"strong-bcee"'))
    ran = earmark("run", tmp_path / "mine.toml", "--stores", tmp_path / "stores")
    assert ran.exit_code == 1
    assert "mine.toml: stages.strong.losses.1: no loss named 'strong-bcee'. Did you mean 'strong-bce'?" in ran.stderr
    assert not (tmp_path / "stores").exists()


def test_a_misspelt_option_in_a_file_is_named_with_those_that_exist(tmp_path):
    (tmp_path / "mine.toml").write_text(TABLE5.read_text().replace("weak_branch = true", "week_branch = true"))
    ran = earmark("run", tmp_path / "mine.toml", "--stores", tmp_path / "stores")
    assert "stages.semi-weak.model: model 'mtl-cnn-bigru': no option 'week_branch'" in ran.stderr
    assert "Did you mean 'weak_branch'?" in ran.stderr


def test_a_corpus_folder_that_does_not_exist_is_named(tmp_path):
    ran = earmark("run", TABLE5, "--corpus", tmp_path / "nowhere", "--stores", tmp_path)
    assert ran.exit_code == 1
    assert "nowhere: no such folder" in ran.stderr
    assert "--corpus synthetic" in ran.stderr


def test_an_unknown_paper_lists_those_that_exist():
    ran = earmark("paper", "partial_label")
    assert ran.exit_code == 1
    assert "No paper 'partial_label'. Did you mean 'partial_labels'? Papers: " in ran.stderr
    keys = "mutual_benefit, partial_labels, relation_guided, soft_scene_labels, weak_label_limits."
    assert keys in ran.stderr


def test_a_device_that_is_not_there_says_what_to_do(tmp_path, small_study):
    ran = earmark("run", TABLE5, "--profile", "smoke", "--stores", small_study.store.root, "--device", "cuda:77")
    assert ran.exit_code == 1
    assert "Try --device auto or --device cpu" in ran.stderr


def test_runs_are_listed_shown_compared_and_cleaned(small_study, copy_small_study, tmp_path):
    root = copy_small_study(tmp_path, "runs")
    listed = earmark("runs", "list", "--stores", root)
    addresses = re.findall(r"\b[0-9a-f]{24}\b", listed.stdout)
    assert len(addresses) == len(small_study.jobs())
    assert listed.stdout.count("whole") == len(addresses)
    shown = json.loads(earmark("runs", "show", addresses[0][:12], "--stores", root).stdout)
    assert shown["facts"]["corpus"] == "tut (synthetic)"
    compared = earmark("runs", "compare", addresses[0], addresses[1], "--stores", root)
    assert compared.exit_code == 0
    assert "losses" in compared.stdout or "labels" in compared.stdout
    nothing = earmark("runs", "clean", "--begun", "--stores", root)
    assert nothing.stdout == "Removed 0 runs.\n"
    ambiguous = earmark("runs", "show", "nonsense", "--stores", root)
    assert "no run begins with 'nonsense'" in ambiguous.stderr
    assert earmark("runs", "clean", "--stores", root).exit_code == 2


def test_plugins_are_listed_with_options_and_owner():
    listed = earmark("plugins").stdout
    assert "self-distillation" in listed
    assert "threshold = 0.2" in listed


def test_a_corpus_is_synthesised_listed_and_checked_from_the_command_line(tmp_path, small_study):
    listed = earmark("data", "list", "--stores", small_study.store.root).stdout
    assert "tut" in listed
    assert "synthetic" in listed
    checked = earmark("data", "check", "tut", small_study.dataset.root)
    assert checked.exit_code == 0, checked.stderr
    assert "synthetic" in checked.stdout
    assert earmark("data", "check", "tut", tmp_path / "nowhere").exit_code == 1
    assert "--set wants NAME=VALUE" in earmark("data", "synthesize", "tut", "--set", "development_min").stderr


def test_a_model_is_trained_kept_and_used_from_the_command_line(tmp_path, small_study, small_stores):
    trained = earmark(
        "train", TABLE5, "--profile", "smoke", "--stage", "strong", "--stores", small_stores, "--to", tmp_path / "model"
    )
    assert trained.exit_code == 0, trained.output
    assert "segment fscore micro" in trained.stdout
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    source = next(r for r in small_study.dataset.recordings if r.duration_s == 10)
    (recordings / "good.wav").write_bytes((small_study.dataset.root / source.path).read_bytes())
    (recordings / "bad.wav").write_bytes(b"no sound")
    (recordings / "empty.mp3").touch()
    ran = earmark("predict", tmp_path / "model", recordings, "--format", "raven", "--to", tmp_path / "out")
    assert ran.exit_code == 1
    assert "bad.wav: not a readable sound file" in ran.stderr
    assert "empty.mp3: the file is empty" in ran.stderr
    assert "2 of 3 recordings could not be read" in ran.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"good.selections.txt", "scenes.tsv"}
    again = earmark("predict", tmp_path / "model", recordings / "good.wav", "--to", tmp_path / "out2")
    assert again.exit_code == 0


def test_a_file_with_several_methods_wants_to_know_which_one_to_keep(tmp_path, small_study, small_stores):
    ran = earmark("train", TABLE5, "--profile", "smoke", "--stores", small_stores, "--to", tmp_path / "model")
    assert ran.exit_code == 1
    assert "5 stages have a title; say which one to keep with --stage: strong, weak" in ran.stderr
    assert not (tmp_path / "model").exists()
