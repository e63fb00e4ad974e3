from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from earmark_evaluators.tables import (
    beside,
    beside_paper,
    cell,
    class_table,
    columns_of,
    only_targets,
    targets_of_paper,
    to_markdown_by_class,
)
from earmark_evaluators.tables_costs import LAST_STAGE, cost_table, paper_costs
from earmark_evaluators.tables_labels import (
    annotated_events,
    candidate_events,
    duration_table,
    membership,
    membership_markdown,
)

NUMBERS = Path(__file__).resolve().parents[2] / "paper/partial_labels/numbers"


def test_the_candidate_sets_are_the_papers_in_all_100_cells(small_study) -> None:
    table = membership(candidate_events(small_study), NUMBERS / "table1.csv")
    assert len(table) == 100
    assert (table["ours"] == table["paper"]).all()
    said = membership_markdown(table).splitlines()[-1]
    assert said == "●: here and in the paper (66); here: not in the paper (0); paper: not here (0); " + (
        "34 empty cells agree."
    )


def test_an_event_is_annotated_in_a_scene_where_one_training_recording_has_it(small_study) -> None:
    table = annotated_events(small_study)
    recording = next(r for r in small_study.dataset.of_split("development") if r.scene == "office" and r.events)
    assert table.loc["office", recording.events[0].label]
    for scene, row in table.iterrows():
        heard = {e.label for r in small_study.dataset.of_split("development") if r.scene == scene for e in r.events}
        assert {event for event, present in row.items() if present} == heard


def test_durations_are_of_the_annotated_instances_of_the_training_split(small_study) -> None:
    table = duration_table(small_study)
    spans = [
        event.offset_s - event.onset_s
        for recording in small_study.dataset.of_split("development")
        for event in recording.events
        if event.label == "fan"
    ]
    fan = cell(table, "Average sound duration", ("fan", "sound_duration", "class"))
    assert fan["n"] == len(spans)
    assert fan["mean"] == pytest.approx(np.mean(spans))
    printed = beside_paper(only_targets(table, targets_of_paper(NUMBERS / "table7.csv")), NUMBERS / "table7.csv")
    assert len(columns_of(printed)) == 12
    assert cell(printed, "Average sound duration", ("fan", "sound_duration", "class"))["paper_mean"] == 29.99


def test_counts_of_one_class_stand_together() -> None:
    result = xr.Dataset({"tp": (("event",), [3, 5]), "fn": (("event",), [1, 0])}, {"event": ["car", "fan"]})
    results = {"A": {"frame": [result, result]}}
    counts = [class_table(results, evaluator="frame", variable=name, metric=name) for name in ("tp", "fn")]
    together = beside(*counts)
    assert [key[:2] for key in columns_of(together)] == [("car", "tp"), ("car", "fn"), ("fan", "tp"), ("fan", "fn")]
    assert columns_of(only_targets(together, ["fan", "bird"])) == [("fan", "tp", "class"), ("fan", "fn", "class")]
    lines = to_markdown_by_class(together).splitlines()
    assert lines[2:6] == [
        "| car | tp | 3.00 ± 0.00 |",
        "| car | fn | 1.00 ± 0.00 |",
        "| fan | tp | 5.00 ± 0.00 |",
        "| fan | fn | 0.00 ± 0.00 |",
    ]


def run(n_parameters: int, train_s: float) -> SimpleNamespace:
    return SimpleNamespace(facts=lambda: {"n_parameters": n_parameters, "train_s": train_s})


@pytest.fixture
def costly(small_study) -> SimpleNamespace:
    """The five methods with costs that fit on paper."""
    seconds = {"strong": 100, "weak": 90, "strong-reduced": 40, "semi-weak": 110, "distillation": 80}
    shelves = {
        stage: run(1331000 if stage in ("semi-weak", "distillation") else 1323000, seconds.get(stage, 30))
        for stage in small_study.experiment.stages
    }
    return SimpleNamespace(experiment=small_study.experiment, shelf=lambda job: shelves[job.stage])


def test_a_method_is_charged_for_all_trainings_that_it_needs(costly) -> None:
    table = beside_paper(cost_table(costly), paper_costs(NUMBERS / "table9.csv"))
    proposed = "Semi-MTL w/ partial labels"
    assert cell(table, proposed, ("model", "training_time", "seconds"))["mean"] == 110  # 80 and 30
    assert cell(table, proposed, ("model", "training_time", LAST_STAGE))["mean"] == 30
    assert cell(table, proposed, ("model", "training_time_ratio", "to the first"))["mean"] == 1.1
    assert cell(table, proposed, ("model", "training_time_ratio", "to the first"))["paper_mean"] == 1.08
    parameters = cell(table, proposed, ("model", "parameters", "thousands"))
    assert (parameters["mean"], parameters["paper_mean"]) == (1331, 1331)  # of the larger of its two nets
    assert cell(table, "Strong MTL", ("model", "parameters", "thousands"))["mean"] == 1323


def test_the_costs_of_a_run_are_those_that_it_kept(small_study) -> None:
    from earmark.study import Job

    table = cost_table(small_study)
    facts = small_study.shelf(Job("strong", 0)).facts()
    assert cell(table, "Strong MTL", ("model", "training_time", "seconds"))["mean"] == pytest.approx(facts["train_s"])
    assert cell(table, "Strong MTL", ("model", "training_time_ratio", "to the first"))["mean"] == 1


def test_the_papers_costs_are_named_as_ours() -> None:
    rows = paper_costs(NUMBERS / "table9.csv")
    assert isinstance(rows, pd.DataFrame)
    assert set(rows["average"]) == {"thousands", "seconds", "to the first"}
