"""Large tensors, put together piece by piece: in memory or, where they do not fit there, in a file that is mapped."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from earmark.devices import fits
from earmark.errors import StoreError


def together(pieces: Iterable[Tensor], n_rows: int) -> Tensor:
    """Pieces (row, ...) one after the other (n_rows, ...), of which only one is there at a time.

    They lie on the device of the first one where all of them fit into half of what is free there, else on the host,
    else in a memory map. The map's file has no name and is gone with the tensor, or with the process.

    Args:
        pieces: at least one, of n_rows rows in all.
        n_rows: the sum of their lengths.

    Raises:
        StoreError: the file cannot be written.
    """
    waiting = iter(pieces)
    first = next(waiting)
    shape = (n_rows, *first.shape[1:])
    n_bytes = first.nbytes / len(first) * n_rows
    waiting = itertools.chain([first], waiting)
    for device in (first.device, torch.device("cpu")):
        if fits(n_bytes, device):
            whole = torch.empty(shape, dtype=first.dtype, device=device)
            start = 0
            for piece in waiting:
                whole[start : start + len(piece)] = piece
                start += len(piece)
            return whole
    return _mapped(waiting, shape, n_bytes)


def _mapped(pieces: Iterable[Tensor], shape: tuple[int, ...], n_bytes: float) -> Tensor:
    try:
        with tempfile.TemporaryFile() as file:
            for piece in pieces:
                values = piece.cpu().contiguous().numpy()
                # Written, not stored through the map: a disk that is full would then end the process without a word.
                file.write(values.data)
            file.flush()
            # Writable, as tensors have to be, though nobody writes.
            return torch.from_numpy(np.memmap(file, dtype=values.dtype, mode="r+", shape=shape))
    except OSError as error:
        raise StoreError(
            f"{tempfile.gettempdir()}: {n_bytes / 1e9:.1f} GB of features fit neither into memory nor here ({error}). "
            "Name a folder on a disk with more room with TMPDIR, or train on fewer clips."
        ) from error
