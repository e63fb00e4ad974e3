"""Events and scene of recordings of any length, by a trained model that heard clips of one length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from earmark.audio import audio_info, read_filled
from earmark.bundles.bundle import Bundle, normaliser
from earmark.errors import AudioError
from earmark.extraction import features_of
from earmark.frames import events_of
from earmark.plugins import PluginManager
from earmark.postprocessing import DECISION, processed
from earmark.predicting import posteriors_of, prepare
from earmark.recordings import Event

OVERLAP = 0.2
"""Share of a window that the next one hears again; there one posterior fades into the other."""

BATCH = 16
"""Windows at a time: this, not the recording, bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model heard in one recording."""

    duration_s: float
    posterior: xr.Dataset
    """``event_frame_posterior`` (frame, event) and ``scene_posterior`` (scene), whatever the model gives; ``frame`` is
    the onset of each frame in seconds."""
    events: tuple[Event, ...]
    """Decided events, after the bundle's post-processing."""

    @property
    def scene(self) -> tuple[str, float] | None:
        """The likeliest scene with its posterior."""
        if "scene_posterior" not in self.posterior or not self.posterior.sizes["scene"]:
            return None
        posterior = self.posterior["scene_posterior"]
        best = int(posterior.argmax("scene"))
        return str(posterior["scene"].values[best]), float(posterior[best])


class Detector:
    """A bundle at work on recordings."""

    def __init__(self, bundle: Bundle, manager: PluginManager, device: torch.device | str = "cpu") -> None:
        self._description = bundle.description
        self._manager = manager
        self._device = torch.device(device)
        self._frontend = bundle.frontend(manager)
        self._model = bundle.model(manager).to(self._device)
        self._mean, self._std = (part.to(self._device) for part in normaliser(bundle.description))

    @property
    def hop_s(self) -> float:
        return self._frontend.hop_s

    def predict(self, path: Path) -> Prediction:
        """Hear one recording in overlapping windows of the training's clip length.

        Every frame's posterior is the mean over the windows that hold it, each weighted by a ramp that falls to 0
        towards a border within the recording: no seam is left, and no frame counts that a window heard without what
        surrounds it. A recording as long as a clip gives exactly the posteriors of training and evaluation. The
        scene posterior is the mean over all windows.

        Raises:
            AudioError: the file is missing, unreadable, truncated, shorter than one frame or has samples that are not
                finite.
        """
        duration_s = audio_info(path).duration_s
        n_total = self._frontend.n_frames(duration_s)
        if n_total < 1:
            raise AudioError(f"{path}: {duration_s:.3f} s are shorter than one frame of {self.hop_s:g} s.")
        firsts = window_starts(n_total, self._description.task.n_frames)
        frame_sum = np.zeros((n_total, len(self._description.events)), dtype=np.float32)
        weight_sum = np.zeros((n_total, 1), dtype=np.float32)
        scene_sum = np.zeros(len(self._description.scenes), dtype=np.float64)
        gives: set[str] = set()
        for chosen, features in self._features(path, firsts, duration_s):
            given = self._posteriors(features)
            gives |= given.keys()
            if "scene_posterior" in given:
                scene_sum += given["scene_posterior"].sum(axis=0)
            for row, first in enumerate(chosen):
                if "event_frame_posterior" in given:
                    window = given["event_frame_posterior"][row][: n_total - first]
                    weight = window_weight(len(window), self._description.task.n_frames, first, n_total)
                    frame_sum[first : first + len(window)] += weight * window
                    weight_sum[first : first + len(window)] += weight
        posterior = xr.Dataset()
        events: tuple[Event, ...] = ()
        if "event_frame_posterior" in gives:
            frame_sum /= weight_sum
            onset_s = np.round(np.arange(n_total) * self.hop_s, 6)
            posterior["event_frame_posterior"] = (("frame", "event"), frame_sum)
            posterior = posterior.assign_coords(frame=onset_s, event=list(self._description.events))
            events = self._decided(frame_sum, duration_s)
        if "scene_posterior" in gives:
            posterior["scene_posterior"] = (("scene",), (scene_sum / len(firsts)).astype(np.float32))
            posterior = posterior.assign_coords(scene=list(self._description.scenes))
        return Prediction(duration_s=duration_s, posterior=posterior, events=events)

    def _decided(self, posterior: npt.NDArray[np.float32], duration_s: float) -> tuple[Event, ...]:
        names = self._description.events
        activity = processed(self._description.postprocessing, posterior[None], names, self.hop_s, self._manager)[0]
        found = events_of(activity >= DECISION, names, self.hop_s)
        return tuple(Event(e.onset_s, min(e.offset_s, duration_s), e.label) for e in found)

    def _features(self, path: Path, firsts: Sequence[int], duration_s: float) -> Iterator[tuple[Sequence[int], Tensor]]:
        """Features (window, frame, mel) of batches of windows; the next batch is made while one is heard."""
        batches = [firsts[start : start + BATCH] for start in range(0, len(firsts), BATCH)]
        with ThreadPoolExecutor(1, "features") as ahead:
            waiting = ahead.submit(self._batch, path, batches[0], duration_s)
            for index, batch in enumerate(batches):
                features = waiting.result()
                if index + 1 < len(batches):
                    waiting = ahead.submit(self._batch, path, batches[index + 1], duration_s)
                yield batch, features

    def _batch(self, path: Path, firsts: Sequence[int], duration_s: float) -> Tensor:
        return torch.stack([self._window(path, first * self.hop_s, duration_s) for first in firsts])

    def _window(self, path: Path, start_s: float, duration_s: float) -> Tensor:
        """Features (frame, mel) of one window, filled up with silence where the recording is shorter."""
        clip_s = self._description.clip_s
        there_s = min(clip_s, duration_s - start_s)
        waveform = read_filled(path, start_s, there_s, clip_s, self._frontend.rate_hz)
        return features_of(waveform, self._frontend, path, start_s, clip_s)

    @torch.inference_mode()
    def _posteriors(self, features: Tensor) -> dict[str, npt.NDArray[np.float32]]:
        outputs = self._model(prepare(self._model, (features.to(self._device) - self._mean) / self._std))
        return {name: tensor.float().cpu().numpy() for name, tensor in posteriors_of(outputs).items()}


def window_starts(n_total: int, n_frames: int) -> list[int]:
    """First frames of windows of n_frames that cover n_total frames; the last one ends with the recording.

    >>> window_starts(1200, 500)
    [0, 400, 700]
    >>> window_starts(300, 500)
    [0]
    """
    step = max(n_frames - round(n_frames * OVERLAP), 1)
    last = max(n_total - n_frames, 0)
    return [*range(0, last, step), last]


def window_weight(length: int, n_frames: int, first: int, n_total: int) -> npt.NDArray[np.float32]:
    """Weight (length, 1) of a window's frames: a ramp over the overlap at each border that lies within the recording.

    >>> window_weight(5, 5, 0, 9)[:, 0].tolist()
    [1.0, 1.0, 1.0, 1.0, 0.5]
    """
    n_ramp = round(n_frames * OVERLAP)
    ramp = (np.arange(n_ramp, dtype=np.float32) + 1) / np.float32(n_ramp + 1)
    weight = np.ones((length, 1), dtype=np.float32)
    if first > 0:
        weight[:n_ramp, 0] = ramp[:length]
    if first + length < n_total:
        weight[length - n_ramp :, 0] *= ramp[::-1]
    return weight
