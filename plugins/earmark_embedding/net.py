"""The embedding network of [weak_label_limits]: a small CNN over blocks of 200 ms, averaged over a segment."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.errors import OptionError
from earmark.protocols import Task
from earmark_embedding.dropout import dropped

BLOCK_FRAMES = 20
"""Frames of one block, 200 ms; a longer segment is a sequence of blocks that know nothing of each other."""
N_MELS = 64
SLOPE = 0.2
"""Of every Leaky ReLU."""
CHUNK_BLOCKS = 32
"""Blocks that go through the network at once on a CPU: their activations stay in the processor's cache."""


class EmbeddingNet(nn.Module):
    """Embedding network E: (clip, frame, mel) to (clip, dim); at its defaults 130 dimensions and 25,905 parameters.

    Each layer is a 3 x 3 convolution, Leaky ReLU, dropout and max pooling. Time is halved in the first two layers,
    the mel bands shrink to `mel_bins_left` in all; what is left of a block is a vector for each of its 5 time steps.
    The mean over steps and blocks, rather than the maximum, stays of use where a segment holds several events.

    Source: [weak_label_limits]; sizes and slopes are those of the authors' code.

    Args:
        task: sizes; frames must be whole blocks, mel bands 64.
        n_conv: convolutions.
        first_filters: filters of the first two convolutions; those after them but before the last have twice as many.
        last_filters: filters of the last convolution; the embedding has last_filters x mel_bins_left dimensions.
        conv_dropout: share of each convolution's outputs that is dropped.
        mel_bins_left: mel bands that the last pooling leaves.
        normalise_steps: divide the vector of each time step by its norm before the mean, as triplets want it.

    Raises:
        OptionError: a size cannot be, or the features are of other sizes.
    """

    def __init__(
        self,
        task: Task,
        *,
        n_conv: int = 4,
        first_filters: int = 16,
        last_filters: int = 65,
        conv_dropout: float = 0.2,
        mel_bins_left: int = 2,
        normalise_steps: bool = False,
    ) -> None:
        super().__init__()
        _check(task, n_conv, first_filters, last_filters, conv_dropout, mel_bins_left)
        filters = [*(first_filters * factor for factor in (1, 1, 2, 2)[: n_conv - 1]), last_filters]
        self.convs = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 3, padding=1) for n_in, n_out in zip([1, *filters], filters, strict=False)
        )
        self.pools = pools(n_conv, mel_bins_left)
        self.dropout = conv_dropout
        self.normalise_steps = normalise_steps
        self.dim = last_filters * mel_bins_left
        # A CPU pools three times as fast where the channels of a point lie side by side.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, features: Tensor, *, dropout: bool) -> Tensor:
        """Embeddings (clip, dim).

        Args:
            features: (clip, frame, mel).
            dropout: whether there is any. Said by the caller, not by the mode of the module: of one batch some clips
                are embedded with it and others without.
        """
        blocks = features.reshape(-1, 1, BLOCK_FRAMES, features.shape[2])  # (clip x block, channel, frame, mel)
        pieces = torch.split(blocks, CHUNK_BLOCKS) if blocks.device.type == "cpu" else (blocks,)
        steps = torch.cat([self._steps(piece, dropout) for piece in pieces])  # (clip x block, step, dim)
        return steps.reshape(len(features), -1, self.dim).mean(dim=1)

    def _steps(self, x: Tensor, dropout: bool) -> Tensor:
        """Vectors (block, step, dim) of blocks (block, 1, frame, mel); dimension mel x channels + channel."""
        for conv, pool in zip(self.convs, self.pools, strict=True):
            x = cast(Tensor, conv(x))
            # The definition is Leaky ReLU, dropout, pooling. Dropout multiplies by a number that is not negative, so
            # Leaky ReLU may come after both; of a pooled map it is a fraction of the work.
            x = dropped(x, self.dropout) if dropout else x
            x = F.leaky_relu(F.max_pool2d(x, pool), SLOPE)
        x = x.permute(0, 2, 3, 1).flatten(2)
        return F.normalize(x, dim=2) if self.normalise_steps else x


def pools(n_conv: int, mel_bins_left: int) -> list[tuple[int, int]]:
    """Pooling (time, mel) of each layer.

    The mel factors are as even as powers of two can be; larger ones come before the last layer, as published.

    >>> pools(4, 2)
    [(2, 2), (2, 2), (1, 4), (1, 2)]
    >>> pools(3, 1)
    [(2, 4), (2, 4), (1, 4)]
    """
    halvings = (N_MELS // mel_bins_left).bit_length() - 1
    mel = [2 ** (halvings // n_conv)] * n_conv
    for extra in range(halvings % n_conv):
        mel[n_conv - 2 - extra] *= 2
    return [(2 if layer < 2 else 1, factor) for layer, factor in enumerate(mel)]


def _check(
    task: Task, n_conv: int, first_filters: int, last_filters: int, conv_dropout: float, mel_bins_left: int
) -> None:
    """Raise where the sizes of the features or of the network cannot be."""
    if task.n_mels != N_MELS or task.n_frames % BLOCK_FRAMES or not task.n_frames:
        raise OptionError(
            f"The embedding network takes whole blocks of {BLOCK_FRAMES} frames and {N_MELS} mel bands; there are "
            f"{task.n_frames} frames and {task.n_mels} bands. Take the front end log-mel-embedding and segments of a "
            "multiple of 0.2 s."
        )
    if n_conv not in (3, 4, 5):
        raise OptionError(f"The embedding network: n_conv = {n_conv} must be 3, 4 or 5; published are 4.")
    if mel_bins_left not in (1, 2, 4):
        raise OptionError(f"The embedding network: mel_bins_left = {mel_bins_left} must be 1, 2 or 4; published are 2.")
    if first_filters < 1 or last_filters < 1:
        raise OptionError(
            f"The embedding network: first_filters = {first_filters} and last_filters = {last_filters} must be at "
            "least 1; published are 16 and 65."
        )
    check_dropout("conv_dropout", conv_dropout)


def check_dropout(name: str, share: float) -> None:
    """Raise where a share of dropped units is none.

    Raises:
        OptionError: with the option's name.
    """
    if not 0 <= share < 1:
        raise OptionError(f"The embedding network: {name} = {share:g} must be in [0, 1); published is 0.2.")
