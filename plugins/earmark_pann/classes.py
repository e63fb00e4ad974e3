"""The 527 classes of AudioSet in their order."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

N_CLASSES = 527


@cache
def audioset_events() -> tuple[str, ...]:
    """Display names in the order of the index; ``audioset_classes.csv`` holds index, machine id and name."""
    text = (files("earmark_pann") / "audioset_classes.csv").read_text(encoding="utf-8")
    return tuple(row["display_name"] for row in csv.DictReader(text.splitlines()))
