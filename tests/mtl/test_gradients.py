"""The hand-written backward passes against finite differences."""

from __future__ import annotations

import pytest
import torch

from earmark_mtl.bigru import BiGru, BothDirections
from earmark_mtl.conv_block import ConvNormPool
from earmark_mtl.input_block import PatchNormPool, patch_moments


def random(*shape, requires_grad=True):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=requires_grad)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("pool", [(1, 2), (2, 1), (4, 2)])
def test_convolution_normalisation_and_pooling_have_their_true_gradient(pool):
    inputs = (random(2, 3, 4, 4), random(2, 3, 3, 3), random(2), random(2), random(2))
    torch.autograd.gradcheck(lambda *given: ConvNormPool.apply(*given, 1e-5, pool)[0], inputs)


def test_the_input_block_has_its_true_gradient():
    features = random(2, 5, 8, requires_grad=False)
    moments = patch_moments(features, 4)
    inputs = (random(3, 9), random(3), random(3), random(3))
    torch.autograd.gradcheck(lambda *given: PatchNormPool.apply(features, *given, 1e-5, 4, *moments)[0], inputs)


def test_patch_moments_are_those_of_the_patches():
    features = random(3, 6, 8, requires_grad=False) + 50  # a large mean cancels in raw second moments
    patches = torch.nn.functional.unfold(features[:, None], 3, padding=1).transpose(1, 2).reshape(-1, 9)
    mean, cov = patch_moments(features, 4)
    torch.testing.assert_close(mean, patches.mean(0))
    torch.testing.assert_close(cov, torch.cov(patches.T, correction=0))


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_the_recurrence_has_its_true_gradient(n_frames):
    units = 3
    inputs = (
        random(2, n_frames, 4),
        random(2, 3 * units, 4),
        random(2, 3 * units, units),
        random(2, 3 * units),
        random(2, 3 * units),
    )
    torch.autograd.gradcheck(BothDirections.apply, inputs)


def test_the_recurrence_is_that_of_the_library():
    fast = BiGru(6, 4).double()
    plain = torch.nn.GRU(6, 4, batch_first=True, bidirectional=True).double()
    plain.load_state_dict(fast.state_dict())
    x = random(3, 11, 6)
    torch.testing.assert_close(fast(x), plain(x)[0])
