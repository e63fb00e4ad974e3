"""A tagger: from clips of sound to posteriors of events, whatever weights it has, and saying whose they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from earmark.audio import read_filled
from earmark.bundles.bundle import DESCRIPTION, load_bundle, normaliser
from earmark.extraction import features_of
from earmark.plugins import PluginManager
from earmark.predicting import prepare
from earmark.protocols import Frontend
from earmark.recordings import Clip
from earmark_pann.checkpoint import load_checkpoint
from earmark_pann.classes import N_CLASSES, audioset_events
from earmark_pann.cnn14 import LEAST_FRAMES, Cnn14, fuse
from earmark_pann.errors import FETCH, STAND_IN, CheckpointError

FRONTEND = "log-mel-pann"


@dataclass(frozen=True, kw_only=True)
class Tagger:
    """A net that hears clips, on its device and in evaluation mode."""

    name: str
    """Such as "PANN CNN14, 16 kHz" or "stand-in tagger": only published weights have the published name."""
    digest: str
    """Of the weights: the SHA-256 of a checkpoint, or what a bundle says."""
    synthetic: bool
    """True where it was trained on synthetic sound."""
    events: tuple[str, ...]
    frontend: Frontend
    logits: Callable[[Tensor], Tensor]
    """From features (clip, frame, mel), as the front end makes them, to (clip, event)."""
    device: torch.device
    batch_size: int
    """Clips at a time: this, not the number of clips, bounds the memory."""

    def posteriors(
        self, root: Path, clips: Sequence[Clip], advance: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float16]:
        """Posteriors (clip, event) of clips of one length below a folder.

        What a recording lacks of its last clip is heard as silence. The next batch is read while one is heard.

        Raises:
            AudioError: a recording cannot be used; the message names the file.
        """
        given = np.empty((len(clips), len(self.events)), dtype=np.float16)
        batches = [clips[start : start + self.batch_size] for start in range(0, len(clips), self.batch_size)]
        done = 0
        with ThreadPoolExecutor(1, "features") as ahead:
            waiting = ahead.submit(self._features, root, batches[0])
            for index in range(len(batches)):
                features = waiting.result()
                if index + 1 < len(batches):
                    waiting = ahead.submit(self._features, root, batches[index + 1])
                given[done : done + len(features)] = self.heard(features).numpy()
                done += len(features)
                if advance is not None:
                    advance(done)
        return given

    @torch.inference_mode()
    def heard(self, features: Tensor) -> Tensor:
        """Posteriors (clip, event) on the CPU, float32, of features (clip, frame, mel)."""
        # TF32, the default of convolutions on a GPU, moves probabilities by more than 0.003.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self.logits(features.to(self.device)).sigmoid().float().cpu()

    def _features(self, root: Path, clips: Sequence[Clip]) -> Tensor:
        return torch.stack([self._of_clip(root / clip.recording.path, clip) for clip in clips])

    def _of_clip(self, path: Path, clip: Clip) -> Tensor:
        waveform = read_filled(path, clip.start_s, clip.sounding_s, clip.duration_s, self.frontend.rate_hz)
        return features_of(waveform, self.frontend, path, clip.start_s, clip.duration_s)


def open_tagger(
    checkpoint: Path | None, rate_hz: int, manager: PluginManager, device: torch.device, batch_size: int
) -> Tagger:
    """A tagger of a released checkpoint, or of a model bundle that gives event posteriors of whole clips.

    Raises:
        CheckpointError: no checkpoint is named, or it is not what is needed.
        BundleError: a folder is no bundle, or a damaged one.
    """
    if checkpoint is None:
        raise CheckpointError(
            f"No checkpoint is named. {FETCH} and name Cnn14_16k_mAP=0.438.pth, or {STAND_IN} and name its bundle."
        )
    if checkpoint.is_dir() or checkpoint.name == DESCRIPTION:
        return _of_bundle(checkpoint if checkpoint.is_dir() else checkpoint.parent, manager, device, batch_size)
    frontend: Any = manager.build("frontend", FRONTEND, {"rate_hz": rate_hz}, "earmark_pann")
    found = load_checkpoint(checkpoint, rate_hz, frontend.filters)
    with torch.device("meta"):
        net = Cnn14(N_CLASSES)
    net.load_state_dict(dict(found.weights), assign=True)
    net.eval()
    fuse(net)
    net.to(device)
    return Tagger(
        name=found.release.name if found.release else f"CNN14 with weights that nobody published ({checkpoint.name})",
        digest=found.sha256,
        synthetic=False,
        events=audioset_events(),
        frontend=frontend,
        logits=lambda features: net(features)[0],
        device=device,
        batch_size=batch_size,
    )


def _of_bundle(folder: Path, manager: PluginManager, device: torch.device, batch_size: int) -> Tagger:
    bundle = load_bundle(folder)
    description = bundle.description
    model: nn.Module = bundle.model(manager).to(device)
    mean, std = (part.to(device) for part in normaliser(description))
    synthetic = bool(description.about.get("synthetic"))

    def logits(features: Tensor) -> Tensor:
        given: Tensor | None = model(prepare(model, (features - mean) / std)).event_clip_logit
        if given is None:
            raise CheckpointError(
                f"{folder}: the model {description.model.use!r} gives no events of whole clips, so that it is no "
                f"tagger. Instead, {STAND_IN}."
            )
        return given

    return Tagger(
        name=f"{'stand-in ' if synthetic else ''}tagger {description.name}",
        digest=description.weights_digest,
        synthetic=synthetic,
        events=description.events,
        frontend=bundle.frontend(manager),
        logits=logits,
        device=device,
        batch_size=batch_size,
    )


def least_duration_s(hop_s: float) -> float:
    """Shortest clip that leaves the net a frame after its poolings: 0.31 s."""
    return (LEAST_FRAMES - 1) * hop_s
