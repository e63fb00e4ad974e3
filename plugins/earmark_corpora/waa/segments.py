"""Where a segment is cut from a clip, by the position of its event."""

from __future__ import annotations

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.waa.layout import CLIP_N


def paper_start(onset: int, offset: int, length: int, rng: Rng) -> int:
    """A start at which the segment holds the whole event, or, where the event is longer, lies within it.

    Source: [weak_label_limits], section 2 of the paper. All in samples; every place that does so is as likely.
    """
    if offset - onset > length:
        low, high = onset, offset - length
    else:
        low, high = max(0, offset - length), min(onset, CLIP_N - length)
    return int(rng.integers(low, high, endpoint=True))


def released_start(onset: int, offset: int, length: int, rng: Rng) -> int:
    """A start as the released code draws it, which may halve a long event and cut a short one.

    Source: [weak_label_limits], released code, section 2.6 of the specification. All in samples.
    """
    if offset - onset > length:
        start = onset + length * rng.uniform(-1, 1)
    else:
        start = onset - length * rng.uniform(0, 1)
    return min(int(max(0.0, start)), CLIP_N - length)


PLACEMENTS = {"paper": paper_start, "released": released_start}
