"""Single-task networks: one branch of the multitask network with the trunk, the other branch cut off.

What is left has the names and, for one seed, the initial weights that it has in the multitask network, so that methods
differ in the other task alone.
"""

from __future__ import annotations

from torch import Tensor, nn

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark_mtl.net import MtlCnnBiGru


class SceneCnn(nn.Module):
    """CNN (ASC): trunk and scene branch; scene logits alone.

    Source: [mutual_benefit], Table 1 without the event layers; 1,191,844 parameters at paper size.

    Args:
        task: as for `MtlCnnBiGru`, with at least one scene.
        shared_channels: channels of the three trunk convolutions.
        scene_channels: channels of the two scene convolutions.
        scene_units: units of the hidden layer before the scene logits.
        dropout: share of hidden units dropped.

    Raises:
        OptionError: there are no scenes, or the frames or mel bands cannot be pooled evenly.
    """

    def __init__(
        self,
        task: Task,
        *,
        shared_channels: tuple[int, int, int] = (128, 128, 128),
        scene_channels: tuple[int, int] = (256, 256),
        scene_units: int = 32,
        dropout: float = 0.15,
    ) -> None:
        super().__init__()
        whole = MtlCnnBiGru(
            task,
            shared_channels=shared_channels,
            scene_channels=scene_channels,
            scene_units=scene_units,
            dropout=dropout,
        )
        if whole.scene is None:
            raise OptionError("scene-cnn classifies scenes, but the corpus names none. Choose event-cnn-bigru.")
        self.trunk, self.scene = whole.trunk, whole.scene

    def forward(self, features: Tensor) -> Outputs:
        """Return scene logits of features (clip, frame, mel)."""
        return Outputs(scene_logit=self.scene(self.trunk(features[:, None])))


class EventCnnBiGru(nn.Module):
    """CNN-BiGRU (SED): trunk and event branch; frame logits of events, and their maxima as clip logits.

    Source: [mutual_benefit], Table 1 without the scene layers; 355,801 parameters at paper size.

    Args:
        task: as for `MtlCnnBiGru`.
        shared_channels: channels of the three trunk convolutions.
        scene_channels: of the branch that is cut off: it decides which random numbers are left for the event branch.
        gru_units: units of the BiGRU in each direction.
        event_units: units of the hidden layer before the frame logits.
        scene_units: of the branch that is cut off.
        dropout: share of hidden units dropped.

    Raises:
        OptionError: the frames or mel bands cannot be pooled evenly.
    """

    def __init__(
        self,
        task: Task,
        *,
        shared_channels: tuple[int, int, int] = (128, 128, 128),
        scene_channels: tuple[int, int] = (256, 256),
        gru_units: int = 32,
        event_units: int = 32,
        scene_units: int = 32,
        dropout: float = 0.15,
    ) -> None:
        super().__init__()
        whole = MtlCnnBiGru(
            task,
            shared_channels=shared_channels,
            scene_channels=scene_channels,
            gru_units=gru_units,
            event_units=event_units,
            scene_units=scene_units,
            dropout=dropout,
        )
        self.trunk, self.event = whole.trunk, whole.event

    def forward(self, features: Tensor) -> Outputs:
        """Return frame and clip logits of events, of features (clip, frame, mel)."""
        x = self.trunk(features[:, None])  # (clip, channel, frame, mel)
        frame_logit, _ = self.event(x.permute(0, 2, 3, 1).flatten(2))
        return Outputs(event_frame_logit=frame_logit, event_clip_logit=frame_logit.amax(dim=1))
