"""Names of the post-processing steps."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory


@hookimpl
def earmark_post_processors() -> Mapping[str, Factory]:
    """Steps from posteriors to decisions."""
    return {}
