"""Labels of a stage's training clips: from its label sources, refined once, or anew for each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from earmark.experiment import ITSELF
from earmark.mending import loaded_predictions
from earmark.mixing import draw
from earmark.protocols import LabelSource, Refiner
from earmark.study import Job, Study
from earmark.targets import Targets, concatenate


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """Training clips of a stage, share after share, with their labels."""

    rows: Tensor
    """Indices (n,) into the study's training clips."""
    shares: tuple[Targets, ...]
    """Labels of each share that holds any clip; what refines them once, by an earlier stage, is done."""
    refiners: tuple[Refiner | None, ...]
    """For each share what refines it by the stage itself, anew for each epoch."""

    @property
    def targets(self) -> Targets:
        """Labels of all clips, in the order of `rows`, before the stage itself refines any."""
        return concatenate(self.shares)

    @property
    def refines_itself(self) -> bool:
        return any(refiner is not None for refiner in self.refiners)

    def refined(self, predict: Callable[[slice], xr.Dataset]) -> Targets:
        """Labels of all clips, with those of the stage's own refiners made anew from the original ones.

        Args:
            predict: gives the predictions of the clips ``rows[part]``, for the part of a share.
        """
        parts, begin = [], 0
        for targets, refiner in zip(self.shares, self.refiners, strict=True):
            end = begin + len(targets)
            parts.append(targets if refiner is None else refiner.refine(targets, predict(slice(begin, end))))
            begin = end
        return concatenate(parts)


def labelled(study: Study, job: Job) -> Labelled:
    """Draw the clips of each share, label them, and refine what earlier stages refine."""
    stage, clips = study.stage(job), study.clips["train"]
    chosen = draw(len(clips), [label.share for label in stage.labels], job.seed)
    shares: list[Targets] = []
    refiners: list[Refiner | None] = []
    for label, rows in zip(stage.labels, chosen, strict=True):
        if not len(rows):
            continue
        of_share = [clips[row] for row in rows.tolist()]
        given = []
        for ref in label.sources:
            asked_by = f"stages.{job.stage}.labels"
            source: LabelSource = study.manager.build("label source", ref.use, ref.options, asked_by)
            of_run = getattr(source, "of_run", None)
            given.append((of_run(job.seed) if of_run else source).label(study.dataset, of_share, study.grid))
        targets = given[0]
        for other in given[1:]:
            targets = targets.merge(other)
        by_itself: Refiner | None = None
        if label.refine:
            refiner: Refiner = study.manager.build(
                "refiner", label.refine.use, label.refine.options, f"stages.{job.stage}.labels.refine"
            )
            if label.refine.by == ITSELF:
                by_itself = refiner
            else:
                teacher = Job(label.refine.by, job.seed)
                targets = refiner.refine(targets, loaded_predictions(study, teacher, "train", targets.clips))
        shares.append(targets)
        refiners.append(by_itself)
    rows = torch.cat([rows for rows in chosen if len(rows)])
    return Labelled(rows=rows, shares=tuple(shares), refiners=tuple(refiners))
