"""CRC-32C of what lies in a store: a bit that flips on the disk changes no size."""

from __future__ import annotations

from typing import Any

import google_crc32c
from zarr.codecs import Crc32cCodec

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
