"""Bidirectional GRU whose two directions run as one batch; the parameters are those of `torch.nn.GRU`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from earmark_mtl.conv_block import in_its_own_way


class BiGru(nn.GRU):
    """Maps (clip, frame, feature) to (clip, frame, 2 * units), forward direction first.

    On other devices than a CPU it is `torch.nn.GRU` itself, which is cuDNN's on a GPU.
    """

    def __init__(self, n_in: int, units: int) -> None:
        super().__init__(n_in, units, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        if not in_its_own_way(x):
            plain: Any = super()
            return cast(Tensor, plain.forward(x)[0])
        both = (
            torch.stack([getattr(self, f"{name}_l0"), getattr(self, f"{name}_l0_reverse")])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        return cast(Tensor, BothDirections.apply(x, *both))  # type: ignore[no-untyped-call]


class BothDirections(torch.autograd.Function):
    """The recurrence of `torch.nn.GRU` over both directions at once.

    With s the sigmoid and r, z, n the gates:
    r = s(W_r x + U_r h), z = s(W_z x + U_z h), n = tanh(W_n x + r * (U_n h + b)), h' = n + z * (h - n).

    Everything that does not wait for the frame before is done for all frames at once: the input's share of the gates,
    and in the backward pass the gates' derivatives and the gradients of the weights. What is left are six operations
    a frame forward and three backward. Tensors over time are (direction, step, clip, unit): the second direction reads
    the frames turned round, so that a step is one view of both.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_in: Tensor, w_rec: Tensor, b_in: Tensor, b_rec: Tensor) -> Tensor:
        n_clips, n_frames, _ = x.shape
        units = w_rec.shape[2]
        ahead = x.transpose(0, 1)
        rows = torch.stack([ahead, ahead.flip(0)]).view(2, n_frames * n_clips, -1)  # step by step
        rz = x.new_empty(2, n_frames, n_clips, 2 * units)
        n = x.new_empty(2, n_frames, n_clips, units)
        split = 2 * units
        for d in range(2):
            torch.addmm((b_in + b_rec)[d, :split], rows[d], w_in[d, :split].T, out=rz[d].view(n_frames * n_clips, -1))
            torch.addmm(b_in[d, split:], rows[d], w_in[d, split:].T, out=n[d].view(n_frames * n_clips, -1))
        n_rec, h = torch.empty_like(n), torch.empty_like(n)
        u_rz = w_rec[:, :split].transpose(1, 2).contiguous()
        u_n = w_rec[:, split:].transpose(1, 2).contiguous()
        b_n = b_rec[:, None, split:]
        state = x.new_zeros(2, n_clips, units)
        steps = zip(*map(_steps, (rz, rz[..., :units], rz[..., units:], n, n_rec, h)), strict=True)
        with _one_thread():
            for rz_t, r_t, z_t, n_t, n_rec_t, h_t in steps:
                rz_t.baddbmm_(state, u_rz).sigmoid_()
                torch.baddbmm(b_n, state, u_n, out=n_rec_t)
                n_t.addcmul_(r_t, n_rec_t).tanh_()
                state = torch.lerp(n_t, state, z_t, out=h_t)
        ctx.save_for_backward(rows, w_in, w_rec, rz, n, n_rec, h)
        return torch.cat([h[0], h[1].flip(0)], 2).transpose(0, 1).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_context: Tensor) -> tuple[Tensor, ...]:
        rows, w_in, w_rec, rz, n, n_rec, h = ctx.saved_tensors
        _, n_frames, n_clips, units = h.shape
        r, z = rz[..., :units], rz[..., units:]
        # Derivatives of h' by the gates before their activation: of r, of z, and of U_n h + b.
        by_n = (1 - z) * (1 - n * n)
        gates = h.new_empty(2, n_frames, n_clips, 3, units)
        torch.mul(by_n * n_rec, r * (1 - r), out=gates[..., 0, :])
        torch.mul(h - n, 1 - z, out=gates[..., 1, :])  # z * (h before - n) is h' - n
        torch.mul(by_n, r, out=gates[..., 2, :])
        # Back through time: gates become gradients, dh collects what arrives from the frames that follow.
        by_frame = d_context.transpose(0, 1)
        dh = torch.stack([by_frame[..., :units], by_frame[..., units:].flip(0)])
        flat = gates.view(2, n_frames, n_clips, 3 * units)
        steps = list(zip(*map(_steps, (gates, flat, z, dh)), strict=True))
        with _one_thread():
            for t in range(n_frames - 1, -1, -1):
                gates_t, flat_t, z_t, dh_t = steps[t]
                gates_t.mul_(dh_t[:, :, None])
                if t > 0:
                    steps[t - 1][3].addcmul_(dh_t, z_t).baddbmm_(flat_t, w_rec)
        # Weights, for all frames at once. The state before the first step of each direction is 0.
        by_row, states = flat.view(2, -1, 3 * units), h.view(2, -1, units)
        dw_rec = by_row[:, n_clips:].transpose(1, 2) @ states[:, :-n_clips]
        db_rec = by_row.sum(1)
        torch.mul(dh, by_n, out=gates[..., 2, :])  # from here on by W_n x, no longer by U_n h + b
        dw_in = by_row.transpose(1, 2) @ rows
        db_in = by_row.sum(1)
        d_ahead, d_back = (by_row @ w_in).view(2, n_frames, n_clips, -1)
        return (d_ahead + d_back.flip(0)).transpose(0, 1), dw_in, dw_rec, db_in, db_rec


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep operations of microseconds on one thread: waiting for a second one costs more than it does."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _steps(x: Tensor) -> tuple[Tensor, ...]:
    """Views (direction, ...) of (direction, step, ...) for each step."""
    return x.unbind(1)
