"""The training loop: repeatable, interruptible, the same for every model and loss."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from earmark.addressing import derived_seed
from earmark.averaging import MeanTeacher
from earmark.errors import DamageError, EarmarkError
from earmark.experiment import Optimiser, Precision
from earmark.precision import casting, in_full, rounding
from earmark.predicting import rows_of
from earmark.protocols import Loss, Sampler
from earmark.stopping import EarlyStopping
from earmark.storage import RunShelf
from earmark.targets import Targets
from earmark.teams.batches import SharedModel, averaging
from earmark.teams.norms import share_norms
from earmark.teams.team import Team

OPTIMISERS: dict[str, type[torch.optim.Optimizer]] = {
    "radam": torch.optim.RAdam,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}

_logger = logging.getLogger(__name__)

SAVE_EVERY_S = float(os.environ.get("EARMARK_SAVE_EVERY_S", "20"))
"""Training seconds that an interruption may cost at most, rounded up to a whole epoch."""


class TrainingError(EarmarkError):
    """Training cannot go on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightedLoss:
    """A loss with its name and weight in the total."""

    name: str
    weight: float
    loss: Loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What training leaves beside the weights."""

    history: list[dict[str, float]]
    """For each epoch the mean of every loss over its batches, by name, ``total``, and ``wall_s``; where early stopping
    judged the epoch, its ``score``."""
    wall_s: float
    """Seconds spent in training, interruptions left out."""
    best_epoch: int | None = None
    """Epoch, counted from 1, whose weights were kept by early stopping; None without it."""


def fit(
    model: nn.Module,
    features: Tensor,
    targets: Targets | Callable[[nn.Module], Targets],
    losses: Sequence[WeightedLoss],
    sampler: Sampler,
    optimiser: Optimiser,
    n_epochs: int,
    *,
    mean_teacher: float | None = None,
    stopping: EarlyStopping | None = None,
    precision: Precision = "tf32",
    stage: str,
    seed: int,
    shelf: RunShelf,
    hook: Any,
    team: Team | None = None,
) -> Fitted:
    """Train a model in place; the last epoch's weights count, or their average where there is a mean teacher, or
    those of the best epoch where there is early stopping.

    Chance of an epoch (order of clips, dropout) is derived from the seed and the epoch alone, so that a training that
    was killed and goes on ends with the numbers of an undisturbed one, bit by bit on the CPU. In a team, each process
    has a dropout of its own; without any, the numbers are those of one process, within rounding.

    Args:
        model: on its device, in its initial state.
        features: (clip, frame, mel), prepared, on the model's device or on the host, aligned with the targets.
        targets: on the model's device; or what makes those of the next epoch from the model as it is, or from its mean
            teacher.
        losses: their weighted sum is minimised.
        sampler: chooses the clips of each batch.
        optimiser: name and learning rate.
        n_epochs: length of the training.
        mean_teacher: decay of the average of the weights; see `earmark.averaging.MeanTeacher`.
        stopping: judges the epochs; ``n_epochs`` are trained at most.
        precision: of the products in forward and backward passes; see `earmark.precision`.
        stage: name, for the hooks and for error messages.
        seed: of this repetition.
        shelf: where the state is kept from time to time, and found again after an interruption.
        hook: pluggy relay whose lifecycle hooks are called.
        team: processes that share each batch; all call this with the same arguments, and the first one saves.

    Raises:
        TrainingError: the loss is not finite any more.
        TeamError: the processes have found different states to go on from.
    """
    device = next(model.parameters()).device
    if team is not None:
        share_norms(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = OPTIMISERS[optimiser.use](trained, lr=optimiser.lr)  # type: ignore[call-arg]
    teacher = None if mean_teacher is None else MeanTeacher(model, mean_teacher)
    state = _State(model, optimizer, teacher, stopping)
    first_epoch, history, spent_s = state.restore(shelf)
    if team is not None:
        team.check_epoch(first_epoch)
    objective: nn.Module = _Objective(model if team is None else SharedModel(model, team), losses, precision)
    if team is not None:
        objective = averaging(objective)
    own_chance = () if team is None else (team.rank,)
    hook.earmark_stage_started(stage=stage, seed=seed, n_epochs=n_epochs, first_epoch=first_epoch)
    saved_at = time.monotonic()
    for epoch in range(first_epoch, n_epochs):
        if stopping is not None and stopping.over(epoch):
            break
        began = time.monotonic()
        labels = targets if isinstance(targets, Targets) else targets(model if teacher is None else teacher.model)
        model.train()
        generator = torch.Generator().manual_seed(derived_seed(seed, "epoch", epoch))
        sums = torch.zeros(len(losses) + 1, device=device)
        n_batches = 0
        with torch.random.fork_rng([device] if device.type == "cuda" else []), rounding(precision):
            torch.manual_seed(derived_seed(seed, "dropout", epoch, *own_chance))
            for index in sampler.batches(generator):
                sums += _step(objective, optimizer, features, index, labels.select(index))
                if teacher is not None:
                    teacher.follow(model)
                n_batches += 1
        means = (sums / max(n_batches, 1)).tolist()  # the epoch's only wait for the device
        if team is not None:
            means = team.agreed(means)
        if not all(mean == mean and abs(mean) != float("inf") for mean in means):
            raise TrainingError(
                f"{stage}, seed {seed}: the loss is {means[-1]} in epoch {epoch + 1}. "
                f"Lower the learning rate (now {optimiser.lr:g}), or look for broken features."
            )
        names = [*(loss.name for loss in losses), "total"]
        judged = None
        if stopping is not None:
            kept = model if teacher is None else teacher.model
            judged = stopping.judged(kept, epoch + 1, last=epoch + 1 == n_epochs)
        wall_s = max(time.monotonic() - began, 0.0)
        spent_s += wall_s
        history.append({**dict(zip(names, means, strict=True)), "wall_s": wall_s})
        if judged is not None:
            history[-1]["score"] = judged
        hook.earmark_epoch_ended(stage=stage, seed=seed, epoch=epoch, n_epochs=n_epochs, losses=history[-1])
        saves = team is None or team.leads
        if saves and time.monotonic() - saved_at > SAVE_EVERY_S and epoch + 1 < n_epochs:
            state.save(shelf, epoch + 1, history, spent_s)
            saved_at = time.monotonic()
    if teacher is not None:
        model.load_state_dict(teacher.model.state_dict())
    if stopping is not None:
        stopping.restore_best(model)
    return Fitted(history=history, wall_s=spent_s, best_epoch=stopping.best_epoch if stopping else None)


class _Objective(nn.Module):
    """What a step lowers, as a module, since a gradient can be averaged over processes of a module alone.

    Args:
        model: gives the outputs of a batch.
        losses: their weighted sum is the total.
        precision: of the forward pass; losses are taken in full.
    """

    def __init__(self, model: nn.Module, losses: Sequence[WeightedLoss], precision: Precision) -> None:
        super().__init__()
        self.model = model
        self._losses = losses
        self._precision = precision

    def forward(self, features: Tensor, index: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """The total (), and all losses with it (loss + 1,), detached, of the clips at an index (n,) of the features."""
        device = next(self.model.parameters()).device
        with casting(self._precision, device):
            if isinstance(self.model, SharedModel):
                outputs = self.model(features, index)
            else:
                outputs = self.model(rows_of(features, index, device))
        outputs = in_full(outputs)
        values = [loss.loss(outputs, targets) for loss in self._losses]
        total = torch.stack([loss.weight * value for loss, value in zip(self._losses, values, strict=True)]).sum()
        return total, torch.stack([*values, total]).detach()


def _step(
    objective: nn.Module, optimizer: torch.optim.Optimizer, features: Tensor, index: Tensor, targets: Targets
) -> Tensor:
    """One step of the optimiser; returns the losses and their weighted sum (loss + 1,), detached."""
    total, values = objective(features, index, targets)
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    optimizer.step()
    return cast(Tensor, values)


@dataclass(frozen=True, slots=True)
class _State:
    """All from which an interrupted training goes on."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    teacher: MeanTeacher | None
    stopping: EarlyStopping | None

    def save(self, shelf: RunShelf, epoch: int, history: list[dict[str, float]], spent_s: float) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        plain: dict[str, Any] = {}
        for number, entry in self.optimizer.state_dict()["state"].items():
            for key, value in entry.items():
                if isinstance(value, Tensor):
                    tensors[f"optimiser.{number}.{key}"] = value
                else:
                    plain[f"{number}.{key}"] = value
        facts: dict[str, Any] = {"epoch": epoch, "history": history, "wall_s": spent_s, "optimiser": plain}
        if self.teacher is not None:
            tensors |= {f"teacher.{name}": tensor for name, tensor in self.teacher.model.state_dict().items()}
            facts["teacher_steps"] = self.teacher.n_steps
        if self.stopping is not None:
            weights, facts["stopping"] = self.stopping.state()
            tensors |= {f"best.{name}": tensor for name, tensor in weights.items()}
        shelf.save_state({name: tensor.contiguous() for name, tensor in tensors.items()}, facts)

    def restore(self, shelf: RunShelf) -> tuple[int, list[dict[str, float]], float]:
        """Epochs done, their history and the seconds spent on them; nothing where no state was saved."""
        try:
            saved = shelf.load_state()
        except DamageError as damage:
            _logger.warning("%s The training begins anew.", damage)
            saved = None
        if saved is None:
            return 0, [], 0.0
        tensors, facts = saved
        self.model.load_state_dict(_under("model.", tensors))
        if self.teacher is not None:
            self.teacher.model.load_state_dict(_under("teacher.", tensors))
            self.teacher.n_steps = facts["teacher_steps"]
        if self.stopping is not None:
            device = next(self.model.parameters()).device
            self.stopping.load(_under("best.", tensors), facts["stopping"], device)
        state: dict[int, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".", 2)
                state.setdefault(int(number), {})[key] = tensor
        for name, value in facts["optimiser"].items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        return facts["epoch"], facts["history"], facts["wall_s"]


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def take_over(model: nn.Module, weights: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Copy the weights whose name and shape agree; return the names taken and the names left as they were."""
    own = model.state_dict()
    taken = {name: tensor for name, tensor in weights.items() if name in own and own[name].shape == tensor.shape}
    model.load_state_dict(taken, strict=False)
    return sorted(taken), sorted(own.keys() - taken.keys())
