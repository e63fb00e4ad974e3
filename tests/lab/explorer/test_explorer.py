"""The explorer over tables made by hand: what is chosen is what is asked for, and what is wrong is said."""

from __future__ import annotations

import math

import ipywidgets
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from earmark.errors import EarmarkError
from earmark.recordings import Event
from earmark_lab.explorer import Explorer
from earmark_lab.explorer.pages import TITLES
from earmark_lab.explorer.showing import table


class Explored:
    """Two runs on two clips; it remembers what it was asked."""

    def __init__(self, runs=("strong", "weak"), notes=()):
        self.runs, self.notes = dict.fromkeys(runs), notes
        self.scenes, self.events = ("home", "office"), ("car", "dog")
        self.kinds, self.orders = ("found", "missed"), ("frame F", "number of errors")
        self.refining_stages, self.training_clips = ("distilled",), ("c.wav@0", "d.wav@0")
        self.asked = []

    def clips(self, run, *, scene, event, kind, by):
        self.asked.append((run, scene, event, kind, by))
        rows = [("home/a.wav@10000", "home", 0.25, 3), ("office/b.wav@0", "office", math.nan, 1)]
        kept = [row for row in rows if scene in (None, row[1])]
        return pd.DataFrame([] if kind == "found" else kept, columns=["clip", "scene", "fscore", "n_errors"])

    def occurrences(self, run, clip):
        return pd.DataFrame({"event": ["<b>car"], "onset_s": [0.5], "off_by_s": [math.nan]})

    def confusion(self, run, scene):
        return self._figure("confusion", run, scene)

    def recall(self, run, scene):
        return self._figure("recall", run, scene)

    def two_runs(self, first, second, *, scene, event):
        return self._figure("two", first, second), pd.DataFrame({"gain": [0.5]})

    def changed_labels(self, stage):
        raise EarmarkError("the run that refines them has not been done")

    def layers(self, clip):
        return {"strong": [Event(0, 1, "car")], "weak": [Event(0, 2, "car")]}, ["one source cannot answer"]

    def layers_figure(self, clip):
        return self._figure("layers", clip)

    def _figure(self, *asked):
        self.asked.append(asked)
        figure = plt.figure(figsize=(2, 1))
        plt.close(figure)
        return figure


@pytest.fixture
def explored():
    return Explored()


@pytest.fixture
def played():
    return []


@pytest.fixture
def explorer(explored, played):
    def play(explored, clip, runs, layers):
        played.append((clip, runs, dict(layers)))
        return ipywidgets.Label(clip)

    return Explorer(
        {"study": lambda: explored, "other": lambda: Explored(runs=(), notes=("strong: no posteriors",))}, play
    )


def said(box):
    return " ".join(child.value for child in box.children)


def test_the_worst_clip_of_the_first_run_is_shown_at_once(explorer, played):
    assert [label for label, _ in explorer.clips.options] == [
        "F 0.25 · 3 errors · a.wav at 10 s · home",
        "no F · 1 error · b.wav at 0 s · office",
    ]
    assert played == [("home/a.wav@10000", ("strong",), {})]
    assert explorer.worst["clip"][0] == "home/a.wav@10000"


def test_a_choice_asks_for_the_clips_once_and_shows_the_first_of_them(explorer, explored, played):
    before = len(played)
    explored.asked.clear()
    explorer.scene.value = "office"
    assert ("strong", "office", None, None, "frame F") in explored.asked
    assert len([one for one in explored.asked if len(one) == 5]) == 1
    assert played[before:] == [("office/b.wav@0", ("strong",), {})]
    explorer.event.value, explorer.order.value = "dog", "number of errors"
    assert [one for one in explored.asked if len(one) == 5][-1] == ("strong", "office", "dog", None, "number of errors")


def test_a_second_run_is_heard_beside_the_first_and_compared_with_it(explorer, explored, played):
    explorer.pages.view.selected_index = TITLES.index("Two runs")
    assert "Choose a second run" in said(explorer.pages.view.children[2])
    explorer.beside.value = "weak"
    assert played[-1] == ("home/a.wav@10000", ("strong", "weak"), {})
    assert ("two", "strong", "weak") in explored.asked
    picture, gains = explorer.pages.view.children[2].children
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert "0.5" in gains.value


def test_a_player_that_is_no_longer_shown_is_closed(explorer):
    (first,) = explorer.player.children
    explorer.clips.value = "office/b.wav@0"
    assert first.comm is None
    assert [player.value for player in explorer.player.children] == ["office/b.wav@0"]


def test_a_choice_without_clips_says_what_to_do_and_the_next_one_works(explorer, played):
    explorer.kind.value = "found"
    assert "No clip is of this choice" in said(explorer.player)
    explorer.kind.value = "missed"
    assert played[-1][0] == "home/a.wav@10000"


def test_a_page_is_made_when_it_is_looked_at_and_only_once(explorer, explored):
    assert [one for one in explored.asked if one[0] == "recall"] == []
    explorer.pages.view.selected_index = 1
    explorer.pages.view.selected_index = 0
    explorer.pages.view.selected_index = 1
    assert [one for one in explored.asked if one[0] == "recall"] == [("recall", "strong", None)]
    explorer.run.value = "weak"
    assert [one for one in explored.asked if one[0] == "recall"][1:] == [("recall", "weak", None)]


def test_label_layers_can_be_heard_and_a_stage_that_cannot_be_told_is_said_in_its_place(explorer, explored, played):
    explorer.pages.view.selected_index = 3
    choice, layers, changes = explorer.pages.view.children[3].children
    assert "one source cannot answer" in layers.children[1].value
    assert "the run that refines them has not been done" in changes.value
    clips, listen = choice.children
    clips.value = "d.wav@0"
    assert ("layers", "d.wav@0") in explored.asked
    listen.click()
    assert played[-1] == ("d.wav@0", (), {"weak": [Event(0, 2, "car")]})


def test_a_study_without_runs_says_why_and_the_others_stay_usable(explorer, played):
    explorer.study.value = "other"
    assert "No run of this study can be explored yet." in said(explorer.notes)
    assert "strong: no posteriors" in said(explorer.notes)
    assert explorer.clips.options == ()
    explorer.study.value = "study"
    assert played[-1][0] == "home/a.wav@10000"
    assert explorer.notes.children == ()


def test_a_study_that_does_not_open_is_said_and_opened_again_when_it_is_chosen_again():
    tries = []

    def opens():
        tries.append(1)
        raise EarmarkError("nothing is there yet. Say `make demo`")

    explorer = Explorer({"broken": opens, "study": Explored}, lambda *_: ipywidgets.Label(""))
    assert "Say `make demo`" in said(explorer.notes)
    explorer.study.value = "study"
    assert len(explorer.clips.options) == 2
    explorer.study.value = "broken"
    assert len(tries) == 2


def test_a_clip_that_cannot_be_played_is_said_in_its_place():
    def play(*_):
        raise EarmarkError("no such clip")

    explorer = Explorer({"study": Explored}, play)
    assert "no such clip" in said(explorer.player)
    assert len(explorer.occurrences.children) == 1


def test_where_nobody_looks_the_list_and_the_clip_are_shown_without_widgets(explorer, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *objects: shown.extend(objects))
    explorer._ipython_display_()
    monkeypatch.setattr("earmark_lab.explorer.explorer.is_watched", lambda: False)
    explorer._ipython_display_()
    widgets, listed, player = shown
    assert widgets is explorer.view
    assert listed.equals(explorer.worst)
    assert player.value == "home/a.wav@10000"


def test_names_in_a_table_are_text_and_numbers_are_short():
    shown = table(Explored().occurrences("strong", "a")).value
    assert "&lt;b&gt;car" in shown
    assert "onset (s)" in shown
    assert ">0.5<" in shown
    assert "nan" not in shown
    assert "nothing" in table(pd.DataFrame({"a": []})).value
