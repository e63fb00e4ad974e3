"""The store at an address of fsspec's, such as a bucket of S3, mirrored in a folder of this machine."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from earmark.errors import DamageError, StoreError
from earmark.places import origin_of, stores_root
from earmark_stores.addresses import check_address
from earmark_stores.disk import discard
from earmark_stores.leases import is_leased, lease
from earmark_stores.local import LocalStore
from earmark_stores.mirrored_features import MirroredFeatures
from earmark_stores.mirrored_runs import MirroredRun, fetch_records
from earmark_stores.objects import Objects, in_parallel
from earmark_stores.parcels import FOLDER, placing, read_manifest


class MirroredStore:
    """Features and runs in an object store: what is computed is whole or absent for all machines that share it.

    Objects lie below ``features/``, ``runs/`` and ``locks/`` of the address. Everything else that is kept under the
    stores' root lies in the mirror alone.
    """

    def __init__(self, root: Path) -> None:
        """Open the store that a folder is the mirror of; nothing is asked of it yet.

        Raises:
            StoreError: the folder is no mirror.
        """
        origin = origin_of(root)
        if origin is None:
            raise StoreError(
                f"{root}: mirrors no store elsewhere. Name one by its address, such as `--stores s3://bucket/folder`, "
                "or earmark.workspace.open_store('s3://bucket/folder') in Python."
            )
        self.root = root
        self.address, self._mirror = origin
        self._objects = Objects(self.address)
        self._local = LocalStore(root)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        # On another machine the mirror is another folder.
        return _opened, (self.address,)

    def features(self, address: str) -> MirroredFeatures:
        """The features of an address, whether they are there or not."""
        return MirroredFeatures(self.root, address, self._objects)

    def run(self, address: str) -> MirroredRun:
        """The run of an address, whether it is there or not."""
        return MirroredRun(self.root, address, self._objects)

    def runs(self) -> list[MirroredRun]:
        """All runs, whole or begun, by address; many cost a few waits for the store, not one each."""
        names = self._objects.names("runs")
        runs = [run for run in in_parallel(self._found, names) if run is not None]
        fetch_records(runs)
        return runs

    def remove(self, address: str) -> None:
        """Remove a run or features, whole or begun; what is half removed is not visible.

        Raises:
            StoreError: there is nothing of this address, or it cannot be removed.
        """
        shelves = [f"{kind}/{check_address(address)}" for kind in ("runs", "features")]
        keys = [key for shelf in shelves for key in self._objects.keys(f"{shelf}/")]
        # The record that makes it whole, then those that name files, then the files.
        records = [key for key in keys if f"/{FOLDER}/" not in key]
        self._objects.delete(key for key in records if key.endswith("/whole.json"))
        self._objects.delete(key for key in records if not key.endswith("/whole.json"))
        self._objects.delete(set(keys) - set(records))
        with placing(self.root, address):
            for shelf in shelves:
                discard(self.root / shelf)
                discard(self.root / f"{shelf}.begun")
        if not keys:
            raise StoreError(
                f"{self.address}: neither a run nor features at {address!r}. `earmark runs list` shows what is there."
            )

    def held(self, address: str) -> bool:
        """Whether somebody who lives holds the lock of an address, on this machine or another."""
        return self._local.held(address) or is_leased(self._objects, address, self._mirror)

    @contextlib.contextmanager
    def lock(self, address: str) -> Iterator[None]:
        """Hold an address; others wait. A crash lets go: at once on this machine, after a while for the others.

        Raises:
            StoreError: the store does not answer, or cannot be written.
        """
        with self._local.lock(address), lease(self._objects, address, self._mirror):
            yield

    def _found(self, address: str) -> MirroredRun | None:
        if not re.fullmatch(r"[0-9a-z-]{1,100}", address):
            return None
        key = f"runs/{address}"
        try:
            files = read_manifest(self._objects, key, f"{key}/whole.json")
        except DamageError:  # is told when the run is read; the others are there
            return self.run(address)
        if files is None and self._objects.read(f"{key}/begun/run.json") is None:
            return None  # being removed, or never uploaded to the end
        return MirroredRun(self.root, address, self._objects, files)


def _opened(address: str) -> MirroredStore:
    return MirroredStore(stores_root(address))
