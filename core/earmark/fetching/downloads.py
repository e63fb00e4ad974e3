"""What a plugin says of published files, so that they can be fetched: addresses, sizes, checksums, licence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from earmark.errors import FetchError, suggestion

ARCHIVES = (".zip", ".tar.gz", ".tgz")
"""Endings of the files that are unpacked once they are here."""

_DIGEST = {"md5": re.compile(r"[0-9a-f]{32}"), "sha256": re.compile(r"[0-9a-f]{64}")}


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """One published file."""

    url: str
    name: str
    """Name on disk, without any folder."""
    folder: str = ""
    """Folder below the target in which it comes to lie, such as "meta"; an archive unpacks there."""
    part: str = "meta"
    """Which part of the publication it is: "audio", "meta", "weights"."""
    n_bytes: int | None = None
    """Exact size, where a source states it; a file of another size is refused before it is fetched."""
    about_bytes: int | None = None
    """Size for people and for the free-space check where no exact one is known; never tested."""
    md5: str | None = None
    sha256: str | None = None
    also_at: tuple[str, ...] = ()
    """Further addresses of the same bytes, tried in turn where the one before answers 404."""
    expansion: float = 1.2
    """Size of what an archive holds over its own size, for the free-space check; 24 bit WAV in ZIP: 1.15 to 1.2."""
    only_by_name: bool = False
    """True leaves it out unless a pattern names it."""

    def __post_init__(self) -> None:
        for url in (self.url, *self.also_at):
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                raise ValueError(f"RemoteFile.url must be http or https, got {url!r}")
        if not _plain(self.name):
            raise ValueError(f"RemoteFile.name must be a file name without any folder, got {self.name!r}")
        if self.folder and not all(map(_plain, self.folder.split("/"))):
            raise ValueError(f"RemoteFile.folder must be a relative folder such as 'meta', got {self.folder!r}")
        for kind, form in _DIGEST.items():
            digest = getattr(self, kind)
            if digest is not None and not form.fullmatch(digest):
                raise ValueError(f"RemoteFile.{kind} of {self.name} is not a lower-case {kind} digest: {digest!r}")

    @property
    def path(self) -> str:
        """Where it lies below the target folder."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def is_archive(self) -> bool:
        return self.name.endswith(ARCHIVES)

    @property
    def size(self) -> int | None:
        """Bytes, exact or about; None where nobody has said."""
        return self.n_bytes if self.n_bytes is not None else self.about_bytes

    @property
    def digests(self) -> dict[str, str]:
        """Published checksums by algorithm."""
        return {kind: digest for kind in _DIGEST if (digest := getattr(self, kind)) is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """A publication: files that belong together."""

    title: str
    homepage: str
    licence: str
    """One sentence, shown before anything is fetched."""
    files: tuple[RemoteFile, ...]
    hint: str = ""
    """One sentence on what to do with it once it is there; FOLDER in it stands for where that is."""

    def __post_init__(self) -> None:
        paths = [file.path.casefold() for file in self.files]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"Download {self.title!r}: two files would be written to {', '.join(twice)}")

    def chosen(self, parts: Sequence[str] = (), pattern: str | None = None) -> tuple[RemoteFile, ...]:
        """Files of these parts (all where none is given) whose name or path matches the pattern.

        Raises:
            FetchError: there is no such part, or nothing matches.
        """
        known = sorted({file.part for file in self.files})
        for part in parts:
            if part not in known:
                raise FetchError(f"{self.title}: no part {part!r}. {suggestion(part, known)}Parts: {', '.join(known)}.")
        files = tuple(
            file
            for file in self.files
            if (not parts or file.part in parts)
            and (
                not file.only_by_name
                if pattern is None
                else any(fnmatchcase(name, pattern) for name in (file.name, file.path))
            )
        )
        if not files:
            names = ", ".join(file.name for file in self.files if not parts or file.part in parts)
            problem = "files come by name only, with --file" if pattern is None else f"no file matches {pattern!r}"
            raise FetchError(f"{self.title}: {problem}. Files: {names}.")
        return files


def _plain(name: str) -> bool:
    # What begins with .earmark is the fetcher's own.
    unsafe = name in ("", ".", "..") or name.startswith(".earmark") or re.search(r'[/\\:*?"<>|\x00-\x1f]', name)
    return not unsafe


def bytes_text(n_bytes: float | None) -> str:
    """Size for people, in decimal units as disks are sold.

    >>> bytes_text(1_014_040_667), bytes_text(762), bytes_text(None)
    ('1.0 GB', '762 B', 'unknown size')
    """
    if n_bytes is None:
        return "unknown size"
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes:.0f} B"
