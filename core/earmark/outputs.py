"""What a model gives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """Logits and embeddings of a batch of clips; a model fills what it has."""

    event_frame_logit: Tensor | None = None
    """(clip, frame, event), before the sigmoid."""
    event_clip_logit: Tensor | None = None
    """(clip, event), before the sigmoid."""
    scene_logit: Tensor | None = None
    """(clip, scene), before the softmax."""
    embedding: Tensor | None = None
    """(clip, dim)."""
