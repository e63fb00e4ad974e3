"""Names of the annotation formats."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_formats.audacity import Audacity
from earmark_formats.jams import Jams
from earmark_formats.raven import Raven
from earmark_formats.tsv import Tsv


@hookimpl
def earmark_annotation_formats() -> Mapping[str, Factory]:
    """Formats of other programs."""
    return {"tsv": Tsv, "audacity": Audacity, "raven": Raven, "jams": Jams}
