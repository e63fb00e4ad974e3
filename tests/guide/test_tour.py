"""The author's tour runs whole through papermill, and what it says of a refiner in a notebook is so."""

from __future__ import annotations

import json

import nbformat
import pytest

from earmark.papers import TOUR, Parameters, run_paper


@pytest.fixture(scope="module")
def notebook(small_study) -> nbformat.NotebookNode:
    """The executed tour; all trainings but its own are those of `small_study`."""
    run = run_paper(TOUR, Parameters(profile="smoke", device="cpu", stores=str(small_study.store.root)))
    return nbformat.read(run.notebook, as_version=4)


@pytest.fixture(scope="module")
def cells(notebook) -> dict[str, str]:
    """What each cell shows, by its id."""
    return {cell.id: json.dumps(cell.get("outputs", []), ensure_ascii=False) for cell in notebook.cells}


def test_where_nobody_says_how_many_repetitions_the_notebooks_own_number_holds(notebook):
    assert "n_seeds" not in notebook.metadata.papermill.parameters


def test_the_draft_is_told_what_is_wrong_and_the_second_version_keeps_its_contract(cells):
    assert "refiner 'double-threshold' of this process 0: BROKEN" in cells["check-draft"]
    assert "predictions must be aligned by clip id" in cells["check-draft"]
    assert "Read them by name" in cells["check-draft"]
    assert "refiner 'double-threshold' of this process 1: kept" in cells["mended"]


def test_only_the_new_stage_is_trained_and_stands_in_one_table_with_the_papers(cells):
    assert "1 of 1 done" in cells["run"]
    for title in ("Semi-MTL w/ partial labels", "Double threshold (ours)", "51.77 ± 1.76", "tut (synthetic)"):
        assert title in cells["table"]
    assert "Double threshold (ours)" in cells["labels"]


def test_another_version_is_another_address(cells):
    assert "refiner:double-threshold=this process@1" in cells["address"]
    assert "to be trained again: ['ours']" in cells["address"]


def test_the_project_is_written(cells):
    assert "earmark-double-threshold/src/earmark_double_threshold/plugin.py" in cells["project"]
