"""Hooks of the refiners."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_refiners.class_thresholds import ClassThresholds
from earmark_refiners.mean_teacher import MeanTeacher
from earmark_refiners.progressive_identification import ProgressiveIdentification
from earmark_refiners.self_distillation import SelfDistillation
from earmark_refiners.soft_distillation import SoftDistillation
from earmark_refiners.soft_scene import SoftScene


@hookimpl
def earmark_refiners() -> Mapping[str, Factory]:
    """Give the paper's self-distillation, and others to compare it with."""
    return {
        "self-distillation": SelfDistillation,
        "soft-distillation": SoftDistillation,
        "class-thresholds": ClassThresholds,
        "progressive-identification": ProgressiveIdentification,
        "mean-teacher": MeanTeacher,
        "soft-scene": SoftScene,
    }
