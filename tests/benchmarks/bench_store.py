"""Speed of reading features from the local store, beside a memory-mapped array; run by hand.

    python tests/benchmarks/bench_store.py

2,000 clips of 500 frames of 64 bands (256 MB) are written, then read as random batches of 64 clips and as a whole,
from memory that the system caches. The three ways take turns, so that another process slows them alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np
import zarr

from earmark_stores import LocalStore
from record import load_average, record

N_CLIPS, N_FRAMES, N_MELS, BATCH = 2000, 500, 64, 64
N_BATCHES, N_WHOLE, N_ZARR = 200, 7, 10


def timed_s(ways: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Median seconds of each way, taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Write, read, compare, and keep the numbers."""
    load_before = load_average()
    rng = np.random.default_rng(0)
    clips = [f"audio/{number:05}.wav@0" for number in range(N_CLIPS)]
    with tempfile.TemporaryDirectory() as folder:
        shelf = LocalStore(folder).features("f")
        mapped = np.lib.format.open_memmap(
            f"{folder}/plain.npy", mode="w+", dtype=np.float32, shape=(N_CLIPS, N_FRAMES, N_MELS)
        )
        shelf.begin(clips, N_FRAMES, N_MELS, {})
        write_s = 0.0
        for piece in shelf.missing():
            features = rng.standard_normal((len(piece), N_FRAMES, N_MELS), dtype=np.float32)
            start = time.perf_counter()
            shelf.write(piece, features)
            write_s += time.perf_counter() - start
            mapped[piece.start : piece.stop] = features
        shelf.finish()
        mapped.flush()
        mapped = np.load(f"{folder}/plain.npy", mmap_mode="r")
        array = zarr.open_group(f"{folder}/features/f/features.zarr", mode="r")["features"]
        assert isinstance(array, zarr.Array)
        np.testing.assert_array_equal(shelf.read(clips), mapped)  # warms both, too

        rows = np.arange(BATCH)

        def next_batch() -> None:
            rows[:] = rng.choice(N_CLIPS, BATCH, replace=False)

        def of_batch(read: Callable[[], object]) -> Callable[[], object]:
            return lambda: (next_batch(), read())

        batch = {
            "store": lambda: shelf.read([clips[row] for row in rows]),
            "memory_map": lambda: mapped[rows],
        }
        draws_s = timed_s({"draw": next_batch}, N_BATCHES)["draw"]
        batch_s = {
            name: s - draws_s for name, s in timed_s({n: of_batch(w) for n, w in batch.items()}, N_BATCHES).items()
        }
        zarr_s = timed_s({"zarr": of_batch(lambda: array.oindex[np.sort(rows)])}, N_ZARR)["zarr"]
        whole_s = timed_s({"store": lambda: shelf.read(clips), "memory_map": lambda: np.array(mapped)}, N_WHOLE)
        opening_s = timed_s({"open": lambda: LocalStore(folder).features("f").clip_ids()}, N_WHOLE)["open"]
        statistics_s = timed_s({"s": lambda: LocalStore(folder).features("f").statistics(clips)}, N_WHOLE)["s"]

    figures = {
        "what": f"{N_CLIPS} clips of {N_FRAMES} x {N_MELS} float32, page cache warm, medians",
        "random_batch_of_64_ms": {
            "store": round(1000 * batch_s["store"], 3),
            "memory_map": round(1000 * batch_s["memory_map"], 3),
            "through_zarr": round(1000 * zarr_s, 3),
        },
        "random_batches_speed_of_memory_map": round(batch_s["memory_map"] / batch_s["store"], 2),
        "reach": 0.5,
        "whole_split_s": {name: round(seconds, 3) for name, seconds in whole_s.items()},
        "whole_split_speed_of_memory_map": round(whole_s["memory_map"] / whole_s["store"], 2),
        "write_mb_per_s": round(N_CLIPS * N_FRAMES * N_MELS * 4 / 1e6 / write_s),
        "open_and_check_every_file_ms": round(1000 * opening_s, 1),
        "statistics_of_all_clips_ms": round(1000 * statistics_s, 1),
    }
    record("store", figures, ("numpy", "zarr", "xarray"), load_before)


if __name__ == "__main__":
    main()
