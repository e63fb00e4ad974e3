"""Predictions of several runs as one lazy dataset with dims method and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from earmark.errors import StoreError
from earmark.storage import Store

Addresses = Mapping[str, Mapping[int, str]]
"""Run addresses by method and seed."""


def open_predictions_of(store: Store, addresses: Addresses, part: str) -> xr.Dataset:
    """Open the predictions of several runs as one dataset; values are read when they are asked for.

    Choose with ``.sel({"method": ...})``: ``.sel(method=...)`` is xarray's own argument.

    Args:
        store: where the runs rest.
        addresses: of the runs, by method and seed.
        part: of the corpus that was predicted.

    Returns:
        Every variable that any run has, with dims method and seed in front; NaN where a method was not run with a
        seed, or gives no such output.

    Raises:
        StoreError: no runs are named, they have no such predictions, or these are of different clips or labels.
    """
    opened = {
        (method, seed): store.run(address).open_predictions(part)
        for method, runs in addresses.items()
        for seed, address in runs.items()
    }
    if not opened:
        raise StoreError(
            "No runs are named whose predictions could be opened. `earmark runs list` shows what is there."
        )
    methods, seeds = list(addresses), sorted({seed for _, seed in opened})
    coords = _shared_coords(opened)
    stacked: dict[str, xr.Variable] = {}
    for name in dict.fromkeys(str(name) for run in opened.values() for name in run.data_vars):
        having = {key: run[name].variable for key, run in opened.items() if name in run}
        if len({(variable.dims, variable.shape) for variable in having.values()}) > 1:
            raise StoreError(
                f"{name} has different dims or sizes in the runs "
                + "; ".join(f"{method} (seed {seed}): {dict(v.sizes)}" for (method, seed), v in having.items())
                + ". Open them separately."
            )
        grid = [[having.get((method, seed)) for seed in seeds] for method in methods]
        lazy = indexing.LazilyIndexedArray(_Stack(grid))
        stacked[name] = xr.Variable(("method", "seed", *next(iter(having.values())).dims), lazy)
    return xr.Dataset(stacked, coords={**coords, "method": methods, "seed": seeds})


def _shared_coords(opened: Mapping[tuple[str, int], xr.Dataset]) -> dict[str, xr.DataArray]:
    coords: dict[str, xr.DataArray] = {}
    owner: dict[str, str] = {}
    for (method, seed), run in opened.items():
        for key, coord in run.coords.items():
            name, here = str(key), f"{method} (seed {seed})"
            if name not in coords:
                coords[name], owner[name] = coord, here
            elif not coord.equals(coords[name]):
                raise StoreError(
                    f"The runs {owner[name]} and {here} have predictions for a different {name} each: other contents, "
                    "or another order. Only runs of one corpus can be opened side by side."
                )
    return coords


class _Stack(BackendArray):
    """A grid (method, seed) of lazy variables of one shape as one array, which xarray reads from piece by piece."""

    def __init__(self, grid: Sequence[Sequence[xr.Variable | None]]) -> None:
        self._grid = grid
        given = [variable for row in grid for variable in row if variable is not None]
        whole = len(given) == sum(len(row) for row in grid)
        self.shape = (len(grid), len(grid[0]), *given[0].shape)
        # Half precision holds NaN too, which is what a gap is filled with.
        self.dtype = np.result_type(*{variable.dtype for variable in given}, *([] if whole else [np.float16]))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        read: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )
        return read

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        method_key, seed_key, *inner = key
        methods = np.atleast_1d(np.arange(self.shape[0])[method_key])
        seeds = np.atleast_1d(np.arange(self.shape[1])[seed_key])
        inner_shape = tuple(
            len(np.arange(size)[index])
            for size, index in zip(self.shape[2:], inner, strict=True)
            if not isinstance(index, int | np.integer)
        )
        read = np.full((len(methods), len(seeds), *inner_shape), np.nan if self.dtype.kind == "f" else 0, self.dtype)
        for row, method in enumerate(methods):
            for column, seed in enumerate(seeds):
                variable = self._grid[method][seed]
                if variable is not None:
                    read[row, column] = variable[tuple(inner)].values
        scalar = tuple(0 if isinstance(index, int | np.integer) else slice(None) for index in (method_key, seed_key))
        result: npt.NDArray[Any] = read[scalar]
        return result
