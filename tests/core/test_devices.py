"""Which device a process takes."""

from __future__ import annotations

import pytest
import torch

from earmark.devices import DeviceError, resolve_device
from earmark.processes import EngineError, ProcessEngine


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(("worker", "gpu"), [("0", 0), ("1", 1), ("2", 0), ("5", 1)])
@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_workers_take_the_gpus_in_turn(worker: str, gpu: int, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_WORKER", worker)
    assert resolve_device(asked) == torch.device("cuda", gpu)
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_WORKER", "0")
    assert resolve_device() == torch.device("cpu")
    with pytest.raises(DeviceError, match="Device 'cuda' cannot be used .* Try --device auto or --device cpu"):
        resolve_device("cuda")


def test_a_number_of_workers_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_WORKERS", "many")
    with pytest.raises(EngineError, match="EARMARK_WORKERS='many' is no number of processes. Set it to one, such as 8"):
        ProcessEngine().execute([], print)
