"""Time and memory of extraction, prediction and evaluation as a corpus grows from 1 to 100 hours; run by hand.

    python tests/benchmarks/bench_size.py [--hours 1 3 10 30 100] [--recordings 250 500 1000]

A few synthesised recordings (44.1 kHz stereo 24 bit) stand in the corpus again and again under other names, as hard
links. Of each size, features are extracted; a narrow net, which six minutes have trained for one epoch, predicts the
whole test part, which is stored and evaluated by four evaluators. Up to 10 hours the plain way stands beside it: all
features, all posteriors and all that is computed of them in memory at once; its scores have to be the same. Then
recordings of 527 classes are evaluated, from posteriors in a store and as tables by `earmark evaluate`. Everything has
a process of its own.

Memory is what a process has for itself beyond its imports (RssAnon of Linux, looked at every 5 ms). Maps of features,
which the system takes back when it likes, count only in the whole resident set, which is given beside it. Seconds of
the processors (cpu_s) tell a slow way from a machine that others use too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from earmark import blocks
from earmark.blocks import made_variable
from earmark.experiment import PluginRef, experiment_of
from earmark.frames import FrameGrid, clip_activity
from earmark.hearing import trained
from earmark.judging import evaluate
from earmark.pipeline import extracted
from earmark.plugins import plugins
from earmark.recordings import Clip, Dataset, Event, Recording
from earmark.reference import Reference
from earmark.study import Job, Study
from earmark.workshop import Workshop
from earmark.workspace import open_store, read_corpus, synthesized
from earmark_evaluators.plugin import earmark_evaluators
from earmark_stores.datasets import open_dataset, save_dataset
from record import load_average, record

HOURS = (1, 3, 10, 30, 100)
PLAIN_HOURS = 10
"""Up to here everything fits into memory at once, some times over."""
RECORDINGS = (250, 500, 1000)
N_CLASSES = 527
BASE_MIN = {"development_min": 6, "evaluation_min": 20}
PHASES = ("extraction", "prediction", "evaluation")
WORKERS = 16
DISK_GB_PER_HOUR = 0.075
EXPERIMENT = {
    "name": "size",
    "corpus": "tut",
    "frontend": "log-mel",
    "evaluators": {"frame": "frame", "segment": "segment", "intersection": "intersection", "scene": "scene"},
    "stages": {
        "one": {
            "title": "One",
            "n_epochs": 1,
            "predict": ["train"],
            "labels": [{"share": 1.0, "sources": ["scene", "strong"]}],
            "model": {
                "use": "mtl-cnn-bigru",
                "shared_channels": [16, 16, 16],
                "scene_channels": [16, 16],
                "gru_units": 24,
                "event_units": 32,
                "scene_units": 32,
            },
            "losses": [{"use": "scene-ce", "weight": 0.001}, "strong-bce"],
            "sampler": {"use": "shuffled", "batch_size": 8},
        }
    },
}


# In the processes that are measured


class Measured:
    """Seconds and the most memory of each phase; memory beyond what this process had when it was made."""

    def __init__(self) -> None:
        self.phases: dict[str, dict[str, float]] = {}
        self.scores: dict[str, float] = {}
        self._before = self._peak = self._now()
        threading.Thread(target=self._watch, daemon=True).start()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what is done within."""
        self._peak = self._now()
        began, cpu_began = time.perf_counter(), time.process_time()
        yield
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        peak = np.maximum(self._peak, self._now()) - (self._before[0], 0)
        own, resident = (round(float(n) / 2**20) for n in peak)
        self.phases[name] = {
            "seconds": round(seconds, 2),
            "cpu_s": round(cpu_s, 2),
            "own_mib": own,
            "resident_mib": resident,
        }

    def _watch(self) -> None:
        while True:
            self._peak = np.maximum(self._peak, self._now())
            time.sleep(0.005)

    @staticmethod
    def _now() -> np.ndarray:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return np.array([int(fields[name].split()[0]) << 10 for name in ("RssAnon", "VmRSS")])


def grown(folder: Path, hours: float) -> Dataset:
    """The base corpus with its test recordings again and again, as hard links, until they last so long."""
    ref = PluginRef.model_validate("tut")
    base = read_corpus(ref, synthesized(folder, ref, BASE_MIN))
    recordings = list(base.of_split("development"))
    sources = [recording.path for recording in recordings]
    left_s = hours * 3600
    for turn, recording in ((turn, r) for turn in itertools.count() for r in base.of_split("evaluation")):
        if left_s <= 0:
            break
        # Events of their own, as other recordings would have.
        events = tuple(Event(e.onset_s, e.offset_s, e.label) for e in recording.events or ())
        recordings.append(replace(recording, path=f"{turn:04}/{recording.path}", events=events))
        sources.append(recording.path)
        left_s -= recording.duration_s // 10 * 10
    root = folder / f"{hours:g}h" / "corpus"
    for recording, source in zip(recordings, sources, strict=True):
        path = root / recording.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.link(base.root / source, path)
    return replace(base, root=root, recordings=tuple(recordings))


def opened(folder: Path, hours: float) -> Study:
    """The study of one size, and a store of its own."""
    return Study(
        experiment=experiment_of(EXPERIMENT),
        dataset=grown(folder, hours),
        store=open_store(folder / f"{hours:g}h" / "stores"),
        manager=plugins(),
    )


def measure_extraction(folder: Path, hours: float) -> Measured:
    """Extract, which is measured, and train, which is not."""
    measured = Measured()
    study = opened(folder, hours)
    with measured.phase("extraction"):
        extracted(study)
    Workshop(study, torch.device("cpu")).work(*study.jobs())
    return measured


def measure_prediction(folder: Path, hours: float, *, at_once: bool) -> Measured:
    """Predict, store and evaluate as a run does; or with everything in memory at once."""
    measured = Measured()
    if at_once:
        blocks.BLOCK_BYTES = blocks.HELD_BYTES = blocks._MOST_CLIPS = 1 << 50
    study = opened(folder, hours)
    (job,) = study.jobs()
    run, clips = study.shelf(job), study.reference.clips
    features = study.store.features(study.feature_address)

    def read(rows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(features.read([clips[row].id for row in rows.tolist()]))

    with measured.phase("prediction"):
        hearing = trained(study, job, study, torch.device("cpu"))
        if at_once:
            predictions = hearing.predictions(hearing.prepared(read(torch.arange(len(clips)))), clips)
        else:
            predictions = hearing.predictions_of(read, clips)
        run.save_predictions("test", predictions)
        del predictions
    with measured.phase("evaluation"):
        evaluate(study, job)
    measured.scores = scores_of(study, job)
    shutil.rmtree(run.folder / "evaluations")
    return measured


def scores_of(study: Study, job: Job) -> dict[str, float]:
    """All scalar scores of a run, which are shares of counts: equal where these are."""
    found = {
        name: study.shelf(job).open_evaluation(study.evaluation_address(name)) for name in EXPERIMENT["evaluators"]
    }
    return {f"{name}.{key}": float(v) for name, r in found.items() for key, v in r.data_vars.items() if v.ndim == 0}


def measure_classes(folder: Path, n_recordings: int) -> Measured:
    """Evaluate posteriors of 527 classes from a store: a clip a recording, 10 s."""
    measured = Measured()
    reference, predictions = many_classes(n_recordings)
    path = folder / "classes" / "predictions.zarr"
    with measured.phase("storing"):
        save_dataset(folder, path, predictions)
    for name in ("frame", "segment", "intersection"):
        with measured.phase(name):
            earmark_evaluators()[name]().evaluate(reference, open_dataset(path))
    shutil.rmtree(path)
    return measured


def many_classes(n_recordings: int) -> tuple[Reference, xr.Dataset]:
    """Six events of 0.5 to 3 s a recording, and lazy posteriors that find most of them among some false alarms."""
    rng = np.random.default_rng(0)
    names = tuple(f"class {index}" for index in range(N_CLASSES))
    grid, clips = FrameGrid(n_frames=500, hop_s=0.02), []
    for index in range(n_recordings):
        onset_s, length_s = rng.uniform(0, 6.5, 6).round(2), rng.uniform(0.5, 3.0, 6).round(2)
        labels = rng.choice(N_CLASSES, 6, replace=False).tolist()
        recording = Recording(
            path=f"{index}.wav",
            duration_s=10.0,
            rate_hz=44_100,
            channels=1,
            split="evaluation",
            events=tuple(Event(a, a + b, names[k]) for a, b, k in zip(onset_s, length_s, labels, strict=True)),
        )
        clips.append(Clip(recording=recording, start_s=0.0, duration_s=10.0))

    def made(rows: slice) -> np.ndarray:
        chance = np.random.default_rng(rows.start)
        loud = clip_activity(clips[rows], names, grid)
        loud ^= np.repeat(chance.random((len(loud), 20, N_CLASSES)) < 0.002, 25, axis=1)
        return np.where(loud, np.float32(0.75), chance.random((1, 500, 1), np.float32) * np.float32(0.4))

    shape = (n_recordings, 500, N_CLASSES)
    posterior = made_variable(("clip", "frame", "event"), shape, np.float32, made)
    reference = Reference(clips=tuple(clips), events=names, scenes=(), grid=grid)
    coords = {"clip": list(reference.clip_ids), "event": list(names)}
    return reference, xr.Dataset({"event_frame_posterior": posterior}, coords)


# In the process that measures


def asked(what: str, folder: Path, size: float) -> dict[str, Any]:
    """Phases and scores that a process of its own has measured."""
    command = [sys.executable, __file__, "--measure", what, str(folder), f"{size:g}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def grow(folder: Path, hours: Sequence[float]) -> list[dict[str, Any]]:
    """Figures of each size."""
    rows = []
    for size in hours:
        began = time.perf_counter()
        row = {"hours": size, **asked("extraction", folder, size)["phases"]}
        predicted = asked("prediction", folder, size)
        row |= predicted["phases"]
        if size <= PLAIN_HOURS:
            plain = asked("plain prediction", folder, size)
            row |= {"all_at_once": plain["phases"], "scores_are_the_same": plain["scores"] == predicted["scores"]}
        shutil.rmtree(folder / f"{size:g}h")
        taken_s = time.perf_counter() - began
        print(f"{size:g} h, {taken_s:.0f} s in all: {json.dumps(row)}", file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def evaluate_tables(folder: Path, n_recordings: int) -> dict[str, Any]:
    """Seconds and whole resident memory of `earmark evaluate` of one system, 1,000 resamples, four criteria."""
    rng = np.random.default_rng(0)
    for side in ("reference", "estimated"):
        onset = rng.uniform(0, 9, (n_recordings, 6)).round(3)
        label = rng.integers(0, N_CLASSES, (n_recordings, 6))
        lines = (
            f"{r}.wav\t{onset[r, k]}\t{onset[r, k] + 0.9:.3f}\tclass {label[r, k]}\n"
            for r, k in np.ndindex(n_recordings, 6)
        )
        header = "filename\tonset\toffset\tevent_label\n"
        (folder / f"{side}.tsv").write_text(header + "".join(lines), encoding="utf-8")
    command = "evaluate --reference reference.tsv --estimated estimated.tsv --duration 10 --quiet"
    names = ["--events", ",".join(f"class {k}" for k in range(N_CLASSES))]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "earmark", *command.split(), *names], cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"earmark {command}: ended with {status}")
    # The unit of ru_maxrss on Linux is KiB.
    return {"seconds": round(time.perf_counter() - began, 2), "resident_mib": used.ru_maxrss >> 10}


def fitted(rows: Sequence[dict[str, Any]], phase: str) -> dict[str, float]:
    """Least squares of a phase's seconds over hours, and how far the largest size is from the line of the others."""
    hours, seconds = np.array([(row["hours"], row[phase]["seconds"]) for row in rows]).T
    slope, start = np.polyfit(hours, seconds, 1)
    figures = {"s_per_hour": round(float(slope), 3), "start_s": round(float(start), 2)}
    figures["times_real_time"] = round(3600 / float(slope))
    if len(rows) > 2:
        before = np.polyval(np.polyfit(hours[:-1], seconds[:-1], 1), hours[-1])
        figures["largest_to_line_of_the_others"] = round(float(seconds[-1] / before), 3)
    return figures


def extrapolated(line: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What the fits would give for 1,000 hours, said as what it is."""
    s_per_hour = {phase: line[phase]["s_per_hour"] for phase in PHASES}
    minutes = {
        "extraction": 1000 * s_per_hour["extraction"] / WORKERS / 60,
        "prediction of a run": 1000 * s_per_hour["prediction"] / 60,
        "evaluation of a run": 1000 * s_per_hour["evaluation"] / 60,
    }
    return {
        "what": f"1,000 hours on {WORKERS} workers: extrapolated from the fits, not measured",
        "assumptions": [
            "a worker is a machine like this one, with a disk like this one's for what it reads and writes",
            f"extraction is spread evenly over {WORKERS} workers, which cost each other nothing",
            f"a run is predicted and evaluated by one worker, so that {WORKERS} runs take as long as one",
            "the narrow net of this benchmark; training is not in it",
            "time goes on as a straight line for ten times the largest size; recordings come from the disk, while the "
            "few of this benchmark are in the system's cache",
        ],
        "minutes": {name: round(value, 1) for name, value in minutes.items()},
        "features_on_disk_gb": round(1000 * 360 * 500 * 64 * 4 / 1e9),
        "posteriors_of_a_run_gb": round(1000 * 360 * 500 * 25 * 4 / 1e9),
    }


def main() -> None:
    """Measure and write results/size.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=HOURS, help="sizes of the corpus")
    parser.add_argument("--recordings", type=int, nargs="*", default=RECORDINGS, help="sizes with 527 classes")
    parser.add_argument("--folder", type=Path, help="on a disk with room; a temporary folder where it is not given")
    options = parser.parse_args()
    load_before = load_average()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        needed_gb = DISK_GB_PER_HOUR * max(options.hours) + 1
        if shutil.disk_usage(folder).free < needed_gb * 1e9:
            raise SystemExit(f"{folder}: {needed_gb:.0f} GB are needed. Name a --folder with room, or fewer --hours.")
        rows = grow(folder, sorted(options.hours))
        classes = {}
        for n in options.recordings:
            found = asked("classes", folder, n)["phases"] | {"earmark evaluate": evaluate_tables(folder, n)}
            print(f"{n} recordings of {N_CLASSES} classes: {json.dumps(found)}", file=sys.stderr, flush=True)
            classes[f"{n} recordings"] = found
    lines = {phase: fitted(rows, phase) for phase in PHASES} if len(rows) > 1 else None
    figures = {
        "what": "a corpus that grows: extraction, prediction by a narrow net, evaluation by four evaluators; each size "
        "in a process of its own; seconds of wall time, MiB beyond the imports (own) and resident with memory maps",
        "sizes": rows,
        "fit": lines,
        "extrapolation": lines and extrapolated(lines),
        "classes": {"what": f"10 s a recording, {N_CLASSES} classes, six events a recording", **classes},
    }
    record("size", figures, ("torch", "numpy", "xarray", "zarr", "scipy"), load_before)


def measured_here(what: str, folder: Path, size: float) -> Measured:
    """Measure one thing in this process."""
    if what == "classes":
        return measure_classes(folder, int(size))
    if what == "extraction":
        return measure_extraction(folder, size)
    return measure_prediction(folder, size, at_once=what.startswith("plain"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        found = measured_here(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
        print(json.dumps({"phases": found.phases, "scores": found.scores}))
    else:
        main()
