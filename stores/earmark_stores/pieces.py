"""How features lie in a store: zarr arrays in pieces of whole clips, and a ledger that says which are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from earmark_stores.checksums import CODEC
from earmark_stores.disk import read_json

CLIPS_PER_PIECE = 64
"""Clips a piece, which is one shard: at the papers' 500 frames of 64 bands, a file of 8 MB."""

MOMENTS = ("total", "total_of_squares")

RECORD = ("clips", "n_frames", "n_mels", "clips_per_piece")
"""Fields of ``shelf.json`` that must be there."""


def create_arrays(
    path: Path, clip_ids: Sequence[str], n_frames: int, n_mels: int, description: Mapping[str, Any]
) -> None:
    """Make the zarr group of some features, with arrays of which nothing is written yet."""
    n_clips = len(clip_ids)
    coords = {
        # Python's strings: zarr v3 has no specification of NumPy's.
        "clip": np.array(clip_ids, dtype=object),
        "frame": np.arange(n_frames),
        "mel": np.arange(n_mels),
    }
    xr.Dataset(coords=coords, attrs=dict(description)).to_zarr(path, zarr_format=3, consolidated=False)
    group = zarr.open_group(path, mode="r+")
    group.create_array(
        "features",
        shape=(n_clips, n_frames, n_mels),
        dtype="float32",
        chunks=(1, n_frames, n_mels),
        shards=(CLIPS_PER_PIECE, n_frames, n_mels),
        # Log-mel noise hardly compresses, and uncompressed clips can be read through a memory map.
        compressors=CODEC,
        fill_value=np.nan,
        dimension_names=("clip", "frame", "mel"),
        # A clip of fill values only would otherwise be left out, and look like one that was never written.
        config={"write_empty_chunks": True},
    )
    for name in MOMENTS:
        group.create_array(
            name,
            shape=(n_clips, n_mels),
            dtype="float64",
            chunks=(CLIPS_PER_PIECE, n_mels),
            compressors=CODEC,
            fill_value=np.nan,
            dimension_names=("clip", "mel"),
            config={"write_empty_chunks": True},
        )


def pieces_of(shelf: Mapping[str, Any]) -> list[range]:
    """Rows of the clips of each piece of a shelf."""
    n_clips, step = len(shelf["clips"]), shelf["clips_per_piece"]
    return [range(start, min(start + step, n_clips)) for start in range(0, n_clips, step)]


def files_of(ledger: Path) -> dict[str, int]:
    """Sizes of the files of a piece."""
    files: dict[str, int] = read_json(ledger, ("files",))["files"]
    return files
