"""The tagger's plugin, also where it is not installed yet; weights of full size; importable helpers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from earmark.plugins import plugins
from earmark_pann import plugin
from earmark_pann.cnn14 import Cnn14

sys.path.insert(0, str(Path(__file__).parent))

if "pann" not in plugins().names("label source"):
    plugins().register(plugin, "pann")


@pytest.fixture(autouse=True)
def _one_thread():
    """Nets this small gain nothing from threads, and wait for them where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def full_weights() -> dict[str, torch.Tensor]:
    """All 81 million."""
    from regenerated import regenerated

    with torch.device("meta"):
        shapes = {key: tuple(tensor.shape) for key, tensor in Cnn14(527).state_dict().items()}
    return {key: regenerated(key, shape) for key, shape in shapes.items()}
