"""The multitask network of [partial_labels]: a shared trunk, a scene branch, an event branch, a weak branch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark_mtl.bigru import BiGru
from earmark_mtl.conv_block import SLOPE, ConvBlock
from earmark_mtl.input_block import InputBlock

MEL_POOLS = (8, 2, 2)
"""Mel bins that each trunk block joins; the trunk keeps the frame rate."""
SCENE_POOL = 25
"""Frames that the first scene block joins; the second one joins all that are left."""


class SceneBranch(nn.Module):
    """Scene logits (clip, scene) from the trunk's (clip, channel, frame, mel)."""

    def __init__(
        self,
        n_in: int,
        n_frames: int,
        n_bins: int,
        n_scenes: int,
        *,
        channels: tuple[int, int],
        units: int,
        dropout: float,
        keep_mel_bins: bool,
    ) -> None:
        super().__init__()
        n_bins_left = n_bins if keep_mel_bins else 1
        self.blocks = nn.Sequential(
            ConvBlock(n_in, channels[0], pool=(SCENE_POOL, 1)),
            ConvBlock(channels[0], channels[1], pool=(n_frames // SCENE_POOL, n_bins // n_bins_left)),
        )
        self.hidden = nn.Linear(channels[1] * n_bins_left, units)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(units, n_scenes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(x).flatten(1)
        logit: Tensor = self.output(self.dropout(F.leaky_relu(self.hidden(x), SLOPE)))
        return logit


class EventBranch(nn.Module):
    """Frame logits (clip, frame, event) from the trunk's (clip, frame, feature), and the BiGRU's output."""

    def __init__(
        self, n_in: int, n_events: int, *, gru_units: int, units: int, dropout: float, slope: float = SLOPE
    ) -> None:
        super().__init__()
        self.gru = BiGru(n_in, gru_units)
        self.hidden = nn.Linear(2 * gru_units, units)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(units, n_events)
        self.slope = slope

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        context: Tensor = self.gru(x)
        logit: Tensor = self.output(self.dropout(F.leaky_relu(self.hidden(context), self.slope)))
        return logit, context


class WeakBranch(nn.Module):
    """Clip logits (clip, event) from the BiGRU's output (clip, frame, feature).

    Source: candidate A for the garbled weak column of [partial_labels], Table 3: it is made of the printed widths
    alone and gives Table 9's number of parameters.
    """

    def __init__(self, n_in: int, n_events: int, *, units: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_in, units)
        self.event = nn.Linear(units, n_events)
        self.narrow = nn.Linear(n_events, 16)
        self.output = nn.Linear(16, n_events)

    def forward(self, context: Tensor) -> Tensor:
        x = self.event(F.leaky_relu(self.hidden(context), SLOPE))
        logit: Tensor = self.output(F.leaky_relu(self.narrow(x), SLOPE))
        return logit.amax(dim=1)


class MtlCnnBiGru(nn.Module):
    """CNN trunk with a scene branch, where there are scenes, and a BiGRU event branch.

    Source: [partial_labels], Table 3 and section 5; at its defaults and sizes 1,322,909 parameters, 1,331,167 with
    the weak branch. All variants name what they share alike (``trunk.*``, ``scene.*``, ``event.*``), so that a stage
    can start from the weights of another one.

    Args:
        task: sizes; the frames must be a multiple of 25, the mel bands of 32.
        shared_channels: channels of the three trunk convolutions.
        scene_channels: channels of the two scene convolutions.
        gru_units: units of the BiGRU in each direction.
        event_units: units of the hidden layer before the frame logits, and of the weak branch's first.
        scene_units: units of the hidden layer before the scene logits.
        dropout: share of hidden units dropped in the scene and event branches.
        weak_branch: clip logits of events come from a branch of their own, else from the frame logits' maximum.
        keep_mel_bins: the scene branch pools over time only, as the public baseline does.

    Raises:
        OptionError: the frames or mel bands cannot be pooled evenly.
    """

    def __init__(
        self,
        task: Task,
        *,
        shared_channels: tuple[int, int, int] = (128, 128, 128),
        scene_channels: tuple[int, int] = (256, 256),
        gru_units: int = 64,
        event_units: int = 48,
        scene_units: int = 32,
        dropout: float = 0.15,
        weak_branch: bool = False,
        keep_mel_bins: bool = False,
    ) -> None:
        super().__init__()
        n_bins = _checked_bins(task)
        first, second, third = shared_channels
        self.trunk = nn.Sequential(
            InputBlock(first, pool=MEL_POOLS[0]),
            ConvBlock(first, second, pool=(1, MEL_POOLS[1])),
            ConvBlock(second, third, pool=(1, MEL_POOLS[2])),
        )
        # Recordings of one place, as in a folder of one's own, have no scenes to tell apart.
        self.scene = None
        if task.n_scenes:
            self.scene = SceneBranch(
                shared_channels[-1],
                task.n_frames,
                n_bins,
                task.n_scenes,
                channels=scene_channels,
                units=scene_units,
                dropout=dropout,
                keep_mel_bins=keep_mel_bins,
            )
        self.event = EventBranch(
            shared_channels[-1] * n_bins, task.n_events, gru_units=gru_units, units=event_units, dropout=dropout
        )
        self.weak = WeakBranch(2 * gru_units, task.n_events, units=event_units) if weak_branch else None

    def forward(self, features: Tensor) -> Outputs:
        """Return frame and clip logits of events, and scene logits, of features (clip, frame, mel)."""
        x = self.trunk(features[:, None])  # (clip, channel, frame, mel)
        frame_logit, context = self.event(x.permute(0, 2, 3, 1).flatten(2))
        return Outputs(
            event_frame_logit=frame_logit,
            event_clip_logit=frame_logit.amax(dim=1) if self.weak is None else self.weak(context),
            scene_logit=None if self.scene is None else self.scene(x),
        )


def _checked_bins(task: Task) -> int:
    """Return the mel bins that the trunk leaves."""
    joined = MEL_POOLS[0] * MEL_POOLS[1] * MEL_POOLS[2]
    if task.n_mels < joined or task.n_mels % joined:
        near = max(round(task.n_mels / joined), 1) * joined
        raise OptionError(
            f"mtl-cnn-bigru pools mel bands by {' x '.join(map(str, MEL_POOLS))}, so their number must be a multiple "
            f"of {joined}; it is {task.n_mels}. Set the front end's n_mels to {near}."
        )
    if task.n_frames < SCENE_POOL or task.n_frames % SCENE_POOL:
        raise OptionError(
            f"mtl-cnn-bigru pools {SCENE_POOL} frames for the scene, so a clip must have a multiple of {SCENE_POOL} "
            f"frames; it has {task.n_frames}. Choose a clip length or a hop that gives such a number."
        )
    return task.n_mels // joined
