"""Self-distillation with a threshold of its own for each event."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from earmark.errors import OptionError
from earmark.targets import Targets
from earmark_refiners.frame_labels import filled, frame_posterior, rows_to_fill


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassThresholds:
    """Labels frames as self-distillation does, with a lower threshold for events of which the teacher is less sure.

    Source: Zhang et al., "FlexMatch: boosting semi-supervised learning with curriculum pseudo labeling", NeurIPS 2021:
    the threshold of a class is the fixed one times the class's learning effect, divided by that of the best learned
    class. Changed for frames with several events: FlexMatch's learning effect is the number of confident predictions,
    which for events says how common and how long they are. Here it is the mean posterior over the frames at or above
    the fixed threshold, those that plain self-distillation labels. It is at least the fixed threshold phi, so that
    thresholds lie between phi squared and phi; in FlexMatch a class with no confident prediction has the threshold 0,
    which a softmax bears, as it names one class at most, and independent events do not. An event without any such
    frame keeps phi. The relation is linear, without FlexMatch's convex map, and one round is made, not one a step.
    """

    threshold: float = 0.2
    """The threshold of the event of which the teacher is surest (phi of [partial_labels])."""
    confine_to_candidates: bool = False
    """Learn thresholds from, and label, only events of the clip's candidate set, where it has one."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise OptionError(
                f"ClassThresholds.threshold must lie between 0 and 1, got {self.threshold}; [partial_labels] uses 0.2."
            )

    def refine(self, targets: Targets, predictions: xr.Dataset) -> Targets:
        """Fill strong labels where they are not known.

        Raises:
            TargetsError: predictions lack the posterior or a clip, or are of another vocabulary or frame count.
        """
        rows = rows_to_fill(targets)
        if len(rows) == 0:
            return targets
        posterior = frame_posterior(targets, predictions, rows, confined=self.confine_to_candidates)
        return filled(targets, rows, posterior >= class_thresholds(posterior, self.threshold))


def class_thresholds(posterior: Tensor, threshold: float) -> Tensor:
    """Thresholds (event,) from posteriors (clip, frame, event); see `ClassThresholds`.

    >>> class_thresholds(torch.tensor([[[0.8, 0.4, 0.1], [0.8, 0.1, 0.1]]]), 0.2).round(decimals=6).tolist()
    [0.20000000298023224, 0.10000000149011612, 0.20000000298023224]
    """
    confident = posterior >= threshold
    n_confident = confident.sum(dim=(0, 1))
    # In double precision, as float32 loses the last frames of millions.
    total = torch.where(confident, posterior, 0.0).sum(dim=(0, 1), dtype=torch.float64)
    confidence = total / n_confident.clamp(min=1)
    best = confidence.max()
    relative = torch.where(n_confident > 0, confidence / best.clamp(min=threshold), 1.0)
    return (threshold * relative).to(posterior.dtype)
