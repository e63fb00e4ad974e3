"""Hooks of the engine for clusters."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_dask.engine import DaskEngine


@hookimpl
def earmark_engines() -> Mapping[str, Factory]:
    """Give the engine that runs on a dask cluster."""
    return {"dask": DaskEngine}
