"""CNN14 as models: the tagger itself, and a scene classifier on top of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from earmark.bundles.bundle import DESCRIPTION, load_bundle
from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.plugins import plugins
from earmark.protocols import Task
from earmark_pann.checkpoint import load_checkpoint
from earmark_pann.classes import N_CLASSES
from earmark_pann.cnn14 import CHANNELS, LEAST_FRAMES, Cnn14
from earmark_pann.errors import CheckpointError

Widths = tuple[int, int, int, int, int, int]


class Cnn14Tagger(Cnn14):
    """CNN14: event logits of the clip and the embedding. Takes the front end log-mel-pann with ``normalise = false``.

    Args:
        task: sizes; at least 32 frames and 32 mel bands.
        channels: widths of the six blocks; narrow ones for a stand-in.

    Raises:
        OptionError: there are no events, or too few frames or bands to pool.
    """

    def __init__(self, task: Task, *, channels: Widths = CHANNELS) -> None:
        _check(task, "cnn14", task.n_events, "events")
        super().__init__(task.n_events, task.n_mels, channels)

    def forward(self, features: Tensor) -> Outputs:  # type: ignore[override]
        """Event logits and embedding of decibels (clip, frame, mel)."""
        logit, embedding = super().forward(features)
        return Outputs(event_clip_logit=logit, embedding=embedding)


class TaggerScene(Cnn14):
    """CNN14 up to its embedding, or to its probabilities, and a new linear layer to the scenes.

    Source: [relation_guided], Table III, the two rows named PANN: fixed and fine-tuned. Nothing else is said of them;
    the linear layer, and the probabilities as a second reading of the fixed one, are ours.

    Args:
        task: sizes; at least 32 frames and 32 mel bands.
        checkpoint: released weights, or the ``bundle.json`` of a trained tagger, whose widths then count. None leaves
            the net at random, or to the stages that the experiment starts from.
        frozen: only the new layer is trained, everything else stays in evaluation mode.
        hears: what the new layer takes.
        rate_hz: of the front end, to refuse a checkpoint of another rate.
        channels: widths of the six blocks where there is no bundle.
        n_tags: events of the tagger where there is no bundle.

    Raises:
        OptionError: there are no scenes, or too few frames or bands to pool.
        CheckpointError, BundleError: the checkpoint is not what is needed.
    """

    def __init__(
        self,
        task: Task,
        *,
        checkpoint: Path | None = None,
        frozen: bool = True,
        hears: Literal["embedding", "probabilities"] = "embedding",
        rate_hz: int = 16_000,
        channels: Widths = CHANNELS,
        n_tags: int = N_CLASSES,
    ) -> None:
        _check(task, "tagger-scene", task.n_scenes, "scenes")
        weights = None if checkpoint is None else _weights(checkpoint, rate_hz)
        if weights is not None:
            channels, n_tags = _widths(weights), len(weights["fc_audioset.bias"])
        super().__init__(n_tags, task.n_mels, channels)
        if weights is not None:
            self.load_state_dict(weights)
        self.frozen, self.hears = frozen, hears
        if frozen:
            self.requires_grad_(False)
            self.prepared = self._heard
        self.scene = nn.Linear(channels[-1] if hears == "embedding" else n_tags, task.n_scenes)
        nn.init.xavier_uniform_(self.scene.weight)
        nn.init.zeros_(self.scene.bias)
        self.train()

    def train(self, mode: bool = True) -> TaggerScene:
        """Switch to training; what is frozen stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def forward(self, features: Tensor) -> Outputs:  # type: ignore[override]
        """Scene logits, and what they are made of, of decibels (clip, frame, mel) or of what was prepared from them."""
        heard = features if features.ndim == 2 else self._heard(features)
        return Outputs(scene_logit=self.scene(heard), embedding=heard)

    def _heard(self, features: Tensor) -> Tensor:
        """Embedding or probabilities (clip, dim)."""
        logit, embedding = super().forward(features)
        return embedding if self.hears == "embedding" else logit.sigmoid()


def _check(task: Task, model: str, n_outputs: int, what: str) -> None:
    if not n_outputs:
        raise OptionError(f"{model} names {what}, but there are none. Choose labels or a corpus that has some.")
    if task.n_frames < LEAST_FRAMES or task.n_mels < LEAST_FRAMES:
        raise OptionError(
            f"{model} halves frames and mel bands five times, so that {LEAST_FRAMES} of each are needed; there are "
            f"{task.n_frames} frames and {task.n_mels} mel bands. Choose clips of at least 0.31 s and the front end "
            "log-mel-pann."
        )


def _weights(checkpoint: Path, rate_hz: int) -> dict[str, Tensor]:
    """Weights of a tagger by the names of `Cnn14`."""
    if checkpoint.is_dir():
        # An experiment is addressed by the content of the files that it names: of a folder there is none.
        raise CheckpointError(f"{checkpoint}: a folder. Name the {DESCRIPTION} in it, or a released checkpoint file.")
    if checkpoint.name != DESCRIPTION:
        frontend: Any = plugins().build("frontend", "log-mel-pann", {"rate_hz": rate_hz}, "tagger-scene")
        return dict(load_checkpoint(checkpoint, rate_hz, frontend.filters).weights)
    bundle = load_bundle(checkpoint.parent)
    found = bundle.description.frontend.options.get("rate_hz", 16_000)
    if bundle.description.model.use != "cnn14" or found != rate_hz:
        raise CheckpointError(
            f"{checkpoint}: a bundle of the model {bundle.description.model.use!r} at {found} Hz; needed is a cnn14 at "
            f"{rate_hz} Hz. Name another bundle, or set rate_hz."
        )
    return dict(bundle.weights)


def _widths(weights: dict[str, Tensor]) -> Widths:
    first, second, third, fourth, fifth, sixth = (len(weights[f"conv_block{k}.conv1.weight"]) for k in range(1, 7))
    return first, second, third, fourth, fifth, sixth
