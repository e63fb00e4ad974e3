"""Time of synthesis: a stand-in of the quick profile's size, from nothing to annotated WAV files; run by hand.

python tests/benchmarks/bench_synthesis.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from earmark_corpora.synthesis.tut_stand_in import TutStandIn
from earmark_corpora.tut.four_scenes import TutCorpus
from record import load_average, record

DEVELOPMENT_MIN, EVALUATION_MIN = 36.0, 18.0


def main() -> None:
    """Measure and write results/synthesis.json."""
    load_before = load_average()
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
    figures = {
        "what": "synthesis of the TUT stand-in: 44.1 kHz stereo 24-bit WAV and annotations",
        "audio_min": round(audio_s / 60, 1),
        "recordings": len(dataset.recordings),
        "wall_s": round(wall_s, 1),
        "times_real_time": round(audio_s / wall_s, 1),
        "times_real_time_per_processor_second": round(audio_s / cpu_s, 1),
        "reach_times_real_time": 30,
        "second_call_s": round(again_s, 2),
        "reading_the_corpus_s": round(read_s, 2),
    }
    record("synthesis", figures, ("numpy", "scipy", "soundfile"), load_before)


if __name__ == "__main__":
    main()
