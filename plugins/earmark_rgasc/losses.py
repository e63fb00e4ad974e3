"""The relation losses: what one tower says must agree with what the other one implies through the relation matrix.

The other two losses of the paper are those of every joint model: ``scene-ce``, and ``weak-bce`` for the pseudo labels,
which is the mean over events, as in the released code; 527 times its weight is the sum that the paper prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from earmark.errors import ExperimentError
from earmark.outputs import Outputs
from earmark.targets import Targets
from earmark_rgasc.relation import read_relation, relation_of

RelationInput = Literal["softmax", "log_softmax"]
StopGradient = Literal["none", "reference"]
Side = Literal["event-by-scene", "scene-by-event"]


def event_by_scene_error(scene: Tensor, event: Tensor, relation: Tensor) -> Tensor:
    """How far the events are from those that the scenes imply: the mean square over events.

    Source: [relation_guided], L_e_by_scene: the mean of (q - p R) squared.

    Args:
        scene: p (clip, scene), posterior; the released code takes its logarithm.
        event: q (clip, event), posterior.
        relation: R (scene, event).

    Returns:
        (clip,).

    >>> relation = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> event_by_scene_error(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.0]]), relation)
    tensor([0.1250])
    """
    return (event - scene @ relation).square().mean(-1)


def scene_by_event_error(scene: Tensor, event: Tensor, relation: Tensor) -> Tensor:
    """How far the scenes are from those that the events imply: the mean square over scenes.

    Source: [relation_guided], L_s_by_event: the mean of (p - q R^T) squared. What events imply is no distribution, and
    is not made one. Arguments and result are those of `event_by_scene_error`.

    >>> relation = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> scene_by_event_error(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.0]]), relation)
    tensor([0.1250])
    """
    return (scene - implied_scenes(event, relation)).square().mean(-1)


def implied_scenes(event: Tensor, relation: Tensor) -> Tensor:
    """What events say of the scene, q R^T (clip, scene), from q (clip, event) and R (scene, event)."""
    return event @ relation.T


def relation_matrix(matrix: Path | None, targets: Targets) -> Tensor:
    """The matrix (scene, event) in the order of the targets, float32, on their device.

    Args:
        matrix: a file, as the published one; None makes the matrix of the targets.
        targets: of all training clips.

    Raises:
        RelationError: the file does not fit the targets, or no matrix can be made of them.
    """
    device = next((t.device for t in (targets.scene, targets.clip_event) if t is not None), torch.device("cpu"))
    found = relation_of(targets) if matrix is None else read_relation(matrix).over(targets.scenes, targets.events)
    return found.matrix.float().to(device)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RelationLoss:
    """One of the two losses, once the training labels are known: the mean over the clips that have both labels.

    Only those have part in the matrix; all clips of the paper do.
    """

    side: Side
    relation: Tensor
    """(scene, event)."""
    relation_input: RelationInput
    stop_gradient: StopGradient

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        scene_logit = given(outputs.scene_logit, self.side, "scene_logit")
        event_logit = given(outputs.event_clip_logit, self.side, "event_clip_logit")
        wanted = (scene_logit.shape[-1], event_logit.shape[-1])
        if tuple(self.relation.shape) != wanted:
            raise ExperimentError(
                f"The loss {self.side!r} has a relation matrix of {self.relation.shape[0]} scenes and "
                f"{self.relation.shape[1]} events, but the model gives {wanted[0]} and {wanted[1]}. "
                "Take the labels and the matrix from one vocabulary."
            )
        scene = scene_logit.softmax(-1) if self.relation_input == "softmax" else scene_logit.log_softmax(-1)
        event = event_logit.sigmoid()
        relation = self.relation.to(event)
        if self.side == "event-by-scene":
            event = event.detach() if self.stop_gradient == "reference" else event
            error = event_by_scene_error(scene, event, relation)
        else:
            scene = scene.detach() if self.stop_gradient == "reference" else scene
            error = scene_by_event_error(scene, event, relation)
        return _mean_over(error, targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class _UntoldLoss:
    """A relation loss before the training labels are known."""

    side: ClassVar[Side]

    relation_input: RelationInput = "softmax"
    """What stands for the scene: its posterior, as in the paper, or the posterior's logarithm, as in the released code,
    which makes the loss a penalty on confident scenes."""
    stop_gradient: StopGradient = "none"
    """With "reference" the loss trains the side alone that is held against it; with "none" both, as in the released
    code."""
    matrix: Path | None = None
    """Relation matrix, such as the published one (CSV); made of the stage's training labels where None."""

    def of_targets(self, targets: Targets) -> RelationLoss:
        """The loss with the relation matrix of all training labels, or of the file."""
        return RelationLoss(
            side=self.side,
            relation=relation_matrix(self.matrix, targets),
            relation_input=self.relation_input,
            stop_gradient=self.stop_gradient,
        )

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        raise without_matrix(self.side)


class EventByScene(_UntoldLoss):
    """Loss ``event-by-scene``: the event posteriors, the reference, against those that the scene posteriors imply."""

    side = "event-by-scene"


class SceneByEvent(_UntoldLoss):
    """Loss ``scene-by-event``: the scene posteriors, the reference, against what the event posteriors imply."""

    side = "scene-by-event"


def _mean_over(error: Tensor, targets: Targets) -> Tensor:
    """Mean of an error (clip,) over the clips whose scene and events are known; 0 where there are none."""
    if targets.scene_known is None or targets.clip_event_known is None:
        return error[:0].sum()
    counted = (targets.scene_known & targets.clip_event_known.any(-1)).to(error)
    return (error * counted).sum() / counted.sum().clamp(min=1)


def given(logit: Tensor | None, loss: str, output: str) -> Tensor:
    """An output that a loss needs.

    Raises:
        ExperimentError: the model does not give it.
    """
    if logit is None:
        raise ExperimentError(
            f"The loss {loss!r} needs the output {output}, which the model does not give. "
            "Take the loss out of the stage, or choose a model with both towers."
        )
    return logit


def without_matrix(loss: str) -> ExperimentError:
    """What is wrong where a loss is asked before it has seen all training labels."""
    return ExperimentError(
        f"The loss {loss!r} has no relation matrix yet. A stage gives it all training labels before it begins; in "
        "Python, call loss.of_targets(targets) first and use what that returns."
    )
