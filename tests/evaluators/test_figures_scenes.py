"""Heat maps, counts of annotations, soft labels, and the tables of folds and conditions behind two papers."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_rgb

from earmark.results import Results
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_scenes import annotated_instances, heat_maps
from earmark_evaluators.figures_sweeps import curves
from earmark_evaluators.soft_labels import (
    events_in_common,
    mean_posteriors,
    scenes_of_events,
    soft_labels,
    summary_of_labels,
)
from earmark_evaluators.tables import Column, beside_paper, class_table, score_table, to_markdown, to_markdown_by_class
from earmark_evaluators.tables_conditions import joined, points_beside, with_conditions
from earmark_evaluators.tables_folds import histories_of_folds, pooled_results, results_of_folds

PAPERS = Path(__file__).resolve().parents[2] / "paper"
SOFT = PAPERS / "soft_scene_labels/numbers"
SCENES = ["city_center", "home", "residential_area"]


def map_of(values) -> pd.DataFrame:
    return pd.DataFrame(values, index=SCENES, columns=SCENES)


# Figures


def test_a_heat_map_has_a_number_in_every_cell_that_has_one() -> None:
    maps = {"MTL": map_of([[1, 0, 0], [0.25, 0.75, 0], [math.nan] * 3])}
    (axes,) = heat_maps(maps, rows="true scene", columns="estimated scene").axes
    said = [text.get_text() for text in axes.texts]
    assert said == ["100.0", "0.0", "0.0", "25.0", "75.0", "0.0"]
    assert to_rgb(axes.texts[0].get_color()) == (1, 1, 1)  # white on dark
    assert [label.get_text() for label in axes.get_yticklabels()] == ["city center", "home", "residential area"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true scene", "estimated scene (cells: %)")


def test_every_method_has_its_heat_map_and_no_text_lies_on_another() -> None:
    maps = {f"method {k}": map_of(np.eye(3)) for k in range(5)}
    figure = heat_maps(maps, rows="true scene", columns="estimated scene")
    Results("", corpus="tut (synthetic)", profile="quick", n_repetitions=3).figure("any", figure)
    figure.draw_without_rendering()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(maps)
    boxes = [axes.get_tightbbox() for axes in shown]
    assert all(left.x1 <= right.x0 + 1 for left, right in ((boxes[0], boxes[1]), (boxes[1], boxes[2])))
    assert boxes[3].y1 <= boxes[0].y0 + 1
    assert min(box.y0 for box in boxes) >= figure._supxlabel.get_window_extent().y1 - 1
    names_of_third = [label for label in shown[2].get_xticklabels() if label.get_visible() and label.get_text()]
    assert len(names_of_third) == 3  # nothing stands below it that would name the columns


def test_a_bar_stands_for_each_scene_in_which_the_event_is_annotated() -> None:
    counts = pd.DataFrame([[7, 0, 3], [0, 1, 0]], index=["car", "dishes"], columns=SCENES)
    figure = annotated_instances({"development": counts, "evaluation": counts * 0})
    first, second = figure.axes
    assert sorted(bar.get_height() for bar in first.patches) == [1, 3, 7]
    assert not second.patches
    (dishes,) = [bar for bar in first.patches if bar.get_height() == 1]
    assert dishes.get_x() + dishes.get_width() / 2 == pytest.approx(1)  # alone, in the middle of its place
    assert first.get_yscale() == "log"
    assert first.get_ylim()[0] < 1
    assert [axes.get_ylabel() for axes in figure.axes] == ["Instances, development", "Instances, evaluation"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["city center", "home", "residential area"]


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no heat map to draw. Give at least one table"):
        heat_maps({}, rows="a", columns="b")
    with pytest.raises(EvaluationError, match="no counts to draw. Give the instances of at least one split"):
        annotated_instances({})


def test_a_logarithmic_axis_has_a_tick_at_each_weight_and_what_has_no_weight_is_a_level() -> None:
    places = [("CNN-BiGRU", None, None), *((f"{c}{w}", c, w) for c in ("MTL", "soft") for w in (0.0001, 0.01, 1.0))]
    table = pd.DataFrame(places, columns=["title", "curve", "weight"]).assign(
        target="event", metric="fscore", average="micro", mean=[0.42, 0.46, 0.4, 0.3, 0.44, 0.46, 0.5], sd=0.0, n=12
    )
    table = table.assign(paper_mean=[0.4217, 0.4602, np.nan, 0.2926, np.nan, np.nan, 0.4982], paper_sd=np.nan)
    figure = curves(table, [("event", "fscore", "micro")], x="weight", label="weight", logarithmic=True)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == pytest.approx((0.00005, 2))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.0001", "0.01", "1"]
    lines = [line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 3]
    hard, soft = (np.asarray(line.get_xdata()) for line in lines)
    assert soft / hard == pytest.approx([1.1] * 3)  # aside by the same length everywhere
    assert hard * soft == pytest.approx(np.array([1e-8, 1e-4, 1]))  # around the weight itself
    (level,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert level.get_ydata() == pytest.approx([42, 42])
    hollow = sorted(y for line in axes.lines if line.get_marker() == "D" for y in line.get_ydata())
    assert hollow == pytest.approx([29.26, 42.17, 46.02, 49.82])
    assert figure.legends[0].get_texts()[0].get_text() == "CNN-BiGRU"


# Soft labels


@pytest.fixture
def labels() -> xr.Dataset:
    """Two clips of the city, one at home, none of a residential area; cars, birds, and dogs that never bark."""
    posterior = [[0.5, 0, 0.5], [0.9, 0.1, 0], [0, 1, 0]]
    return xr.Dataset(
        {
            "posterior": (("label", "scene"), posterior),
            "scene_index": (("label",), [0, 0, 1]),
            "frames": (("label", "event"), [[300, 0, 0], [100, 0, 0], [0, 50, 0]]),
        },
        {"scene": SCENES, "event": ["car", "bird", "dog"]},
    )


def test_the_mean_soft_label_is_of_the_clips_of_the_true_scene(labels) -> None:
    mean = mean_posteriors(labels)
    assert mean.loc["city_center"].tolist() == pytest.approx([0.7, 0.05, 0.25])
    assert mean.loc["home"].tolist() == [0, 1, 0]
    assert mean.loc["residential_area"].isna().all()


def test_an_event_sounds_where_its_frames_are_by_hard_labels_and_where_the_teacher_thinks_by_soft_ones(labels) -> None:
    hard, soft = (scenes_of_events(labels, soft=soft) for soft in (False, True))
    assert hard.loc["car"].tolist() == [1, 0, 0]
    assert soft.loc["car"].tolist() == pytest.approx([0.6, 0.025, 0.375])  # three quarters of its frames in clip one
    assert soft.loc["dog"].isna().all()


def test_scenes_are_alike_in_the_events_that_they_share(labels) -> None:
    labels["frames"][:] = [[3, 0, 0], [1, 3, 0], [4, 3, 0]]
    common = events_in_common(labels)
    assert common.loc["city_center", "home"] == pytest.approx(1)  # 4 and 3 frames in both
    assert common.loc["residential_area"].isna().all()


def test_entropy_of_soft_labels_is_in_nat_and_hard_ones_have_none(labels) -> None:
    table = summary_of_labels(labels).set_index("scene")
    assert table["n"].to_dict() == {"city_center": 2, "home": 1, "all": 3}
    assert table.loc["home", "entropy_nat"] == 0
    expected = (math.log(2) - 0.9 * math.log(0.9) - 0.1 * math.log(0.1)) / 2
    assert table.loc["city_center", "entropy_nat"] == pytest.approx(expected)
    assert table.loc["all", "true_scene_on_top"] == 1  # of two equal ones the first


def test_soft_labels_are_those_of_all_folds_and_seeds_in_the_order_of_the_clips(
    make_reference, make_predictions
) -> None:
    activity = np.zeros((2, 3, 1), dtype=bool)
    activity[1, :2] = True
    reference = make_reference(activity)  # home, office
    scene = {seed: np.array([[1 - 0.1 * seed, 0.1 * seed], [0, 1]]) for seed in (0, 1)}
    study = SimpleNamespace(
        experiment=SimpleNamespace(seeds=(0, 1)),
        dataset=SimpleNamespace(scenes=reference.scenes, events=reference.events),
        reference_of=lambda part: reference,
        predictions=lambda stage, seed, part: make_predictions(reference, activity * 1.0, scene[seed]).isel(
            clip=[1, 0]  # as a store may have them
        ),
    )
    found = soft_labels([study, study], "teacher")
    assert found["posterior"][:, 1].values.tolist() == pytest.approx([0, 1, 0.1, 1] * 2)
    assert found["scene_index"].values.tolist() == [0, 1] * 4
    assert found["frames"][:, 0].values.tolist() == [0, 2] * 4
    with pytest.raises(EvaluationError, match="no folds of which to show soft labels"):
        soft_labels([], "teacher")


# Folds and conditions


def fold(scores: list[float], counts: list[tuple[int, int, int]]) -> SimpleNamespace:
    """A fold of one method with a score and counts of one event for each seed."""
    results = [
        xr.Dataset({"fscore_micro": s, **{n: (("event",), [c]) for n, c in zip(("tp", "fp", "fn"), cs, strict=True)}})
        for s, cs in zip(scores, counts, strict=True)
    ]
    results = [result.assign_coords(event=["car"]) for result in results]
    histories = {"MTL": [[{"total": score}] for score in scores]}
    return SimpleNamespace(results=lambda: {"MTL": {"oracle": results}}, histories=lambda: histories)


def test_folds_are_repetitions_of_overall_scores_but_their_counts_are_added_for_events() -> None:
    folds = [fold([0.2, 0.4], [(1, 0, 0), (0, 1, 0)]), fold([0.6, 0.8], [(0, 0, 1), (4, 1, 1)])]
    overall = results_of_folds(folds)["MTL"]["oracle"]
    assert [float(result.fscore_micro) for result in overall] == [0.2, 0.6, 0.4, 0.8]  # a seed after the other
    of_event = pooled_results(folds, ["oracle"])["MTL"]["oracle"]
    assert [float(result.fscore[0]) for result in of_event] == pytest.approx([2 / 3, 8 / 11])
    assert histories_of_folds(folds)["MTL"] == [[{"total": score}] for score in (0.2, 0.4, 0.6, 0.8)]
    for function in (results_of_folds, histories_of_folds, lambda none: pooled_results(none, ["oracle"])):
        with pytest.raises(EvaluationError, match="There are no folds. Open an experiment with"):
            function([])


def test_a_condition_is_part_of_the_methods_name() -> None:
    rows = with_conditions(SOFT / "table3.csv")
    names = ["CNN-BiGRU", "MTL, alpha=0.0001", "MTL, alpha=1.0", "MTL w/ soft labels, beta=1.0;T=1.0"]
    assert rows["method"].unique().tolist() == names


def test_error_rates_of_events_have_as_many_decimals_as_the_paper_prints() -> None:
    result = xr.Dataset({"rate": (("event",), [0.00114])}, {"event": ["(object) banging"]})
    table = class_table({"CNN-BiGRU": {"oracle": [result]}}, evaluator="oracle", variable="rate", metric="error_rate")
    line = to_markdown_by_class(beside_paper(table, with_conditions(SOFT / "table4.csv"))).splitlines()[2]
    assert line == "| (object) banging | error rate | 0.0011 [0.0011] |"


def test_the_papers_numbers_stand_at_the_points_that_have_its_names() -> None:
    table = pd.DataFrame({"title": ["MTL, alpha=0.0001", "MTL, alpha=0.01"]})
    table = table.assign(target="event", metric="fscore", average="micro")
    paper = with_conditions(SOFT / "table3.csv")
    beside = points_beside(table, paper, table["title"].tolist())
    assert beside["paper_mean"].tolist() == pytest.approx([0.4602, math.nan], nan_ok=True)
    assert beside["paper_sd"].isna().all()
    with pytest.raises(EvaluationError, match="None of the paper's numbers .* 'MTL, alpha=0.0001'. .*: CNN-BiGRU, MTL"):
        points_beside(table, paper, [None, "MTL"])


def test_a_net_without_an_output_has_no_number_there() -> None:
    scene = Column("scene", "fscore_micro", "scene", "fscore", "micro")
    event = Column("frame", "fscore_micro", "event", "frame_fscore", "micro")
    half = [xr.Dataset({"fscore_micro": 0.5})] * 3
    scenes = score_table({"CNN (ASC)": {"scene": half}, "Conventional MTL": {"scene": half}}, [scene])
    events = score_table({"CNN-BiGRU (SED)": {"frame": half}, "Conventional MTL": {"frame": half}}, [event])
    order = ["CNN (ASC)", "CNN-BiGRU (SED)", "Conventional MTL", "GRL (S1)"]
    table = beside_paper(joined([scenes, events], order), PAPERS / "mutual_benefit/numbers/table3.csv")
    lines = to_markdown(table).splitlines()
    assert lines[2] == "| CNN (ASC) | 50.00 ± 0.00 [85.00] | none |"
    assert lines[3] == "| CNN-BiGRU (SED) | none | 50.00 ± 0.00 [42.54] |"
    assert lines[4] == "| Conventional MTL | 50.00 ± 0.00 [88.57] | 50.00 ± 0.00 [44.63] |"
    assert "of n = 3 repetitions" in lines[-1]
