"""The networks of [soft_scene_labels]: a multitask net with a light scene branch, without it, and a scene teacher.

They differ from the net of the sister papers in pooling (mel bins by 8, 4 and 2), in ReLU for Leaky ReLU, and in a
scene branch a tenth as large, which has no hidden linear layer.
"""

from __future__ import annotations

from torch import Tensor, nn

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark_mtl.conv_block import ConvBlock
from earmark_mtl.input_block import InputBlock
from earmark_mtl.net import EventBranch

MEL_POOLS = (8, 4, 2)
"""Mel bins that each trunk block joins; the trunk keeps the frame rate."""
SCENE_POOLS = (10, 5)
"""Frames that each block of the scene branch joins."""
TEACHER_POOLS = ((8, 8), (4, 4), (2, 2))
"""Frames and mel bins that each block of the teacher joins; 500 frames become 62, 15 and 7."""
RELU = 0.0
"""Slope of the public baseline's activation, of which the paper says nothing."""


class LightSceneBranch(nn.Module):
    """Scene logits (clip, scene) from the trunk's (clip, channel, frame, mel)."""

    def __init__(self, n_in: int, n_frames: int, n_bins: int, n_scenes: int, *, channels: tuple[int, int]) -> None:
        super().__init__()
        first, second = channels
        self.blocks = nn.Sequential(
            ConvBlock(n_in, first, pool=(SCENE_POOLS[0], 1), slope=RELU),
            ConvBlock(first, second, pool=(SCENE_POOLS[1], 1), slope=RELU),
        )
        self.output = nn.Linear(second * (n_frames // SCENE_POOLS[0] // SCENE_POOLS[1]) * n_bins, n_scenes)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.output(self.blocks(x).flatten(1))
        return logit


class LightMtlCnnBiGru(nn.Module):
    """CNN trunk with a light scene branch, where there are scenes, and a BiGRU event branch.

    Source: [soft_scene_labels], Table 2, with the output layers that its Eqs. (4) and (5) need; at its defaults and
    sizes 415,053 parameters.

    Args:
        task: sizes; at least 50 frames, mel bands a multiple of 64.
        shared_channels: channels of the three trunk convolutions.
        scene_channels: channels of the two scene convolutions.
        gru_units: units of the BiGRU in each direction.
        event_units: units of the hidden layer before the frame logits.
        dropout: share of the event branch's hidden units dropped.

    Raises:
        OptionError: the frames or mel bands cannot be pooled.
    """

    def __init__(
        self,
        task: Task,
        *,
        shared_channels: tuple[int, int, int] = (128, 128, 128),
        scene_channels: tuple[int, int] = (64, 16),
        gru_units: int = 32,
        event_units: int = 32,
        dropout: float = 0.15,
    ) -> None:
        super().__init__()
        n_bins = _checked_bins(task)
        first, second, third = shared_channels
        self.trunk = nn.Sequential(
            InputBlock(first, pool=MEL_POOLS[0], slope=RELU),
            ConvBlock(first, second, pool=(1, MEL_POOLS[1]), slope=RELU),
            ConvBlock(second, third, pool=(1, MEL_POOLS[2]), slope=RELU),
        )
        self.scene = None
        if task.n_scenes:
            self.scene = LightSceneBranch(third, task.n_frames, n_bins, task.n_scenes, channels=scene_channels)
        self.event = EventBranch(
            third * n_bins, task.n_events, gru_units=gru_units, units=event_units, dropout=dropout, slope=RELU
        )

    def forward(self, features: Tensor) -> Outputs:
        """Return frame and clip logits of events, and scene logits, of features (clip, frame, mel)."""
        x = self.trunk(features[:, None])  # (clip, channel, frame, mel)
        frame_logit, _ = self.event(x.permute(0, 2, 3, 1).flatten(2))
        return Outputs(
            event_frame_logit=frame_logit,
            event_clip_logit=frame_logit.amax(dim=1),
            scene_logit=None if self.scene is None else self.scene(x),
        )


class LightCnnBiGru(LightMtlCnnBiGru):
    """CNN-BiGRU: the light multitask net with its scene branch cut off; what is left starts with the same weights.

    Source: [soft_scene_labels], section 3; 331,225 parameters at paper size. Arguments are those of `LightMtlCnnBiGru`;
    the scene channels only decide which random numbers are left for the event branch.
    """

    def __init__(
        self,
        task: Task,
        *,
        shared_channels: tuple[int, int, int] = (128, 128, 128),
        scene_channels: tuple[int, int] = (64, 16),
        gru_units: int = 32,
        event_units: int = 32,
        dropout: float = 0.15,
    ) -> None:
        super().__init__(
            task,
            shared_channels=shared_channels,
            scene_channels=scene_channels,
            gru_units=gru_units,
            event_units=event_units,
            dropout=dropout,
        )
        self.scene = None


class SceneTeacher(nn.Module):
    """Scene classifier whose posteriors become soft scene labels; scene logits alone.

    Source: [soft_scene_labels], Table 2: three convolutions and one linear layer; 300,804 parameters at paper size.

    Args:
        task: sizes; at least 64 frames, 64 mel bands and one scene.
        channels: of the three convolutions.

    Raises:
        OptionError: there are no scenes, or the frames or mel bands cannot be pooled.
    """

    def __init__(self, task: Task, *, channels: tuple[int, int, int] = (128, 128, 128)) -> None:
        super().__init__()
        if not task.n_scenes:
            raise OptionError("scene-teacher classifies scenes, but the corpus names none. Take the stage out.")
        n_in, (n_frames, n_bins) = 1, (task.n_frames, task.n_mels)
        blocks = []
        for n_out, (frames, bins) in zip(channels, TEACHER_POOLS, strict=True):
            blocks.append(ConvBlock(n_in, n_out, pool=(frames, bins), slope=RELU))
            n_in, (n_frames, n_bins) = n_out, (n_frames // frames, n_bins // bins)
        if not n_frames or not n_bins:
            raise OptionError(
                f"scene-teacher pools frames and mel bands by 8 x 4 x 2, so that 64 of each are needed; there are "
                f"{task.n_frames} frames and {task.n_mels} mel bands. Choose longer clips or a larger n_mels."
            )
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(n_in * n_frames * n_bins, task.n_scenes)

    def forward(self, features: Tensor) -> Outputs:
        """Return scene logits of features (clip, frame, mel)."""
        return Outputs(scene_logit=self.output(self.blocks(features[:, None]).flatten(1)))


def _checked_bins(task: Task) -> int:
    """Return the mel bins that the trunk leaves."""
    joined, frames = MEL_POOLS[0] * MEL_POOLS[1] * MEL_POOLS[2], SCENE_POOLS[0] * SCENE_POOLS[1]
    if task.n_mels < joined or task.n_mels % joined:
        near = max(round(task.n_mels / joined), 1) * joined
        raise OptionError(
            f"light-mtl-cnn-bigru pools mel bands by {' x '.join(map(str, MEL_POOLS))}, so their number must be a "
            f"multiple of {joined}; it is {task.n_mels}. Set the front end's n_mels to {near}."
        )
    if task.n_frames < frames:
        raise OptionError(
            f"light-mtl-cnn-bigru pools {frames} frames for the scene; a clip has {task.n_frames}. "
            "Choose longer clips or a shorter hop."
        )
    return task.n_mels // joined
