from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from earmark.recordings import Dataset
from earmark.results import Results


@pytest.fixture
def results(tmp_path) -> Results:
    return Results(tmp_path, corpus="tut (synthetic)", profile="quick", n_repetitions=3)


def test_a_synthetic_corpus_is_called_so_in_its_title():
    def dataset(synthetic: bool) -> Dataset:
        return Dataset(name="tut", root=Path(), synthetic=synthetic, scenes=(), events=(), recordings=())

    assert dataset(True).title == "tut (synthetic)"
    assert dataset(False).title == "tut"


def test_a_figure_lands_as_png_and_svg_with_what_it_was_made_from(results, tmp_path):
    figure, _ = plt.subplots()
    plt.close(figure)
    assert results.figure("scores", figure) is figure
    assert figure.get_supxlabel() == "corpus: tut (synthetic), profile: quick, n = 3"
    assert (tmp_path / "figures/scores.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "figures/scores.svg").read_text()


def test_a_figure_of_one_run_names_no_number_of_repetitions(results):
    figure, _ = plt.subplots()
    plt.close(figure)
    results.figure("one", figure, averaged=False)
    assert figure.get_supxlabel() == "corpus: tut (synthetic), profile: quick"


def test_a_table_lands_as_csv_with_its_corpus_in_every_row_and_as_markdown(results, tmp_path):
    results.table("scores", pd.DataFrame({"method": ["A", "B"], "mean": [0.5, 0.25]}), "| A |")
    read = pd.read_csv(tmp_path / "tables/scores.csv")
    assert read["corpus"].tolist() == ["tut (synthetic)"] * 2
    assert read["mean"].tolist() == [0.5, 0.25]
    assert (tmp_path / "tables/scores.md").read_text().endswith("corpus: tut (synthetic), profile: quick, n = 3\n")


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"a": [1]})
    assert Results("", corpus="tut", profile="", n_repetitions=1).table("t", table) is table
    assert list(tmp_path.iterdir()) == []
