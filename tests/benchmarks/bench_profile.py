"""Where the time goes: in a training step, in feature extraction and in the papers' notebooks; run by hand.

    python tests/benchmarks/bench_profile.py

What should be made faster is read off here first. The training step is that of the multitask net at paper size; the
extraction that of a recording of 5 minutes in one thread; the notebooks are run by papermill in the smoke profile, each
in a store of its own, which includes synthesis. Evaluators are timed one by one in `bench_evaluation`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import torch
from torch.profiler import ProfilerActivity, profile

from bench_extraction import CLIP_S, RECORDING_S, noise, write
from bench_training_step import SIZES, TASK, batches_of, step
from earmark.audio import read_filled
from earmark.extraction import features_of
from earmark.recordings import cut
from earmark_frontends.log_mel import LogMel
from earmark_mtl.net import MtlCnnBiGru
from earmark_stores import LocalStore
from record import load_average, record

NOTEBOOKS = (
    "partial_labels",
    "soft_scene_labels",
    "mutual_benefit",
    "relation_guided",
    "weak_label_limits",
    "tour",
)
N_SHOWN = 8


def of_the_training_step() -> dict[str, Any]:
    """Shares of the processors' time by operation, of one step after one that warms up."""
    torch.manual_seed(0)
    net = MtlCnnBiGru(TASK)
    optimizer = torch.optim.RAdam(net.parameters(), lr=2e-4)
    first, second, *_ = batches_of(SIZES["paper"]["batch"])
    step(net, optimizer, *first)
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        step(net, optimizer, *second)
    took_s = time.perf_counter() - began
    operations = profiled.key_averages()
    whole = sum(operation.self_cpu_time_total for operation in operations)
    largest = sorted(operations, key=lambda operation: -operation.self_cpu_time_total)[:N_SHOWN]
    shares = {operation.key: round(operation.self_cpu_time_total / whole, 3) for operation in largest}
    return {"step_s": round(took_s, 2), "share_of_time": shares}


def of_extraction() -> dict[str, Any]:
    """Seconds of each part of extracting 5 minutes, one thread."""
    frontend = LogMel()
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        dataset = noise(Path(folder), RECORDING_S // 60)
        write(dataset)
        clips = cut(dataset.recordings, CLIP_S)
        marks = [time.perf_counter()]
        paths = [dataset.root / clip.recording.path for clip in clips]
        heard = [
            read_filled(path, clip.start_s, clip.sounding_s, CLIP_S, frontend.rate_hz)
            for path, clip in zip(paths, clips, strict=True)
        ]
        marks.append(time.perf_counter())
        features = torch.stack(
            [
                features_of(sound, frontend, path, clip.start_s, CLIP_S)
                for sound, path, clip in zip(heard, paths, clips, strict=True)
            ]
        ).numpy()
        marks.append(time.perf_counter())
        shelf = LocalStore(Path(folder) / "store").features("f")
        shelf.begin([clip.id for clip in clips], *features.shape[1:], {})
        for piece in shelf.missing():
            shelf.write(piece, features[piece.start : piece.stop])
        shelf.finish()
        marks.append(time.perf_counter())
    torch.set_num_threads(n_threads)
    parts = ("read_and_decode_s", "transform_s", "write_s")
    return {name: round(end - start, 3) for name, start, end in zip(parts, marks, marks[1:], strict=False)}


def of_a_notebook(name: str) -> dict[str, Any]:
    """Seconds of a notebook in the smoke profile, of the command around it, and its longest cells by first line."""
    with tempfile.TemporaryDirectory() as stores:
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("earmark")), "paper", name, "--profile", "smoke"]
        subprocess.run([*command, "--stores", stores], check=True, capture_output=True)
        command_s = time.perf_counter() - began
        executed = nbformat.read(next(Path(stores).glob(f"papers/{name}/*/{name}.ipynb")), as_version=4)
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    took = {_called(cell.source): cell.metadata["papermill"]["duration"] or 0.0 for cell in cells}
    longest = sorted(took, key=lambda line: -took[line])[:4]
    return {
        "command_s": round(command_s, 1),
        "cells_s": round(sum(took.values()), 1),
        "longest_cells_s": {line: round(took[line], 1) for line in longest},
    }


def _called(source: str) -> str:
    """First statement of a cell that imports nothing."""
    lines = [line for line in source.splitlines() if line and not line.startswith((" ", ")", "#", "import", "from"))]
    return (lines or [source])[0][:80]


def main() -> None:
    """Profile and keep the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", default=NOTEBOOKS, help="all by default")
    names = parser.parse_args().notebooks
    before = load_average()
    figures = {
        "what": "where the time goes; one turn each",
        "training_step_paper_size_batch_64": of_the_training_step(),
        f"extraction_of_{RECORDING_S}_s_one_thread": of_extraction(),
        "notebooks_smoke": {},
    }
    for name in names:
        figures["notebooks_smoke"][name] = of_a_notebook(name)
        print(name, figures["notebooks_smoke"][name], file=sys.stderr)
    record("profile", figures, ("torch", "papermill", "zarr"), before)


if __name__ == "__main__":
    main()
