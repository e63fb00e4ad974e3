"""Speed and memory of `earmark label pann` with CNN14 at full size, 16 kHz; run by hand.

    python tests/benchmarks/bench_pann.py

Clips of 10 s, 48 kHz stereo 24 bit as in TUT Urban Acoustic Scenes 2018, are written, and labelled by a net with random
weights (speed does not depend on them), from the checkpoint file and the WAV files to the table on disk, in a process
of its own whose largest memory is kept.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from earmark.plugins import plugins
from earmark.recordings import Dataset, Recording
from earmark_pann.cnn14 import Cnn14
from earmark_pann.labeller import PannLabeller
from record import load_average, record

RATE_HZ, CLIP_S = 48_000, 10
CLIPS, TURNS = 48, 3


def write_clips(folder: Path, n_clips: int) -> None:
    """Noise of changing loudness."""
    rng = np.random.default_rng(0)
    for number in range(n_clips):
        noise = rng.uniform(-0.5, 0.5, (CLIP_S * RATE_HZ, 2)) / (1 + number % 7)
        soundfile.write(folder / f"{number:03d}.wav", noise, RATE_HZ, subtype="PCM_24")


def write_checkpoint(path: Path) -> None:
    """A net at full size as it is before training, in the layout of the released files."""
    torch.manual_seed(0)
    frontend = plugins().build("frontend", "log-mel-pann", {}, "benchmark")
    torch.save({"iteration": 0, "model": {"logmel_extractor.melW": frontend.filters, **Cnn14(527).state_dict()}}, path)


def dataset_of(folder: Path) -> Dataset:
    """The clips as a corpus."""
    return Dataset(
        name="benchmark",
        root=folder,
        synthetic=True,
        scenes=(),
        events=(),
        recordings=tuple(
            Recording(path=path.name, duration_s=CLIP_S, rate_hz=RATE_HZ, channels=2, split="")
            for path in sorted(folder.glob("*.wav"))
        ),
    )


def measure(folder: Path) -> None:
    """Label once; print seconds to load the checkpoint, seconds of a labelling in all, and MiB."""
    from earmark_pann.tagger import open_tagger

    began = time.perf_counter()
    open_tagger(folder / "random.pth", 16_000, plugins(), torch.device("cpu"), 1)
    load_s = time.perf_counter() - began
    labeller = PannLabeller(checkpoint=folder / "random.pth", device="cpu")
    began = time.perf_counter()
    labeller.write_table(dataset_of(folder), folder / f"out-{time.time_ns()}")
    # The unit of ru_maxrss on Linux is KiB.
    print(load_s, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(n_clips: int = CLIPS, n_turns: int = TURNS) -> None:
    """Label in processes of their own, and keep the numbers."""
    load_before = load_average()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clips(folder, n_clips)
        write_checkpoint(folder / "random.pth")
        turns = []
        for _ in range(n_turns):
            printed = subprocess.run(
                [sys.executable, __file__, name], check=True, capture_output=True, text=True
            ).stdout.split()
            turns.append(tuple(map(float, printed[-3:])))
            print(turns[-1], file=sys.stderr)
    seconds = statistics.median(turn[1] - turn[0] for turn in turns)
    figures = {
        "what": f"{n_clips} clips of {CLIP_S} s, 48 kHz stereo 24-bit WAV, to posteriors of 527 events by CNN14 at "
        f"full size, 16 kHz; the checkpoint's loading left out; median of {n_turns} turns",
        "times_real_time": round(n_clips * CLIP_S / seconds, 1),
        "reach": 20,
        "each_turn_s": [round(turn[1], 1) for turn in turns],
        "load_s": [round(turn[0], 1) for turn in turns],
        "peak_memory_mib": round(max(turn[2] for turn in turns)),
        "reach_mib": 6144,
    }
    record("pann", figures, ("torch", "soundfile", "soxr", "numpy"), load_before)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(Path(sys.argv[1]))
    else:
        main()
