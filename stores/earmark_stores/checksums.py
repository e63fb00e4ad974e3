"""CRC-32C of what lies in a store: a bit that flips on the disk changes no size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import google_crc32c
from zarr.codecs import Crc32cCodec

from earmark.errors import DamageError
from earmark_stores.disk import damaged

CODEC = Crc32cCodec()
"""The last codec of an array: puts the checksum behind each chunk, and makes every reader of zarr hold against it."""

LENGTH = 4
"""Bytes of a checksum, little-endian."""

SPOILT = "is not as it was written: its checksum does not match"


def crc32c(content: Any) -> int:
    """Checksum of bytes, or of a contiguous array of them; some 18 GB a second."""
    return int(google_crc32c.value(content))


def holds(content: Any) -> bool:
    """Whether the last `LENGTH` bytes are the checksum of those before, as the codec writes it."""
    return crc32c(content[:-LENGTH]) == int.from_bytes(bytes(content[-LENGTH:]), "little")


def unreadable(path: Path, what: str, error: Exception) -> DamageError:
    """The error for a zarr group or array that zarr cannot read, with the file where a checksum tells it.

    Args:
        path: of the group or array, without shards; written with `CODEC` or before there was one.
        what: it is, such as "dataset".
        error: what zarr raised.
    """
    if "checksum" in str(error):
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.name != "zarr.json" and not holds(file.read_bytes()):
                return damaged(file, SPOILT)
    return damaged(path, f"is not a readable {what} ({type(error).__name__}: {error})")
