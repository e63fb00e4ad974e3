"""Gradient reversal: what a task needs is unlearned by the layers before it."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from earmark.errors import OptionError
from earmark.protocols import Task
from earmark_mtl.net import MtlCnnBiGru

Place = Literal["S1", "S2", "E1", "E2"]
"""Where the gradient is turned round; see `PLACES`."""

PLACES: dict[str, str] = {"S1": "scene", "S2": "scene.hidden", "E1": "event", "E2": "event.hidden"}
"""Module at whose input each place of [mutual_benefit] lies; the drawing that shows them was not available.

S1 and E1 lie behind the shared layers, S2 behind the global max pooling, E2 behind the BiGRU. All layers before a place
are trained to hurt the task, those after it to do it well: a place right before the loss would make every layer wrong,
and the printed scene accuracy of GRL (S2), 33.34 %, would be near 0.
"""


class GradientReversal(torch.autograd.Function):
    """The identity, whose gradient is multiplied by -strength.

    Source: [mutual_benefit], Eqs. (4) and (5); strength is their lambda. The text multiplies the input by -1; it is the
    gradient, as in Ganin and Lempitsky, "Unsupervised domain adaptation by backpropagation", ICML 2015.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * d, None


def reversed_gradient(x: Tensor, strength: float) -> Tensor:
    """Return x (any shape), whose gradient arrives multiplied by -strength.

    >>> x = torch.ones(2, requires_grad=True)
    >>> (3 * reversed_gradient(x, 0.5)).sum().backward()
    >>> x.grad
    tensor([-1.5000, -1.5000])
    """
    return cast(Tensor, GradientReversal.apply(x, strength))  # type: ignore[no-untyped-call]


class ReversedMtlCnnBiGru(MtlCnnBiGru):
    """The multitask network with a gradient reversal layer in one of its branches.

    Weights, their names, their initial values and all outputs are those of `MtlCnnBiGru`; the gradient alone differs.

    Source: [mutual_benefit], section 5; its network has 32 units in the BiGRU and 32 in the hidden layer of events.

    Args:
        task: as for `MtlCnnBiGru`, with scenes where the place lies in the scene branch.
        place: input of the layers before which the gradient is turned round.
        strength: the gradient is multiplied by minus this (lambda of the paper).
        shared_channels: as for `MtlCnnBiGru`, and so are the others.
        scene_channels: channels of the two scene convolutions.
        gru_units: units of the BiGRU in each direction.
        event_units: units of the hidden layer before the frame logits.
        scene_units: units of the hidden layer before the scene logits.
        dropout: share of hidden units dropped in the scene and event branches.

    Raises:
        OptionError: the strength is no positive number, the task lacks the branch, or its sizes cannot be pooled.
    """

    def __init__(
        self,
        task: Task,
        *,
        place: Place = "S1",
        strength: float = 1.0,
        shared_channels: tuple[int, int, int] = (128, 128, 128),
        scene_channels: tuple[int, int] = (256, 256),
        gru_units: int = 32,
        event_units: int = 32,
        scene_units: int = 32,
        dropout: float = 0.15,
    ) -> None:
        super().__init__(
            task,
            shared_channels=shared_channels,
            scene_channels=scene_channels,
            gru_units=gru_units,
            event_units=event_units,
            scene_units=scene_units,
            dropout=dropout,
        )
        if not 0 < strength < math.inf:
            raise OptionError(
                f"mtl-cnn-bigru-reversed: strength = {strength:g} must be positive, the gradient is multiplied by "
                "minus this; the paper uses 1."
            )
        if place.startswith("S") and self.scene is None:
            raise OptionError(
                f"mtl-cnn-bigru-reversed: the place {place} lies in the scene branch, but the corpus names no scenes. "
                "Choose E1 or E2."
            )
        # A hook, not a module: what stands in the way would change the names of the weights behind it.
        self.get_submodule(PLACES[place]).register_forward_pre_hook(partial(_turned_round, strength=strength))


def _turned_round(module: nn.Module, inputs: tuple[Tensor], *, strength: float) -> tuple[Tensor]:
    return (reversed_gradient(inputs[0], strength),)
