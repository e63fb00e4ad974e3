"""A study whose whole life, from recordings to scores, is over in a second or two, and a digest of what it leaves."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import soundfile

from earmark.study import Study
from earmark.workspace import open_study

RATE_HZ, LENGTH_S, N_RECORDINGS = 16_000, 6.0, 6

CORPUS = """
name = "small"
annotations = { format = "tsv", path = "events.tsv" }
table = "recordings.csv"
"""

# Two stages that need each other, and labels that the first one refines for the second.
EXPERIMENT = """
name = "small-life"
corpus = "folder"
frontend = { use = "log-mel", rate_hz = 16000, n_fft = 1024 }
clip_s = 2.0

[evaluators]
frame = "frame"

[defaults]
n_epochs = 3
model = { use = "mtl-cnn-bigru", shared_channels = [4, 4, 4], scene_channels = [4, 4], gru_units = 4, event_units = 4 }
losses = [{ use = "scene-ce", weight = 0.001 }, "strong-bce"]
sampler = { use = "shuffled", batch_size = 8 }

[stages.first]
labels = [{ share = 0.5, sources = ["scene", "strong"] }]
predict = ["train", "test"]

[stages.second]
title = "Second"
starts_from = "first"
labels = [
    { share = 0.5, sources = ["scene", "strong"] },
    { share = 0.5, sources = ["scene", "weak"], refine = { use = "self-distillation", by = "first" } },
]
"""


def lay(folder: Path) -> None:
    """Write recordings, annotations and the experiment."""
    corpus = folder / "corpus"
    (corpus / "audio").mkdir(parents=True)
    (corpus / "corpus.toml").write_text(CORPUS)
    (folder / "small.toml").write_text(EXPERIMENT)
    rng = np.random.default_rng(0)
    time_s = np.arange(round(RATE_HZ * LENGTH_S)) / RATE_HZ
    events, recordings = [("filename", "onset", "offset", "event_label")], [("file", "scene", "split")]
    for number in range(N_RECORDINGS):
        sound = rng.normal(0, 0.05 * (1 + number % 2), time_s.shape)
        for label, pitch_hz in (("low", 300), ("high", 3000)):
            onset_s, length_s = rng.uniform(0, 4), rng.uniform(1, 2)
            active = (time_s >= onset_s) & (time_s < onset_s + length_s)
            sound += 0.3 * active * np.sin(2 * np.pi * pitch_hz * time_s)
            events.append((f"{number}.wav", f"{onset_s:.3f}", f"{onset_s + length_s:.3f}", label))
        soundfile.write(corpus / "audio" / f"{number}.wav", sound.clip(-1, 1), RATE_HZ)
        recordings.append((f"{number}.wav", ("quiet", "loud")[number % 2], "train" if number < 4 else "test"))
    for name, rows, mark in (("events.tsv", events, "\t"), ("recordings.csv", recordings, ",")):
        with (corpus / name).open("w", newline="") as file:
            csv.writer(file, delimiter=mark).writerows(rows)


def opened(folder: Path, stores: Path) -> Study:
    """The study of a folder that `lay` has filled."""
    return open_study(folder / "small.toml", corpus=str(folder / "corpus"), stores=stores)


def digests(study: Study) -> dict[str, str]:
    """A digest of every number that a finished study leaves, by what it is; times and versions are left out."""
    features = study.store.features(study.feature_address)
    found = {"features": _digest(features.read(features.clip_ids()), *features.statistics(features.clip_ids()))}
    for job in study.jobs():
        shelf, name = study.shelf(job), f"{job.stage} {job.seed}"
        weights, described = shelf.load_weights()
        found[f"{name} weights"] = _digest(json.dumps(described), *(weights[key].numpy() for key in sorted(weights)))
        facts = shelf.facts()
        losses = [{key: loss for key, loss in epoch.items() if key != "wall_s"} for epoch in facts["history"]]
        found[f"{name} facts"] = _digest(json.dumps([losses, facts["n_clips"], facts["taken_over"]]))
        for part in study.predicted_parts(study.stage(job)):
            predictions = shelf.open_predictions(part).load()
            found[f"{name} predictions {part}"] = _digest(*(predictions[key].values for key in sorted(predictions)))
        for judge in study.experiment.judges(job.stage) if study.stage(job).title else ():
            result = shelf.open_evaluation(study.evaluation_address(judge))
            assert result is not None, (name, judge)
            found[f"{name} {judge}"] = _digest(*(result[key].values for key in sorted(result)))
    found["runs"] = ", ".join(sorted(path.name for path in (Path(study.store.root) / "runs").iterdir()))
    return found


def _digest(*parts: object) -> str:
    content = hashlib.blake2b(digest_size=12)
    for part in parts:
        content.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes())
    return content.hexdigest()
