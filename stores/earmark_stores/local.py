"""The store in a folder of this machine."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import filelock

from earmark.errors import StoreError
from earmark_stores.addresses import check_address
from earmark_stores.disk import aside, writing
from earmark_stores.features import LocalFeatures
from earmark_stores.runs import LocalRun

_logger = logging.getLogger(__name__)


class LocalStore:
    """Features and runs under one folder: ``features/``, ``runs/``, ``locks/``, and ``aside/`` (under way)."""

    def __init__(self, root: Path | str) -> None:
        """Name the folder; it is made when something is written.

        Raises:
            StoreError: the root is an address, for which there is another store.
        """
        # Two letters and more, as one is a drive. Path has already made one slash of two.
        if re.match(r"[a-z][a-z0-9+.-]+:/", str(root), re.IGNORECASE):
            raise StoreError(
                f"{root}: an address, not a folder of this machine. Open it with `--stores ADDRESS`, EARMARK_STORES, "
                "or earmark.workspace.open_store(ADDRESS) in Python."
            )
        self.root = Path(root)

    def features(self, address: str) -> LocalFeatures:
        """The features of an address, whether they are there or not."""
        return LocalFeatures(self.root, address)

    def run(self, address: str) -> LocalRun:
        """The run of an address, whether it is there or not."""
        return LocalRun(self.root, address)

    def runs(self) -> list[LocalRun]:
        """All runs, whole or begun, by address."""
        folder = self.root / "runs"
        if not folder.is_dir():
            return []
        addresses = {path.name.removesuffix(".begun") for path in folder.iterdir() if path.is_dir()}
        return [LocalRun(self.root, address) for address in sorted(addresses)]

    def remove(self, address: str) -> None:
        """Remove a run or features, whole or begun; what is half removed is not visible.

        Raises:
            StoreError: there is nothing of this address, or it cannot be removed.
        """
        check_address(address)
        names = (address, f"{address}.begun")
        found = [p for kind in ("runs", "features") for name in names if (p := self.root / kind / name).exists()]
        if not found:
            raise StoreError(
                f"{self.root}: neither a run nor features at {address!r}. `earmark runs list` shows what is there."
            )
        for path in found:
            # Out of sight in one step, deleted after it: a kill in between leaves nothing that looks whole.
            with writing(path), aside(self.root) as going:
                path.rename(going)

    def held(self, address: str) -> bool:
        """Whether a process that lives holds the lock of an address; nothing is created."""
        path = self._lock_file(address)
        if not path.exists():
            return False
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return True
        except OSError:  # a store that can only be read: who writes it cannot be asked
            return False
        lock.release()
        return False

    @contextlib.contextmanager
    def lock(self, address: str) -> Iterator[None]:
        """Hold an address; other threads and processes wait, and a crash lets go. Not to be taken twice in a thread.

        Raises:
            StoreError: the store cannot be written.
        """
        path = self._lock_file(address)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                _logger.info("Waiting for another process that works at %s.", address)
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _lock_file(self, address: str) -> Path:
        return self.root / "locks" / f"{check_address(address)}.lock"
