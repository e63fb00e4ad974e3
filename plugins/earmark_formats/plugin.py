"""Names of the annotation formats."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory


@hookimpl
def earmark_annotation_formats() -> Mapping[str, Factory]:
    """Formats of other programs."""
    return {}
