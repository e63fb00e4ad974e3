"""The order of the five methods on the stand-in at the quick profile, over three seeds, and a linear baseline.

    python tests/benchmarks/bench_methods.py

What the demo has trained is reused. The baseline is a logistic regression on the log-mel bands of single frames, one
for each event, trained on the strong labels of all training clips: a corpus that it solves would rank nothing.
"""

from __future__ import annotations

import statistics
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from earmark.frames import clip_activity
from earmark.pipeline import run_study
from earmark.plugins import plugins
from earmark.progress import reporting
from earmark.study import Study
from earmark.workspace import open_study
from earmark_evaluators.frame import FrameEvaluator
from record import load_average, record

EXPERIMENT = Path(__file__).resolve().parents[2] / "paper" / "partial_labels" / "table5.toml"
N_SEEDS = 3
N_FRAMES = 40_000
"""Training frames of the baseline, drawn at random."""


def linear_baseline(study: Study, seed: int = 0) -> float:
    """Micro F-score of the events by a logistic regression a frame and event."""
    shelf = study.store.features(study.feature_address)
    ids = {part: [clip.id for clip in clips] for part, clips in study.clips.items()}
    mean, std = shelf.statistics(ids["train"])
    train = ((shelf.read(ids["train"]) - mean) / std).reshape(-1, study.frontend.n_mels)
    test = ((shelf.read(ids["test"]) - mean) / std).reshape(-1, study.frontend.n_mels)
    labels = clip_activity(study.clips["train"], study.dataset.events, study.grid, study.experiment.frame_rule)
    labels = labels.reshape(len(train), -1)
    rows = np.random.default_rng(seed).choice(len(train), min(N_FRAMES, len(train)), replace=False)
    posterior = np.zeros((len(test), labels.shape[1]), dtype=np.float32)
    for event in range(labels.shape[1]):
        label = labels[rows, event]
        if label.any() and not label.all():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = LogisticRegression(max_iter=200).fit(train[rows], label)
            posterior[:, event] = model.predict_proba(test)[:, 1]
    predictions = xr.Dataset(
        {
            "event_frame_posterior": (
                ("clip", "frame", "event"),
                posterior.reshape(len(ids["test"]), study.grid.n_frames, -1),
            )
        },
        coords={"clip": ids["test"], "event": list(study.dataset.events)},
    )
    return float(FrameEvaluator().evaluate(study.reference, predictions)["fscore_micro"])


def main() -> None:
    """Run what is missing, compare, and keep the numbers."""
    load_before = load_average()
    with reporting(plugins()) as reporter:
        with reporter.counting("Synthesising recordings") as advance:
            study = open_study(EXPERIMENT, profile="quick", n_seeds=N_SEEDS, advance=advance)
        reporter.expect(len(study.missing()))
        with reporter.counting("Extracting features, clips") as advance:
            run_study(study, device="cpu", advance=advance)
    events, scenes = {}, {}
    for title, by_evaluator in study.results().items():
        events[title] = [float(result["fscore_micro"]) for result in by_evaluator["segment"]]
        scenes[title] = [float(result["fscore_micro"]) for result in by_evaluator["scene"]]
    mean = {title: statistics.fmean(values) for title, values in events.items()}
    strong, weak, reduced, semi_weak, semi_partial = mean
    linear = linear_baseline(study)
    largest_scene = np.bincount(study.reference.scene_index).max() / len(study.reference.clips)
    claims = {
        "Strong MTL is first": mean[strong] == max(mean.values()),
        "semi-MTL with weak labels is above strong labels on reduced data": mean[semi_weak] > mean[reduced],
        "semi-MTL with partial labels is above strong labels on reduced data": mean[semi_partial] > mean[reduced],
        "Weak MTL is last": mean[weak] == min(mean.values()),
        "Strong MTL lies between 0.4 and 0.85": 0.4 <= mean[strong] <= 0.85,
        "the linear baseline is below Strong MTL by at least 0.1": linear <= mean[strong] - 0.1,
        "every method names scenes better than always the most frequent one": all(
            statistics.fmean(values) > largest_scene for values in scenes.values()
        ),
    }
    figures = {
        "what": f"partial_labels, quick profile, {study.dataset.title}, seeds 0 to {N_SEEDS - 1}",
        "clips": {part: len(clips) for part, clips in study.clips.items()},
        "event_fscore_micro": {title: _summary(values) for title, values in events.items()},
        "scene_fscore_micro": {title: _summary(values) for title, values in scenes.items()},
        "linear_baseline_event_fscore_micro": round(linear, 4),
        "most_frequent_scene": round(float(largest_scene), 4),
        "claims": {claim: "holds" if holds else "does not hold" for claim, holds in claims.items()},
        "training_s_mean": study.facts().groupby("method", sort=False)["train_s"].mean().round(1).to_dict(),
    }
    record("methods", figures, ("torch", "numpy", "scikit-learn"), load_before)


def _summary(values: list[float]) -> dict[str, object]:
    return {
        "mean": round(statistics.fmean(values), 4),
        "sd": round(statistics.pstdev(values), 4),
        "each_seed": [round(value, 4) for value in values],
    }


if __name__ == "__main__":  # workers of the engine import this file again
    main()
