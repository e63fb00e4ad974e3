"""Small balanced sets of clips with one class each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from earmark.targets import Targets

EVENTS = ("cat", "dog", "frying", "speech")


def targets_of(classes: Sequence[int], n_events: int = 4) -> Targets:
    """Weak labels of clips, each of one class, all known."""
    clip_event = torch.zeros(len(classes), n_events, dtype=torch.bool)
    clip_event[torch.arange(len(classes)), torch.tensor(classes)] = True
    return Targets(
        clips=tuple(f"clip {index}" for index in range(len(classes))),
        events=EVENTS[:n_events],
        scenes=(),
        clip_event=clip_event,
        clip_event_known=torch.ones_like(clip_event),
    )


@pytest.fixture(scope="session")
def make_targets() -> Callable[..., Targets]:
    return targets_of


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    pass
