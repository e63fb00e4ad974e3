"""xarray datasets as zarr folders that know when they are whole."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr

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
    encoding = {
        name: {"chunks": tuple(min(_CLIPS_PER_CHUNK, n) if dim == "clip" else n for dim, n in variable.sizes.items())}
        for name, variable in plain.variables.items()
        if "clip" in variable.dims and variable.size
    }
    with writing(path), aside(root) as whole:
        # Consolidated metadata is no part of zarr v3 yet, and a local disk does not need it.
        plain.to_zarr(whole, zarr_format=3, consolidated=False, encoding=encoding)
        sizes = {name: size for name, size in file_sizes(whole).items() if name != "zarr.json"}
        zarr.open_group(whole, mode="r+").attrs[_SEAL] = {"format": FORMAT, "files": sizes}
        path.parent.mkdir(exist_ok=True)
        place_folder(whole, path, root)


def open_dataset(path: Path) -> xr.Dataset:
    """Open a dataset lazily: values are read when they are asked for.

    Raises:
        StoreError: damaged, incomplete, or of another format version.
    """
    try:
        seal = zarr.open_group(path, mode="r").attrs.get(_SEAL)
    except Exception as error:  # zarr has no error of its own for metadata that is damaged
        raise damaged(path, f"is not a readable zarr group ({type(error).__name__}: {error})") from error
    if not isinstance(seal, dict):
        raise damaged(path, "does not say which files it consists of")
    check_format(seal.get("format"), path)
    check_sizes(path, seal["files"])
    try:
        dataset = _with_fixed_strings(xr.open_zarr(path, consolidated=False, chunks=None))
    except Exception as error:
        raise damaged(path, f"is not a readable dataset ({type(error).__name__}: {error})") from error
    del dataset.attrs[_SEAL]
    return dataset


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
