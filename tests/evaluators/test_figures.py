from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile
import xarray as xr
from matplotlib.colors import to_rgb
from matplotlib.path import Path as Outline

from earmark.frames import FrameGrid
from earmark.recordings import Event, Recording, cut
from earmark.reference import Reference
from earmark.results import Results
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures import (
    score_table_figure,
    scores_by_event,
    training_curves,
)
from earmark_evaluators.figures_time_lines import time_line
from earmark_evaluators.tables import Column, beside_paper, class_table, score_table

EVENTS = ("bird", "car", "dishes", "wind")


@pytest.fixture
def reference() -> Reference:
    recordings = [
        Recording(
            path=f"audio/{name}.wav",
            duration_s=4.0,
            rate_hz=44100,
            channels=1,
            split="evaluation",
            scene="home",
            events=(Event(0.5, 1.5, "car"), Event(1.8, 2.4, "dishes")),
        )
        for name in ("a", "b")
    ]
    grid = FrameGrid(n_frames=100, hop_s=0.02)
    return Reference(clips=cut(recordings, 2.0), events=EVENTS, scenes=("home",), grid=grid, frame_rule="outer")


@pytest.fixture
def methods(reference, make_predictions):
    with_wind = reference.activity.astype(float)
    with_wind[1, 10:60, 3] = 0.7  # second clip of a.wav
    return {
        "Good": make_predictions(reference, reference.activity),
        "Windy": make_predictions(reference, with_wind),
    }


def bars(figure) -> list[tuple[float, float, tuple]]:
    """Begin, end and colour of every bar of a time line."""
    found = []
    for collection in figure.axes[0].collections:
        for box in map(Outline.get_extents, collection.get_paths()):
            found.append((round(box.x0, 3), round(box.x1, 3), tuple(collection.get_facecolor()[0][:3])))
    return found


def texts(figure) -> list[str]:
    legend = figure.legends[0]
    return [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]


def test_a_time_line_has_a_row_for_each_event_that_is_annotated_or_decided(reference, methods) -> None:
    figure = time_line(reference, methods, "audio/a.wav", corpus="tut (synthetic)")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["car", "dishes", "wind"]
    assert figure.axes[0].get_xlim() == (0.0, 4.0)
    assert texts(figure) == ["audio/a.wav · home · tut (synthetic)", "Annotation", "Good", "Windy"]


def test_bars_stand_where_events_sound_in_seconds_of_the_recording(reference, methods) -> None:
    drawn = bars(time_line(reference, methods, "audio/a.wav", corpus="tut"))
    ink = to_rgb("#262626")
    annotated = [(begin, end) for begin, end, colour in drawn if np.allclose(colour, ink)]
    assert annotated == [(0.5, 1.5), (1.8, 2.0), (2.0, 2.4)]  # cut at the clips' border
    assert [(begin, end) for begin, end, _ in drawn if begin == 2.2] == [(2.2, 3.2)]  # wind, by one method only


def test_a_time_line_of_a_clip_shows_that_clip_alone(reference, methods) -> None:
    figure = time_line(reference, methods, "audio/b.wav@0", corpus="tut")
    assert figure.axes[0].get_xlim() == (0.0, 2.0)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["car", "dishes"]


def test_a_higher_threshold_takes_a_row_away(reference, methods) -> None:
    figure = time_line(reference, methods, "audio/a.wav", corpus="tut", threshold=0.8)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["car", "dishes"]


def test_the_level_of_the_sound_is_drawn_where_nothing_is_annotated(reference, methods, tmp_path) -> None:
    (clip, *_) = [clip for clip in reference.clips if clip.recording.path == "audio/a.wav"]
    rate_hz = clip.recording.rate_hz
    loud = np.where(np.arange(round(clip.recording.duration_s * rate_hz)) < 0.2 * rate_hz, 0.5, 0.001)
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio/a.wav", loud, rate_hz)
    figure = time_line(reference, methods, "audio/a.wav", corpus="tut", sound=tmp_path)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][-1] == "no annotated event"
    (level,) = [c for c in figure.axes[0].collections if c.get_label() == "no annotated event"]
    drawn = np.concatenate([path.vertices for path in level.get_paths()])
    assert drawn[:, 0].min() < 0.1
    assert not ((drawn[:, 0] > 0.55) & (drawn[:, 0] < 1.45)).any()  # the car is annotated there
    heights = 3 + 0.42 - drawn[:, 1]
    assert heights[drawn[:, 0] < 0.15].max() == pytest.approx(0.84)  # the loudest
    assert heights[(drawn[:, 0] > 0.3) & (drawn[:, 0] < 0.45)].max() == pytest.approx(0.84 * (1 - 53.98 / 60), abs=4e-3)


def test_a_time_line_without_any_event_says_so(reference, make_clip, make_predictions) -> None:
    silent = Reference(clips=(make_clip("audio/s.wav", [], 2.0),), events=EVENTS, scenes=("home",), grid=reference.grid)
    figure = time_line(silent, {"A": make_predictions(silent, silent.activity)}, "audio/s.wav", corpus="tut")
    assert figure.axes[0].texts[0].get_text() == "no event annotated or detected"


def test_an_unknown_recording_is_named_with_the_nearest_one(reference, methods) -> None:
    with pytest.raises(EvaluationError, match=r"no clip or recording 'audio/a.wave'. Did you mean 'audio/a.wav'\?"):
        time_line(reference, methods, "audio/a.wave", corpus="tut")


def test_training_curves_show_the_mean_of_the_repetitions_for_each_loss() -> None:
    histories = {
        "A": [[{"total": 2.0, "wall_s": 9.0}, {"total": 1.0}], [{"total": 4.0}, {"total": 2.0}]],
        "B": [[{"total": 3.0, "weak": 0.0}]],
    }
    figure = training_curves(histories)
    total, weak = figure.axes[:2]
    assert [axes.get_title() for axes in (total, weak)] == ["total", "weak"]
    assert total.lines[0].get_xdata().tolist() == [1, 2]
    assert total.lines[0].get_ydata().tolist() == [3.0, 1.5]
    assert (total.get_yscale(), weak.get_yscale()) == ("log", "linear")  # a loss of 0 has no logarithm
    assert len(weak.lines) == 1


def test_no_training_curve_at_all_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no history has an epoch"):
        training_curves({"A": [[]]})


@pytest.fixture
def tables():
    def result(score: float) -> xr.Dataset:
        return xr.Dataset({"micro": score, "fscore": (("event",), [score, np.nan])}, {"event": ["car", "wind"]})

    results = {"A": {"frame": [result(0.4), result(0.6)]}, "B": {"frame": [result(0.3)]}}
    paper = pd.DataFrame(
        {
            "method": ["A", "A"],
            "target": ["event", "car"],
            "metric": "segment_fscore",
            "average": ["micro", "class"],
            "value": [53.91, 51.8],
            "std": [0.94, np.nan],
            "unit": "percent",
        }
    )
    scores = score_table(results, [Column("frame", "micro", "event", "segment_fscore", "micro")])
    by_event = class_table(results, evaluator="frame", variable="fscore", metric="segment_fscore")
    return beside_paper(scores, paper), beside_paper(by_event, paper)


def markers(axes) -> dict[str, list[float]]:
    return {
        shape: [round(float(line.get_xdata()[0]), 2) for line in axes.lines if line.get_marker() == shape]
        for shape in ("o", "D")
    }


def test_scores_are_filled_markers_in_percent_and_the_papers_hollow_ones(tables) -> None:
    figure = score_table_figure(tables[0])
    (axes,) = figure.axes
    assert markers(axes) == {"o": [50.0, 30.0], "D": [53.91]}
    assert [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "D"] == ["white"]
    assert axes.get_xlabel() == "event:\nsegment F-score (%)"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]
    deviations = sorted(float(np.ptp(c.get_segments()[0][:, 0])) for c in axes.collections)
    assert deviations == [pytest.approx(2 * 0.94), pytest.approx(20.0)]  # one repetition alone has none


def test_classes_without_a_number_are_left_out_of_the_scores_by_event(tables) -> None:
    figure = scores_by_event(tables[1])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["car"]
    assert markers(axes) == {"o": [50.0, 30.0], "D": [51.8]}


def test_texts_do_not_lie_on_each_other_and_no_figure_stays_open(reference, methods, tables) -> None:
    history = [{"total": 2.0, "scene": 1.0}, {"total": 1.0, "scene": 0.5}]
    long = {f"Semi-MTL with a rather long name {index}": methods["Windy"] for index in range(5)}
    figures = [
        time_line(reference, long, "audio/a.wav", corpus="tut (synthetic)"),
        training_curves({name: [history] for name in long}),
        score_table_figure(tables[0]),
        scores_by_event(tables[1]),
    ]
    for figure in figures:
        Results("", corpus="tut (synthetic)", profile="quick", n_repetitions=3).figure("any", figure)
        figure.draw_without_rendering()
        legend, foot = figure.legends[0].get_window_extent(), figure._supxlabel.get_window_extent()
        for axes in figure.axes:
            box = axes.get_tightbbox()
            assert box.y1 <= legend.y0 + 1
            assert box.y0 >= foot.y1 - 1
        assert legend.x1 <= figure.bbox.x1
    assert plt.get_fignums() == []


def test_a_time_line_can_leave_out_what_is_heard_only_once(reference, methods) -> None:
    figure = time_line(reference, methods, "audio/a.wav", corpus="tut", least_spans=2)
    # Dishes sound across the border of two clips, which makes two spans of them; car and wind sound once.
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["dishes"]
    nothing = time_line(reference, methods, "audio/a.wav@0", corpus="tut", least_spans=3)
    assert nothing.axes[0].texts[0].get_text() == "no event annotated or detected 3 times"
