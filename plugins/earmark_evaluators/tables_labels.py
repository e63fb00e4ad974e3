"""Tables of what labels there are: which events belong to which scene, and how long events last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from earmark.protocols import LabelSource
from earmark.recordings import US_PER_S, to_us
from earmark.study import Study
from earmark_evaluators.tables import Summary, summary, table_of

DURATION = "Average sound duration"
"""What [partial_labels], Table 7, calls the row of durations."""


def candidate_events(study: Study, source: str = "partial") -> pd.DataFrame:
    """Candidate set of each scene, bool (scene, event), as a label source gives it for the training clips."""
    labels: LabelSource = study.manager.build("label source", source, {}, f"{study.experiment.name}: candidates")
    clips = study.clips["train"]
    candidate = labels.label(study.dataset, clips, study.grid).candidate
    assert candidate is not None  # a label source of candidate sets gives some
    of_scene = {
        scene: candidate[[row for row, clip in enumerate(clips) if clip.scene == scene]].any(dim=0).tolist()
        for scene in study.dataset.scenes
    }
    return _by_scene(study, of_scene)


def annotated_events(study: Study) -> pd.DataFrame:
    """Events that are annotated in the training recordings of each scene, bool (scene, event)."""
    heard = {
        (recording.scene, event.label)
        for recording in study.dataset.of_split(study.experiment.train_split)
        for event in recording.events or ()
    }
    events = study.dataset.events
    return _by_scene(study, {s: [(s, event) in heard for event in events] for s in study.dataset.scenes})


def membership(ours: pd.DataFrame, paper: Path) -> pd.DataFrame:
    """Set two tables of scenes and events beside each other: one row per scene and event, with ours and paper.

    Args:
        ours: bool (scene, event).
        paper: a CSV file with a column ``scene`` and a column of 0 and 1 for each event.
    """
    printed = pd.read_csv(paper).set_index("scene").astype(bool)
    return pd.DataFrame(
        [
            {"scene": scene, "event": event, "ours": bool(ours.loc[scene, event]), "paper": printed.loc[scene, event]}
            for scene in printed.index
            for event in printed.columns
        ]
    )


def membership_markdown(table: pd.DataFrame) -> str:
    """A table for people: a row per event, a column per scene, and how many cells agree.

    >>> cells = [("home", "fan", True, True), ("home", "car", False, True), ("home", "cat", True, False)]
    >>> print(membership_markdown(pd.DataFrame(cells, columns=["scene", "event", "ours", "paper"])))
    | event | home |
    | --- | :---: |
    | fan | ● |
    | car | paper |
    | cat | here |
    <BLANKLINE>
    ●: here and in the paper (1); here: not in the paper (1); paper: not here (1); 0 empty cells agree.
    """
    words = {(True, True): "●", (True, False): "here", (False, True): "paper", (False, False): ""}
    of_cell = {
        (row["scene"], row["event"]): words[bool(row["ours"]), bool(row["paper"])] for row in table.to_dict("records")
    }
    scenes, events = dict.fromkeys(table["scene"]), dict.fromkeys(table["event"])
    lines = [
        "| event | " + " | ".join(str(scene).replace("_", " ") for scene in scenes) + " |",
        "| --- |" + " :---: |" * len(scenes),
        *(f"| {event} | " + " | ".join(of_cell[scene, event] for scene in scenes) + " |" for event in events),
    ]
    n = {word: list(of_cell.values()).count(word) for word in words.values()}
    said = f"●: here and in the paper ({n['●']}); here: not in the paper ({n['here']}); paper: not here ({n['paper']})"
    return "\n".join([*lines, "", f"{said}; {n['']} empty cells agree."])


def duration_table(study: Study, split: str | None = None) -> pd.DataFrame:
    """Mean duration of each event's annotated instances, in seconds, as a table with one row; n counts instances.

    Args:
        study: whose corpus is looked at.
        split: of the corpus; the training split where None, with which the indoor events of [partial_labels], Table 7,
            agree.
    """
    spans: dict[str, list[float]] = {event: [] for event in study.dataset.events}
    for recording in study.dataset.of_split(split or study.experiment.train_split):
        for event in recording.events or ():
            spans[event.label].append((to_us(event.offset_s) - to_us(event.onset_s)) / US_PER_S)
    row: dict[tuple[str, str, str], Summary] = {
        (event, "sound_duration", "class"): summary(durations) for event, durations in spans.items()
    }
    return table_of({DURATION: row})


def _by_scene(study: Study, of_scene: dict[str, list[bool]]) -> pd.DataFrame:
    table = pd.DataFrame(np.array(list(of_scene.values()), dtype=bool), index=pd.Index(of_scene, name="scene"))
    table.columns = pd.Index(study.dataset.events, name="event")
    return table
