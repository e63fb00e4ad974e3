"""Time of WAA: a soundbank's stand-in, then every clip of both sets with its segments; run by hand.

python tests/benchmarks/bench_waa.py
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from earmark_corpora.desed.soundbank import DesedSoundbank
from earmark_corpora.synthesis.soundbank_stand_in import SoundbankStandIn
from earmark_corpora.waa.corpus import WaaCorpus
from earmark_corpora.waa.layout import CLIP_S, DATASETS, SUBSETS
from earmark_corpora.waa.synthesizer import Waa
from record import load_average, record

PER_CLASS, BANK_SHARE = (40, 10, 15), 0.1


def main() -> None:
    """Measure and write results/waa.json."""
    load_before = load_average()
    with tempfile.TemporaryDirectory() as folder:
        bank, root = Path(folder) / "soundbank", Path(folder) / "waa"
        start_s = time.perf_counter()
        SoundbankStandIn(share=BANK_SHARE).synthesize(bank, seed=0)
        bank_s = time.perf_counter() - start_s
        bank_audio_s = sum(recording.duration_s for recording in DesedSoundbank().read(bank).recordings)
        waa = Waa(soundbank=bank, per_class=PER_CLASS)
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        waa.synthesize(root, seed=0)
        wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
        start_s = time.perf_counter()
        waa.synthesize(root, seed=0)
        again_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        clips = WaaCorpus().read(root).recordings
        read_s = time.perf_counter() - start_s
        size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    audio_s = CLIP_S * len(clips)
    figures = {
        "what": "WAA from a soundbank: clips of 10 s in two sets, recipes, segments of 0.2 s and 1 s by two rules",
        "clips_of_each_set": len(clips),
        "wall_s": round(wall_s, 1),
        "times_real_time": round(len(DATASETS) * audio_s / wall_s, 1),
        "times_real_time_counting_one_set": round(audio_s / wall_s, 1),
        "times_real_time_per_processor_second_counting_one_set": round(audio_s / cpu_s, 1),
        "reach_times_real_time": 30,
        "second_call_s": round(again_s, 2),
        "reading_the_corpus_s": round(read_s, 2),
        "megabytes": round(size / 1e6),
        "soundbank_times_real_time": round(bank_audio_s / bank_s, 1),
        "threads": os.cpu_count(),
        "subsets": dict(zip(SUBSETS, PER_CLASS, strict=True)),
    }
    record("waa", figures, ("numpy", "scipy", "soundfile", "soxr", "pyloudnorm"), load_before)


if __name__ == "__main__":
    main()
