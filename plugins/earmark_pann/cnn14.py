"""CNN14: six blocks of two convolutions, pooled over time, with the names that the published weights have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = (64, 128, 256, 512, 1024, 2048)
"""Widths of the six blocks; the last is also that of the embedding."""

LEAST_FRAMES = 32
"""Five poolings halve the time axis, and at least one frame must be left; likewise of the mel bands."""

BLOCK_DROPOUT, DROPOUT = 0.2, 0.5


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, each with batch normalisation and ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(n_out)
        self.bn2: nn.Module = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(clip, channel, frame, mel) to the same frames and bands."""
        x = F.relu_(self.bn1(self.conv1(x)))
        return F.relu_(self.bn2(self.conv2(x)))


class Cnn14(nn.Module):
    """Tagger of whole clips of any length from 32 frames on.

    Source: Kong et al., "PANNs", 2020: the nets of 16 and 32 kHz differ in their front ends alone; 80,753,615
    parameters at full width with 527 events. Dropout is theirs; their augmentation (mixup, masked stripes) is no part
    of the net.

    Args:
        n_events: outputs.
        n_mels: bands of the front end, at least 32.
        channels: widths of the six blocks.
    """

    def __init__(self, n_events: int, n_mels: int = 64, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(n_mels)
        self.n_blocks = len(channels)
        for number, (n_in, n_out) in enumerate(zip((1, *channels), channels, strict=False), 1):
            self.add_module(f"conv_block{number}", ConvBlock(n_in, n_out))
        self.fc1 = nn.Linear(channels[-1], channels[-1])
        self.fc_audioset = nn.Linear(channels[-1], n_events)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # The layout in memory, not the shape: narrow nets train twice as fast on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embedded(self, features: Tensor) -> Tensor:
        """Embedding (clip, dim), non-negative, of decibels (clip, frame, mel)."""
        x = self.bn0(features.transpose(1, 2)[..., None])  # mel as channels, for batch normalisation
        x = x.permute(0, 3, 2, 1)  # (clip, 1, frame, mel)
        for index, block in enumerate(self.blocks()):
            x = block(x)
            if index + 1 < self.n_blocks:
                x = F.avg_pool2d(x, 2)
            x = F.dropout(x, BLOCK_DROPOUT, self.training)
        x = x.mean(3)  # (clip, channel, frame)
        x = x.amax(2) + x.mean(2)
        return F.relu_(self.fc1(F.dropout(x, DROPOUT, self.training)))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (clip, event) and embedding (clip, dim) of decibels (clip, frame, mel).

        In training, only the returned embedding is dropped out, not what the logits are made of.
        """
        embedding = self.embedded(features)
        return self.fc_audioset(embedding), F.dropout(embedding, DROPOUT, self.training)

    def blocks(self) -> Iterator[ConvBlock]:
        """The blocks in order."""
        for number in range(1, self.n_blocks + 1):
            block = self.get_submodule(f"conv_block{number}")
            assert isinstance(block, ConvBlock)
            yield block


def fuse(net: Cnn14) -> None:
    """Fold batch normalisations into the convolutions before them, in place: some passes over memory less.

    For a net in evaluation mode that is not trained any more. Probabilities change by about 1e-6.
    """
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for block in net.blocks():
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2")):
            fused = fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm))
            setattr(block, conv, fused.to(memory_format=torch.channels_last))
            setattr(block, norm, nn.Identity())
