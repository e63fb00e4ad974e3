"""Datasets over clips that are read, or made, a block of clips at a time: memory stays flat however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

BLOCK_BYTES = 1 << 24
"""What a block of clips takes of memory; what is computed of it takes some times as much for a moment."""

HELD_BYTES = 1 << 26
"""A dataset of up to so many bytes is held in memory: what several ask for is then read, or made, once."""

_MOST_CLIPS = 512


def block_length(clip_bytes: int) -> int:
    """Clips of a block, each of so many bytes: a power of two, so that blocks and the stores' chunks fall together.

    >>> block_length(500 * 25 * 4), block_length(500 * 527 * 4), block_length(16)
    (256, 8, 512)
    """
    most = max(1, min(_MOST_CLIPS, BLOCK_BYTES // max(1, clip_bytes)))
    return 1 << (most.bit_length() - 1)


def blocks(n_clips: int, clip_bytes: int) -> Iterator[slice]:
    """Blocks of clips, in order.

    >>> list(blocks(600, 16))
    [slice(0, 512, None), slice(512, 600, None)]
    """
    step = block_length(clip_bytes)
    for start in range(0, n_clips, step):
        yield slice(start, min(start + step, n_clips))


def clip_bytes(dataset: xr.Dataset) -> int:
    """Bytes that a clip takes in all variables of a dataset."""
    over_clips = [variable.nbytes for variable in dataset.data_vars.values() if "clip" in variable.dims]
    return sum(over_clips) // max(1, dataset.sizes.get("clip", 1))


def is_small(n_bytes: int) -> bool:
    """Whether something is held in memory as a whole; see `HELD_BYTES`."""
    return n_bytes <= HELD_BYTES


def held(dataset: xr.Dataset) -> xr.Dataset:
    """The same dataset, in memory where it is small."""
    return dataset.load() if is_small(dataset.nbytes) else dataset


def looked_through(dataset: xr.Dataset) -> xr.Dataset:
    """The same dataset, every value of which has been read once: what cannot be read has raised."""
    for rows in blocks(dataset.sizes.get("clip", 0), clip_bytes(dataset)):
        dataset.isel(clip=rows).load()
    return dataset


def made_variable(
    dims: Sequence[str], shape: tuple[int, ...], dtype: npt.DTypeLike, make: Callable[[slice], npt.NDArray[Any]]
) -> xr.Variable:
    """A lazy variable over clips; values of a part of it are made each time that they are asked for, and not kept.

    Args:
        dims: the first is ``clip``.
        shape: of all clips.
        dtype: of the values.
        make: gives the values (clip, ...) of a range of clips.
    """
    lazy: Any = indexing.LazilyIndexedArray(_Made(shape, np.dtype(dtype), make))
    kept = indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))  # type: ignore[no-untyped-call]
    return xr.Variable(tuple(dims), kept)


def made_in_batches(make: Callable[[slice], xr.Dataset], clip_ids: Sequence[str], batch_size: int) -> xr.Dataset:
    """A lazy dataset over clips, made batch by batch when values are asked for; once, if that goes in order.

    Batches are always the same, whichever clips are asked for: where the last bits depend on what is computed
    together, they come out the same too.

    Args:
        make: gives the dataset of one batch, with all its coordinates; the first batch is made at once.
        clip_ids: of all clips, at least one.
        batch_size: clips of a batch; the last one may be smaller.
    """
    batches = _Batches(make, len(clip_ids), batch_size)
    first = batches.first()

    def lazy(name: str) -> xr.Variable:
        variable = first[name].variable
        shape = (len(clip_ids), *variable.shape[1:])
        dims = [str(dim) for dim in variable.dims]
        return made_variable(dims, shape, variable.dtype, lambda rows: batches.values(name, rows))

    coords = {name: list(clip_ids) if name == "clip" else coord for name, coord in first.coords.items()}
    return xr.Dataset({str(name): lazy(str(name)) for name in first.data_vars}, coords, first.attrs)


class _Batches:
    """Makes batches, and keeps those of the last range: the variables of a dataset are asked for one by one."""

    def __init__(self, make: Callable[[slice], xr.Dataset], n_clips: int, batch_size: int) -> None:
        self._make = make
        self._n_clips = n_clips
        self._batch_size = batch_size
        self._kept: dict[int, xr.Dataset] = {}

    def first(self) -> xr.Dataset:
        self._keep(range(1))
        return self._kept[0]

    def values(self, name: str, rows: slice) -> npt.NDArray[Any]:
        wanted = range(rows.start // self._batch_size, -(-rows.stop // self._batch_size))
        self._keep(wanted)
        start = wanted.start * self._batch_size
        whole = np.concatenate([self._kept[index][name].values for index in wanted])
        return whole[rows.start - start : rows.stop - start]

    def _keep(self, wanted: range) -> None:
        self._kept = {index: batch for index, batch in self._kept.items() if index in wanted}
        for index in wanted:
            if index not in self._kept:
                start = index * self._batch_size
                self._kept[index] = self._make(slice(start, min(start + self._batch_size, self._n_clips)))


class _Made(BackendArray):
    """An array (clip, ...) of which a function makes any range of clips."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], make: Callable[[slice], npt.NDArray[Any]]) -> None:
        self.shape = shape
        self.dtype = dtype
        self._make = make

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        read: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        rows, *others = key
        if not isinstance(rows, slice):
            made = self._make(slice(rows, rows + 1))[0]
            return np.asarray(made[tuple(others)], dtype=self.dtype)
        chosen = range(*rows.indices(self.shape[0]))
        if not chosen:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(0), *others)]
        made = self._make(slice(chosen.start, chosen[-1] + 1))
        return np.asarray(made[(slice(None, None, chosen.step), *others)], dtype=self.dtype)
