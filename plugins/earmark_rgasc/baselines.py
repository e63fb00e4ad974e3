"""Stand-ins for the joint methods of Table IV: clip-wise, on the features, pseudo labels and split of the two towers.

How the paper adapted these methods to its data is not described; [relation_guided], ambiguity 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.errors import ExperimentError, OptionError
from earmark.outputs import Outputs
from earmark.plugins import plugins
from earmark.protocols import Task
from earmark.targets import Targets
from earmark_rgasc.conv_block import ConvBlock, channels_last, initialised, pooled
from earmark_rgasc.losses import given, relation_matrix, without_matrix
from earmark_rgasc.two_towers import CHANNELS, POOLS, Channels, check_events, check_net


class Trunk(nn.Module):
    """Six convolution blocks and pooling: (clip, channel) of features (clip, frame, mel)."""

    def __init__(self, channels: Channels, dropout: float) -> None:
        super().__init__()
        widths = (1, *channels)
        self.blocks = nn.ModuleList(
            ConvBlock(n_in, n_out, pool) for n_in, n_out, pool in zip(widths, channels, POOLS, strict=False)
        )
        self.dropout = nn.Dropout(dropout)
        channels_last(self)

    def forward(self, features: Tensor) -> Tensor:
        x = features[:, None]
        for block in self.blocks:
            x = self.dropout(block(x))
        return pooled(x)


class JointEmbedding(nn.Module):
    """One net and one embedding, from which a linear layer each reads scene and events.

    Source: Bear, Nolasco and Benetos, "Towards joint sound scene and polyphonic sound event recognition", INTERSPEECH
    2019, with the blocks of [relation_guided] for its recurrent net.

    Args:
        task: as for ``two-towers``.
        channels: channels of the six blocks; the embedding is as wide as the last.
        block_dropout: share dropped behind each block.
        head_dropout: share dropped before the embedding.

    Raises:
        OptionError: the corpus has no scenes or the labels no events, the clip is too short, or an option cannot be.
    """

    def __init__(
        self, task: Task, *, channels: Channels = CHANNELS, block_dropout: float = 0.2, head_dropout: float = 0.5
    ) -> None:
        super().__init__()
        check_net("joint-embedding", task, channels, (block_dropout, head_dropout))
        check_events("joint-embedding", task)
        self.trunk = Trunk(channels, block_dropout)
        self.dropout = nn.Dropout(head_dropout)
        self.embedding = nn.Linear(channels[-1], channels[-1])
        self.scene, self.event = nn.Linear(channels[-1], task.n_scenes), nn.Linear(channels[-1], task.n_events)
        initialised(self)

    def forward(self, features: Tensor) -> Outputs:
        """Return scene logits, clip logits of events, and the embedding, of features (clip, frame, mel)."""
        embedding = F.relu(self.embedding(self.dropout(self.trunk(features))))
        return Outputs(event_clip_logit=self.event(embedding), scene_logit=self.scene(embedding), embedding=embedding)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionedOutputs(Outputs):
    """What a net gives that tells events anew under each scene."""

    event_by_scene_logit: Tensor | None = None
    """(clip, scene, event): the events if the clip were of this scene."""


class SceneConditioned(nn.Module):
    """A scene head, and an event head that is told the scene: the estimated one, and beside it each one by turns.

    Source: Komatsu, Imoto and Togami, "Scene-dependent acoustic event detection with scene conditioning and
    fake-scene-conditioned loss", ICASSP 2020, with the blocks of [relation_guided].

    Args:
        task: as for ``two-towers``.
        channels: channels of the six blocks; each head's hidden layer is as wide as the last.
        block_dropout: share dropped behind each block.
        head_dropout: share dropped before the hidden layers.

    Raises:
        OptionError: the corpus has no scenes or the labels no events, the clip is too short, or an option cannot be.
    """

    def __init__(
        self, task: Task, *, channels: Channels = CHANNELS, block_dropout: float = 0.2, head_dropout: float = 0.5
    ) -> None:
        super().__init__()
        check_net("scene-conditioned", task, channels, (block_dropout, head_dropout))
        check_events("scene-conditioned", task)
        units = channels[-1]
        self.trunk = Trunk(channels, block_dropout)
        self.dropout = nn.Dropout(head_dropout)
        self.scene_hidden, self.scene = nn.Linear(units, units), nn.Linear(units, task.n_scenes)
        self.event_hidden, self.event = nn.Linear(units, units), nn.Linear(units, task.n_events)
        # A linear layer on the clip and a one-hot scene side by side is the sum of a layer on each.
        self.condition = nn.Linear(task.n_scenes, units, bias=False)
        initialised(self)

    def forward(self, features: Tensor) -> ConditionedOutputs:
        """Return scene logits, clip logits of events under the estimated scene and under each one, and an embedding."""
        x = self.dropout(self.trunk(features))
        embedding = F.relu(self.scene_hidden(x))
        scene_logit = self.scene(embedding)
        hidden = self.event_hidden(x)
        under_each = F.relu(hidden[:, None] + self.condition.weight.T)  # (clip, scene, unit)
        return ConditionedOutputs(
            event_clip_logit=self.event(F.relu(hidden + self.condition(scene_logit.softmax(-1)))),
            scene_logit=scene_logit,
            embedding=embedding,
            event_by_scene_logit=self.event(under_each),
        )


def conditioned_bce(
    logit: Tensor, label: Tensor, known: Tensor, scene: Tensor, scene_known: Tensor, possible: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of events under the clip's own scene, and under the others, where impossible ones are silent.

    Args:
        logit: (clip, scene, event), before the sigmoid.
        label: (clip, event), in [0, 1]; may be NaN where not known.
        known: (clip, event), bool.
        scene: (clip, scene), rows that sum to 1; may be NaN where not known.
        scene_known: (clip,), bool; clips without a scene are left out.
        possible: (scene, event), bool: which events occur in which scene.

    Returns:
        Two scalars in nats per known label; 0 with a gradient of 0 where nothing is known.
    """
    own = torch.where(scene_known[:, None], scene, 0).to(logit)[:, :, None]
    counted = (known & scene_known[:, None])[:, None].to(logit)
    label = torch.where(known, label, 0).to(logit)[:, None]
    total = []
    for expected, weight in ((label, counted * own), (label * possible.to(logit), counted * (1 - own))):
        wanted, weights = expected.expand_as(logit), weight.expand_as(logit)
        loss = F.binary_cross_entropy_with_logits(logit, wanted, weight=weights, reduction="sum")
        total.append(loss / weights.sum().clamp(min=1))
    return total[0], total[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneConditionedBce:
    """Loss ``scene-conditioned-bce``: events under the true scene, and under the false ones.

    An event that no training clip of a false scene has must be silent under it. A net that is not told the scene says
    the same under each.

    Source: as for `SceneConditioned`; how events and false scenes are set against each other is our reading.
    """

    fake_weight: float = 1.0
    """Weight of the false scenes, their mean, beside the true one."""

    def __post_init__(self) -> None:
        if not 0 <= self.fake_weight < float("inf"):
            raise OptionError(f"scene-conditioned-bce: fake_weight = {self.fake_weight:g} must be a number from 0 on.")

    def of_targets(self, targets: Targets) -> ConditionedLoss:
        """The loss that knows which events occur in which scene."""
        return ConditionedLoss(fake_weight=self.fake_weight, possible=relation_matrix(None, targets) > 0)

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        raise without_matrix("scene-conditioned-bce")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConditionedLoss:
    """`SceneConditionedBce` once the training labels are known."""

    fake_weight: float
    possible: Tensor
    """(scene, event), bool."""

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        logit = given(outputs.event_clip_logit, "scene-conditioned-bce", "event_clip_logit")
        by_scene = outputs.event_by_scene_logit if isinstance(outputs, ConditionedOutputs) else None
        if targets.clip_event is None or targets.clip_event_known is None:
            return logit[:0].sum()
        if targets.scene is None or targets.scene_known is None:
            return logit[:0].sum()
        if by_scene is None:
            by_scene = logit[:, None].expand(-1, len(self.possible), -1)
        true, fake = conditioned_bce(
            by_scene,
            targets.clip_event,
            targets.clip_event_known,
            targets.scene,
            targets.scene_known,
            self.possible.to(logit.device),
        )
        return true + self.fake_weight * fake


class ClipWise(nn.Module):
    """Another model without its frames: its clip-wise event logits alone, which need a hundredth of the store.

    Tonami et al., "Joint analysis of sound events and acoustic scenes using multitask learning", IEICE 2021, is a
    multitask net of this project, ``of = "light-mtl-cnn-bigru"``, whose clip logits are the maxima over frames.

    Args:
        task: as for the other model.
        of: name of the model.
        options: of the model.

    Raises:
        UnknownPluginError, OptionError: as for the model; or it is a ``clip-wise`` one.
    """

    def __init__(
        self, task: Task, *, of: str = "light-mtl-cnn-bigru", options: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        if of == "clip-wise":
            raise OptionError("clip-wise: of = 'clip-wise' names itself; name a model with frame-wise events.")
        self.model: nn.Module = plugins().build("model", of, options or {}, "clip-wise.of", task)

    def forward(self, features: Tensor) -> Outputs:
        """Return what the model gives of whole clips, of features (clip, frame, mel).

        Raises:
            ExperimentError: the model gives no clip-wise event logits.
        """
        outputs: Outputs = self.model(features)
        if outputs.event_clip_logit is None:
            raise ExperimentError("clip-wise: the model that `of` names gives no clip-wise event logits. Name another.")
        return replace(outputs, event_frame_logit=None)
