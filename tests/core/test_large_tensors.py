from __future__ import annotations

import errno
import tempfile

import numpy as np
import pytest
import torch

from earmark import devices, large_tensors
from earmark.errors import StoreError
from earmark.large_tensors import together

PIECES = torch.arange(70.0).reshape(10, 7).split(4)


@pytest.mark.parametrize("fits", [True, False])
def test_pieces_come_together_in_memory_or_in_a_file_alike(fits, monkeypatch) -> None:
    monkeypatch.setattr(large_tensors, "fits", lambda n_bytes, device: fits and n_bytes == 280)
    whole = together(iter(PIECES), 10)
    assert torch.equal(whole, torch.cat(PIECES))
    assert torch.equal(whole[torch.tensor([9, 0, 3])], torch.cat(PIECES)[[9, 0, 3]])


def test_a_mapped_tensor_leaves_no_file(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(large_tensors, "fits", lambda n_bytes, device: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    whole = together(iter(PIECES), 10)
    assert float(whole.sum()) == np.arange(70).sum()
    del whole
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_for_the_features_is_named_with_the_way_out(monkeypatch, tmp_path) -> None:
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(large_tensors, "fits", lambda n_bytes, device: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(
        StoreError, match=r"0.0 GB of features fit neither.*No space left.*Name a folder.*TMPDIR"
    ) as caught:
        together(iter(PIECES), 10)
    assert str(tmp_path) in str(caught.value)


def test_half_of_the_free_memory_is_taken_at_most(monkeypatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(devices, "free_bytes", lambda device: 1000)
    assert devices.fits(500, cpu)
    assert not devices.fits(501, cpu)
    monkeypatch.setattr(devices, "free_bytes", lambda device: None)
    assert devices.fits(1e15, cpu)  # nobody tells


def test_this_machine_has_some_memory_left() -> None:
    free = devices.free_bytes(torch.device("cpu"))
    assert free is None or free > 0
