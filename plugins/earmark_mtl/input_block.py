"""The first convolution block, whose input has one channel: its batch statistics and gradients need no full map.

At paper size the first convolution's map is 64 x 128 x 500 x 64 values, a gigabyte, and carrying it through memory
is what the plain block's time goes into. But a map that is linear in 3 x 3 patches of one channel is known from little:
its batch mean and variance follow from the mean and covariance of the patches (9 and 9 x 9 numbers), and so does
what the normalisation sends back. What remains is the pooled maximum, for which a map can be made slot by slot
(one mel bin of each pooled bin) in the cache, and made again in the backward pass.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from earmark_mtl.conv_block import CHUNK_ELEMENTS, SLOPE, ConvBlock, in_its_own_way


class InputBlock(ConvBlock):
    """Maps features (clip, 1, frame, mel) to (clip, channel, frame, mel / pool); parameters as in `ConvBlock`."""

    def __init__(self, n_out: int, *, pool: int, slope: float = SLOPE) -> None:
        super().__init__(1, n_out, pool=(1, pool), slope=slope)

    def forward(self, x: Tensor) -> Tensor:
        frozen_in_graph = not self.training and torch.is_grad_enabled()
        of_a_share = self.training and not self.knows_its_batch
        if not in_its_own_way(x) or x.requires_grad or frozen_in_graph or of_a_share:
            return self.plain(x)
        conv, norm, slots = self.conv, self.norm, self.pool[1]
        features = x[:, 0]
        bias = cast(Tensor, conv.bias)
        filters = conv.weight.flatten(1)  # (channel, patch)
        if self.training:
            moments = patch_moments(features, slots)
            z, mean, var = PatchNormPool.apply(  # type: ignore[no-untyped-call]
                features, filters, bias, norm.weight, norm.bias, norm.eps, slots, *moments, self.slope
            )
            self.track(mean, var, features.numel())
        else:
            running_mean, running_var, _ = norm.buffers()
            gain = norm.weight * torch.rsqrt(running_var + norm.eps)
            folded = _folded(filters, gain, norm.bias + gain * (bias - running_mean))
            z = _pooled(features, folded, slots, self.slope)
        # In memory (clip, frame, mel, channel) stays as it is, which is channels_last.
        return cast(Tensor, z).permute(0, 3, 1, 2)


class PatchNormPool(torch.autograd.Function):
    """Training step of the block: (clip, frame, mel / slots, channel), mean and biased variance of each channel."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        filters: Tensor,
        bias: Tensor,
        scale: Tensor,
        shift: Tensor,
        eps: float,
        slots: int,
        patch_mean: Tensor,
        patch_cov: Tensor,
        slope: float = SLOPE,
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean = filters @ patch_mean
        var = ((filters @ patch_cov) * filters).sum(1).clamp(min=0)
        inverse_std = torch.rsqrt(var + eps)
        gain = scale * inverse_std
        folded = _folded(filters, gain, shift - gain * mean)
        z = _pooled(features, folded, slots, slope)
        ctx.save_for_backward(features, filters, folded, gain, inverse_std, patch_mean, patch_cov)
        ctx.slots, ctx.slope = slots, slope
        mean = mean + bias
        ctx.mark_non_differentiable(mean, var)
        return z, mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dz: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        features, filters, folded, gain, inverse_std, patch_mean, patch_cov = ctx.saved_tensors
        # Sum of patch * gradient over the pooled maxima, (patch + 1, channel); the last row is the gradients' sum.
        total = _patch_gradient(features, folded, ctx.slots, dz.contiguous(), ctx.slope).T
        d_shift = total[:, -1]
        centred = total[:, :-1] - d_shift[:, None] * patch_mean  # (channel, patch)
        d_scale = inverse_std * (filters * centred).sum(1)
        d_filters = gain[:, None] * (centred - (d_scale * inverse_std)[:, None] * (filters @ patch_cov))
        return None, d_filters, torch.zeros_like(gain), d_scale, d_shift, None, None, None, None, None


def patch_moments(features: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Mean (patch,) and covariance (patch, patch) of the 3 x 3 patches of features (clip, frame, mel), zero-padded."""
    counts, means, scatters = [], [], []
    for chunk in _chunks(features, 9 * slots):
        patches = _patches(chunk, slots)[:, :-1]  # (slot, patch, place)
        mean = patches.mean((0, 2))
        centred = patches - mean[:, None]
        counts.append(chunk.numel())
        means.append(mean)
        scatters.append((centred @ centred.transpose(1, 2)).sum(0))
    # Joined in double precision from centred groups: raw second moments cancel where the mean is large.
    share = torch.tensor(counts, dtype=torch.float64)[:, None] / features.numel()
    group_mean = torch.stack(means).double()
    whole = (share * group_mean).sum(0)
    apart = group_mean - whole
    cov = torch.stack(scatters).double().sum(0) / features.numel() + apart.T @ (share * apart)
    return whole.to(features.dtype), cov.to(features.dtype)


def _folded(filters: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Filters with the normalisation in them, (patch + 1, channel); the last row meets a patch entry of 1."""
    return torch.cat([filters * gain[:, None], offset[:, None]], dim=1).T.contiguous()


def _pooled(features: Tensor, folded: Tensor, slots: int, slope: float) -> Tensor:
    """Activation (clip, frame, mel / slots, channel): the maximum over slots, then Leaky ReLU."""
    n_clips, n_frames, n_mels = features.shape
    n_channels = folded.shape[1]
    z = features.new_empty(n_clips, n_frames, n_mels // slots, n_channels)
    chunks = _chunks(features, n_channels)
    for chunk, into in zip(chunks, torch.split(z, len(chunks[0])), strict=True):
        patches = _patches(chunk, slots)
        best = into.view(-1, n_channels)
        torch.mm(patches[0].T, folded, out=best)
        other = torch.empty_like(best)
        for slot in patches[1:]:
            torch.mm(slot.T, folded, out=other)
            torch.maximum(best, other, out=best)
        F.leaky_relu_(best, slope)
    return z


def _patch_gradient(features: Tensor, folded: Tensor, slots: int, dz: Tensor, slope: float) -> Tensor:
    """Sum of (patch, 1) times gradient over the slots that won the maximum, (patch + 1, channel)."""
    aten = torch.ops.aten
    n_channels = folded.shape[1]
    total = torch.zeros_like(folded)
    chunks = _chunks(features, n_channels)
    for chunk, d in zip(chunks, torch.split(dz, len(chunks[0])), strict=True):
        patches = _patches(chunk, slots)
        maps = patches.new_empty(slots, patches.shape[2], n_channels)
        for slot, into in zip(patches, maps, strict=True):
            torch.mm(slot.T, folded, out=into)
        best = maps.amax(0)
        left = aten.leaky_relu_backward(d.view(-1, n_channels), best, slope, False)
        for slot, behind in zip(patches[:-1], maps.sub_(best)[:-1], strict=True):
            # The first slot that reaches the maximum takes the gradient, as in max_pool2d, and leaves 0 to the others.
            # threshold_backward is a masked copy; torch.where takes 20 times as long.
            won = aten.threshold_backward(left, behind, -torch.finfo(d.dtype).tiny)
            total.addmm_(slot, won)
            left -= won
        total.addmm_(patches[-1], left)
    return total


def _chunks(features: Tensor, n_channels: int) -> tuple[Tensor, ...]:
    """Split clips into groups for which one slot's map fits the cache; at least one clip."""
    slot_elements = n_channels * features.shape[1] * features.shape[2] // 8
    return torch.split(features, max(CHUNK_ELEMENTS // slot_elements, 1))


def _patches(features: Tensor, slots: int) -> Tensor:
    """Patches with an entry of 1 behind them, (slot, patch + 1, place); places count over clip, frame, pooled mel."""
    n_clips, n_frames, n_mels = features.shape
    padded = F.pad(features, (1, 1, 1, 1))
    # Copied once with pooled mel bins side by side, so that every row below is made of long contiguous pieces.
    apart = (
        padded.unfold(2, slots + 2, slots).permute(3, 0, 1, 2).contiguous()
    )  # (slot + 2, clip, frame + 2, mel / slots)
    patches = features.new_ones(slots, 10, n_clips * n_frames * (n_mels // slots))
    windows = apart.unfold(0, 3, 1).unfold(2, 3, 1)  # (slot, clip, frame, mel / slots, mel tap, frame tap)
    patches[:, :9].view(slots, 3, 3, n_clips, n_frames, -1).copy_(windows.permute(0, 5, 4, 1, 2, 3))
    return patches
