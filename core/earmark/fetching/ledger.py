"""What has been fetched into a folder, checked and unpacked: one JSON file beside the data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from earmark.errors import FetchError
from earmark.fetching.downloads import RemoteFile

LEDGER = ".earmark-fetched.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file that came whole."""

    url: str
    n_bytes: int
    digests: dict[str, str]
    """Computed over its bytes: those that are published, or sha256 where none is."""
    fetched: str
    """When it was checked, UTC."""
    unpacked: list[str] | None = None
    """Files that came out of it, below its folder; None as long as they are not all in place."""


class Ledger:
    """Entries by the path of their file below the folder; written anew, in one step, with each of them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self._entries: dict[str, Entry] = {}
        if not self.path.is_file():
            return
        try:
            document = json.loads(self.path.read_text("utf-8"))
            self._entries = {str(name): Entry(**entry) for name, entry in document["files"].items()}
            if not all(isinstance(entry.digests, dict) for entry in self._entries.values()):
                raise TypeError("digests that are no table")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FetchError(
                f"{self.path} cannot be read ({type(error).__name__}: {error}). Delete it and call again: what lies "
                "in the folder is then checked, and unpacked archives are fetched anew."
            ) from error

    def find(self, remote: RemoteFile) -> Entry | None:
        """Entry of a file as it is published now; one of other bytes does not count."""
        entry = self._entries.get(remote.path)
        if entry is None or any(entry.digests.get(kind, digest) != digest for kind, digest in remote.digests.items()):
            return None
        return entry

    def note(self, remote: RemoteFile, n_bytes: int, digests: dict[str, str], unpacked: list[str] | None) -> None:
        """Write down that a file is here, checked and, where it is an archive, unpacked."""
        self._entries[remote.path] = Entry(
            url=remote.url,
            n_bytes=n_bytes,
            digests=digests,
            fetched=datetime.now(UTC).isoformat(timespec="seconds"),
            unpacked=unpacked,
        )
        files = {name: asdict(entry) for name, entry in sorted(self._entries.items())}
        aside = self.path.with_name(self.path.name + ".new")
        aside.write_text(json.dumps({"version": 1, "files": files}, indent=1), "utf-8")
        aside.replace(self.path)
