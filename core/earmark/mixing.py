"""Which clips carry which labels: nested draws by share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from earmark.addressing import derived_seed


def draw(n_clips: int, shares: Sequence[float], seed: int) -> list[Tensor]:
    """Draw disjoint sets of clips, one for each share.

    One permutation is drawn per seed and dealt out in order, so that all methods of a repetition agree on the strong
    clips, and the strong clips at 20 % are among those at 30 %. Clips, not recordings, are drawn, uniformly and
    without replacement.

    Source: [partial_labels], section 4; unit, nesting and rounding are our reading (its specification, section 7).

    Returns:
        For each share the sorted indices (n,) of its clips, round(share * n_clips) of them up to rounding of the sum.

    >>> strong, partial = draw(10, [0.3, 0.7], seed=0)
    >>> len(strong), len(partial), sorted([*strong.tolist(), *partial.tolist()]) == list(range(10))
    (3, 7, True)
    """
    generator = torch.Generator().manual_seed(derived_seed(seed, "draw"))
    order = torch.randperm(n_clips, generator=generator)
    # Half up, not half to even: 0.3 of 5 clips is 2, and 0.5 of 5 is 3.
    ends = [int(total * n_clips + 0.5 + 1e-9) for total in itertools.accumulate(shares)]
    return [order[start:end].sort().values for start, end in itertools.pairwise([0, *ends])]
