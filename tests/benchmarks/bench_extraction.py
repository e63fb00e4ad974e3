"""Speed and memory of feature extraction, from WAV files to the store; run by hand.

    python tests/benchmarks/bench_extraction.py

Recordings of 5 minutes of 44.1 kHz stereo 24-bit noise are written, and extracted with the front end of
[partial_labels] to the local store. The plain way beside it is what one writes first: a loop in one thread over
soundfile, torchaudio's MelSpectrogram and np.save. The two take turns, so that another process slows them alike.
"""

from __future__ import annotations

import os
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

from earmark.extraction import extract
from earmark.recordings import Dataset, Recording, cut
from earmark_frontends.log_mel import LogMel
from earmark_stores import LocalStore
from record import load_average, record

RATE_HZ, RECORDING_S, CLIP_S = 44_100, 300, 10.0
LONG_MIN, TURNS = 50, 5
MEMORY_MIN = (5, 50, 200)


def noise(root: Path, minutes: int) -> Dataset:
    """The corpus, once `write` has made it."""
    recordings = tuple(
        Recording(path=f"{number}.wav", duration_s=float(RECORDING_S), rate_hz=RATE_HZ, channels=2, split="development")
        for number in range(minutes * 60 // RECORDING_S)
    )
    return Dataset(name="noise", root=root, synthetic=True, scenes=(), events=(), recordings=recordings)


def write(dataset: Dataset) -> None:
    """Write the recordings: one minute of noise at several loudnesses, as random numbers are slow."""
    minute = np.random.default_rng(0).uniform(-0.5, 0.5, (60 * RATE_HZ, 2)).astype(np.float32)
    for number, recording in enumerate(dataset.recordings):
        with soundfile.SoundFile(dataset.root / recording.path, "w", RATE_HZ, 2, "PCM_24") as file:
            for part in range(RECORDING_S // 60):
                file.write(minute / (1 + number + part))


def the_plain_way(dataset: Dataset, root: Path) -> None:
    """A loop over the clips in one thread."""
    from torchaudio.transforms import MelSpectrogram

    transform = MelSpectrogram(
        RATE_HZ, n_fft=2048, win_length=1764, hop_length=882, n_mels=64, norm="slaney", mel_scale="slaney"
    )
    for number, clip in enumerate(cut(dataset.recordings, CLIP_S)):
        samples, _ = soundfile.read(
            dataset.root / clip.recording.path,
            start=round(clip.start_s * RATE_HZ),
            frames=round(CLIP_S * RATE_HZ),
            dtype="float32",
        )
        energy = transform(torch.from_numpy(samples).mean(dim=1))
        np.save(root / f"{number}.npy", torch.log(energy.T[:500] + 1e-10).numpy())


def extract_to(dataset: Dataset, root: Path) -> None:
    """Extract with Earmark's defaults."""
    extract(dataset, cut(dataset.recordings, CLIP_S), LogMel(), LocalStore(root).features("f"))


def peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB (the unit of ru_maxrss on Linux is KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_growth(root: Path, minutes: int) -> None:
    """Print the memory in MiB that extracting a corpus takes on top of the imports; in a process of its own."""
    before = peak_mib()
    with tempfile.TemporaryDirectory() as store:
        extract_to(noise(root, minutes), Path(store))
    print(peak_mib() - before)


def main() -> None:
    """Extract, compare, and keep the numbers."""
    load_before = load_average()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dataset = noise(root, LONG_MIN)
        write(dataset)
        growth = {}
        for number, recording in enumerate(noise(root, max(MEMORY_MIN)).recordings):
            if number >= len(dataset.recordings):  # the same sound under another name
                os.link(root / dataset.recordings[number % len(dataset.recordings)].path, root / recording.path)
        for minutes in MEMORY_MIN:
            command = [sys.executable, __file__, folder, str(minutes)]
            growth[minutes] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        seconds: dict[str, list[float]] = {"earmark": [], "plain": []}
        n_threads = torch.get_num_threads()
        for _ in range(TURNS):
            for name, way in (("earmark", extract_to), ("plain", the_plain_way)):
                torch.set_num_threads(1 if name == "plain" else n_threads)
                with tempfile.TemporaryDirectory() as target:
                    start = time.perf_counter()
                    way(dataset, Path(target))
                    seconds[name].append(time.perf_counter() - start)
                print(f"{name}: {seconds[name][-1]:.2f} s", file=sys.stderr)
    speed = {name: LONG_MIN * 60 / statistics.median(values) for name, values in seconds.items()}
    figures = {
        "what": f"{LONG_MIN} minutes of 44.1 kHz stereo 24-bit WAV to the store, medians of {TURNS} turns",
        "times_real_time": round(speed["earmark"]),
        "reach": 300,
        "each_turn_s": [round(value, 2) for value in seconds["earmark"]],
        "plain_way_times_real_time": round(speed["plain"]),
        "speed_of_the_plain_way": round(speed["earmark"] / speed["plain"], 2),
        "peak_memory_above_imports_mib": {f"{minutes} minutes": round(value) for minutes, value in growth.items()},
    }
    record("extraction", figures, ("torch", "torchaudio", "soundfile", "zarr", "numpy"), load_before)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure_growth(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
