"""Names what this package gives."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_stores.local import LocalStore
from earmark_stores.mirrored import MirroredStore


@hookimpl
def earmark_stores() -> Mapping[str, Factory]:
    """The store in a folder of this machine, and that at an address of fsspec's."""
    return {"local": LocalStore, "fsspec": MirroredStore}
