"""Recall of annotated events by how long they are and by how many sound at once.

Precision, and so an F-score, cannot be split this way: a false alarm has no annotated duration. What is defined for
each annotated event is whether it was found, and how much of its time was covered.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from earmark.errors import OptionError
from earmark.recordings import to_us

if TYPE_CHECKING:
    import pandas as pd

EDGES_S = (0.5, 1.0, 2.0, 5.0)
"""Borders between bins of duration; a bin holds its lower border."""
MOST_AT_ONCE = 4
"""So many events at once, or more, are one bin."""
ALL = "all events"


def recall_by_duration(occurrences: pd.DataFrame, edges_s: Sequence[float] = EDGES_S) -> pd.DataFrame:
    """Recall of annotated events by their duration within the clip; events are cut at its borders.

    Args:
        occurrences: of a run; see `earmark_evaluators.exploring.error_kinds`.
        edges_s: ascending borders between the bins.

    Returns:
        Columns ``event`` (`ALL` first, then those that are annotated), ``bin``, ``n_reference``, ``n_found`` (late and
        early ones too), ``recall`` and ``covered`` (share of their time that detections of their name cover); NaN
        in the last two where a bin is empty.

    Raises:
        OptionError: the edges are not ascending positive times.
    """
    edges_us = [to_us(edge_s) for edge_s in edges_s]
    if not edges_us or edges_us != sorted({edge for edge in edges_us if edge > 0}):
        raise OptionError(f"edges_s must be ascending positive seconds, got {list(edges_s)}.")
    said = [f"{edge_s:g}" for edge_s in edges_s]
    names = [f"< {said[0]} s", *(f"{a}-{b} s" for a, b in itertools.pairwise(said)), f">= {said[-1]} s"]
    annotated = _annotated(occurrences)
    duration_us = ((annotated["offset_s"] - annotated["onset_s"]) * 1e6).round().to_numpy()
    return _recall(annotated, np.searchsorted(edges_us, duration_us, side="right"), names)


def recall_by_polyphony(occurrences: pd.DataFrame) -> pd.DataFrame:
    """Recall of annotated events by the largest number of annotated events that sound at once within them.

    Args:
        occurrences: of a run; see `earmark_evaluators.exploring.error_kinds`.

    Returns:
        Columns as in `recall_by_duration`.
    """
    annotated = _annotated(occurrences)
    names = ["alone", *(f"{n} at once" for n in range(2, MOST_AT_ONCE)), f"{MOST_AT_ONCE} or more"]
    place = annotated["polyphony"].clip(upper=MOST_AT_ONCE).to_numpy().astype(np.int64) - 1
    return _recall(annotated, place, names)


def _annotated(occurrences: pd.DataFrame) -> pd.DataFrame:
    return occurrences[occurrences["covered"].notna()]


def _recall(annotated: pd.DataFrame, place: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Table of the bins of all events, and of each one."""
    import pandas as pd

    found = (annotated["kind"] != "missed").to_numpy()
    duration_s = (annotated["offset_s"] - annotated["onset_s"]).to_numpy()
    covered_s = annotated["covered"].to_numpy() * duration_s
    event = annotated["event"].to_numpy()
    rows = []
    for name in (ALL, *sorted(set(event))):
        of_event = np.ones(len(event), dtype=np.bool_) if name == ALL else event == name
        for number, said in enumerate(names):
            here = of_event & (place == number)
            n, n_found, total_s = int(here.sum()), int((here & found).sum()), float(duration_s[here].sum())
            rows.append(
                {
                    "event": name,
                    "bin": said,
                    "n_reference": n,
                    "n_found": n_found,
                    "recall": n_found / n if n else np.nan,
                    "covered": float(covered_s[here].sum()) / total_s if n else np.nan,
                }
            )
    return pd.DataFrame(rows)
