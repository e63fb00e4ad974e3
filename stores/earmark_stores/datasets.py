"""xarray datasets as zarr folders that know when they are whole."""

from __future__ import annotations

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

from earmark_stores.checksums import CODEC, unreadable
from earmark_stores.disk import FORMAT, aside, check_format, check_sizes, damaged, file_sizes, place_folder, writing

_CLIPS_PER_CHUNK = 64
_SEAL = "earmark"
"""Attribute with the format version and the size of every file, written last."""


def save_dataset(root: Path, path: Path, dataset: xr.Dataset) -> None:
    """Write a dataset in one step; an older one of this name is replaced.

    Raises:
        StoreError: it cannot be written; nothing is left of it.
    """
    plain = _with_portable_strings(dataset.drop_encoding())
    encoding = {name: _encoding(variable) for name, variable in plain.variables.items()}
    with writing(path), aside(root) as whole:
        # Consolidated metadata is no part of zarr v3 yet, and a local disk does not need it.
        plain.to_zarr(whole, zarr_format=3, consolidated=False, encoding=encoding)
        sizes = {name: size for name, size in file_sizes(whole).items() if name != "zarr.json"}
        zarr.open_group(whole, mode="r+").attrs[_SEAL] = {"format": FORMAT, "files": sizes}
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


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    """How a variable is written: its clips in chunks, each with its checksum."""
    encoding: dict[str, Any] = {"compressors": (ZstdCodec(level=0), CODEC)}
    if "clip" in variable.dims and variable.size:
        encoding["chunks"] = tuple(
            min(_CLIPS_PER_CHUNK, n) if dim == "clip" else n for dim, n in variable.sizes.items()
        )
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
