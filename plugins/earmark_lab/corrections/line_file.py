"""A file that only grows by whole lines, for several writers at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from earmark_lab.corrections.errors import LayerError

LOCK_S = 30.0
"""How long a writer waits for another one, which holds the file for milliseconds."""


class LineFile:
    """Lines of JSON objects, read as they come.

    A line counts once its end is there, or once it can be read: no beginning of a JSON object is one itself. What is
    left behind the last whole line is torn, as when a computer is switched off; it is left out, and cut off by the
    next writer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rewind()

    def rewind(self) -> None:
        """Forget what was read."""
        self._at = 0
        self._open_end = False
        self.torn = False
        """Whether something is left behind the last whole line."""

    def read(self) -> list[bytes]:
        """Lines that were added since the last call.

        Raises:
            LayerError: the file cannot be read, or has become shorter.
        """
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._at:
                    raise LayerError(
                        f"{self.path}: has become shorter while it was open. Restore it, and open it again."
                    )
                file.seek(self._at)
                added = file.read()
        except OSError as error:
            raise LayerError(f"{self.path}: cannot be read ({error.strerror or error}).") from None
        if self._open_end and added:  # the end of a line that was read already
            added, self._at, self._open_end = added[1:], self._at + 1, False
        *lines, rest = added.split(b"\n")
        if _is_object(rest):
            lines.append(rest)
            self._open_end, rest = True, b""
        self._at += len(added) - len(rest)
        self.torn = bool(rest)
        return lines

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines, and have the disk hold them; only within `locked`, after `read`."""
        with self.path.open("r+b") as file:
            file.truncate(self._at)
            file.seek(self._at)
            file.write((b"\n" if self._open_end else b"") + b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
            self._at = file.tell()
        self._open_end = self.torn = False

    def create(self, lines: Sequence[bytes]) -> None:
        """Write a new file in one step, unless there is one by now; only within `locked`."""
        if self.path.is_file():
            return
        aside = self.path.with_name(f"{self.path.name}.new")
        with aside.open("wb") as file:
            file.write(b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out.

        Raises:
            LayerError: one of them does not come to an end, or the disk refuses what is done here.
        """
        import filelock

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"), timeout=LOCK_S):
                yield
        except filelock.Timeout:
            raise LayerError(
                f"{self.path}: another program has been writing to it for {LOCK_S:g} s. Wait for it or end it, and try "
                "again."
            ) from None
        except OSError as error:
            raise LayerError(
                f"{self.path}: cannot be written ({error.strerror or error}); nothing was changed. Free the disk, "
                "change the permissions, or keep the layer elsewhere."
            ) from None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
