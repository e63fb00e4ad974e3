"""Two runs compared clip by clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.exploring.clips import clips_worst_first

if TYPE_CHECKING:
    import pandas as pd

    from earmark_evaluators.exploring.runs import ExploredRun

N_SHOWN = 5
"""Largest gains, and largest losses, in the short table."""


def compared(
    first: ExploredRun, second: ExploredRun, *, scene: str | None = None, event: str | None = None
) -> pd.DataFrame:
    """Frame-based F of each clip that both runs share, and what the second one gains.

    Args:
        first: a run.
        second: another one, which may be of another study.
        scene: only clips of this scene.
        event: count this event alone.

    Returns:
        Columns ``clip``, ``scene``, ``first``, ``second`` and ``gain`` (second less first), the largest gain first and
        the largest loss last; clips in which one of the runs has no F, as nothing was annotated and nothing decided,
        follow at the end with a gain of NaN. Its ``attrs`` name the runs, as ``first`` and ``second``.

    Raises:
        EvaluationError: the runs share no clip.
        OptionError: one of the runs knows no such scene or event.
    """
    shared = set(first.reference.clip_ids) & set(second.reference.clip_ids)
    if not shared:
        raise EvaluationError(
            f"{first.title} and {second.title} share no clip, so that there is nothing to compare. "
            "Choose two runs on the same corpus and split."
        )
    sides = [
        clips_worst_first(run, scene=scene, event=event).set_index("clip")[["scene", "fscore"]]
        for run in (first, second)
    ]
    table = sides[0].join(sides[1]["fscore"], how="outer", lsuffix="_first")
    table["scene"] = table["scene"].fillna(sides[1]["scene"])
    table.columns = ["scene", "first", "second"]
    table = table[table.index.isin(shared)].rename_axis("clip").reset_index()
    table["gain"] = table["second"] - table["first"]
    table = table.sort_values(["gain", "clip"], ascending=[False, True], kind="stable", ignore_index=True)
    table.attrs |= {"first": first.title, "second": second.title}
    return table


def largest(table: pd.DataFrame, n: int = N_SHOWN) -> pd.DataFrame:
    """The largest gains and, below them, the largest losses, the largest loss last; at most n of each.

    Args:
        table: made by `compared`.
        n: clips on either side.
    """
    import pandas as pd

    gains, losses = table[table["gain"] > 0].head(n), table[table["gain"] < 0].tail(n)
    short = pd.concat([gains, losses], ignore_index=True)
    short.attrs |= table.attrs
    return short
