"""Mean teacher: the exponential moving average of the weights of a net that is being trained."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MeanTeacher:
    """A twin of a model that follows it step by step and is never trained itself.

    Source: Tarvainen and Valpola, "Mean teachers are better role models", NIPS 2017; as in the code that they
    published, the first steps give the plain average. Statistics of batch normalisation are averaged as the weights
    are; counters are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        for module in self.model.modules():
            if isinstance(module, nn.RNNBase):
                module.flatten_parameters()  # cuDNN wants them in one piece of memory, and a copy has them in many
        self.n_steps = 0
        self._decay = decay

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Take a step of the model into the average."""
        self.n_steps += 1
        new_share = max(1 - self._decay, 1 / (self.n_steps + 1))
        own, new = ([*m.parameters(), *m.buffers()] for m in (self.model, model))
        for average, value in zip(own, new, strict=True):
            if average.is_floating_point():
                average.lerp_(value, new_share)
            else:
                average.copy_(value)
