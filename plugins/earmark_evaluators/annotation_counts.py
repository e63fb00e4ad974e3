"""What the annotations themselves say: how often each event was annotated in each scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from earmark.recordings import Recording

if TYPE_CHECKING:
    import pandas as pd


def instances(recordings: Iterable[Recording], events: Sequence[str], scenes: Sequence[str]) -> pd.DataFrame:
    """Annotated instances: a row an event, a column a scene.

    Source: [mutual_benefit], Fig. 1, of which the paper does not say whether it shows the training split alone.

    Args:
        recordings: those of a split, or all; recordings without a scene or without annotation count nothing.
        events: rows, in order.
        scenes: columns, in order.
    """
    import pandas as pd

    found = Counter(
        (event.label, recording.scene)
        for recording in recordings
        for event in recording.events or ()
        if recording.scene
    )
    counts = [[found[event, scene] for scene in scenes] for event in events]
    return pd.DataFrame(counts, index=pd.Index(events, name="event"), columns=pd.Index(scenes, name="scene"))
