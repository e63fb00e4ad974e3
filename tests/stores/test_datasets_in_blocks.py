"""Predictions are written, and read, a block of clips at a time."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from earmark import blocks
from earmark.blocks import made_variable
from earmark_stores.datasets import open_dataset, save_dataset

CLIP_BYTES = 500 * 4 * 4


def dataset_of(n_clips: int) -> xr.Dataset:
    """Posteriors that are made when they are read, 8 kB a clip."""
    tile = np.random.default_rng(0).random((100, 500, 4), np.float32)
    shape = (n_clips, 500, 4)
    lazy = made_variable(
        ("clip", "frame", "event"), shape, np.float32, lambda rows: tile[np.arange(rows.start, rows.stop) % 100]
    )
    return xr.Dataset(
        {
            "event_frame_posterior": lazy,
            "loudest": ("event", np.arange(4)),
            "known": ("clip", np.arange(n_clips) % 3 == 0),
        },
        {
            "clip": [f"é{index}.wav@0" for index in range(n_clips)],
            "frame": np.arange(500) * 0.02,
            "event": list("abcd"),
        },
        {"corpus": "tut"},
    )


def files_of(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("n_clips", [1, 64, 130, 256])
def test_a_dataset_written_in_blocks_is_byte_by_byte_the_one_written_at_once(n_clips, tmp_path, monkeypatch) -> None:
    dataset = dataset_of(n_clips)
    save_dataset(tmp_path, tmp_path / "at once", dataset)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64 * (CLIP_BYTES + 1))
    save_dataset(tmp_path, tmp_path / "in blocks", dataset)
    assert files_of(tmp_path / "in blocks") == files_of(tmp_path / "at once")
    assert open_dataset(tmp_path / "in blocks").load().identical(dataset.load())


def test_chunks_are_no_longer_than_blocks(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10 * CLIP_BYTES)
    save_dataset(tmp_path, tmp_path / "d", dataset_of(20))
    assert open_dataset(tmp_path / "d").load().identical(dataset_of(20).load())
    assert len(list((tmp_path / "d/event_frame_posterior/c").iterdir())) == 3  # of 8 clips each


def test_saving_twice_the_clips_takes_no_more_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 20)

    def peak_mb(n_clips: int) -> float:
        dataset = dataset_of(n_clips)
        tracemalloc.start()
        try:
            save_dataset(tmp_path, tmp_path / str(n_clips), dataset)
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

    peak_mb(130)  # what is imported and cached once
    half, whole = peak_mb(640), peak_mb(1280)
    assert whole < 640 * CLIP_BYTES / 1e6
    assert whole - half < 1


def test_a_prediction_that_fails_in_the_middle_leaves_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 20)

    def make(rows: slice) -> np.ndarray:
        if rows.start > 100:
            raise FloatingPointError("diverged")
        return np.zeros((rows.stop - rows.start, 500, 4), np.float32)

    broken = dataset_of(300).assign(
        event_frame_posterior=made_variable(("clip", "frame", "event"), (300, 500, 4), np.float32, make)
    )
    with pytest.raises(FloatingPointError, match="diverged"):
        save_dataset(tmp_path, tmp_path / "p" / "test.zarr", broken)
    assert not (tmp_path / "p").exists()
    assert not list((tmp_path / "aside").iterdir())
