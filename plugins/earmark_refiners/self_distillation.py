"""Self-distillation: what a model says about clips without times becomes their strong label."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from earmark.errors import OptionError
from earmark.targets import Targets
from earmark_refiners.frame_labels import filled, frame_posterior, rows_to_fill


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfDistillation:
    """Labels every frame that has no strong label by the posterior of an earlier stage.

    Source: [partial_labels], section 7 and Fig. 4; entries with a strong label stay as they are. A second round, by
    the first student, is iterated distillation: Xie et al., "Self-training with noisy student improves ImageNet
    classification", CVPR 2020, and Furlanello et al., "Born-again neural networks", ICML 2018.
    """

    threshold: float = 0.2
    """An event is labelled active where its frame posterior is at least this (phi of the paper)."""
    confine_to_candidates: bool = False
    """Label only events of the clip's candidate set, where it has one; the paper does not say."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise OptionError(
                f"SelfDistillation.threshold must lie between 0 and 1, got {self.threshold}; the paper uses 0.2."
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
        return filled(targets, rows, posterior >= self.threshold)
