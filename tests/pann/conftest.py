"""Weights of full size; importable helpers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from earmark_pann.cnn14 import Cnn14

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    pass


@pytest.fixture(scope="session")
def full_weights() -> dict[str, torch.Tensor]:
    """All 81 million."""
    from regenerated import regenerated

    with torch.device("meta"):
        shapes = {key: tuple(tensor.shape) for key, tensor in Cnn14(527).state_dict().items()}
    return {key: regenerated(key, shape) for key, shape in shapes.items()}
