"""The network of [partial_labels], Table 3, in plain PyTorch modules and the usual memory layout.

It shares the names of its weights with `earmark_mtl`, which is compared with it in results and in speed.
"""

from __future__ import annotations

from torch import Tensor, nn

from earmark.outputs import Outputs
from earmark.protocols import Task


class PlainBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(n_out)
        self.activation = nn.LeakyReLU()
        self.pooling = nn.MaxPool2d(pool)

    def forward(self, x: Tensor) -> Tensor:
        return self.pooling(self.activation(self.norm(self.conv(x))))


class PlainScene(nn.Module):
    def __init__(self, n_in: int, task: Task, channels: tuple[int, int], units: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            PlainBlock(n_in, channels[0], (25, 1)),
            PlainBlock(channels[0], channels[1], (task.n_frames // 25, task.n_mels // 32)),
        )
        self.hidden, self.output = nn.Linear(channels[1], units), nn.Linear(units, task.n_scenes)
        self.activation, self.dropout = nn.LeakyReLU(), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.dropout(self.activation(self.hidden(self.blocks(x).flatten(1)))))


class PlainEvent(nn.Module):
    def __init__(self, n_in: int, n_events: int, gru_units: int, units: int, dropout: float) -> None:
        super().__init__()
        self.gru = nn.GRU(n_in, gru_units, batch_first=True, bidirectional=True)
        self.hidden, self.output = nn.Linear(2 * gru_units, units), nn.Linear(units, n_events)
        self.activation, self.dropout = nn.LeakyReLU(), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.dropout(self.activation(self.hidden(self.gru(x)[0]))))


class PlainNet(nn.Module):
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
    ) -> None:
        super().__init__()
        n_in = (1, *shared_channels)
        self.trunk = nn.Sequential(*(PlainBlock(n_in[i], n_in[i + 1], (1, pool)) for i, pool in enumerate((8, 2, 2))))
        self.scene = PlainScene(shared_channels[-1], task, scene_channels, scene_units, dropout)
        self.event = PlainEvent(shared_channels[-1] * task.n_mels // 32, task.n_events, gru_units, event_units, dropout)

    def forward(self, features: Tensor) -> Outputs:
        x = self.trunk(features[:, None])
        frame_logit = self.event(x.permute(0, 2, 3, 1).flatten(2))
        return Outputs(
            event_frame_logit=frame_logit, event_clip_logit=frame_logit.amax(dim=1), scene_logit=self.scene(x)
        )
