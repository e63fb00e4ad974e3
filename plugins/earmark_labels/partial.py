"""Partial labels: every clip of a scene gets the scene's candidate set of events."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch

from earmark.errors import AnnotationError, suggestion
from earmark.frames import FrameGrid
from earmark.recordings import Clip, Dataset
from earmark.targets import Targets


@dataclass(frozen=True, kw_only=True, slots=True)
class Partial:
    """Candidate set of each clip by its scene, masked where nobody named a scene."""

    table: Path | None = None
    """CSV with the columns ``scene`` and ``event``, one candidate a line. Default: the 66 pairs that a language model
    gave for the four TUT scenes ([partial_labels], Table 1)."""

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        """Return the candidate sets.

        Raises:
            AnnotationError: the table is missing or malformed, names an unknown scene or event, or lacks a scene.
        """
        where, pairs = self._pairs()
        column = {event: index for index, event in enumerate(dataset.events)}
        of_scene: dict[str, torch.Tensor] = {}
        for line, (scene, event) in enumerate(pairs, start=2):
            for kind, name, known in (("scene", scene, dataset.scenes), ("event", event, dataset.events)):
                if name not in known:
                    raise AnnotationError(
                        f"{where}, line {line}: the corpus {dataset.name!r} has no {kind} {name!r}. "
                        f"{suggestion(name, known)}It has: {', '.join(known)}."
                    )
            candidates = of_scene.setdefault(scene, torch.zeros(len(dataset.events), dtype=torch.bool))
            candidates[column[event]] = True
        without = sorted({clip.scene for clip in clips if clip.scene is not None} - of_scene.keys())
        if without:
            raise AnnotationError(
                f"{where}: no candidate set for {', '.join(without)}. Add a line for each event that may be heard "
                "there, or name another table with the option table."
            )
        candidate = torch.zeros(len(clips), len(dataset.events), dtype=torch.bool)
        for row, clip in enumerate(clips):
            if clip.scene is not None:
                candidate[row] = of_scene[clip.scene]
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=dataset.events,
            scenes=dataset.scenes,
            candidate=candidate,
            candidate_known=torch.tensor([clip.scene is not None for clip in clips], dtype=torch.bool),
        )

    def _pairs(self) -> tuple[str, list[tuple[str, str]]]:
        """Name of the table, and its (scene, event) pairs."""
        published = files("earmark_labels") / "published_candidates.csv"
        where = "the published candidate table" if self.table is None else str(self.table)
        try:
            text = (published if self.table is None else self.table).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise AnnotationError(
                f"{where}: the candidate table cannot be read ({error}). "
                "Correct the option table, or leave it out for the published candidates."
            ) from error
        try:
            return where, _pairs_of(text, where)
        except csv.Error as error:
            raise AnnotationError(f"{where}: not a table ({error}). Save it again as CSV.") from None


def _pairs_of(text: str, where: str) -> list[tuple[str, str]]:
    rows = csv.DictReader(text.splitlines())
    if not {"scene", "event"} <= set(rows.fieldnames or ()):
        raise AnnotationError(
            f"{where}: a candidate table needs a header line with scene,event; "
            f"found {','.join(rows.fieldnames or ()) or 'nothing'}."
        )
    return [((row["scene"] or "").strip(), (row["event"] or "").strip()) for row in rows]
