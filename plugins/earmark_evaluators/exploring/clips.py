"""Clips of a run, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from earmark.errors import OptionError, suggestion
from earmark.evaluation.scores import Counts, class_fscore
from earmark_evaluators.exploring.error_kinds import ERRORS, KINDS, OF_REFERENCE

if TYPE_CHECKING:
    import pandas as pd

    from earmark_evaluators.exploring.runs import ExploredRun

ORDERS = {"frame F": "fscore", "number of errors": "n_errors"}
"""By what clips are ordered, with the column that says it."""


def clips_worst_first(
    run: ExploredRun,
    *,
    scene: str | None = None,
    event: str | None = None,
    kind: str | None = None,
    by: str = "frame F",
) -> pd.DataFrame:
    """Clips of a run with their scores, the worst first.

    Args:
        run: what a run decided.
        scene: only clips of this scene.
        event: count this event alone, and only clips in which it is annotated or decided.
        kind: only clips with an occurrence of this kind; see `earmark_evaluators.exploring.error_kinds`.
        by: one of `ORDERS`. Clips that agree in it are ordered by the other, and then stay in the corpus' order.

    Returns:
        Columns ``clip`` (its id), ``scene``, ``fscore`` (frame-based, events pooled; NaN, and last, where nothing was
        annotated and nothing decided), ``n_reference``, ``n_errors`` (all occurrences that are not found) and the
        number of occurrences of each kind.

    Raises:
        OptionError: the run knows no such scene, event, kind or order.
    """
    import pandas as pd

    reference = run.reference
    for what, value, known in (
        ("scene", scene, reference.scenes),
        ("event", event, reference.events),
        ("error kind", kind, KINDS),
        ("order", by, tuple(ORDERS)),
    ):
        if value is not None and value not in known:
            raise OptionError(
                f"There is no {what} {value!r}. {suggestion(value, known)}Choose one of {', '.join(known)}."
            )
    table = run.occurrences if event is None else run.occurrences[run.occurrences["event"] == event]
    columns = slice(None) if event is None else [reference.events.index(event)]
    counts = Counts(*(count[:, columns] for count in run.counts))
    kinds = pd.crosstab(table["clip"], table["kind"])
    kinds = kinds.reindex(index=list(reference.clip_ids), columns=list(KINDS), fill_value=0)
    clips = pd.DataFrame(
        {
            "clip": reference.clip_ids,
            "scene": [clip.scene or "" for clip in reference.clips],
            "fscore": class_fscore(counts.pooled())[:, 0],
            "n_reference": kinds[list(OF_REFERENCE)].sum(axis=1).to_numpy(),
            "n_errors": kinds[list(ERRORS)].sum(axis=1).to_numpy(),
            **{name: kinds[name].to_numpy() for name in KINDS},
        }
    )
    kept = np.ones(len(clips), dtype=np.bool_)
    if scene is not None:
        kept &= (clips["scene"] == scene).to_numpy()
    if event is not None:
        kept &= clips["fscore"].notna().to_numpy() | (kinds.sum(axis=1) > 0).to_numpy()
    if kind is not None:
        kept &= (clips[kind] > 0).to_numpy()
    best_first = {"fscore": True, "n_errors": False}
    order = sorted(best_first, key=lambda column: column != ORDERS[by])
    chosen = clips[kept].sort_values(order, ascending=[best_first[name] for name in order], kind="stable")
    return chosen.reset_index(drop=True)


def occurrences_of_clip(run: ExploredRun, clip_id: str) -> pd.DataFrame:
    """What a run made of one clip, in order of time; columns as in `earmark_evaluators.exploring.error_kinds`."""
    table = run.occurrences
    return table[table["clip"] == clip_id].drop(columns=["clip", "scene"]).reset_index(drop=True)
