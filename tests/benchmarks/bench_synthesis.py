"""Time of synthesis: a stand-in of the quick profile's size, from nothing to annotated WAV files; run by hand.

python tests/benchmarks/bench_synthesis.py
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

from earmark_corpora.synthesis.tut_stand_in import TutStandIn
from earmark_corpora.tut import TutCorpus

DEVELOPMENT_MIN, EVALUATION_MIN = 36.0, 18.0


def processor() -> str:
    """Name of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def main() -> None:
    """Measure and write results/synthesis.json."""
    stand_in = TutStandIn(development_min=DEVELOPMENT_MIN, evaluation_min=EVALUATION_MIN)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tut"
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        stand_in.synthesize(root, seed=0)
        wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
        start_s = time.perf_counter()
        stand_in.synthesize(root, seed=0)
        again_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        dataset = TutCorpus().read(root)
        read_s = time.perf_counter() - start_s
    audio_s = sum(recording.duration_s for recording in dataset.recordings)
    result = {
        "what": "synthesis of the TUT stand-in: 44.1 kHz stereo 24-bit WAV and annotations",
        "audio_min": round(audio_s / 60, 1),
        "recordings": len(dataset.recordings),
        "wall_s": round(wall_s, 1),
        "times_real_time": round(audio_s / wall_s, 1),
        "times_real_time_per_processor_second": round(audio_s / cpu_s, 1),
        "reach_times_real_time": 30,
        "second_call_s": round(again_s, 2),
        "reading_the_corpus_s": round(read_s, 2),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            # Well above the number of cores where others worked beside: times are then too long.
            "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("earmark", "numpy", "scipy", "soundfile")},
        },
        "date": date.today().isoformat(),
    }
    path = Path(__file__).parent / "results" / "synthesis.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
