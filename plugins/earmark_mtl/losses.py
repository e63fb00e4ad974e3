"""Losses of joint analysis, one a label kind: pure functions of logits, labels and masks, and the plugins on top.

All reductions are means over what is known in the batch ([partial_labels], section 6, with the public baseline's
averages in place of the printed sums). The masks do the work of the Kronecker deltas of Eqs. (8) and (9).

Nothing here asks a tensor for its value: a host that waits for the device once a batch and loss would be the
slowest part of a training on a GPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from earmark.errors import ExperimentError, OptionError
from earmark.outputs import Outputs
from earmark.targets import Targets


def masked_event_bce(logit: Tensor, label: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over the entries that carry a label.

    Source: [partial_labels], Eq. (2) over frames and events, and the clip-level loss below it.

    Args:
        logit: (..., event), before the sigmoid.
        label: (..., event), bool or in [0, 1]; may be NaN where not known.
        known: bool, broadcasts to the label's shape; True where an annotator answered.

    Returns:
        () nats per known entry; 0 with a gradient of 0 where nothing is known.

    >>> logit, known = torch.zeros(1, 1, 2), torch.tensor([[[True, False]]])
    >>> round(masked_event_bce(logit, torch.ones(1, 1, 2), known).item(), 3)
    0.693
    """
    known = known.expand_as(label)
    # Take unknown labels away before the loss, not after: 0 * NaN would stay in the gradient.
    label = torch.where(known, label, 0).to(logit.dtype)
    total = F.binary_cross_entropy_with_logits(logit, label, weight=known.to(logit.dtype), reduction="sum")
    return total / known.sum().clamp(min=1)


def masked_scene_cross_entropy(logit: Tensor, scene: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy against a distribution over scenes, averaged over the clips whose scene is known.

    Source: [partial_labels], Eq. (1); with a soft distribution, [soft_scene_labels], Eq. (6) at T = 1.

    Args:
        logit: (clip, scene), before the softmax.
        scene: (clip, scene), rows that sum to 1; may be NaN where not known.
        known: (clip,), bool.

    Returns:
        () nats per known clip; 0 with a gradient of 0 where no scene is known.

    >>> one_hot = torch.tensor([[1.0, 0.0]])
    >>> round(masked_scene_cross_entropy(torch.zeros(1, 2), one_hot, torch.tensor([True])).item(), 3)
    0.693
    """
    # A row of zeros has no cross-entropy and no gradient.
    scene = torch.where(known[:, None], scene, 0).to(logit.dtype)
    return F.cross_entropy(logit, scene, reduction="sum") / known.sum().clamp(min=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneCrossEntropy:
    """Scene logits against the scene distribution, hard or soft."""

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        logit = _given(outputs.scene_logit, "scene-ce", "scene_logit")
        if targets.scene is None or targets.scene_known is None:
            return _nothing(logit)
        return masked_scene_cross_entropy(logit, targets.scene, targets.scene_known)


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftSceneCrossEntropy:
    """Scene logits divided by a temperature, against the scene distribution of a teacher at the same temperature.

    Source: [soft_scene_labels], Eqs. (4) to (6). There is no factor of the squared temperature, with which others keep
    gradients alike; at temperature 1 this is `SceneCrossEntropy`.
    """

    temperature: float = 1.0
    """T; that of the refiner ``soft-scene``, which makes the teacher's distribution, must be the same."""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise OptionError(
                f"soft-scene-ce: temperature = {self.temperature:g} must be a positive number; the paper uses 1."
            )

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        logit = _given(outputs.scene_logit, "soft-scene-ce", "scene_logit")
        if targets.scene is None or targets.scene_known is None:
            return _nothing(logit)
        return masked_scene_cross_entropy(logit / self.temperature, targets.scene, targets.scene_known)


@dataclass(frozen=True, kw_only=True, slots=True)
class StrongBce:
    """Event logits of every frame against strong labels, whether annotated, distilled or copied from weak ones."""

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        logit = _given(outputs.event_frame_logit, "strong-bce", "event_frame_logit")
        if targets.frame_event is None or targets.frame_event_known is None:
            return _nothing(logit)
        return masked_event_bce(logit, targets.frame_event, targets.frame_event_known[:, None, :])


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakBce:
    """Event logits of the clip against weak labels."""

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        logit = _given(outputs.event_clip_logit, "weak-bce", "event_clip_logit")
        if targets.clip_event is None or targets.clip_event_known is None:
            return _nothing(logit)
        return masked_event_bce(logit, targets.clip_event, targets.clip_event_known)


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateBce:
    """Event logits of the clip against the candidate set, taken as if it were the weak label."""

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        logit = _given(outputs.event_clip_logit, "candidate-bce", "event_clip_logit")
        if targets.candidate is None or targets.candidate_known is None:
            return _nothing(logit)
        return masked_event_bce(logit, targets.candidate, targets.candidate_known[:, None])


def _given(logit: Tensor | None, loss: str, output: str) -> Tensor:
    if logit is None:
        raise ExperimentError(
            f"The loss {loss!r} needs the output {output}, which the model does not give. "
            "Take the loss out of the stage, or choose a model that gives it."
        )
    return logit


def _nothing(logit: Tensor) -> Tensor:
    """Return a zero that hangs on the graph, so that a stage whose batch holds no label still has a backward pass."""
    return logit[:0].sum()
