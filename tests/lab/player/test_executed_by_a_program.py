"""A notebook that papermill executes and nbconvert exports shows a picture where a person would see the player."""

from __future__ import annotations

import warnings
from pathlib import Path

import nbformat
import pytest

CELL = """
import numpy as np, soundfile
from pathlib import Path
from earmark.recordings import Event
from earmark_lab.player import Lane, Player
soundfile.write("clip.wav", 0.1 * np.random.default_rng(0).standard_normal(16000), 8000)
Player(Path("clip.wav"), [Lane("annotated", (Event(0.5, 1.0, "car"),))])
"""


@pytest.mark.filterwarnings("default")  # those of papermill's and nbconvert's own parts
def test_an_exported_page_shows_the_picture_and_no_widget(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nbconvert
        import papermill

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "in.ipynb")
    papermill.execute_notebook(
        str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), cwd=str(tmp_path), progress_bar=False
    )
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    data = executed.cells[-1].outputs[-1]["data"]
    assert set(data) == {"image/png", "text/plain"}
    assert len((tmp_path / "out.ipynb").read_text()) - len(data["image/png"]) < 20_000  # neither sound nor script
    page, _ = nbconvert.HTMLExporter().from_notebook_node(executed)
    assert data["image/png"].replace("\n", "")[:100] in page.replace("\n", "")
