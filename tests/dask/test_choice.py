from __future__ import annotations

import importlib
import os
import sys

import pytest
import typer

from earmark.cli import papers
from earmark.cli.options import chosen_engine
from earmark.pipeline import suitable_engine
from earmark.processes import EngineError
from earmark.study import Job


def test_without_the_extra_the_plugin_loads_and_says_what_to_install_once_it_is_asked(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("dask", "distributed", "earmark_dask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)  # importing it raises
    plugin = importlib.import_module("earmark_dask.plugin")
    engine = plugin.earmark_engines()["dask"]()
    assert "dask" not in sys.modules
    with pytest.raises(EngineError, match="python -m pip install 'distributed>="):
        engine.execute([Job("a", 0)], print)


def test_a_schedulers_address_says_the_engine_and_is_refused_with_another_one(monkeypatch):
    monkeypatch.setenv("EARMARK_SCHEDULER", "")
    assert chosen_engine("processes", None) == "processes"
    assert os.environ["EARMARK_SCHEDULER"] == ""
    assert chosen_engine("auto", "tcp://node:8786") == "dask"
    assert os.environ["EARMARK_SCHEDULER"] == "tcp://node:8786"
    with pytest.raises(typer.BadParameter, match="is for --engine dask, not for processes"):
        chosen_engine("processes", "tcp://node:8786")


def test_the_notebook_of_a_paper_is_told_of_the_engine_by_its_environment(monkeypatch):
    monkeypatch.setattr(papers, "_run", lambda *arguments: None)
    for name in ("EARMARK_ENGINE", "EARMARK_SCHEDULER"):
        monkeypatch.setenv(name, "mine")
    papers.paper("partial_labels")
    assert suitable_engine(None, None) == "mine"
    papers.paper("partial_labels", scheduler="tcp://node:8786")
    assert suitable_engine(None, None) == "dask"
