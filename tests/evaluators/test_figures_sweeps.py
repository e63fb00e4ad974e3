from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from earmark.recordings import Event, Recording, cut
from earmark.results import Results
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_sweeps import choice, curves
from earmark_evaluators.figures_time_lines import recording_to_show

KEY = ("event", "segment_fscore", "micro")


@pytest.fixture
def table() -> pd.DataFrame:
    """A start that all curves share, one curve down to 100 %, and one that ends at 90 %."""
    places = [
        ("Strong MTL", None, 0),
        *(("w", "weak", p) for p in (10, 70, 100)),
        *(("p", "partial", p) for p in (10, 90)),
    ]
    rows = pd.DataFrame(places, columns=["title", "curve", "percent"])
    target, metric, average = KEY
    return rows.assign(
        target=target,
        metric=metric,
        average=average,
        mean=[0.5, 0.48, 0.4, 0.1, 0.49, 0.3],
        sd=0.02,
        n=[3, 3, 3, 1, 3, 3],
        paper_mean=[0.5391, np.nan, 0.52, np.nan, np.nan, np.nan],
        paper_sd=0.01,
    )


def test_every_curve_begins_at_the_point_that_belongs_to_all(table) -> None:
    (axes,) = curves(table, [KEY], x="percent", label="clips without strong labels (%)").axes
    lines = [line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
    assert [line.get_ydata().tolist() for line in lines] == [[50, 48, 40, 10], [50, 49, 30]]
    for line in lines:
        assert line.get_xdata()[0] == 0
        assert np.abs(line.get_xdata() - np.round(line.get_xdata(), -1)).max() < 2  # aside, and never at another place
    assert axes.get_xlabel() == "clips without strong labels (%)"
    assert axes.get_ylabel() == "event: segment F-score micro (%)"


def test_the_papers_points_are_hollow_and_one_repetition_has_no_deviation(table) -> None:
    figure = curves(table, [KEY], x="percent", label="share (%)")
    (axes,) = figure.axes
    hollow = [y for line in axes.lines if line.get_marker() == "D" for y in line.get_ydata()]
    assert sorted(hollow) == pytest.approx([52.0, 53.91])
    bars = sorted(round(float(np.ptp(s[:, 1])), 6) for c in axes.collections for s in c.get_segments())
    assert bars == [0, 2, 2, 4, 4, 4, 4, 4]  # ours: one without, five with; the paper's two
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["Strong MTL", "weak", "partial", "paper, on its corpus"]


def test_noise_of_a_point_does_not_look_like_a_slope(table) -> None:
    flat = table.assign(mean=[0.9, 0.901, 0.899, 0.9, 0.9, 0.901], sd=0.0).drop(columns=["paper_mean", "paper_sd"])
    (axes,) = curves(flat, [KEY], x="percent", label="share (%)").axes
    low, high = axes.get_ylim()
    assert high - low == pytest.approx(10)


@pytest.fixture
def folds() -> pd.DataFrame:
    rows = [
        {"phi": phi, "fold": fold, "seed": 0, "value": value + 0.01 * fold, "title": f"phi = {phi}"}
        for fold in (1, 2, 3, 4)
        for phi, value in ((0.1, 0.30), (0.3, 0.35), (0.4, 0.20))
    ]
    target, metric, average = KEY
    return pd.DataFrame(rows).assign(target=target, metric=metric, average=average)


def test_the_best_mean_over_folds_is_ringed_and_the_papers_value_named(folds) -> None:
    figure = choice(folds, [KEY], x="phi", label="phi", paper=0.2)
    (axes,) = figure.axes
    (ring,) = [line for line in axes.lines if line.get_markersize() == 10]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (0.3, pytest.approx(37.5))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.1", "0.2\n(paper)", "0.3", "0.4"]
    grey = [line for line in axes.lines if line.get_color() == "0.72"]
    assert len(grey) == 4
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["mean of 4 folds, the best ringed", "each fold"]


def test_a_score_that_was_not_taken_is_named_with_those_that_were(table, folds) -> None:
    for figure, rows in ((curves, table), (choice, folds)):
        options = {"x": "percent" if figure is curves else "phi", "label": "x"}
        with pytest.raises(
            EvaluationError, match=r"no score scene fscore micro. They hold: event segment_fscore micro"
        ):
            figure(rows, [("scene", "fscore", "micro")], **options)


def test_no_text_of_a_sweep_lies_on_another(table, folds) -> None:
    figures = [
        curves(table, [KEY, KEY], x="percent", label="clips without strong labels (%)"),
        choice(folds, [KEY, KEY], x="phi", label="threshold", paper=0.2),
    ]
    for figure in figures:
        Results("", corpus="tut (synthetic)", profile="quick", n_repetitions=3).figure("any", figure)
        figure.draw_without_rendering()
        legend, foot = figure.legends[0].get_window_extent(), figure._supxlabel.get_window_extent()
        left, right = (axes.get_tightbbox() for axes in figure.axes)
        assert left.x1 <= right.x0 + 1
        for box in (left, right):
            assert box.y1 <= legend.y0 + 1
            assert box.y0 >= foot.y1 - 1
        assert legend.x1 <= figure.bbox.x1
        assert to_rgb(figure._supxlabel.get_color()) == to_rgb("0.4")


def clips(*recordings: tuple[str, str, int]):
    """Clips of recordings (path, scene, number of events)."""
    return cut(
        [
            Recording(
                path=path,
                duration_s=10.0,
                rate_hz=44100,
                channels=1,
                split="evaluation",
                scene=scene,
                events=tuple(Event(0.5 * k, 0.5 * k + 0.2, "car") for k in range(n)),
            )
            for path, scene, n in recordings
        ],
        10.0,
    )


def test_the_papers_recording_is_shown_where_the_corpus_has_it_in_that_scene() -> None:
    known = clips(("2017/276.wav", "home", 9), ("2016/276.wav", "office", 1), ("2016/1.wav", "office", 5))
    assert recording_to_show(known, "276.wav", "office") == "2016/276.wav"
    assert recording_to_show(known, "b043.wav", "office") == "2016/1.wav"  # the one with most events
    with pytest.raises(EvaluationError, match=r"scene 'ofice'. Did you mean 'office'\? *Scenes: home, office"):
        recording_to_show(known, "276.wav", "ofice")


def test_points_stay_near_their_place_whatever_the_range_of_the_axis(table) -> None:
    few = table.assign(percent=table["percent"] / 25)  # 0 to 4, as of shared blocks
    (axes,) = curves(few, [KEY], x="percent", label="blocks").axes
    drawn = {round(float(x), 3) for line in axes.lines for x in np.atleast_1d(line.get_xdata())}
    assert all(min(abs(x - place) for place in set(few["percent"])) < 0.04 for x in drawn)
