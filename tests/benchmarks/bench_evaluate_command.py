"""Time of `earmark evaluate` at the size of DESED's validation set: 1,168 recordings, 10 events; run by hand.

    python tests/benchmarks/bench_evaluate_command.py

The whole command, from the start of the interpreter to the last line: four criteria, per class and averaged, with 1,000
resamples; for one system, and for two that are compared. Annotations are random: some 3.6 events of 2 s in 10 s.
A first call, which is not counted, leaves the compiled modules as any first call does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from record import load_average, record

N_RECORDINGS, N_EVENTS, EVENTS_A_RECORDING, DURATION_S = 1168, 10, 3.6, 10.0
N_REPETITIONS = 5
RESAMPLES = 1000


def main() -> None:
    """Measure and write results/evaluate_command.json."""
    load_before = load_average()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder)
        one = timed_s(folder, ["a.tsv"])
        two = timed_s(folder, ["a.tsv", "b.tsv"])
    figures = {
        "what": f"earmark evaluate of {N_RECORDINGS} recordings, {N_EVENTS} events, 4 criteria, {RESAMPLES} resamples, "
        "the start of the interpreter included",
        "reach_s": 5.0,
        "one_system_s": one,
        "two_systems_compared_s": two,
        "n_repetitions": N_REPETITIONS,
        "taken": "median, after one call that is not counted",
    }
    record("evaluate_command", figures, ("numpy", "xarray", "torch"), load_before)


def write_tables(folder: Path, seed: int = 0) -> None:
    """Write a reference, two estimates that resemble it, and durations."""
    rng = np.random.default_rng(seed)
    recording = rng.integers(0, N_RECORDINGS, int(N_RECORDINGS * EVENTS_A_RECORDING))
    onset = rng.uniform(0, DURATION_S - 0.3, len(recording))
    offset = np.minimum(onset + 0.25 + rng.exponential(2.0, len(recording)), DURATION_S)
    event = rng.integers(0, N_EVENTS, len(recording))
    write(folder / "reference.tsv", recording, onset, offset, event)
    for name in ("a", "b"):
        kept = rng.random(len(recording)) < 0.7
        shift = rng.normal(0, 0.15, (2, len(recording)))
        begin = np.clip(onset + shift[0], 0, DURATION_S - 0.3)
        end = np.clip(offset + shift[1], begin + 0.1, DURATION_S)
        other = np.where(rng.random(len(recording)) < 0.1, rng.integers(0, N_EVENTS, len(recording)), event)
        write(folder / f"{name}.tsv", *(field[kept] for field in (recording, begin, end, other)))
    lengths = "".join(f"{index}.wav\t{DURATION_S}\n" for index in range(N_RECORDINGS))
    (folder / "durations.tsv").write_text(f"filename\tduration\n{lengths}", encoding="utf-8")


def write(path: Path, recording: np.ndarray, onset: np.ndarray, offset: np.ndarray, event: np.ndarray) -> None:
    """Write a table of events."""
    rows = zip(recording, onset, offset, event, strict=True)
    lines = "".join(f"{r}.wav\t{on:.6f}\t{off:.6f}\tevent {e}\n" for r, on, off, e in rows)
    path.write_text(f"filename\tonset\toffset\tevent_label\n{lines}", encoding="utf-8")


def timed_s(folder: Path, estimated: list[str]) -> float:
    """Median seconds of the command."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    earmark = shutil.which("earmark", path=str(Path(sys.executable).parent)) or "earmark"
    systems = [argument for name in estimated for argument in ("--estimated", name)]
    command = [earmark, "evaluate", "--reference", "reference.tsv", *systems, "--durations", "durations.tsv"]
    taken = []
    for _ in range(1 + N_REPETITIONS):
        start = time.perf_counter()
        subprocess.run(
            [*command, "--resamples", str(RESAMPLES)], cwd=folder, env=environment, check=True, capture_output=True
        )
        taken.append(time.perf_counter() - start)
    return round(float(np.median(taken[1:])), 2)


if __name__ == "__main__":
    main()
