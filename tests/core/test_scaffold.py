"""A plugin author's first ten minutes: the project that `earmark new-plugin` writes works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.experiment import experiment_of
from earmark.pipeline import run_study
from earmark.plugins import PluginManager
from earmark.protocols import LabelSource
from earmark.scaffold.project import PROTOCOLS, NewPlugin, NewPluginError, project_files, write_project
from earmark.study import Study
from earmark.testing.checking import check_given
from earmark.workspace import open_store

REPOSITORY = Path(__file__).resolve().parents[2]
KINDS = list(PROTOCOLS)


def plugin_of(kind: str) -> NewPlugin:
    return NewPlugin(name=f"made-{kind.replace(' ', '-')}", kind=kind)


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """A folder with a project of every kind, whose packages can be imported."""
    folder = tmp_path_factory.mktemp("projects")
    sources = [str(write_project(plugin_of(kind), folder) / "src") for kind in KINDS]
    sys.path[:0] = sources
    yield folder
    sys.path[:] = [path for path in sys.path if path not in sources]
    for kind in KINDS:
        for module in [name for name in sys.modules if name.startswith(plugin_of(kind).package)]:
            del sys.modules[module]


def registered(kind: str, manager: PluginManager) -> PluginManager:
    plugin = plugin_of(kind)
    manager.register(import_module(f"{plugin.package}.plugin"), plugin.name, plugin.distribution, "0.1.0")
    return manager


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_keeps_the_contract_of_its_kind(projects, kind):
    (given,) = registered(kind, PluginManager()).given()
    assert (given.kind, given.name) == (kind, plugin_of(kind).name)
    verdict = check_given(given)
    assert str(verdict).startswith(f"{kind} 'made-{kind.replace(' ', '-')}' of earmark-made-"), verdict
    assert ": kept" in str(verdict), verdict


def test_the_tests_and_doctests_of_every_project_pass_in_a_pytest_of_their_own(projects):
    source = os.pathsep.join(str(path) for path in projects.glob("*/src"))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    # importlib: five test files of one name in one process; an author's project has one.
    ran = subprocess.run(
        [*command, "--import-mode=importlib", "--doctest-modules", *map(str, projects.glob("*/"))],
        cwd=projects,
        env={**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(re.search(r"(\d+) passed", ran.stdout).group(1)) >= 5 + 5 + 3  # contracts, own tests, doctests


def test_the_projects_obey_the_house_style(projects):
    ours = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]
    settings = ["--isolated", "--line-length", str(ours["line-length"])]
    lint = ["--select", ",".join(ours["lint"]["select"]), "--ignore", ",".join(ours["lint"]["ignore"])]
    lint += ["--config", f'lint.pydocstyle.convention = "{ours["lint"]["pydocstyle"]["convention"]}"']
    for project in projects.glob("*/"):
        for arguments in (["format", "--check"], ["check", "--no-cache", *lint, "--config", 'src = ["src"]']):
            ruff = [sys.executable, "-m", "ruff", *arguments, *settings, "."]
            ran = subprocess.run(ruff, cwd=project, capture_output=True, text=True, timeout=60)
            assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def own_store(tmp_path_factory):
    """A store of its own: others count the runs in the one that the suite shares."""
    return open_store(tmp_path_factory.mktemp("stores"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_experiment_of_the_project_trains_with_the_example_and_gives_scores(projects, small_study, own_store, kind):
    document = tomllib.loads((projects / plugin_of(kind).distribution / "experiment.toml").read_text())
    for stage in (document.get("defaults", {}), *document["stages"].values()):
        stage |= {"n_epochs": 1} if "n_epochs" in stage else {}
    study = Study(
        experiment=experiment_of(document),
        dataset=small_study.dataset,
        store=own_store,
        manager=registered(kind, PluginManager.of_environment()),
    )
    run_study(study, device="cpu", engine="local")
    stamp = f"{kind}:{plugin_of(kind).name}=earmark-{plugin_of(kind).name}@0.1.0"
    assert any(stamp in str(study.description(job)) for job in study.jobs()) or kind == "evaluator"
    results = study.results()
    assert list(results) == list(study.experiment.methods.values())
    for by_evaluator in results.values():
        assert set(by_evaluator) == set(document["evaluators"])
    if kind == "evaluator":
        (result,) = results["Strong labels"]["onset"]
        assert 0 <= float(result["onset_fscore_micro"]) <= 1
        assert int(result["tp"].sum() + result["fn"].sum()) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_of_a_project_says_how_to_install_test_use_and_change_it(projects, kind):
    plugin = plugin_of(kind)
    project = projects / plugin.distribution
    readme = (project / "README.md").read_text()
    assert "${" not in readme
    for line in ("pip install --editable .", f"earmark plugins --check {plugin.name}", "earmark run experiment.toml"):
        assert f"    {line}\n" in readme or f"    python -m {line}\n" in readme
    assert re.findall(r"^## (.*)$", readme, re.MULTILINE) == ["Install and test", "Use", "Change it"]
    for path in re.findall(r"`((?:src|tests)/[^`]+|\w+\.toml)`", readme):
        assert (project / path).is_file(), path
    (shown,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert tomllib.loads(shown if "= " in shown.split("{")[0] else f"labels = [\n{shown}]")
    assert plugin.name in shown


def test_the_project_names_its_entry_point_and_gives_its_package(projects):
    for kind in KINDS:
        plugin = plugin_of(kind)
        project = tomllib.loads((projects / plugin.distribution / "pyproject.toml").read_text())
        assert project["project"]["entry-points"]["earmark"] == {plugin.name: f"{plugin.package}.plugin"}
        assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [f"src/{plugin.package}"]
        assert project["project"]["description"].endswith(".")


def test_the_label_sources_example_is_drawn_for_each_run(projects):
    module = import_module(f"{plugin_of('label source').package}.plugin")
    assert isinstance(module.Overlooked().of_run(3), LabelSource)


def test_templates_are_whole_for_each_kind_and_lie_in_the_package():
    assert {path for path, _ in project_files(plugin_of("loss"))} == {
        "pyproject.toml", "README.md", "experiment.toml", "tests/test_contract.py",
        "src/earmark_made_loss/__init__.py", "src/earmark_made_loss/plugin.py", "src/earmark_made_loss/py.typed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Crisp Labels", "crisp-labels"), ("crisp_labels", "crisp-labels"), ("2fast", "fast"),
     ("earmark-mine", "mine"), ("../mine", "mine"), ("mine-", "mine"), ("a--b", "a-b")],
)  # fmt: skip
def test_a_name_that_no_package_can_have_is_refused_with_one_that_can(name, meant):
    with pytest.raises(NewPluginError, match="a name is made of lower-case letters") as refused:
        NewPlugin(name=name, kind="loss")
    assert str(refused.value).endswith(f"Did you mean {meant!r}?")


@pytest.mark.parametrize("name", ["", "7", "é", "-"])
def test_a_name_without_any_letter_is_refused_without_a_guess(name):
    with pytest.raises(NewPluginError, match="begins with a letter, as a Python package is named after it") as refused:
        NewPlugin(name=name, kind="loss")
    assert "Did you mean" not in str(refused.value)


def test_a_kind_without_an_example_is_refused():
    with pytest.raises(NewPluginError, match="No example of the kind 'store'. There is one of: refiner, model, loss"):
        NewPlugin(name="mine", kind="store")


def earmark(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_a_name_that_an_installed_plugin_has_is_refused_with_its_owner(tmp_path):
    ran = earmark("new-plugin", "strong-bce", "--kind", "loss", "--to", tmp_path)
    assert ran.exit_code == 1
    assert "There is a loss 'strong-bce' already, of earmark. Choose another name" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_free_for_another_kind(tmp_path):
    assert earmark("new-plugin", "strong-bce", "--kind", "refiner", "--to", tmp_path).exit_code == 0


def test_a_name_whose_package_is_there_already_is_refused(tmp_path):
    ran = earmark("new-plugin", "labels", "--kind", "loss", "--to", tmp_path)
    assert ran.exit_code == 1
    assert "There is a Python package earmark_labels already" in ran.stderr


def test_a_folder_that_is_there_is_never_written_to(tmp_path):
    mine = tmp_path / "earmark-mine"
    mine.mkdir()
    ran = earmark("new-plugin", "mine", "--kind", "loss", "--to", tmp_path)
    assert ran.exit_code == 1
    assert f"{mine} is there already, and nothing is overwritten" in ran.stderr
    assert list(tmp_path.rglob("*")) == [mine]


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "file").write_text("")
    ran = earmark("new-plugin", "mine", "--kind", "loss", "--to", tmp_path / "file")
    assert ran.exit_code == 1
    assert "file/earmark-mine cannot be written" in ran.stderr
    assert "Name a folder of yours: --to DIR" in ran.stderr


def test_the_command_says_what_to_do_next(tmp_path):
    ran = earmark("new-plugin", "onset-f", "--kind", "evaluator", "--to", tmp_path / "new" / "place")
    assert ran.exit_code == 0, ran.output
    folder = tmp_path / "new" / "place" / "earmark-onset-f"
    assert ran.stdout.splitlines()[0].startswith(f"{folder}: an evaluator that works")
    assert f"  cd {folder}\n" in ran.stdout
    assert "  earmark plugins --check onset-f\n" in ran.stdout
    assert list(folder.parent.iterdir()) == [folder]  # nothing written aside is left


@pytest.mark.parametrize(
    ("command", "example"),
    [("new-plugin", "earmark new-plugin crisp-labels --kind refiner"),
     ("plugins", "earmark plugins --check self-distillation")],
)  # fmt: skip
def test_help_of_the_authors_commands_has_a_line_to_paste(command, example):
    shown = earmark(command, "--help")
    assert shown.exit_code == 0
    assert f"Example: {example}" in shown.stdout
