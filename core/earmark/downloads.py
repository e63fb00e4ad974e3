"""What a plugin says of published files, so that they can be fetched: addresses, sizes, checksums, licence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """One published file."""

    url: str
    name: str
    """Name on disk, without any folder."""
    part: str = "meta"
    """Which part of the publication it is: "audio", "meta", "weights"."""
    n_bytes: int | None = None
    """Exact size, where a source states it; never tested where None."""
    md5: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """A publication: files that belong together."""

    title: str
    homepage: str
    licence: str
    """One sentence, shown before anything is fetched."""
    files: tuple[RemoteFile, ...]
    hint: str = ""
    """One sentence on what to do with it once it is there."""
