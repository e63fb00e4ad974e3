"""3 x 3 convolutions of many channels with a third of the multiplications: Winograd's minimal filtering.

Tiles of 4 frames x 2 mel bins are made of patches of 6 x 4 values, by 24 matrix products over the channels in the place
of 72, between sums that transform patches, filters and tiles. Each sum is linear, so the backward pass is made of their
adjoints. In float32 the rounding is some ten times that of the direct way.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2016); F(4, 3) along frames, F(2, 3) along
mel bins.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRAMES, MELS = 4, 2
"""Outputs of a tile along each axis; a map's frames and mel bins must be multiples."""
MIN_CHANNELS = 64
"""With fewer, the sums cost more than the multiplications that they save."""

_PATCH = (FRAMES + 2, MELS + 2)
# Rows are points, columns the filter's taps.
_FRAME_TAPS = torch.tensor(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
).div(24)
_MEL_TAPS = torch.tensor([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], dtype=torch.float64).div(2)


def suits(weight: Tensor, x: Tensor) -> bool:
    """Whether filters (out, in, 3, 3) on an input (clip, in, frame, mel) gain by it."""
    return min(weight.shape[:2]) >= MIN_CHANNELS and x.shape[2] % FRAMES == 0 and x.shape[3] % MELS == 0


def transformed(weight: Tensor) -> Tensor:
    """Filters of the matrix products (point, in, out) of a convolution's filters (out, in, 3, 3)."""
    points = torch.einsum("pi,qj,ocij->pqco", _FRAME_TAPS, _MEL_TAPS, weight.double())
    return points.flatten(0, 1).to(weight.dtype).contiguous()


def filter_gradient(d_filters: Tensor) -> Tensor:
    """Gradient by a convolution's filters (out, in, 3, 3) of that by the transformed ones (point, in, out)."""
    points = d_filters.double().view(*_PATCH, *d_filters.shape[1:])
    return torch.einsum("pi,qj,pqco->ocij", _FRAME_TAPS, _MEL_TAPS, points).to(d_filters.dtype)


def convolved(x: Tensor, filters: Tensor) -> Tensor:
    """Convolution of (clip, in, frame, mel), zero-padded by 1, with transformed filters; channels last in memory."""
    products = torch.bmm(_patches(x), filters)
    return _tiles(products.view(*_PATCH, len(x), x.shape[2] // FRAMES, x.shape[3] // MELS, -1))


def gradients(x: Tensor, filters: Tensor, d_map: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients by the input (clip, in, frame, mel) and by the transformed filters (point, in, out)."""
    d_products = _tiles_adjoint(d_map)
    d_filters = torch.bmm(_patches(x).transpose(1, 2), d_products)
    d_patches = torch.bmm(d_products, filters.transpose(1, 2))
    return _patches_adjoint(d_patches.view(*_PATCH, len(x), x.shape[2] // FRAMES, x.shape[3] // MELS, -1)), d_filters


def _patches(x: Tensor) -> Tensor:
    """Points (point, tile, channel) of the patches of (clip, channel, frame, mel); tiles over clip, frame and mel."""
    n_clips, n_channels, n_frames, n_mels = x.shape
    padded = x.new_zeros(n_clips, n_frames + 2, n_mels + 2, n_channels)
    padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    n = n_frames // FRAMES
    d0, d1, d2, d3, d4, d5 = (padded[:, i : i + FRAMES * n - 3 : FRAMES] for i in range(_PATCH[0]))
    rows = x.new_empty(_PATCH[0], *d0.shape)
    torch.add(d4, d2, alpha=-5, out=rows[0]).add_(d0, alpha=4)
    even, odd = torch.sub(d4, d2, alpha=4), torch.sub(d3, d1, alpha=4)
    torch.add(even, odd, out=rows[1])
    torch.sub(even, odd, out=rows[2])
    torch.sub(d4, d2, out=even)
    torch.sub(d3, d1, out=odd)
    torch.add(even, odd, alpha=2, out=rows[3])
    torch.sub(even, odd, alpha=2, out=rows[4])
    torch.add(d5, d3, alpha=-5, out=rows[5]).add_(d1, alpha=4)
    n = n_mels // MELS
    e0, e1, e2, e3 = (rows[..., j : j + MELS * n - 1 : MELS, :] for j in range(_PATCH[1]))
    points = x.new_empty(_PATCH[0], _PATCH[1], *e0.shape[1:])
    torch.sub(e0, e2, out=points[:, 0])
    torch.add(e1, e2, out=points[:, 1])
    torch.sub(e2, e1, out=points[:, 2])
    torch.sub(e1, e3, out=points[:, 3])
    return points.view(_PATCH[0] * _PATCH[1], -1, n_channels)


def _patches_adjoint(points: Tensor) -> Tensor:
    """(clip, channel, frame, mel) of points (frame point, mel point, clip, tile, tile, channel)."""
    _, _, n_clips, n_frames, n_mels, n_channels = points.shape
    u0, u1, u2, u3 = points.unbind(1)
    rows = points.new_empty(_PATCH[0], n_clips, n_frames, MELS * n_mels + 2, n_channels)
    even, odd = rows[..., 0::2, :], rows[..., 1::2, :]
    even[..., :-1, :] = u0
    even[..., -1:, :] = 0
    torch.sub(u1, u2, out=odd[..., :-1, :]).add_(u3)
    odd[..., -1:, :] = 0
    even[..., 1:, :].add_(u1).add_(u2).sub_(u0)
    odd[..., 1:, :].sub_(u3)
    v0, v1, v2, v3, v4, v5 = rows[..., 1:-1, :]  # without what falls on the padding
    padded = points.new_empty(n_clips, FRAMES * n_frames + 4, MELS * n_mels, n_channels)
    parts = padded.view(n_clips, n_frames + 1, FRAMES, MELS * n_mels, n_channels)
    d, following = parts[:, :-1], parts[:, 1:]
    padded[:, FRAMES * n_frames :] = 0
    near, near_odd, far, far_odd = v1 + v2, v1 - v2, v3 + v4, v3 - v4
    torch.mul(v0, 4, out=d[:, :, 0])
    torch.mul(near_odd, -4, out=d[:, :, 1]).sub_(far_odd, alpha=2).add_(v5, alpha=4)
    torch.mul(v0, -5, out=d[:, :, 2]).sub_(near, alpha=4).sub_(far)
    torch.add(near_odd, far_odd, alpha=2, out=d[:, :, 3]).sub_(v5, alpha=5)
    following[:, :, 0].add_(v0).add_(near).add_(far)
    following[:, :, 1].add_(v5)
    return padded[:, 1 : FRAMES * n_frames + 1].permute(0, 3, 1, 2)


def _tiles(points: Tensor) -> Tensor:
    """(clip, channel, frame, mel) of products (frame point, mel point, clip, tile, tile, channel)."""
    _, _, n_clips, n_frames, n_mels, n_channels = points.shape
    m0, m1, m2, m3 = points.unbind(1)
    rows = points.new_empty(_PATCH[0], n_clips, n_frames, n_mels, MELS, n_channels)
    torch.add(m0, m1, out=rows[..., 0, :]).add_(m2)
    torch.sub(m1, m2, out=rows[..., 1, :]).sub_(m3)
    v0, v1, v2, v3, v4, v5 = rows
    tiles = points.new_empty(n_clips, n_frames, FRAMES, n_mels, MELS, n_channels)
    near, near_odd, far, far_odd = v1 + v2, v1 - v2, v3 + v4, v3 - v4
    torch.add(near, far, out=tiles[:, :, 0]).add_(v0)
    torch.add(near_odd, far_odd, alpha=2, out=tiles[:, :, 1])
    torch.add(near, far, alpha=4, out=tiles[:, :, 2])
    torch.add(near_odd, far_odd, alpha=8, out=tiles[:, :, 3]).add_(v5)
    return tiles.view(n_clips, FRAMES * n_frames, MELS * n_mels, n_channels).permute(0, 3, 1, 2)


def _tiles_adjoint(d_map: Tensor) -> Tensor:
    """Products' gradient (point, tile, channel) of that of the map (clip, channel, frame, mel)."""
    n_clips, n_channels, n_frames, n_mels = d_map.shape
    tiles = d_map.permute(0, 2, 3, 1).reshape(n_clips, n_frames // FRAMES, FRAMES, n_mels // MELS, MELS, n_channels)
    y0, y1, y2, y3 = tiles.unbind(2)
    rows = d_map.new_empty(_PATCH[0], *y0.shape)
    rows[0], rows[5] = y0, y3
    even, odd = y0 + y2, y1 + y3
    torch.add(even, odd, out=rows[1])
    torch.sub(even, odd, out=rows[2])
    torch.add(y0, y2, alpha=4, out=even)
    torch.add(y1, y3, alpha=4, out=odd)
    torch.add(even, odd, alpha=2, out=rows[3])
    torch.sub(even, odd, alpha=2, out=rows[4])
    first, second = rows.unbind(-2)
    points = d_map.new_empty(_PATCH[0], _PATCH[1], *first.shape[1:])
    points[:, 0] = first
    torch.add(first, second, out=points[:, 1])
    torch.sub(first, second, out=points[:, 2])
    torch.neg(second, out=points[:, 3])
    return points.view(_PATCH[0] * _PATCH[1], -1, n_channels)
