"""What front ends that are not here to be tried, such as VS Code, ask of a widget's page side."""

from __future__ import annotations

import re

import pytest
from ipywidgets import __protocol_version__

from earmark_lab.player import Player
from earmark_lab.player.widget import UNWATCHED, script, style


@pytest.mark.parametrize("source", [script(), UNWATCHED], ids=["watched", "unwatched"])
def test_the_script_is_one_module_that_exports_a_render_function(source: str) -> None:
    assert len(re.findall(r"^export default \{\s*render\(", source, re.MULTILINE)) == 1
    assert len(re.findall(r"^\s*(?:export|import)\b", source, re.MULTILINE)) == 1  # nothing else goes in or out


def test_script_and_style_bring_nothing_from_elsewhere_and_know_no_front_end_by_its_globals() -> None:
    asked = r"https?:|//cdn|\bfetch\(|XMLHttpRequest|WebSocket|importScripts|\bimport\(|\brequire\(|@import|url\("
    assert re.findall(asked, script() + style()) == []
    assert re.findall(r"window\.(?:jupyter\w*|_jupyter\w*|acquireVsCodeApi)|\bJupyter\b\.", script()) == []


def test_every_rule_of_the_style_sheet_is_for_the_player_alone() -> None:
    rules = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", style(), flags=re.DOTALL)
    selectors = [one.strip() for one in re.findall(r"([^{}]+)\{", rules)]
    parts = [part.strip() for one in selectors for part in re.split(r",(?![^(]*\))", one)]
    assert len(parts) > 50
    assert [part for part in parts if not part.startswith(".earmark-player")] == []


def test_the_widget_speaks_the_second_protocol_by_the_module_that_front_ends_bring() -> None:
    state = Player.class_traits()
    assert (state["_model_module"].default_value, state["_view_module"].default_value) == ("anywidget", "anywidget")
    assert __protocol_version__.split(".")[0] == "2"
