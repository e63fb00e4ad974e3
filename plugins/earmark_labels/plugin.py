"""Hooks of the label sources."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_labels.annotated import PseudoStrong, Strong, Weak
from earmark_labels.partial import Partial
from earmark_labels.scene import Scene


@hookimpl
def earmark_label_sources() -> Mapping[str, Factory]:
    """Give a source for every price, from the scene alone to times of every event."""
    return {"scene": Scene, "strong": Strong, "weak": Weak, "pseudo-strong": PseudoStrong, "partial": Partial}
