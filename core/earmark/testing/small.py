"""Small data on which a plugin can be tried without files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from earmark.frames import FrameGrid
from earmark.recordings import Dataset, Event, Recording
from earmark.targets import Targets

EVENTS = ("car", "bird singing", "people talking")
SCENES = ("street", "park")
GRID = FrameGrid(n_frames=100, hop_s=0.02)
CLIP_S = 2.0


def small_dataset(scenes: tuple[str, ...] = SCENES, events: tuple[str, ...] = EVENTS) -> Dataset:
    """Six annotated recordings without audio; one clip holds no event, one event lies across a clip border."""
    sounding = (
        Event(0.5, 1.5, events[0]),
        Event(1.8, 2.6, events[1 % len(events)]),
        Event(2.2, 2.4, events[2 % len(events)]),
    )
    return Dataset(
        name="small",
        root=Path("nowhere"),
        synthetic=True,
        scenes=scenes,
        events=events,
        recordings=tuple(
            Recording(
                path=f"audio/{number}.wav",
                duration_s=6.0,
                rate_hz=16_000,
                channels=1,
                split="development" if number < 4 else "evaluation",
                scene=scenes[number % len(scenes)],
                fold=number % 2 + 1,
                events=sounding,
            )
            for number in range(6)
        ),
    )


def small_targets(n_clips: int = 6, seed: int = 0) -> Targets:
    """Targets with all label kinds known for some clips and unknown for others, NaN where not known."""
    generator = torch.Generator().manual_seed(seed)
    frame_event = (torch.rand(n_clips, GRID.n_frames, len(EVENTS), generator=generator) > 0.7).float()
    known = torch.arange(n_clips) % 2 == 0
    clip_event = frame_event.amax(1)
    frame_event[~known] = float("nan")
    return Targets(
        clips=tuple(f"clip {number}" for number in range(n_clips)),
        events=EVENTS,
        scenes=SCENES,
        frame_event=frame_event,
        frame_event_known=known[:, None].expand(-1, len(EVENTS)).clone(),
        clip_event=clip_event,
        clip_event_known=~known[:, None].expand(-1, len(EVENTS)),
        candidate=torch.ones(n_clips, len(EVENTS), dtype=torch.bool),
        candidate_known=~known,
        scene=torch.eye(len(SCENES))[torch.arange(n_clips) % len(SCENES)],
        scene_known=torch.arange(n_clips) > 0,
    )


def one_event_targets(n_clips: int = 17) -> Targets:
    """Targets of clips with one event each, as some samplers and losses take them, the events in turn."""
    event = torch.arange(n_clips) % len(EVENTS)
    return Targets(
        clips=tuple(f"clip {number}" for number in range(n_clips)),
        events=EVENTS,
        scenes=SCENES,
        clip_event=torch.eye(len(EVENTS))[event],
        clip_event_known=torch.ones(n_clips, len(EVENTS), dtype=torch.bool),
        scene=torch.eye(len(SCENES))[torch.arange(n_clips) % len(SCENES)],
        scene_known=torch.ones(n_clips, dtype=torch.bool),
    )


def one_event_dataset() -> Dataset:
    """Six recordings of `CLIP_S` without audio, each tagged with one event."""
    dataset = small_dataset()
    tagged = tuple(
        replace(recording, duration_s=CLIP_S, events=None, tags=(EVENTS[number % len(EVENTS)],))
        for number, recording in enumerate(dataset.recordings)
    )
    return replace(dataset, recordings=tagged)


def small_predictions(clips: tuple[str, ...], seed: int = 0) -> xr.Dataset:
    """Random posteriors of every kind for these clips, over `EVENTS`, `SCENES` and `GRID`."""
    rng = np.random.default_rng(seed)
    scene = rng.random((len(clips), len(SCENES)), dtype=np.float32)
    return xr.Dataset(
        {
            "event_frame_posterior": (
                ("clip", "frame", "event"),
                rng.random((len(clips), GRID.n_frames, len(EVENTS)), dtype=np.float32),
            ),
            "event_clip_posterior": (("clip", "event"), rng.random((len(clips), len(EVENTS)), dtype=np.float32)),
            "scene_posterior": (("clip", "scene"), scene / scene.sum(1, keepdims=True)),
            "embedding": (("clip", "dim"), rng.random((len(clips), 8), dtype=np.float32)),
        },
        coords={
            "clip": list(clips),
            "frame": np.arange(GRID.n_frames) * GRID.hop_s,
            "event": list(EVENTS),
            "scene": list(SCENES),
        },
    )
