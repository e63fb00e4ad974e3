"""The synthesiser of the TUT stand-in: its options, and where its recordings come from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors
from earmark.recordings import Recording
from earmark_corpora.synthesis.plan import least_minutes, sampled_recordings
from earmark_corpora.tut.annotations import annotated_recordings

if TYPE_CHECKING:
    from earmark.protocols import Engine

VERSION = 2
"""Raised whenever the same options and seed give other sound or other annotations."""

REAL_MIN = {"development": 163.0, "evaluation": 72.0}
"""Minutes of the published annotations' recordings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TutStandIn:
    """Writes synthetic recordings and annotations in the layout of the TUT sets.

    Either everything is drawn from the statistics of the real annotations, or real annotation files are followed
    recording by recording, so that real timing, imbalance and overlap meet synthesised sound.
    """

    development_min: float | None = None
    """Minutes to train on; None for about the real amount, 163."""
    evaluation_min: float | None = None
    """Minutes to evaluate on; None for about the real amount, 72."""
    annotations: Path | None = None
    """Folder of annotation files (``meta/``, ``crossvaridation/``) to follow; it then says how much there is."""

    def __post_init__(self) -> None:
        for split, minutes in (("development", self.development_min), ("evaluation", self.evaluation_min)):
            if minutes is None:
                continue
            if self.annotations is not None:
                raise OptionError(
                    f"TutStandIn.{split}_min is {minutes:g}, but the annotations in {self.annotations} say how long "
                    "recordings are. Give one or the other."
                )
            if not (math.isfinite(minutes) and minutes >= round(least_minutes(split), 2)):
                raise OptionError(
                    f"TutStandIn.{split}_min is {minutes:g}; give at least {least_minutes(split):.2f} minutes, which "
                    "hold two recordings of 10 s of each scene."
                )

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the stand-in; recordings that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the folder holds something else, cannot be written, or the annotations are not there.
            AnnotationError: an annotation to follow cannot be right.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from earmark_corpora.synthesis.tut_writing import write_stand_in

        write_stand_in(
            root,
            self.recordings(seed),
            self.identity(seed),
            seed=seed,
            workers=min(n_processors(), MOST_WORKERS),
            advance=advance,
            engine=engine,
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """What decides the stand-in, down to the content of annotations that are followed."""
        return {
            "corpus": "tut",
            "version": VERSION,
            "seed": seed,
            "options": {
                "development_min": self._minutes("development"),
                "evaluation_min": self._minutes("evaluation"),
                "annotations": None if self.annotations is None else _digest(self.recordings(seed)),
            },
        }

    def recordings(self, seed: int) -> tuple[Recording, ...]:
        """What is going to be written."""
        if self.annotations is not None:
            return annotated_recordings(Path(self.annotations))[0]
        minutes = {split: self._minutes(split) for split in REAL_MIN}
        return sampled_recordings({split: value for split, value in minutes.items() if value is not None}, seed)

    def _minutes(self, split: str) -> float | None:
        if self.annotations is not None:
            return None
        given = self.development_min if split == "development" else self.evaluation_min
        return REAL_MIN[split] if given is None else given


MOST_WORKERS = 8
"""A recording of five minutes takes some 0.9 GB while it is rendered."""


def _digest(recordings: tuple[Recording, ...]) -> str:
    """Address of the annotations that are followed, whatever folder they lie in."""
    known = [
        [r.path, r.duration_s, r.scene, r.fold, [[e.onset_s, e.offset_s, e.label] for e in r.events or ()]]
        for r in recordings
    ]
    return hashlib.blake2b(json.dumps(known).encode(), digest_size=16).hexdigest()
