"""Hooks of the refiners."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_refiners.self_distillation import SelfDistillation


@hookimpl
def earmark_refiners() -> Mapping[str, Factory]:
    """Give self-distillation."""
    return {"self-distillation": SelfDistillation}
