"""What evaluators return: scores, the counts behind them, and every setting they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from earmark.evaluation.scores import (
    POLICY,
    Counts,
    Errors,
    IntArray,
    class_fscore,
    fscore_macro,
    fscore_macro_all,
    fscore_micro,
    rate,
)
from earmark.recordings import Clip
from earmark.reference import Reference
from earmark.versions import installed_version


class Tally:
    """Counts of events and errors by recording, added up a block of clips at a time."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.recordings, self._of_clip = recordings_of(reference.clips)
        self.counts = Counts(*np.zeros((3, len(self.recordings), len(reference.events)), dtype=np.int64))
        """(recording, event)."""
        self.errors: Errors | None = None
        """(recording,), where the criterion has substitutions, deletions and insertions."""

    def add(self, rows: slice, counts: Counts, errors: Errors | None = None) -> None:
        """Add the counts (clip, event) and errors (clip,) of the clips at some rows of the reference."""
        of_clip = self._of_clip[rows]
        for sums, count in zip(self.counts, counts, strict=True):
            np.add.at(sums, of_clip, count)
        if errors is not None:
            self.errors = self.errors or Errors(*np.zeros((3, len(self.recordings)), dtype=np.int64))
            for sums, count in zip(self.errors, errors, strict=True):
                np.add.at(sums, of_clip, count)


def event_result(tally: Tally, **settings: Any) -> xr.Dataset:
    """Scores of events with the counts behind them.

    Args:
        tally: counts of all clips of its reference.
        settings: everything that the scores depend on, as attributes of the result.

    Returns:
        Scalars ``fscore_micro``, ``fscore_macro``, ``fscore_macro_all`` and, with errors, ``error_rate`` and its three
        parts; ``fscore``, ``tp``, ``fp`` and ``fn`` over (event,); counts over (recording, event) and errors over
        (recording,), for views and bootstrap intervals.
    """
    reference, total = tally.reference, tally.counts.total()
    absent = [event for event, n in zip(reference.events, total.tp + total.fn, strict=True) if n == 0]
    variables: dict[str, Any] = {**scalar_scores(total), "fscore": (("event",), class_fscore(total))}
    for name, count in tally.counts._asdict().items():
        variables[name] = (("event",), count.sum(axis=0))
        variables[f"{name}_by_recording"] = (("recording", "event"), count)
    if tally.errors is not None:
        n_reference = int((total.tp + total.fn).sum())
        sums = {name: int(error.sum()) for name, error in tally.errors._asdict().items()}
        variables["error_rate"] = float(rate(sum(sums.values()), n_reference))
        for name, error in tally.errors._asdict().items():
            variables[f"{name.removesuffix('s')}_rate"] = float(rate(sums[name], n_reference))
            variables[f"{name}_by_recording"] = (("recording",), error)
    attributes = {"policy": POLICY, "absent_events": absent, "n_clips": len(reference.clips), **settings}
    return xr.Dataset(variables, {"event": list(reference.events), "recording": tally.recordings}, attributes)


def scalar_scores(total: Counts) -> dict[str, float]:
    """The three averages of the F-score, from counts (class,)."""
    return {
        "fscore_micro": float(fscore_micro(total)),
        "fscore_macro": float(fscore_macro(total)),
        "fscore_macro_all": float(fscore_macro_all(total)),
    }


def recordings_of(clips: Sequence[Clip]) -> tuple[list[str], IntArray]:
    """Paths of the clips' recordings, in order of first appearance, and the index of each clip's one (clip,)."""
    place: dict[str, int] = {}
    of_clip = np.array([place.setdefault(clip.recording.path, len(place)) for clip in clips], dtype=np.int64)
    return list(place), of_clip


def frame_settings(reference: Reference) -> Mapping[str, Any]:
    """How time spans became reference frames."""
    return {"frame_rule": reference.frame_rule, "hop_s": reference.grid.hop_s}


def versions(*distributions: str) -> list[str]:
    """Each distribution with its version, such as "numpy 2.3.1"."""
    return [f"{name} {installed_version(name)}" for name in distributions]
