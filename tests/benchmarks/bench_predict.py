"""Speed and memory of `earmark predict` with the net at paper size; run by hand.

    python tests/benchmarks/bench_predict.py

One recording of an hour, 44.1 kHz stereo 24 bit, is written, and predicted by an untrained net of the size of
[partial_labels] (speed does not depend on the weights), from the WAV file to the events and posteriors on disk, in a
process of its own whose largest memory is kept.
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

from earmark.bundles.bundle import load_bundle, save_bundle
from earmark.bundles.detections import Detections
from earmark.bundles.detector import Detector
from earmark.plugins import plugins
from earmark.protocols import Task
from record import load_average, record

RATE_HZ = 44_100
MINUTES, TURNS = 60, 3
TASK = Task(n_frames=500, n_mels=64, n_events=25, n_scenes=4)


def write_recording(path: Path) -> None:
    """An hour of noise of changing loudness."""
    minute = np.random.default_rng(0).uniform(-0.5, 0.5, (60 * RATE_HZ, 2)).astype(np.float32)
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, "PCM_24") as file:
        for number in range(MINUTES):
            file.write(minute / (1 + number % 7))


def write_bundle(folder: Path) -> None:
    """A net at paper size as it is before training."""
    torch.manual_seed(0)
    model = plugins().build("model", "mtl-cnn-bigru", {}, "benchmark", TASK)
    save_bundle(
        folder,
        model.state_dict(),
        {
            "name": "benchmark",
            "title": "untrained",
            "model": {"use": "mtl-cnn-bigru"},
            "task": TASK,
            "frontend": {"use": "log-mel"},
            "clip_s": 10.0,
            "events": [f"event {number}" for number in range(TASK.n_events)],
            "scenes": [f"scene {number}" for number in range(TASK.n_scenes)],
            "normalisation": {"mean": [-10.0] * 64, "std": [3.0] * 64},
            "postprocessing": [{"use": "median-filter"}, {"use": "minimum-gap"}, {"use": "minimum-duration"}],
            "about": {},
        },
        "",
    )


def measure(folder: Path) -> None:
    """Predict once; print seconds and MiB."""
    manager = plugins()
    detector = Detector(load_bundle(folder / "bundle"), manager)
    detector.predict(folder / "warm.wav")
    began = time.perf_counter()
    target = Detections(folder / "out", manager.build("annotation format", "tsv", {}, "x"), folder / "scores.zarr")
    target.add("hour.wav", detector.predict(folder / "hour.wav"))
    target.finish()
    # The unit of ru_maxrss on Linux is KiB.
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Predict in processes of their own, and keep the numbers."""
    load_before = load_average()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_recording(folder / "hour.wav")
        soundfile.write(folder / "warm.wav", np.random.default_rng(0).normal(0, 0.1, (60 * RATE_HZ, 2)), RATE_HZ)
        write_bundle(folder / "bundle")
        turns = []
        for _ in range(TURNS):
            printed = subprocess.run(
                [sys.executable, __file__, name], check=True, capture_output=True, text=True
            ).stdout.split()
            turns.append((float(printed[-2]), float(printed[-1])))
            print(turns[-1], file=sys.stderr)
    seconds = statistics.median(turn[0] for turn in turns)
    figures = {
        "what": f"{MINUTES} minutes of 44.1 kHz stereo 24-bit WAV to events and posteriors, median of {TURNS} turns",
        "times_real_time": round(MINUTES * 60 / seconds),
        "reach": 60,
        "each_turn_s": [round(turn[0], 1) for turn in turns],
        "peak_memory_mib": round(max(turn[1] for turn in turns)),
        "reach_mib": 1536,
    }
    record("predict", figures, ("torch", "soundfile", "numpy", "zarr"), load_before)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(Path(sys.argv[1]))
    else:
        main()
