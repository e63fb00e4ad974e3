"""Names what this package gives."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_frontends.log_mel import LogMel


@hookimpl
def earmark_frontends() -> Mapping[str, Factory]:
    """The front end of the papers."""
    return {"log-mel": LogMel}
