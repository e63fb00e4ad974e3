"""Names of what people do by hand: labels that they corrected."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory


@hookimpl
def earmark_label_sources() -> Mapping[str, Factory]:
    """Label sources."""
    return {}
