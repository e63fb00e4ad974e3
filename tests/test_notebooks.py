"""Each paper's notebook runs whole through papermill, and what it draws says what it is made from."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from earmark.papers import Parameters, run_paper
from earmark.progress import Reporter

REPOSITORY = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(REPOSITORY.glob("notebooks/*.ipynb"))


KEY = "sk-notebook-0123456789abcdef"


@pytest.fixture(scope="module")
def run(small_study, small_stores):
    """The demo at the smoke profile, with a key in the environment; its trainings are those of `small_study`."""
    parameters = Parameters(profile="smoke", stores=str(small_stores), device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(variable, KEY)
        return run_paper("partial_labels", parameters, without="sweeps")


def test_the_demo_leaves_a_notebook_a_page_tables_and_figures(run):
    tables = {path.name for path in (run.folder / "tables").iterdir()}
    figures = {path.name for path in (run.folder / "figures").iterdir()}
    for number in (1, 2, 5, 6, 7, 8, 9):
        assert {f"table{number}.csv", f"table{number}.md"} <= tables
    for name in ("table5", "figure8", "figure9", "training_curves"):
        assert {f"{name}.png", f"{name}.svg"} <= figures
    assert not [name for name in tables | figures if "phi" in name or "beyond" in name]  # the sweeps were left out
    page = run.page.read_text()
    assert "five ways to pay for event labels" in page
    assert "data:image/png;base64" in page
    assert not re.findall(r"(?:src|href|import\()[ =\"'(]+https?://[^\"']*\.m?js", page)  # it opens without a network
    assert not list(run.folder.glob("*.begun.ipynb"))


def test_no_key_of_the_environment_is_in_the_notebook_its_page_or_anything_that_it_draws(run):
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert {run.notebook, run.page} <= set(files)
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []


def test_every_table_and_figure_says_that_its_corpus_is_synthetic(run):
    for path in (run.folder / "tables").glob("*.md"):
        assert "tut (synthetic), profile: smoke" in path.read_text(), path.name
    for path in (run.folder / "figures").glob("*.svg"):
        assert "tut (synthetic)" in path.read_text().replace("&#160;", " "), path.name


def test_progress_within_a_kernel_is_text_on_standard_output(monkeypatch, capsys):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as kernels have it
    reporter = Reporter()
    assert not reporter.live
    reporter.say("strong, seed 0: epoch 1 of 36")
    assert capsys.readouterr().out == "strong, seed 0: epoch 1 of 36\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_parameters_ids_and_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])], "no cell is tagged parameters"
    assert not [cell.id for cell in notebook.cells if cell.get("outputs")]
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
