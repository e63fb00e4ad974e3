"""Hooks of the multitask network and its losses."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_mtl.losses import CandidateBce, SceneCrossEntropy, StrongBce, WeakBce
from earmark_mtl.net import MtlCnnBiGru


@hookimpl
def earmark_models() -> Mapping[str, Factory]:
    """Give the multitask network."""
    return {"mtl-cnn-bigru": MtlCnnBiGru}


@hookimpl
def earmark_losses() -> Mapping[str, Factory]:
    """Give one loss a label kind; their weights belong to the experiment."""
    return {
        "scene-ce": SceneCrossEntropy,
        "strong-bce": StrongBce,
        "weak-bce": WeakBce,
        "candidate-bce": CandidateBce,
    }
