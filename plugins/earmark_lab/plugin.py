"""Names of what people do by hand: labels that they corrected, and a page about what they have run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_lab.corrections.source import Corrected

if TYPE_CHECKING:
    from earmark.study import Study


@hookimpl
def earmark_label_sources() -> Mapping[str, Factory]:
    """Give the source of labels that people corrected in the player."""
    return {"corrected": Corrected}


@hookimpl
def earmark_report(studies: Sequence[Study], addresses: Collection[str], folder: Path) -> Path:
    """Write one HTML page with tables, figures and clips to listen to."""
    from earmark_lab.report import write_report

    return write_report(studies, addresses, folder)
