"""Hooks of the multitask networks, their single-task parts, and their losses."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_mtl.gradient_reversal import ReversedMtlCnnBiGru
from earmark_mtl.light_net import LightCnnBiGru, LightMtlCnnBiGru, SceneTeacher
from earmark_mtl.losses import CandidateBce, SceneCrossEntropy, SoftSceneCrossEntropy, StrongBce, WeakBce
from earmark_mtl.net import MtlCnnBiGru
from earmark_mtl.single_task import EventCnnBiGru, SceneCnn


@hookimpl
def earmark_models() -> Mapping[str, Factory]:
    """Give the multitask networks of two sizes, the parts of each for one task, and a net that unlearns."""
    return {
        "mtl-cnn-bigru": MtlCnnBiGru,
        "mtl-cnn-bigru-reversed": ReversedMtlCnnBiGru,
        "scene-cnn": SceneCnn,
        "event-cnn-bigru": EventCnnBiGru,
        "light-mtl-cnn-bigru": LightMtlCnnBiGru,
        "light-cnn-bigru": LightCnnBiGru,
        "scene-teacher": SceneTeacher,
    }


@hookimpl
def earmark_losses() -> Mapping[str, Factory]:
    """Give the losses of each label kind; their weights belong to the experiment."""
    return {
        "scene-ce": SceneCrossEntropy,
        "soft-scene-ce": SoftSceneCrossEntropy,
        "strong-bce": StrongBce,
        "weak-bce": WeakBce,
        "candidate-bce": CandidateBce,
    }
