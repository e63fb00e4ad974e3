"""References and predictions on paper-sized grids, made from activities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import xarray as xr

from earmark.frames import FrameGrid, events_of
from earmark.recordings import Clip, Event, Recording
from earmark.reference import Reference


def reference_of(
    activity: np.ndarray,
    *,
    events: Sequence[str] | None = None,
    scenes: Sequence[str] = ("home", "office"),
    of_clip: Sequence[str] | None = None,
    hop_s: float = 0.02,
) -> Reference:
    """A reference whose frame labels are exactly this activity (clip, frame, event), one recording a clip."""
    n_clips, n_frames, n_events = activity.shape
    names = tuple(events or (f"event {index}" for index in range(n_events)))
    labels = of_clip or [scenes[index % len(scenes)] for index in range(n_clips)]
    clips = tuple(
        clip_of(f"audio/{index}.wav", events_of(activity[index], names, hop_s), n_frames * hop_s, labels[index])
        for index in range(n_clips)
    )
    grid = FrameGrid(n_frames=n_frames, hop_s=hop_s)
    return Reference(clips=clips, events=names, scenes=tuple(scenes), grid=grid, frame_rule="outer")


def clip_of(path: str, events: Sequence[Event] | None, duration_s: float, scene: str | None = "home") -> Clip:
    recording = Recording(
        path=path,
        duration_s=duration_s,
        rate_hz=44100,
        channels=1,
        split="evaluation",
        scene=scene,
        events=None if events is None else tuple(events),
    )
    return Clip(recording=recording, start_s=0.0, duration_s=duration_s)


def predictions_of(reference: Reference, posterior: np.ndarray, scene: np.ndarray | None = None) -> xr.Dataset:
    """Predictions with posteriors (clip, frame, event) and, where given, (clip, scene)."""
    variables = {"event_frame_posterior": (("clip", "frame", "event"), posterior.astype(np.float32))}
    if scene is not None:
        variables["scene_posterior"] = (("clip", "scene"), scene.astype(np.float32))
    coords = {"clip": list(reference.clip_ids), "event": list(reference.events), "scene": list(reference.scenes)}
    return xr.Dataset(variables, coords)


def random_activity(shape: tuple[int, int, int], seed: int, mean_frames: float = 12.0) -> np.ndarray:
    """Activity with runs of random length, as real annotations have."""
    rng = np.random.default_rng(seed)
    flips = rng.random(shape) < 1 / mean_frames
    return (np.cumsum(flips, axis=1) + rng.integers(0, 2, (shape[0], 1, shape[2]))) % 2 == 1


@pytest.fixture(scope="session")
def make_reference() -> Callable[..., Reference]:
    return reference_of


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Clip]:
    return clip_of


@pytest.fixture(scope="session")
def make_predictions() -> Callable[..., xr.Dataset]:
    return predictions_of


@pytest.fixture(scope="session")
def make_activity() -> Callable[..., np.ndarray]:
    return random_activity
