"""``earmark lab``: what it starts, with which notebook, and what it says where it cannot."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.cli.lab import LabError, has_browser, lab_command, lab_environment, notebook_path

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def started(monkeypatch):
    """What would have been started in the place of this process."""
    calls = []
    monkeypatch.setattr("os.execve", lambda path, command, environment: calls.append((path, command, environment)))
    return calls


def say(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_the_explore_notebook_is_opened_where_none_is_named(started):
    assert say("lab").exit_code == 0
    ((path, command, _),) = started
    assert path == sys.executable
    assert command[1:4] == ["-m", "jupyterlab", str(REPOSITORY / "notebooks" / "explore.ipynb")]
    assert f"--ServerApp.root_dir={REPOSITORY}" in command


def test_options_after_two_dashes_are_jupyterlabs_with_or_without_a_notebook(started):
    assert say("lab", "--", "--port", "9999").exit_code == 0
    assert say("lab", "partial_labels", "--", "--port", "9999").exit_code == 0
    assert [Path(command[3]).name for _, command, _ in started] == ["explore.ipynb", "partial_labels.ipynb"]
    assert all(command[-2:] == ["--port", "9999"] for _, command, _ in started)


def test_an_option_that_is_not_after_two_dashes_is_refused(started):
    assert say("lab", "--port", "9999").exit_code != 0
    assert started == []


def test_the_stores_reach_the_kernels(started, tmp_path):
    assert say("lab", "--stores", tmp_path).exit_code == 0
    ((_, _, environment),) = started
    assert environment["EARMARK_STORES"] == str(tmp_path)
    assert "EARMARK_STORES" not in lab_environment({}, None)


def test_a_configuration_of_the_users_own_stays_in_force():
    path = lab_environment({"JUPYTER_CONFIG_PATH": "/home/me/jupyter"}, None)["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert path[1:] == ["/home/me/jupyter"]
    assert (Path(path[0]) / "labconfig" / "page_config.json").is_file()


def test_a_notebook_is_found_by_path_by_name_and_below_notebooks(tmp_path):
    own = tmp_path / "own.ipynb"
    own.write_text("{}")
    assert notebook_path(str(own)) == own
    explore = REPOSITORY / "notebooks" / "explore.ipynb"
    assert notebook_path("explore") == notebook_path("explore.ipynb") == notebook_path("notebooks/explore.ipynb")
    assert notebook_path("explore") == explore


def test_an_unknown_notebook_is_answered_with_those_that_exist():
    with pytest.raises(
        LabError, match="No notebook 'explor'. Did you mean 'explore'.*mutual_benefit, .*partial_labels"
    ):
        notebook_path("explor")


def test_without_a_checkout_the_message_says_what_to_do(monkeypatch, started):
    monkeypatch.setattr("earmark.cli.lab.checkout", lambda: None)
    result = say("lab")
    assert result.exit_code == 1
    assert "explore: no such file, and Earmark's own notebooks live in its repository" in result.output
    assert "Clone it and say `earmark lab` inside, or name a notebook of your own by its path." in result.output
    assert started == []


def test_a_notebook_outside_the_checkout_is_served_from_its_own_folder(tmp_path):
    command = lab_command(tmp_path / "own.ipynb", [], browser=True)
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--no-browser" not in command


def test_no_browser_is_asked_for_where_there_is_no_screen():
    assert not has_browser({}, "linux")
    assert has_browser({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert has_browser({}, "darwin")
    assert "--no-browser" in lab_command(REPOSITORY / "notebooks/explore.ipynb", [], browser=False)


def test_help_says_what_it_opens_and_how_options_are_passed_on():
    text = say("lab", "--help").output
    for piece in ("explore.ipynb", "earmark demo", "--stores", "earmark lab tour -- --port 9999"):
        assert piece in text


def test_jupyterlab_answers_with_the_notebook(tmp_path):
    """From the command to a page that can be opened; make lab is to need less than 15 s for it."""
    from subprocess import DEVNULL, Popen

    (tmp_path / "own.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    runtime = tmp_path / "runtime"
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    options = ["--no-browser", "--ip=127.0.0.1", "--ServerApp.port_retries=50"]
    command = [str(Path(sys.executable).with_name("earmark")), "lab", str(tmp_path / "own.ipynb"), "--", *options]
    process = Popen(command, env=environment, cwd=tmp_path, stdout=DEVNULL, stderr=DEVNULL)
    try:
        for _ in range(240):
            found = list(runtime.glob("jpserver-*.json"))
            if found or process.poll() is not None:
                break
            time.sleep(0.25)
        assert process.poll() is None, "JupyterLab ended at once"
        server = json.loads(found[0].read_text())
        assert server["pid"] == process.pid  # no process between: what ends one ends the other
        with urllib.request.urlopen(f"{server['url']}lab/tree/own.ipynb?token={server['token']}", timeout=30) as page:
            assert page.status == 200
            shown = page.read()
        assert b"jupyter-config-data" in shown
        assert b'"@jupyterlab/apputils-extension:announcements"' in shown.split(b'"disabledExtensions"')[1]
    finally:
        process.terminate()
        process.wait(30)
