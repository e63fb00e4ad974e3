"""Early stopping: a training ends when its score does not rise any more, and its best weights are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from earmark.experiment import StoppingRef

Judge = Callable[[nn.Module], float]
"""Gives the score of a model as it is; larger is better."""


class EarlyStopping:
    """The best epoch of a training so far, with its weights."""

    def __init__(self, rule: StoppingRef, judge: Judge) -> None:
        self.best_epoch = 0
        """Counted from 1; 0 before anything was judged."""
        self.best_score = float("-inf")
        self._rule = rule
        self._judge = judge
        self._weights: dict[str, Tensor] = {}

    def judged(self, model: nn.Module, n_done: int, *, last: bool) -> float | None:
        """Score of a model after its n_done-th epoch, or None where this epoch is not judged.

        A score that is not a number is never the best one.
        """
        if n_done % self._rule.every and not last:
            return None
        score = self._judge(model)
        if score > self.best_score:
            self.best_epoch, self.best_score = n_done, score
            self._weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        return score

    def over(self, n_done: int) -> bool:
        """Whether the training ends after its n_done-th epoch."""
        return n_done >= self._rule.at_least and n_done - self.best_epoch > self._rule.patience

    def restore_best(self, model: nn.Module) -> None:
        """Give the model the weights of its best epoch, if there is one."""
        if self._weights:
            model.load_state_dict(self._weights)

    # Through an interruption

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights and facts that `load` takes."""
        return self._weights, {"best_epoch": self.best_epoch, "best_score": self.best_score}

    def load(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any], device: torch.device) -> None:
        """Go on from what `state` gave."""
        self._weights = {name: tensor.to(device) for name, tensor in weights.items()}
        self.best_epoch, self.best_score = facts["best_epoch"], facts["best_score"]
