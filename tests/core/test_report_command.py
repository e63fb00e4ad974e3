"""``earmark report``: which runs a page is of, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import earmark
from earmark.cli import app
from earmark.plugins import PluginManager, plugins
from earmark.study import Job

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE5 = REPOSITORY / "paper" / "partial_labels" / "table5.toml"


def command(*arguments: object):
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "200"})


def report(study, folder: Path, *runs: str, seeds: int = 1):
    return command(TABLE5, *runs, "--profile", "smoke", "--seeds", seeds, "--stores", study.store.root, "--out", folder)


class Asked:
    """Stands in for whoever writes the page."""

    def __init__(self) -> None:
        self.addresses = frozenset()

    @earmark.hookimpl(tryfirst=True)
    def earmark_report(self, studies, addresses, folder):
        self.addresses = addresses
        return folder / "page.html"


@pytest.fixture
def asked():
    asked = Asked()
    plugins().register(asked, "asked")
    yield asked
    plugins().unregister("asked")


def test_the_page_is_written_by_a_plugin_and_its_path_is_printed(small_study, tmp_path):
    ran = report(small_study, tmp_path / "out")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.splitlines()[-1] == f"Page      {tmp_path}/out/report.html"
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_without_addresses_it_is_of_all_finished_runs(small_study, tmp_path, asked):
    assert report(small_study, tmp_path, seeds=2).exit_code == 0  # nobody has run the second seed
    assert asked.addresses == {small_study.run_address(job) for job in small_study.jobs()}


def test_addresses_choose_among_the_runs(small_study, tmp_path, asked):
    address = small_study.run_address(Job("weak", 0))
    assert report(small_study, tmp_path, address[:10]).exit_code == 0
    assert asked.addresses == {address}


def test_a_run_that_is_not_there_is_said(small_study, tmp_path):
    ran = report(small_study, tmp_path, "nonsense")
    assert ran.exit_code == 1
    assert "no run begins with 'nonsense'. `earmark runs list` shows all addresses." in ran.stderr


def test_a_run_of_other_options_is_said(small_study, tmp_path):
    address = small_study.run_address(Job("weak", 0))
    (tmp_path / "mine.toml").write_text(TABLE5.read_text().replace('name = "partial_labels"', 'name = "mine"'))
    ran = command(
        tmp_path / "mine.toml", address, "--profile", "quick", "--stores", small_study.store.root, "--out", tmp_path,
        "--corpus", small_study.dataset.root,
    )  # fmt: skip
    assert ran.exit_code == 1
    assert f"the run {address} is none of mine as it is opened here" in ran.stderr


def test_a_run_alone_asks_for_its_experiment(small_study, tmp_path):
    address = small_study.run_address(Job("weak", 0))
    ran = command(address[:8], "--stores", small_study.store.root, "--out", tmp_path)
    assert ran.exit_code == 1
    assert f"the run {address} is the stage 'weak' of the experiment 'partial_labels'" in ran.stderr
    assert f"earmark report EXPERIMENT.toml {address[:8]} --out DIR" in ran.stderr
    nowhere = command("nonsense", "--stores", small_study.store.root, "--out", tmp_path)
    assert "nonsense: no such experiment file, and no run begins so." in nowhere.stderr


def test_where_nothing_is_finished_it_says_what_the_store_holds(small_study, tmp_path):
    changed = TABLE5.read_text().replace("lr = 2e-3", "lr = 3e-3")
    (tmp_path / "changed.toml").write_text(changed)
    ran = command(
        tmp_path / "changed.toml", "--profile", "smoke", "--stores", small_study.store.root, "--out", tmp_path / "out"
    )
    assert ran.exit_code == 1
    assert "nothing of partial_labels on tut (synthetic) is finished, of 6 runs." in ran.stderr
    assert "of that name, made with other options, seeds or sound. Run it first: `earmark run`" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_without_a_plugin_that_writes_reports_it_says_so(small_study, tmp_path, monkeypatch):
    monkeypatch.setattr(PluginManager, "hook", Hooks())
    ran = report(small_study, tmp_path)
    assert ran.exit_code == 1
    assert "earmark report: no plugin with the hook named 'earmark_report'. Installed: none." in ran.stderr


class Hooks:
    """Hooks that nobody implements."""

    def __getattr__(self, name):
        return lambda **arguments: None


def test_help_has_a_line_to_paste():
    shown = command("--help")
    assert shown.exit_code == 0
    assert "earmark report paper/partial_labels/table5.toml --profile smoke --out reports" in " ".join(
        shown.stdout.split()
    )
    assert "earmark report [OPTIONS] {experiment} [runs]..." in shown.stdout
