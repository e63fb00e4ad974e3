"""Dropout that does not take most of a training: random bits in place of random numbers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_LEVELS = 1 << 16


def dropped(x: Tensor, share: float) -> Tensor:
    """Each element of x is 0 with probability `share`, and otherwise 1 / (1 - share) times itself.

    On a CPU the generator of Bernoulli numbers takes half of a training step of a small CNN. There, each element is
    judged by 16 random bits: seven times as fast, with `share` rounded to a multiple of 2 ** -16.

    Args:
        x: any shape, without gaps in memory, in any order of its dimensions.
        share: in [0, 1).
    """
    if x.device.type != "cpu" or not share:
        return F.dropout(x, share)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
    threshold = round(share * _LEVELS) - _LEVELS // 2
    kept = words.view(torch.int16)[: x.numel()] >= threshold
    # A product with bool would turn it to numbers once forward and once backward.
    scale = kept * (_LEVELS / (_LEVELS - round(share * _LEVELS)))
    # Laid over x as x lies in memory: whether channels come first or last, no element is moved.
    return x * scale.as_strided(x.shape, x.stride())
