"""Hooks of the two towers, the relation losses, and what they are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_rgasc.baselines import ClipWise, JointEmbedding, SceneConditioned, SceneConditionedBce
from earmark_rgasc.losses import EventByScene, SceneByEvent
from earmark_rgasc.two_towers import TwoTowers


@hookimpl
def earmark_models() -> Mapping[str, Factory]:
    """Give the two towers, two other joint nets, and what makes a frame-wise net a clip-wise one."""
    return {
        "two-towers": TwoTowers,
        "joint-embedding": JointEmbedding,
        "scene-conditioned": SceneConditioned,
        "clip-wise": ClipWise,
    }


@hookimpl
def earmark_losses() -> Mapping[str, Factory]:
    """Give the two relation losses, and the loss of the net that is told the scene."""
    return {
        "event-by-scene": EventByScene,
        "scene-by-event": SceneByEvent,
        "scene-conditioned-bce": SceneConditionedBce,
    }
