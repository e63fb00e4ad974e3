"""Which studies can be chosen, what is said where nothing is there, and the notebook as papermill runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from earmark.errors import StoreError
from earmark_evaluators.exploring.studies import open_exploration, openers, studies_in_store, study_file

REPOSITORY = Path(__file__).resolve().parents[3]
TABLE5 = "paper/partial_labels/table5.toml"


def test_a_store_offers_the_studies_that_it_holds_runs_and_a_corpus_of(small_study, copy_small_study, tmp_path) -> None:
    stores = copy_small_study(tmp_path / "stores", "corpora", "runs")
    titles = [file.title for file in studies_in_store(stores)]
    assert "partial_labels/table5 · smoke · synthetic" in titles
    assert "partial_labels/table5 · full · synthetic" not in titles
    assert "soft_scene_labels" not in " ".join(titles)
    first = study_file(TABLE5, "smoke")
    choices = openers(first, stores)
    assert next(iter(choices)) == first.title == "partial_labels/table5 · smoke · synthetic"
    assert list(choices[first.title]().runs) == list(small_study.experiment.methods.values())


def test_an_empty_store_offers_only_what_was_asked_for_and_says_what_to_do(tmp_path) -> None:
    assert studies_in_store(tmp_path) == studies_in_store(tmp_path / "nowhere") == []
    ((title, opens),) = openers(study_file(TABLE5, "quick"), tmp_path).items()
    with pytest.raises(StoreError, match="quick · synthetic: nothing of it is under .* yet. Say `make demo`") as caught:
        opens()
    assert "table5.toml --profile quick`" in str(caught.value)
    assert list(tmp_path.iterdir()) == []  # nothing was synthesised
    assert title == "partial_labels/table5 · quick · synthetic"


def test_a_damaged_run_and_a_broken_file_keep_no_other_study_from_being_chosen(
    small_study, copy_small_study, tmp_path, monkeypatch
) -> None:
    root, home = copy_small_study(tmp_path / "stores", "corpora", "runs"), tmp_path / "home"
    address = small_study.run_address(small_study.jobs()[0])
    (root / "runs" / address / "run.json").write_text("{")
    shutil.copytree(REPOSITORY / "paper" / "partial_labels", home / "paper" / "partial_labels")
    (home / "paper" / "partial_labels" / "broken.toml").write_text("name = ")
    monkeypatch.setattr("earmark_evaluators.exploring.studies.checkout", lambda: home)
    assert "partial_labels/table5 · smoke · synthetic" in [file.title for file in studies_in_store(root)]
    monkeypatch.setattr("earmark_evaluators.exploring.studies.checkout", lambda: None)
    assert studies_in_store(root) == []


def test_a_corpus_folder_is_part_of_the_title_and_is_what_is_opened(small_study, small_stores) -> None:
    file = study_file(str(REPOSITORY / TABLE5), "smoke", str(small_study.dataset.root))
    assert file.title == f"partial_labels/table5 · smoke · {small_study.dataset.root.name}"
    explored = open_exploration(file, small_stores, ("Strong MTL",))
    assert explored.study.dataset.root == small_study.dataset.root


@pytest.fixture(scope="module")
def executed(small_study, small_stores, tmp_path_factory) -> nbformat.NotebookNode:
    """The notebook after papermill, at the smoke profile."""
    import papermill

    out = tmp_path_factory.mktemp("explore") / "explore.ipynb"
    papermill.execute_notebook(
        str(REPOSITORY / "notebooks" / "explore.ipynb"),
        str(out),
        parameters={"profile": "smoke", "stores": str(small_stores)},
        kernel_name="python3",
        cwd=str(REPOSITORY),
        progress_bar=False,
        log_output=False,
        extra_arguments=["--log-level=40"],
    )
    return nbformat.read(out, as_version=4)


def outputs(notebook: nbformat.NotebookNode, cell: str) -> list[dict]:
    (found,) = [one for one in notebook.cells if one.id == cell]
    assert not [out for out in found.outputs if out.output_type == "stream"]
    return [out["data"] for out in found.outputs]


def test_under_papermill_pictures_stand_in_the_place_of_widgets(executed) -> None:
    clips, player = outputs(executed, "explorer")
    assert "fscore" in clips["text/html"]
    assert "image/png" in player
    assert not [data for cell in executed.cells for data in cell.get("outputs", []) if "widget-view" in str(data)]
    for cell in ("confusion", "recall", "two", "layers", "changes"):
        assert "image/png" in outputs(executed, cell)[0], cell


def test_the_notebook_names_study_and_runs(executed) -> None:
    (said,) = outputs(executed, "open")
    assert "partial_labels/table5 · smoke · synthetic" in said["text/markdown"]
    assert "Semi-MTL w/ partial labels" in said["text/markdown"]
