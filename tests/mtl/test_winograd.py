"""Winograd's filtering against the convolution that it computes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark_mtl import winograd
from earmark_mtl.conv_block import ConvBlock


def convolution(n_clips: int, n_in: int, n_out: int, n_frames: int, n_mels: int, dtype: torch.dtype) -> list[Tensor]:
    """Input, filters and a gradient by the map, at random."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((n_clips, n_in, n_frames, n_mels), (n_out, n_in, 3, 3), (n_clips, n_out, n_frames, n_mels))
    return [torch.randn(size, generator=generator, dtype=dtype) for size in sizes]


@pytest.mark.parametrize(("n_frames", "n_mels"), [(4, 2), (8, 2), (4, 6), (20, 8)])
def test_map_and_gradients_are_those_of_the_convolution(n_frames: int, n_mels: int) -> None:
    x, weight, d_map = convolution(2, 5, 3, n_frames, n_mels, torch.float64)
    x.requires_grad_()
    weight.requires_grad_()
    plain = F.conv2d(x, weight, padding=1)
    plain.backward(d_map)

    filters = winograd.transformed(weight.detach())
    d_x, d_filters = winograd.gradients(x.detach(), filters, d_map)

    torch.testing.assert_close(winograd.convolved(x.detach(), filters), plain.detach())
    torch.testing.assert_close(d_x, x.grad)
    torch.testing.assert_close(winograd.filter_gradient(d_filters), weight.grad)


def test_in_single_precision_it_rounds_within_three_times_the_direct_sum() -> None:
    x, weight, _ = convolution(2, 64, 64, 40, 8, torch.float32)
    exact = F.conv2d(x.double(), weight.double(), padding=1)

    def deviation(found: Tensor) -> float:
        return float((found - exact).norm() / exact.norm())

    direct = deviation(F.conv2d(x, weight, padding=1))
    assert 0 < deviation(winograd.convolved(x, winograd.transformed(weight))) < 3 * max(direct, 2e-7)


def test_many_channels_of_even_tiles_suit_it() -> None:
    def suit(n_in: int, n_out: int, n_frames: int, n_mels: int) -> bool:
        return winograd.suits(torch.empty(n_out, n_in, 3, 3), torch.empty(1, n_in, n_frames, n_mels))

    assert suit(64, 128, 500, 2)
    assert not suit(32, 128, 500, 2)
    assert not suit(128, 32, 500, 2)
    assert not suit(64, 64, 501, 2)
    assert not suit(64, 64, 500, 1)


def test_a_block_trains_as_its_definition_does(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    block = ConvBlock(64, 64, pool=(1, 2)).double()
    nn.init.normal_(block.norm.weight)  # negative ones too
    x = torch.randn(3, 64, 8, 4, dtype=torch.float64, requires_grad=True)
    d_out = torch.randn(3, 64, 8, 2, dtype=torch.float64)
    used: list[int] = []
    convolved = winograd.convolved
    monkeypatch.setattr(winograd, "convolved", lambda *given: used.append(1) or convolved(*given))

    block(x).backward(d_out)
    wanted = [x.grad.clone(), *(p.grad.clone() for p in block.parameters())]
    x.grad = None
    block.zero_grad()
    block.plain(x).backward(d_out)

    assert used
    for found, plain in zip(wanted, [x.grad, *(p.grad for p in block.parameters())], strict=True):
        torch.testing.assert_close(found, plain, rtol=1e-9, atol=1e-9)
