"""Soft distillation: a model's posteriors themselves become strong labels, without a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from earmark.targets import Targets
from earmark_refiners.frame_labels import filled, frame_posterior, rows_to_fill


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftDistillation:
    """Labels every frame that has no strong label with the posterior of an earlier stage, between 0 and 1.

    Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015, at temperature 1. Changed
    for events: every event of a frame is a yes-or-no question of its own with a sigmoid, so that the binary
    cross-entropy against the posterior takes the place of the cross-entropy between two softmax distributions.
    """

    confine_to_candidates: bool = False
    """Events outside the clip's candidate set, where it has one, are labelled 0 in every frame."""

    def refine(self, targets: Targets, predictions: xr.Dataset) -> Targets:
        """Fill strong labels where they are not known; they become float.

        Raises:
            TargetsError: predictions lack the posterior or a clip, or are of another vocabulary or frame count.
        """
        rows = rows_to_fill(targets)
        if len(rows) == 0:
            return targets
        posterior = frame_posterior(targets, predictions, rows, confined=self.confine_to_candidates)
        return filled(targets, rows, posterior)
