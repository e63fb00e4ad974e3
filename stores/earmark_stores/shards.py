"""Clips of an uncompressed zarr shard, read where they lie instead of through zarr.

A zarr read costs about a millisecond whatever its size. A shard without compression holds each clip as it is in
memory, and an index of where (zarr v3, codec ``sharding_indexed``): a memory map of the file is some 50 times
faster, and the store stays plain zarr. The checksums that zarr would hold clips against are looked at here too, once.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earmark.storage import Features
from earmark_stores.checksums import LENGTH, SPOILT, holds
from earmark_stores.disk import damaged


class Shard:
    """A shard file with one chunk for each clip, (frame, mel) float32, and its index at the end."""

    def __init__(self, path: Path, n_clips: int, clips_per_shard: int, n_frames: int, n_mels: int) -> None:
        """Map the file.

        Args:
            path: of the shard file.
            n_clips: clips that it holds, from its first place on.
            clips_per_shard: places that it has.
            n_frames: of each clip.
            n_mels: of each frame.

        Raises:
            DamageError: missing, truncated, or with another content.
        """
        self._path = path
        try:
            # As a plain array: each view of a memmap object takes as long as copying a clip.
            self._bytes = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
            raise damaged(path, f"cannot be read ({error})") from error
        self._shape = (n_frames, n_mels)
        self._clip_bytes = n_frames * n_mels * 4
        index_bytes = clips_per_shard * 16
        end = len(self._bytes) - LENGTH
        if end < index_bytes:
            raise damaged(path, "is too short for its index")
        # (place, [offset, bytes]), both all ones where a place is empty.
        index = self._bytes[end - index_bytes : end].view("<u8").reshape(clips_per_shard, 2)[:n_clips].astype(object)
        sizes = {size for _, size in index}
        # Stores of before there were checksums have none behind their clips.
        if sizes not in ({self._clip_bytes}, {self._clip_bytes + LENGTH}) or any(o + size > end for o, size in index):
            raise damaged(path, f"does not hold {n_clips} clips of {n_frames} x {n_mels} values")
        if not holds(self._bytes[end - index_bytes :]):
            raise damaged(path, SPOILT)
        self._offsets = [int(offset) for offset, _ in index]
        self._unchecked = bytearray([self._clip_bytes not in sizes]) * n_clips

    def clip(self, place: int) -> Features:
        """Features (frame, mel) of one clip, a view into the file.

        Raises:
            DamageError: a bit has flipped since it was written.
        """
        offset = self._offsets[place]
        if self._unchecked[place]:
            if not holds(self._bytes[offset : offset + self._clip_bytes + LENGTH]):
                raise damaged(self._path, SPOILT)
            self._unchecked[place] = False
        clip: Features = self._bytes[offset : offset + self._clip_bytes].view("<f4").reshape(self._shape)
        return clip


def shard_path(array: Path, number: int) -> Path:
    """File of a shard of an array (clip, frame, mel) that is split along clips only."""
    return array / "c" / str(number) / "0" / "0"
