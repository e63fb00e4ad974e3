"""Two towers on shared blocks: one for the scene, one for the events of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark.targets import Targets
from earmark_rgasc.conv_block import ConvBlock, channels_last, initialised, pooled
from earmark_rgasc.losses import implied_scenes, relation_matrix

N_BLOCKS = 6
POOLS = (2, 2, 2, 2, 2, 1)
"""Frames, and mel bins, that each block joins."""
CHANNELS = (64, 128, 256, 512, 1024, 2048)
LEAST = 32
"""Frames and mel bins that the pools need."""

Channels = tuple[int, int, int, int, int, int]
Towers = Literal["both", "scene", "event"]
SceneFrom = Literal["tower", "events"]


class TwoTowers(nn.Module):
    """Six convolution blocks for the scene and six for the events, of which the first N are the same.

    The names of the weights are those of PANN's CNN14, with the ending ``_event`` for what the event tower has of its
    own: a single-task net (``towers = "scene"`` or ``"event"``) keeps the names, and for one seed the initial weights,
    of the whole net, so that a stage can start from two of them. Dropout behind a shared block is drawn once for both.

    Source: [relation_guided], section III, Fig. 1; at its defaults, 10 scenes and 527 events 160,188,249 parameters,
    those of the released model.

    Args:
        task: at least 32 frames and 32 mel bands, at least one scene, and events, which the labels bring.
        n_shared: shared blocks, 0 to 6 (N); the paper's Fig. 2 finds 2 the best.
        channels: channels of the six blocks; each head's hidden layer is as wide as the last.
        towers: cut the other tower off, for a net of one task.
        scene_from: "events" reads the scene from the event posteriors and the relation matrix, q R^T, instead of from a
            tower of its own (Table I, row 2). The matrix is part of the weights.
        matrix: for ``scene_from = "events"``, a file as the published one; made of the training labels where None.
        block_dropout: share dropped behind each block.
        head_dropout: share dropped before the hidden layer.

    Raises:
        OptionError: the corpus has no scenes or the labels no events, the clip is too short, or an option cannot be.
    """

    relation: Tensor

    def __init__(
        self,
        task: Task,
        *,
        n_shared: int = 2,
        channels: Channels = CHANNELS,
        towers: Towers = "both",
        scene_from: SceneFrom = "tower",
        matrix: Path | None = None,
        block_dropout: float = 0.2,
        head_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        _check(task, n_shared, channels, towers, scene_from, matrix, (block_dropout, head_dropout))
        self.n_shared, self.towers, self.scene_from, self.matrix = n_shared, towers, scene_from, matrix
        self.block_dropout, self.head_dropout = nn.Dropout(block_dropout), nn.Dropout(head_dropout)
        # All of the whole net is made, and what is cut off is let go: the rest then begins as it does in the whole one.
        self._add_tower("", channels, task.n_scenes, first=1, kept=towers != "event")
        self._add_tower("_event", channels, task.n_events, first=n_shared + 1, kept=towers != "scene")
        if scene_from == "events":
            self.register_buffer("relation", torch.zeros(task.n_scenes, task.n_events))
        channels_last(self)

    def _add_tower(self, ending: str, channels: Channels, n_outputs: int, *, first: int, kept: bool) -> None:
        """Draw the weights of a tower, from its first block on; of one that is not kept, only shared blocks stay."""
        widths, units = (1, *channels), channels[-1]
        made: dict[str, nn.Module] = {
            f"conv_block{block}": ConvBlock(widths[block - 1], widths[block], POOLS[block - 1])
            for block in range(first, N_BLOCKS + 1)
        }
        if n_outputs:  # without events, there is no event tower
            made |= {"fc1": nn.Linear(units, units), "fc_final": nn.Linear(units, n_outputs)}
        shared = {f"conv_block{block}" for block in range(1, self.n_shared + 1)}
        for name, module in made.items():
            initialised(module)
            if kept or name in shared:
                self.add_module(f"{name}{ending}", module)

    def of_targets(self, targets: Targets) -> Self:
        """Take the relation matrix of all training labels, or of the file, where the scene is read from it."""
        if self.scene_from == "events":
            self.relation.copy_(relation_matrix(self.matrix, targets))
        return self

    def forward(self, features: Tensor) -> Outputs:
        """Return the logits of the towers there are, of features (clip, frame, mel).

        The embedding is the hidden layer of the scene tower, or of the event tower where there is no other.
        """
        x = features[:, None]  # (clip, channel, frame, mel)
        for block in range(1, self.n_shared + 1):
            x = self._block(x, block, "")
        scene_logit = event_logit = embedding = None
        if self.towers in ("both", "scene"):
            embedding, scene_logit = self._tower(x, "")
        if self.towers in ("both", "event"):
            hidden, event_logit = self._tower(x, "_event")
            embedding = hidden if embedding is None else embedding
            if self.scene_from == "events":
                # The softmax keeps the order of what it is given: the largest posterior is the largest of q R^T.
                scene_logit = implied_scenes(event_logit.sigmoid(), self.relation)
        return Outputs(event_clip_logit=event_logit, scene_logit=scene_logit, embedding=embedding)

    def _tower(self, x: Tensor, ending: str) -> tuple[Tensor, Tensor]:
        """Hidden layer (clip, unit) and logits (clip, class) of a tower, from what the shared blocks give."""
        for block in range(self.n_shared + 1, N_BLOCKS + 1):
            x = self._block(x, block, ending)
        hidden = F.relu(self.get_submodule(f"fc1{ending}")(self.head_dropout(pooled(x))))
        return hidden, self.get_submodule(f"fc_final{ending}")(hidden)

    def _block(self, x: Tensor, block: int, ending: str) -> Tensor:
        dropped: Tensor = self.block_dropout(self.get_submodule(f"conv_block{block}{ending}")(x))
        return dropped


def check_net(model: str, task: Task, channels: Channels, dropouts: tuple[float, ...]) -> None:
    """Check what all nets of these blocks need.

    Raises:
        OptionError: the corpus has no scenes, the clip is too short, or an option cannot be.
    """
    problem = None
    if not task.n_scenes:
        problem = "it classifies scenes, but the corpus names none. Take a corpus whose recordings have scenes"
    elif task.n_frames < LEAST or task.n_mels < LEAST:
        problem = (
            f"five pools of 2 x 2 need {LEAST} frames and {LEAST} mel bands, a clip has {task.n_frames} x "
            f"{task.n_mels}. Take longer clips, or more bands in the front end"
        )
    elif any(width < 1 for width in channels):
        problem = f"channels = {list(channels)} must all be positive"
    elif not all(0 <= dropout < 1 for dropout in dropouts):
        problem = f"a dropout of {' or '.join(f'{dropout:g}' for dropout in dropouts)} must be in [0, 1)"
    if problem:
        raise OptionError(f"{model}: {problem}.")


def check_events(model: str, task: Task) -> None:
    """Check that there are events to learn.

    Raises:
        OptionError: the labels bring none.
    """
    if not task.n_events:
        raise OptionError(
            f"{model}: it tells events, but the labels bring none. Add a label source that does, such as 'pann', whose "
            "events are AudioSet's, whatever the corpus has."
        )


def _check(
    task: Task,
    n_shared: int,
    channels: Channels,
    towers: Towers,
    scene_from: SceneFrom,
    matrix: Path | None,
    dropouts: tuple[float, ...],
) -> None:
    check_net("two-towers", task, channels, dropouts)
    if towers != "scene" or scene_from == "events":
        check_events("two-towers", task)
    problem = None
    if not 0 <= n_shared <= N_BLOCKS:
        problem = f"n_shared = {n_shared} must be 0 to {N_BLOCKS}, as there are {N_BLOCKS} blocks"
    elif scene_from == "events" and towers != "event":
        problem = 'scene_from = "events" takes the place of a scene tower; it goes with towers = "event"'
    elif matrix is not None and scene_from != "events":
        problem = 'matrix is read with scene_from = "events" only; the losses have an option matrix of their own'
    if problem:
        raise OptionError(f"two-towers: {problem}.")
