"""Time of evaluation at the size of [partial_labels]: 444 clips of 500 frames, 25 events; run by hand.

    python tests/benchmarks/bench_evaluation.py

The paper's metrics are frame-based and intersection-based F-scores of events and the F-scores of scenes. Annotations
and posteriors are random: events of about 2.4 s in a fifth of the clips, posteriors that wander around them. Then two
systems are compared by each of these metrics with 1,000 resamples of the bootstrap over recordings.
"""

from __future__ import annotations

import time

import numpy as np
import xarray as xr

from earmark.evaluation.comparison import compare
from earmark.frames import FrameGrid, events_of
from earmark.recordings import Clip, Recording
from earmark.reference import Reference
from earmark_evaluators.plugin import earmark_evaluators
from record import load_average, record

OF_THE_PAPER = ("frame", "intersection", "scene")
OTHERS = ("segment", "tagging", "segment-sed-eval", "event-sed-eval", "psds-eval")
N_CLIPS, N_FRAMES, N_EVENTS, HOP_S = 444, 500, 25, 0.02
SCENES = ("city_center", "home", "office", "residential_area")


def made_up(seed: int = 0) -> tuple[Reference, xr.Dataset]:
    """Random annotations and posteriors of the paper's size."""
    rng = np.random.default_rng(seed)
    shape = (N_CLIPS, N_FRAMES, N_EVENTS)
    toggles = np.cumsum(rng.random(shape) < 1 / 120, axis=1) + rng.integers(0, 2, (N_CLIPS, 1, N_EVENTS))
    activity = (toggles % 2 == 1) & (rng.random((N_CLIPS, 1, N_EVENTS)) < 0.2)
    events = tuple(f"event {index}" for index in range(N_EVENTS))
    duration_s = N_FRAMES * HOP_S
    clips = tuple(
        Clip(
            recording=Recording(
                path=f"audio/{index}.wav",
                duration_s=duration_s,
                rate_hz=44100,
                channels=1,
                split="evaluation",
                scene=SCENES[index % 4],
                events=tuple(events_of(activity[index], events, HOP_S)),
            ),
            start_s=0.0,
            duration_s=duration_s,
        )
        for index in range(N_CLIPS)
    )
    grid = FrameGrid(n_frames=N_FRAMES, hop_s=HOP_S)
    reference = Reference(clips=clips, events=events, scenes=SCENES, grid=grid)
    wander = np.cumsum(rng.normal(size=shape), axis=1) / 75
    posterior = np.clip(0.5 * activity + 0.25 + wander, 0, 1).astype(np.float32)
    predictions = xr.Dataset(
        {
            "event_frame_posterior": (("clip", "frame", "event"), posterior),
            "event_clip_posterior": (("clip", "event"), posterior.max(axis=1)),
            "scene_posterior": (("clip", "scene"), rng.dirichlet(np.ones(4), N_CLIPS).astype(np.float32)),
        },
        {"clip": list(reference.clip_ids), "event": list(events), "scene": list(SCENES)},
    )
    return reference, predictions


def fresh(reference: Reference) -> Reference:
    """The same reference without its cached frame labels."""
    return Reference(clips=reference.clips, events=reference.events, scenes=reference.scenes, grid=reference.grid)


def timed_s(names: tuple[str, ...], reference: Reference, predictions: xr.Dataset) -> float:
    """Seconds to make the frame labels and evaluate, first and only call."""
    start = time.perf_counter()
    reference = fresh(reference)
    for name in names:
        earmark_evaluators()[name]().evaluate(reference, predictions)
    return round(time.perf_counter() - start, 3)


def resampled_s(names: tuple[str, ...], reference: Reference, two: list[xr.Dataset], n_resamples: int) -> float:
    """Seconds to compare two systems, evaluated before, by the bootstrap."""
    results = {
        method: {name: [earmark_evaluators()[name]().evaluate(reference, predictions)] for name in names}
        for method, predictions in zip("ab", two, strict=True)
    }
    start = time.perf_counter()
    for name in names:
        compare(results, "a", name, n_resamples=n_resamples)
    return round(time.perf_counter() - start, 3)


def main() -> None:
    """Measure and write results/evaluation.json."""
    load_before = load_average()
    reference, predictions = made_up()
    paper_s = timed_s(OF_THE_PAPER, reference, predictions)
    each_s = {name: timed_s((name,), reference, predictions) for name in (*OF_THE_PAPER, *OTHERS)}
    second = made_up(1)[1].assign_coords(clip=predictions["clip"])
    figures = {
        "what": f"evaluation of {N_CLIPS} clips x {N_FRAMES} frames x {N_EVENTS} events, frame labels included",
        "metrics_of_the_paper_s": paper_s,
        "reach_s": 3.0,
        "bootstrap_of_1000_resamples_s": resampled_s(OF_THE_PAPER, reference, [predictions, second], 1000),
        "bootstrap_reach_s": 2.0,
        "each_evaluator_s": each_s,
    }
    record("evaluation", figures, ("numpy", "pandas", "xarray", "sed_eval", "psds_eval"), load_before)


if __name__ == "__main__":
    main()
