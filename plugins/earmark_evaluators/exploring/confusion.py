"""Confusion between events in time: what a run hears while it misses an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from earmark.recordings import to_us
from earmark.spans import Spans

if TYPE_CHECKING:
    import pandas as pd

    from earmark_evaluators.exploring.runs import ExploredRun

NOTHING = "nothing"


def confusion_in_time(run: ExploredRun, scene: str | None = None) -> xr.Dataset:
    """Which events are falsely active in the frames of missed events.

    The frames of a missed event are those that its annotated time touches; what is missed, say the error kinds (see
    `earmark_evaluators.exploring.error_kinds`). An event is falsely active in a frame where it is decided and no
    annotation of it touches the frame. Several may be, so that a row may sum to more than 1.

    Args:
        run: what a run decided.
        scene: only clips of this scene.

    Returns:
        ``share`` (event, heard): share of the frames of the event's missed occurrences in which the other event is
        falsely active; the last column, ``nothing``, is the share in which none is. NaN where no occurrence was
        missed. ``n_frames`` (event): the frames that the shares are of; the attribute ``hop_s`` says how long one is.
    """
    events = list(run.reference.events)
    table = run.occurrences if scene is None else run.occurrences[run.occurrences["scene"] == scene]
    missed = _touched(run, table[table["kind"] == "missed"])
    annotated = _touched(run, table[table["covered"].notna()])
    wrong = (run.decision & ~annotated).astype(np.float64)
    frames = missed.astype(np.float64)
    count = np.einsum("cfe,cfh->eh", frames, wrong)
    silent = np.einsum("cfe,cf->e", frames, ~wrong.any(axis=2))
    n_frames = missed.sum(axis=(0, 1))
    share = np.full((len(events), len(events) + 1), np.nan)
    np.divide(np.column_stack([count, silent]), n_frames[:, None], out=share, where=n_frames[:, None] > 0)
    return xr.Dataset(
        {"share": (("event", "heard"), share), "n_frames": (("event",), n_frames)},
        {"event": events, "heard": [*events, NOTHING]},
        {"hop_s": run.reference.grid.hop_s},
    )


def _touched(run: ExploredRun, table: pd.DataFrame) -> np.ndarray:
    """Frames (clip, frame, event) that the rows of a table of occurrences touch."""
    reference, hop_us = run.reference, to_us(run.reference.grid.hop_s)
    clip = {name: index for index, name in enumerate(reference.clip_ids)}
    event = {name: index for index, name in enumerate(reference.events)}
    n_frames = reference.grid.n_frames
    rows = [
        (clip[name], event[label], to_us(onset_s) // hop_us, -(-to_us(offset_s) // hop_us))
        for name, label, onset_s, offset_s in table[["clip", "event", "onset_s", "offset_s"]].to_numpy().tolist()
    ]
    found = Spans(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)
    within = found._replace(first=np.minimum(found.first, n_frames), end=np.minimum(found.end, n_frames))
    active: np.ndarray = within.activity(run.decision.shape) > 0
    return active
