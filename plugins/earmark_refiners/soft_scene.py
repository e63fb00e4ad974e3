"""Soft scenes: the posteriors of a scene teacher become the scene labels."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from earmark.errors import OptionError, TargetsError
from earmark.targets import Targets

log = logging.getLogger(__name__)

OVERCONFIDENT_NAT = 0.05
"""Mean entropy of the soft labels below which they say no more than hard ones do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftScene:
    """Gives every clip the scene distribution of an earlier stage, softened by a temperature.

    Hard scene labels, where there are any, are replaced: the paper drops their loss, it does not add to it. For a clip
    whose scene nobody named the teacher speaks too.

    Source: [soft_scene_labels], Eq. (5) and section 7.
    """

    temperature: float = 1.0
    """T: the teacher's logits are divided by it; above 1 scenes become more alike."""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise OptionError(
                f"SoftScene.temperature must be a positive number, got {self.temperature:g}; the paper uses 1."
            )

    def refine(self, targets: Targets, predictions: xr.Dataset) -> Targets:
        """Set the scene distribution of all clips.

        Raises:
            TargetsError: predictions lack the posterior or a clip, or are over other scenes.
        """
        scene = softened(scene_posterior(targets, predictions), self.temperature)
        entropy = mean_entropy(scene)
        log.info("soft scenes at temperature %g: mean entropy %.3f nat", self.temperature, entropy)
        if len(scene) and entropy < OVERCONFIDENT_NAT:
            log.warning(
                "Soft scene labels have a mean entropy of %.3f nat: they say no more than hard ones. Train the teacher "
                "for fewer epochs, or on other clips than it predicts.",
                entropy,
            )
        return replace(targets, scene=scene, scene_known=torch.ones(len(targets), dtype=torch.bool))


def softened(posterior: Tensor, temperature: float) -> Tensor:
    """Softmax of logits divided by a temperature, from their plain softmax (..., class).

    A logarithm gives the logits back up to a constant, which the softmax takes out again.

    >>> softened(torch.tensor([0.8, 0.2]), 0.5).round(decimals=4)  # squares: 0.64 to 0.04
    tensor([0.9412, 0.0588])
    """
    return (posterior.log() / temperature).softmax(-1)


def mean_entropy(distribution: Tensor) -> float:
    """Mean entropy of distributions (n, class) in nat; NaN of none.

    >>> round(mean_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]])), 3)
    0.347
    """
    return float(torch.special.entr(distribution).sum(-1).mean())


def scene_posterior(targets: Targets, predictions: xr.Dataset) -> Tensor:
    """Scene posteriors (clip, scene) of the targets' clips.

    Raises:
        TargetsError: predictions lack the posterior or a clip, are over other scenes, or are no distributions.
    """
    if "scene_posterior" not in predictions:
        raise TargetsError(
            f"Soft scenes need scene_posterior, but the predictions hold "
            f"{', '.join(map(str, predictions.data_vars)) or 'nothing'}. "
            'Refine by a stage whose model gives scene logits, such as "scene-teacher".'
        )
    array = predictions["scene_posterior"].transpose("clip", "scene")
    scenes = tuple(str(scene) for scene in array["scene"].values)
    if scenes != targets.scenes:
        raise TargetsError(
            f"The predictions are over the scenes {', '.join(scenes)}, the targets over {', '.join(targets.scenes)}. "
            "Refine by a stage of the same scenes, in the same order."
        )
    place = {str(clip): index for index, clip in enumerate(array["clip"].values)}
    missing = [clip for clip in targets.clips if clip not in place]
    if missing:
        raise TargetsError(
            f"The predictions lack {len(missing)} of the {len(targets)} clips to refine, such as {missing[0]}. "
            "Predict the clips of these targets first."
        )
    values = np.asarray(array.values, dtype=np.float32)[[place[clip] for clip in targets.clips]]
    if not np.allclose(values.sum(axis=1), 1, atol=1e-3):  # NaN is no distribution either
        raise TargetsError(
            "The scene posteriors of a clip do not sum to 1: their model has diverged, or these are logits. "
            "Train the teacher with a lower learning rate."
        )
    return torch.from_numpy(values)
