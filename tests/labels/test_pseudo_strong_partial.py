from __future__ import annotations

import torch

from earmark_labels.partial import Partial
from earmark_labels.pseudo_strong_partial import PseudoStrongPartial


def test_every_frame_of_a_clip_carries_the_candidates_of_its_scene(small_study) -> None:
    clips, grid = small_study.clips["train"][:6], small_study.grid
    copied = PseudoStrongPartial().label(small_study.dataset, clips, grid)
    candidate = Partial().label(small_study.dataset, clips, grid).candidate
    assert copied.frame_event.shape == (6, grid.n_frames, 25)
    assert torch.equal(copied.frame_event.all(dim=1), candidate)
    assert torch.equal(copied.frame_event.any(dim=1), candidate)
    assert bool(copied.frame_event_known.all())
    assert copied.clip_event is None  # no weak label sneaks in
