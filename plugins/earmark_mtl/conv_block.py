"""Convolution block: 3 x 3 convolution, batch normalisation, Leaky ReLU or ReLU, max pooling; fast on a CPU."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from earmark_mtl import direct, winograd

SLOPE = 0.01
"""Of every Leaky ReLU; [partial_labels] states none, this is PyTorch's. With a slope of 0 it is ReLU."""
CHUNK_ELEMENTS = 1 << 19
"""Elements of a convolution's output that are worked on at once: 2 MiB stay in the processor's cache."""


class ConvBlock(nn.Module):
    """Maps (clip, channel, frame, mel) to (clip, channel, frame / pool[0], mel / pool[1]), remainders left out.

    On a CPU the time of the plain chain of modules goes into moving activations through memory. So clips go through
    in small groups (`chunks`), and training pools before it normalises: see `ConvNormPool`. Where there are many
    channels it goes into multiplications, of which training then does a third: see `earmark_mtl.winograd`.
    """

    def __init__(self, n_in: int, n_out: int, *, pool: tuple[int, int], slope: float = SLOPE) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(n_out)
        self.pool = pool
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        if not in_its_own_way(x):
            return self.plain(x)
        if not self.training:
            return torch.cat([self.plain(chunk) for chunk in chunks(x, self.conv.out_channels)])
        if not self.knows_its_batch:
            return self.plain(x)
        conv, norm = self.conv, self.norm
        z, mean, var = ConvNormPool.apply(  # type: ignore[no-untyped-call]
            x, conv.weight, conv.bias, norm.weight, norm.bias, norm.eps, self.pool, self.slope
        )
        self.track(mean, var, x.numel() // x.shape[1])
        return cast(Tensor, z)

    @property
    def knows_its_batch(self) -> bool:
        """Whether the clips at hand are the whole batch; of a share, the mean and variance come from elsewhere."""
        return type(self.norm) is nn.BatchNorm2d

    def plain(self, x: Tensor) -> Tensor:
        """The definition of the block, and what runs on other devices."""
        return F.max_pool2d(F.leaky_relu(self.norm(self.conv(x)), self.slope), self.pool)

    def track(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Move the running estimates towards the mean and biased variance (channel,) of a batch of count values."""
        running_mean, running_var, n_batches = self.norm.buffers()
        momentum = cast(float, self.norm.momentum)
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var * (count / max(count - 1, 1)), momentum)
        n_batches.add_(1)


def in_its_own_way(x: Tensor) -> bool:
    """Whether layers compute on this input as Earmark has them for CPUs, which is in full precision."""
    return x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


def chunks(x: Tensor, n_channels: int) -> tuple[Tensor, ...]:
    """Split clips into groups for which a map of n_channels at x's resolution fits the cache; at least one clip."""
    per_clip = n_channels * x.shape[-2] * x.shape[-1]
    return torch.split(x, max(CHUNK_ELEMENTS // per_clip, 1))


class ConvNormPool(torch.autograd.Function):
    """Training step of a block: the pooled activation, and mean and biased variance of the convolution per channel.

    Batch normalisation followed by Leaky ReLU is monotonic in each channel, so the maximum may be taken first and
    the rest be done on the pooled values alone. Channels with a negative scale would need the minimum: their filters
    are negated instead, which normalisation undoes.

    The convolution's bias only moves the mean, as the normalisation takes it out again; its gradient is 0.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        scale: Tensor,
        shift: Tensor,
        eps: float,
        pool: tuple[int, int],
        slope: float = SLOPE,
    ) -> tuple[Tensor, Tensor, Tensor]:
        sign = torch.where(scale < 0, -1.0, 1.0).to(scale.dtype)
        filters = weight * sign[:, None, None, None]
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.way = way = winograd if winograd.suits(filters, x) else direct
        filters = way.transformed(filters)
        maps, pooled, moments = [], [], []
        for chunk in chunks(x, len(weight)):
            maps.append(way.convolved(chunk, filters))
            pooled.append(F.max_pool2d(maps[-1], pool))
            # One pass in float32 and float64 alike; torch.var_mean takes 20 times as long in this layout.
            moments.append(torch.ops.aten.batch_norm_update_stats(maps[-1], None, None, 0.0))
        mean, var = _joined([len(y) for y in maps], moments)
        inverse_std = torch.rsqrt(var + eps)
        gain = scale.abs() * inverse_std
        offset = shift - mean * gain
        z = torch.cat([F.leaky_relu_(_affine(y, gain, offset), slope) for y in pooled])
        ctx.save_for_backward(x, filters, sign, gain, mean, inverse_std, z, *maps)
        ctx.pool, ctx.slope = pool, slope
        mean = mean * sign + bias
        ctx.mark_non_differentiable(mean, var)
        return z, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dz: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        aten = torch.ops.aten
        x, filters, sign, gain, mean, inverse_std, z, *maps = ctx.saved_tensors
        sizes = [len(y) for y in maps]
        unpool = (ctx.pool, ctx.pool, (0, 0), (1, 1), False)
        dz = dz.contiguous(memory_format=torch.channels_last)
        # Gradients behind the normalisation, and the two sums over the batch that its backward pass needs.
        d_pooled = [
            aten.leaky_relu_backward(d, out, ctx.slope, True)
            for d, out in zip(torch.split(dz, sizes), torch.split(z, sizes), strict=True)
        ]
        d_shift, d_scale = torch.zeros_like(mean), torch.zeros_like(mean)
        for y, d in zip(maps, d_pooled, strict=True):
            d_shift += d.sum((0, 2, 3))
            d_scale += (F.max_pool2d(y, ctx.pool) - mean[:, None, None]).mul_(d).sum((0, 2, 3))
        d_scale *= inverse_std
        # d_map = gain * (unpooled - (d_shift + normalised map * d_scale) / count), as a gain and an offset on the map.
        count = sum(y.numel() for y in maps) // len(mean)
        map_gain = -gain * inverse_std * d_scale / count
        map_offset = -gain * d_shift / count - map_gain * mean
        dx, d_filters = torch.empty_like(x), torch.zeros_like(filters)
        for chunk, into, y, d in zip(torch.split(x, sizes), torch.split(dx, sizes), maps, d_pooled, strict=True):
            _, index = aten.max_pool2d_with_indices(y, *unpool)
            d_map = aten.max_pool2d_with_indices_backward(d.mul_(gain[:, None, None]), y, *unpool, index)
            d_map += _affine(y, map_gain, map_offset)
            d_chunk, d_part = ctx.way.gradients(chunk, filters, d_map)
            into.copy_(d_chunk)
            d_filters += d_part
        d_weight = ctx.way.filter_gradient(d_filters) * sign[:, None, None, None]
        return dx, d_weight, torch.zeros_like(mean), d_scale * sign, d_shift, None, None, None


def _affine(x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Return gain * x + offset, both (channel,), on (clip, channel, frame, mel)."""
    return torch.addcmul(offset[:, None, None], x, gain[:, None, None])


def _joined(sizes: list[int], moments: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over all clips from those of groups of clips, without the cancellation of raw sums."""
    mean = torch.stack([m for m, _ in moments]).double()
    var = torch.stack([v for _, v in moments]).double()
    share = torch.tensor(sizes, dtype=torch.float64)[:, None] / sum(sizes)
    whole = (share * mean).sum(0)
    spread = (share * (var + (mean - whole) ** 2)).sum(0)
    dtype = moments[0][0].dtype
    return whole.to(dtype), spread.to(dtype)
