"""Numbers and charts of the report."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import xarray as xr

from earmark_lab.report.curves import curves_of
from earmark_lab.report.described import duration
from earmark_lab.report.finished import StageRuns
from earmark_lab.report.intervals import student
from earmark_lab.report.scores import Axis, axis_of, class_charts, columns, method_charts


def method(title, **variables):
    results = [
        xr.Dataset({name: values[i] for name, values in variables.items()})
        for i in range(len(next(iter(variables.values()))))
    ]
    return StageRuns(title, title, True, (), {"segment": results})


def test_the_interval_of_three_repetitions_is_students():
    interval = student([1.0, 2.0, 3.0])
    assert (interval.mean, interval.sd, interval.n) == (2.0, 1.0, 3)
    assert interval.high - 2 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)  # t of 2 degrees of freedom
    assert 2 - interval.low == pytest.approx(interval.high - 2)


def test_one_repetition_has_no_interval_and_those_without_a_number_do_not_count():
    alone = student([0.5, math.nan, math.inf])
    assert (alone.mean, alone.n) == (0.5, 1)
    assert math.isnan(alone.sd)
    assert math.isnan(alone.low)
    assert student([]).n == 0


def test_scores_are_shown_in_percent_and_error_rates_as_they_are():
    strong = method("Strong", fscore_micro=[0.4, 0.5, 0.6], error_rate=[1.0, 1.5, 2.0], n_events=[3, 3, 3])
    found = {column.name: column for column in columns([strong])}
    cell = found["fscore_micro"].cells["Strong"]
    assert (cell.mean, cell.sd, cell.low, cell.high) == ("50.0", "10.0", "25.2", "74.8")
    assert (found["fscore_micro"].main, found["error_rate"].main) == (True, False)
    assert found["error_rate"].cells["Strong"].mean == "1.500"
    assert found["n_events"].unit == ""


def test_a_method_without_a_score_has_an_empty_cell():
    table = columns([method("a", fscore_micro=[0.5]), method("b", accuracy_micro=[0.5])])
    assert table[0].cells["b"].mean == "none"
    assert table[0].cells["b"].low == ""


def test_an_axis_ends_at_a_round_number_that_quarters_well():
    assert [axis_of([value]).high for value in (0.07, 0.31, 0.85, 1.0, 1.3, 9.0)] == [0.08, 0.4, 1.0, 1.0, 2.0, 10.0]
    assert axis_of([-0.1, 0.3]) == Axis(-0.4, 0.4)
    assert axis_of([math.nan]) == Axis(0.0, 1.0)
    assert Axis(0.0, 0.4).ticks(True) == [(0.0, "0"), (25.0, "10"), (50.0, "20"), (75.0, "30"), (100.0, "40")]


def test_a_chart_places_means_and_repetitions_on_one_axis():
    strong, weak = method("Strong", fscore_micro=[0.4, 0.5, 0.6]), method("Weak", fscore_micro=[0.2])
    (chart,) = method_charts(columns([strong, weak]), {"Strong": 0, "Weak": 1})
    assert chart.title == "segment: fscore micro"
    first, second = chart.rows
    assert first.dots == [(0, "Strong: 50.0 %, 25.2 to 74.8", 62.5)]  # of an axis to 80
    assert first.faint == (50.0, 62.5, 75.0)
    assert second.bar is None
    assert second.dots == [(1, "Weak: 20.0 %", 25.0)]


def test_scores_by_class_have_a_row_a_class_and_a_dot_a_method():
    by_event = xr.DataArray([0.25, math.nan], dims="event", coords={"event": ["car", "bird"]})
    (chart,) = class_charts([method("Strong", fscore=[by_event, by_event])], {"Strong": 3})
    assert [(row.name, row.dots) for row in chart.rows] == [("car", [(3, "Strong: 25.0 %", 25.0)])]


def test_a_curve_ends_where_the_loss_is_no_number():
    def run(*losses):
        return SimpleNamespace(facts={"history": [{"total": loss} for loss in losses]})

    stage = StageRuns("a", "A", False, (run(3.0, 2.0, 1.0), run(2.0, math.nan)))
    (drawn,) = curves_of([stage, StageRuns("b", "B", False, (run(),))])
    assert drawn.lines == ["0.00,4.00 50.00,50.00 100.00,96.00", "0.00,50.00"]
    assert (drawn.highest, drawn.lowest, drawn.n_epochs) == ("3", "1", 3)


def test_lengths_of_time_are_said_in_two_units_at_most():
    assert [duration(seconds) for seconds in (0.04, 59.94, 60, 3599.7)] == ["0.0 s", "59.9 s", "1 min 0 s", "1 h 0 min"]
