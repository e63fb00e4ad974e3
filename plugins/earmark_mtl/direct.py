"""3 x 3 convolutions as they are defined, under the same names as those of `earmark_mtl.winograd`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def transformed(weight: Tensor) -> Tensor:
    """Filters (out, in, 3, 3), channels last in memory."""
    return weight.contiguous(memory_format=torch.channels_last)


def filter_gradient(d_filters: Tensor) -> Tensor:
    """Gradient by a convolution's filters, which it is already."""
    return d_filters


def convolved(x: Tensor, filters: Tensor) -> Tensor:
    """Convolution of (clip, in, frame, mel), zero-padded by 1."""
    return F.conv2d(x, filters, padding=1)


def gradients(x: Tensor, filters: Tensor, d_map: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients by the input and by the filters."""
    conv = ((1, 1), (1, 1), (1, 1), False, (0, 0), 1, (True, True, False))
    d_x, d_filters, _ = torch.ops.aten.convolution_backward(d_map, x, filters, None, *conv)
    return d_x, d_filters
