"""Batch normalisation by the mean and variance of a batch that several processes share.

`torch.nn.SyncBatchNorm` does it on GPUs alone. This one runs the same lines on every device, which a machine without a
GPU can test, and it knows of processes that have no clip of a small batch.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation over a whole batch of which each process has a share.

    In evaluation, and in the names of its weights, it is the one in whose place it stands.
    """

    counts: bool = True
    """Whether the clips at hand belong to the batch."""

    @classmethod
    def of(cls, norm: _BatchNorm) -> SharedBatchNorm:
        """One with the parameters and the running estimates of another, not their copies."""
        shared = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        shared._parameters.update(norm._parameters)
        shared._buffers.update(norm._buffers)
        return shared.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (clip, channel) or (clip, channel, ...), normalised in each channel."""
        if not self.training:
            return super().forward(x)
        y, mean, var, count = Normalised.apply(  # type: ignore[no-untyped-call]
            x, self.weight, self.bias, self.eps, self.counts
        )
        if self.running_mean is not None and self.running_var is not None:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            momentum = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(var * (count / (count - 1).clamp(min=1)), momentum)
        return cast(Tensor, y)

    def _check_input_dim(self, input: Tensor) -> None:
        """Take whatever the norm before took."""


def share_norms(model: nn.Module) -> None:
    """Let every batch normalisation within a model be that of the whole batch; names of weights stay."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, SharedBatchNorm.of(child))


class Normalised(torch.autograd.Function):
    """Training step: the normalised share, and the batch's mean, biased variance (channel,) and count of values ()."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float, counts: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # One pass on every device and in every layout, as in earmark_mtl; the variance is the biased one.
        own_mean, own_var = torch.ops.aten.batch_norm_update_stats(x, None, None, 0.0)
        mean, var, count = _joined(own_mean, own_var, x.numel() // x.shape[1] if counts else 0)
        ctx.save_for_backward(x, scale, mean, var, count)
        ctx.eps, ctx.counts = eps, counts
        ctx.mark_non_differentiable(mean, var, count)
        return F.batch_norm(x, mean, var, scale, shift, False, 0.0, eps), mean, var, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, mean, var, count = ctx.saved_tensors
        # As if mean and variance were given; then what goes through them, for which the sums are the whole batch's.
        none = mean.new_empty(0)
        dx, d_scale, d_shift = torch.ops.aten.native_batch_norm_backward(
            dy, x, scale, mean, var, none, none, False, ctx.eps, (True, True, True)
        )
        sums = torch.stack([d_scale, d_shift])
        dist.all_reduce(sums)
        if ctx.counts:
            inverse_std = torch.rsqrt(var + ctx.eps)
            gain = inverse_std if scale is None else scale * inverse_std
            by_x = -gain * inverse_std * sums[0] / count
            constant = -gain * sums[1] / count - by_x * mean
            across = (-1, *(1,) * (x.ndim - 2))
            dx = dx.addcmul_(x, by_x.view(across)).add_(constant.view(across))
        return dx, d_scale, d_shift, None, None


def _joined(own_mean: Tensor, own_var: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance (channel,) over all processes from those of each, and the count of values ()."""
    own = torch.cat([own_mean, own_var, torch.full_like(own_mean[:1], count)]).double()
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    stacked = torch.stack(every)
    n = len(own_mean)
    means, variances, counts = stacked[:, :n], stacked[:, n : 2 * n], stacked[:, 2 * n :]
    share = counts / counts.sum()
    mean = (share * means).sum(0)
    var = (share * (variances + (means - mean) ** 2)).sum(0)
    return mean.to(own_mean.dtype), var.to(own_mean.dtype), counts.sum().to(own_mean.dtype)
