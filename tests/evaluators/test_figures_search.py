from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from earmark.tuning import Found
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_search import BEST, FATES, draw_search, search_figure


@pytest.fixture
def search() -> Found:
    """Three trials: pruned after 5 epochs, complete after 8, and complete with the best score."""
    curves = [(0, epoch, 0.1) for epoch in range(1, 6)]
    curves += [(1, epoch, 0.02 * epoch) for epoch in range(1, 9)]
    curves += [(2, epoch, 0.05 * epoch) for epoch in range(1, 9)]
    trials = pd.DataFrame(
        {
            "trial": [0, 1, 2],
            "state": ["pruned", "complete", "complete"],
            "epochs": [5, 8, 8],
            "score": [0.1, 0.16, 0.4],
            "model.n_conv": [3, 5, 4],
            "model.last_filters": [16, 128, 40],
            "optimiser.use": ["adam", "radam", "adam"],
            "seconds": [1.0, 2.0, 2.0],
            "why": "",
        }
    )
    return Found(
        trials=trials,
        curves=pd.DataFrame(curves, columns=["trial", "epoch", "score"]),
        parameters=("model.n_conv", "model.last_filters", "optimiser.use"),
        logarithmic=frozenset({"model.last_filters"}),
        rungs=(5, 20),
        score="fscore_macro_all",
        corpus="waa (synthetic)",
        profile="smoke",
        best="",
    )


def drawn(axes, colour: str) -> list[list[float]]:
    return [list(line.get_ydata()) for line in axes.lines if to_hex(line.get_color()) == colour]


def test_curves_have_the_colour_of_their_fate_and_end_where_they_were_pruned(search) -> None:
    figure = search_figure(search)
    curves = figure.axes[0]
    assert drawn(curves, FATES["pruned"][1]) == [pytest.approx([10.0] * 5), pytest.approx([10.0])]
    assert drawn(curves, FATES["complete"][1])[0][-1] == pytest.approx(16)
    assert drawn(curves, BEST)[0][-1] == pytest.approx(40)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["pruned", "complete", "best: trial 2"]
    assert curves.get_ylabel() == "F-score macro all (%)"


def test_only_rungs_that_a_trial_has_come_to_are_marked(search) -> None:
    curves = search_figure(search).axes[0]
    assert [text.get_text() for text in curves.texts] == ["rung 5"]
    assert [tick.get_text() for tick in curves.get_xticklabels()] == ["1", "5", "8"]


def test_every_parameter_has_a_panel_with_a_point_a_trial(search) -> None:
    _, *panels = search_figure(search).axes
    assert [panel.get_xlabel() for panel in panels] == list(search.parameters)
    places = [[float(line.get_xdata()[0]) for line in panel.lines] for panel in panels]
    assert places == [[3, 5, 4], [16, 128, 40], [0, 1, 0]]
    assert [panel.get_xscale() for panel in panels] == ["linear", "log", "linear"]
    assert [tick.get_text() for tick in panels[2].get_xticklabels()] == ["adam", "radam"]
    assert {panel.get_ylim() for panel in panels} == {panels[0].get_ylim()}


def test_a_search_of_one_parameter_and_of_a_score_that_is_no_share_is_drawn(search) -> None:
    figure = search_figure(replace(search, parameters=("model.n_conv",), score="nearness"))
    above, below = figure.axes
    assert above.get_ylabel() == "nearness"
    assert below.get_ylabel() == "best score"
    assert drawn(above, BEST)[0][-1] == pytest.approx(0.4)


def test_before_the_first_judged_epoch_nothing_is_drawn(search, tmp_path) -> None:
    empty = replace(search, curves=search.curves[:0])
    with pytest.raises(EvaluationError, match="no trial has been judged yet"):
        search_figure(empty)
    draw_search(empty, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_figure_is_written_twice(search, tmp_path) -> None:
    draw_search(search, tmp_path)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["search.png", "search.svg"]
