"""xarray datasets as zarr folders that know when they are whole."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.codecs import ZstdCodec

from earmark.blocks import block_length, blocks, clip_bytes
from earmark_stores.checksums import CODEC, SPOILT, crc32c
from earmark_stores.disk import (
    FORMAT,
    aside,
    check_format,
    check_sizes,
    damaged,
    file_sizes,
    place_folder,
    unreadable,
    writing,
)

_CLIPS_PER_CHUNK = 64
"""At most: fewer where a block of clips, beyond which nothing is in memory, is shorter."""
_SEAL = "earmark"
"""Attribute with the format version, the size of every file and the checksum of the metadata, written last."""


def save_dataset(root: Path, path: Path, dataset: xr.Dataset) -> None:
    """Write a dataset in one step; an older one of this name is replaced.

    A lazy one is read, or made, a block of clips at a time: no more of it is in memory.

    Raises:
        StoreError: it cannot be written; nothing is left of it.
    """
    with writing(path), aside(root) as whole:
        _write(_with_portable_strings(dataset.drop_encoding()), whole)
        sizes = {name: size for name, size in file_sizes(whole).items() if name != "zarr.json"}
        attributes = zarr.open_group(whole, mode="r+").attrs
        attributes[_SEAL] = {"format": FORMAT, "files": sizes}
        attributes[_SEAL] = {"format": FORMAT, "files": sizes, "crc32c": _metadata_checksum(whole)}
        path.parent.mkdir(exist_ok=True)
        place_folder(whole, path, root)


def open_dataset(path: Path) -> xr.Dataset:
    """Open a dataset lazily: values are read, and held against their checksums, when they are asked for.

    Raises:
        StoreError: damaged, incomplete, or of another format version; damage that only values show is told then.
    """
    try:
        seal = zarr.open_group(path, mode="r").attrs.get(_SEAL)
    except Exception as error:  # zarr has no error of its own for metadata that is damaged
        raise unreadable(path, "zarr group", error) from error
    if isinstance(seal, dict):
        check_format(seal.get("format"), path)
    if not isinstance(seal, dict) or not isinstance(seal.get("files"), dict):
        raise damaged(path, "does not say which files it consists of")
    check_sizes(path, seal["files"])
    # There is none in stores of before there were checksums.
    if seal.get("crc32c") not in (None, _metadata_checksum(path)):
        raise damaged(path, SPOILT)
    try:
        dataset = _with_fixed_strings(xr.open_zarr(path, consolidated=False, chunks=None))
    except Exception as error:
        raise unreadable(path, "dataset", error) from error
    del dataset.attrs[_SEAL]
    return dataset.assign(
        {
            name: _watched(variable.variable, path / str(name))
            for name, variable in dataset.data_vars.items()
            if variable.dtype.kind != "U"  # read already
        }
    )


def _metadata_checksum(path: Path) -> int:
    """CRC-32C of all that says what a dataset is, its own place in the seal left out: chunks have theirs."""
    root = json.loads((path / "zarr.json").read_bytes())
    root["attributes"][_SEAL].pop("crc32c", None)
    parts = [
        json.dumps(root, sort_keys=True).encode(),
        *(file.read_bytes() for file in sorted(path.glob("*/zarr.json"))),
    ]
    return crc32c(b"".join(parts))


def _watched(variable: xr.Variable, path: Path) -> xr.Variable:
    """The same variable, whose values are kept once they are read, as xarray does."""
    lazy: Any = indexing.LazilyIndexedArray(_Watched(variable, path))
    kept = indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))  # type: ignore[no-untyped-call]
    return xr.Variable(variable.dims, kept, variable.attrs)


class _Watched(BackendArray):
    """A lazy variable of which a spoilt chunk is told with its file: zarr finds it by the checksum, and names none."""

    def __init__(self, variable: xr.Variable, path: Path) -> None:
        self._variable = variable
        self._path = path
        self.shape = variable.shape
        self.dtype = variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        read: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )
        return read

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        try:
            values: npt.NDArray[Any] = self._variable[key].values
        except (ValueError, RuntimeError) as error:  # what zarr and its codecs raise for content that cannot be
            raise unreadable(self._path, "array", error) from error
        return values


def _write(dataset: xr.Dataset, path: Path) -> None:
    """Write a dataset a block of clips after the other; what is not over clips comes with the first."""
    of_clip = clip_bytes(dataset)
    first, *others = list(blocks(dataset.sizes.get("clip", 0), of_clip)) or [slice(None)]
    chunk = min(_CLIPS_PER_CHUNK, block_length(of_clip))
    encoding = {name: _encoding(variable, chunk) for name, variable in dataset.variables.items()}
    # Consolidated metadata is no part of zarr v3 yet, and a local disk does not need it.
    begun = dataset.isel({"clip": first} if "clip" in dataset.dims else {})
    begun.to_zarr(path, zarr_format=3, consolidated=False, encoding=encoding)
    over_clips = dataset.drop_vars(
        [name for name, variable in dataset.variables.items() if "clip" not in variable.dims]
    )
    for rows in others:
        over_clips.isel(clip=rows).to_zarr(path, append_dim="clip", zarr_format=3, consolidated=False)


def _encoding(variable: xr.Variable, clips_per_chunk: int) -> dict[str, Any]:
    """How a variable is written: its clips in chunks, each with its checksum."""
    encoding: dict[str, Any] = {"compressors": (ZstdCodec(level=0), CODEC)}
    if "clip" in variable.dims and variable.size:
        encoding["chunks"] = tuple(min(clips_per_chunk, n) if dim == "clip" else n for dim, n in variable.sizes.items())
    return encoding


def _with_portable_strings(dataset: xr.Dataset) -> xr.Dataset:
    """Strings of NumPy's fixed length as Python's: zarr v3 has no specification of the former."""
    return _with_variables(
        dataset,
        {name: np.asarray(v.values, dtype=object) for name, v in dataset.variables.items() if v.dtype.kind == "U"},
    )


def _with_fixed_strings(dataset: xr.Dataset) -> xr.Dataset:
    """Strings as they were before: zarr reads them as StringDType, or as objects with NumPy 1."""
    return _with_variables(
        dataset,
        {
            name: np.array(v.values.tolist(), dtype=str).reshape(v.shape)
            for name, v in dataset.variables.items()
            if v.dtype.kind in "TO"
        },
    )


def _with_variables(dataset: xr.Dataset, values: Mapping[Hashable, npt.NDArray[Any]]) -> xr.Dataset:
    changed = {name: (dataset[name].dims, value, dataset[name].attrs) for name, value in values.items()}
    coords = {name: variable for name, variable in changed.items() if name in dataset.coords}
    data = {name: variable for name, variable in changed.items() if name not in coords}
    return dataset.assign_coords(coords).assign(data)
