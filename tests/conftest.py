"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real annotations, which are other people's and never part of the repository."""
    folder = Path(os.environ.get("EARMARK_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not (folder / "tut_metadata").is_dir():
        pytest.skip(f"real annotations are not at {folder}; set EARMARK_SHARED to the folder that holds data/")
    return folder
