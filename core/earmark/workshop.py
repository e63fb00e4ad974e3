"""The work of a run: labels, training, predictions, kept in the store as a whole."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from earmark.addressing import derived_seed
from earmark.devices import describe_device, fits, resident, resolve_device
from earmark.errors import ExperimentError, suggestion
from earmark.hearing import Hearing
from earmark.judging import evaluate
from earmark.labelling import Labelled, labelled
from earmark.large_tensors import together
from earmark.mending import MendedFeatures
from earmark.plugins import PluginManager
from earmark.predicting import BATCH
from earmark.protocols import Evaluator, Loss, Sampler, Task
from earmark.stopping import EarlyStopping
from earmark.storage import RunShelf
from earmark.study import Job, Study
from earmark.targets import Targets
from earmark.teams.team import team
from earmark.training import WeightedLoss, fit, take_over
from earmark.versions import installed_version


class Work:
    """Does jobs of a study and evaluates them, in whatever process it finds itself."""

    def __init__(self, study: Study, device: str) -> None:
        self._study = study
        self._device = device
        self._workshop: Workshop | None = None

    def __call__(self, job: Job) -> None:
        if self._workshop is None:
            self._workshop = Workshop(self._study, resolve_device(self._device))
        self._workshop.work(job)
        # Here, where other processors do the same for other runs at the same time.
        if self._study.stage(job).title:
            evaluate(self._study, job)

    def __reduce__(self) -> tuple[Any, ...]:
        # Features are loaded where the work is done.
        return Work, (self._study, self._device)


class Workshop:
    """Does jobs of one study in this process; the features of its clips are loaded once."""

    def __init__(self, study: Study, device: torch.device) -> None:
        self._study = study
        self._kept = MendedFeatures(study)
        self._device = device
        self._features: dict[str, Tensor] = {}
        self._team = team()
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True

    def work(self, job: Job) -> None:
        """Train, predict and keep one run, unless it is whole already."""
        study, shelf = self._study, self._study.shelf(job)
        with study.store.lock(shelf.address):
            if shelf.whole:
                return
            shelf.begin({"stage": job.stage, "experiment": study.experiment.name, **study.description(job)})
            if self._team is not None:
                self._team.tell(shelf.address)
            self._train(job, shelf)
        study.manager.hook.earmark_run_finished(stage=job.stage, seed=job.seed, address=shelf.address)

    def train_along(self, job: Job) -> None:
        """Train a run together with the first process of the team, which keeps it."""
        self._train(job, self._study.shelf(job))

    def _train(self, job: Job, shelf: RunShelf) -> None:
        study, stage = self._study, self._study.stage(job)
        manager, asked_by = study.manager, f"stages.{job.stage}"
        began = time.monotonic()
        found = labelled(study, job)
        rows, targets = found.rows, found.targets
        events = targets.events
        task = Task(
            n_frames=study.grid.n_frames,
            n_mels=study.frontend.n_mels,
            n_events=len(events),
            n_scenes=len(study.dataset.scenes),
        )
        with torch.random.fork_rng([]):
            torch.manual_seed(derived_seed(job.seed, "weights"))
            model = cast(
                nn.Module, manager.build("model", stage.model.use, stage.model.options, asked_by + ".model", task)
            )
        taken: list[str] = []
        for earlier in stage.starts_from:
            weights, _ = study.shelf(Job(earlier, job.seed)).load_weights()
            taken = sorted({*taken, *take_over(model, weights)[0]})
        model = cast(nn.Module, told(model, targets)).to(self._device)
        losses = [
            WeightedLoss(
                name=ref.use,
                weight=ref.weight,
                loss=cast(Loss, told(manager.build("loss", ref.use, ref.options, asked_by + ".losses"), targets)),
            )
            for ref in stage.losses
        ]
        sampler: Sampler = manager.build(
            "sampler", stage.sampler.use, stage.sampler.options, asked_by + ".sampler", targets
        )
        hearing = Hearing(
            model, *self._statistics([study.clips["train"][row].id for row in rows.tolist()]), events, study
        )
        heard = self._heard(hearing, "train", rows)
        fitted = fit(
            model,
            heard,
            self._refined_anew(found, hearing, heard) if found.refines_itself else targets.to(self._device),
            losses,
            sampler,
            stage.optimiser,
            stage.n_epochs,
            mean_teacher=stage.mean_teacher,
            precision=stage.precision,
            stopping=self._stopping(job, found, hearing, heard) if stage.stopping else None,
            stage=job.stage,
            seed=job.seed,
            shelf=shelf,
            hook=PluginManager().hook if self._follows else manager.hook,
            team=self._team,
        )
        if self._follows:
            return
        shelf.save_weights(
            {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()},
            {
                "model": stage.model.model_dump(),
                "task": {name: getattr(task, name) for name in ("n_frames", "n_mels", "n_events", "n_scenes")},
                "frontend": study.experiment.frontend.model_dump(),
                "clip_s": study.experiment.clip_s,
                "events": list(events),
                "scenes": list(study.dataset.scenes),
                "normalisation": {"mean": hearing.mean.tolist(), "std": hearing.std.tolist()},
            },
        )
        for part in study.predicted_parts(stage):
            posteriors = hearing.predictions_of(partial(self._features_of, part), study.clips[part])
            shelf.save_predictions(part, posteriors.assign_attrs(corpus=study.dataset.title, stage=job.stage))
        shelf.finish(
            {
                "corpus": study.dataset.title,
                "n_parameters": sum(p.numel() for p in model.parameters()),
                "n_clips": len(targets),
                "taken_over": taken,
                "train_s": fitted.wall_s,
                **({} if fitted.best_epoch is None else {"best_epoch": fitted.best_epoch}),
                "wall_s": max(time.monotonic() - began, 0.0),
                "history": fitted.history,
                "device": describe_device(self._device),
                **({} if self._team is None else {"n_processes": self._team.size}),
                "machine": f"{platform.machine()} {platform.system()}",
                "versions": {name: installed_version(name) for name in ("earmark", "torch", "numpy")},
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )

    def _refined_anew(self, found: Labelled, hearing: Hearing, heard: Tensor) -> Callable[[nn.Module], Targets]:
        """What makes an epoch's targets from the model before it; the training clips come prepared."""
        clips = [self._study.clips["train"][row] for row in found.rows.tolist()]

        def refined(model: nn.Module) -> Targets:
            def predicted(part: slice) -> xr.Dataset:
                return replace(hearing, model=model).predictions(heard[part], clips[part])

            return found.refined(predicted).to(self._device)

        return refined

    def _stopping(self, job: Job, found: Labelled, hearing: Hearing, heard: Tensor) -> EarlyStopping:
        """What judges the epochs of a stage on the validation part; the training clips come prepared."""
        study, rule = self._study, self._study.stage(job).stopping
        assert rule is not None
        if self._follows:
            return EarlyStopping(rule, lambda _: self._agreed(0.0))
        here = f"stages.{job.stage}.stopping"
        evaluator: Evaluator = study.manager.build("evaluator", rule.use, rule.options, here)
        reference = study.reference_of("validation")
        trained = study.reference_of("train", found.rows.tolist())
        held_out = self._heard(hearing, "validation", torch.arange(len(reference.clips)))

        def score(model: nn.Module) -> float:
            now = replace(hearing, model=model)
            judging = evaluator
            if hasattr(evaluator, "of_training"):
                judging = evaluator.of_training(trained, now.predictions(heard, trained.clips))
            result = judging.evaluate(reference, now.predictions(held_out, reference.clips))
            if rule.score not in result or result[rule.score].ndim:
                scalars = [str(name) for name, value in result.data_vars.items() if value.ndim == 0]
                raise ExperimentError(
                    f"{here}: the evaluator {rule.use!r} gives no score {rule.score!r}. "
                    f"{suggestion(rule.score, scalars)}Scores: {', '.join(scalars) or 'none'}."
                )
            return self._agreed(float(result[rule.score]))

        return EarlyStopping(rule, score)

    @property
    def _follows(self) -> bool:
        """Whether another process leads, which alone judges, writes and reports."""
        return self._team is not None and not self._team.leads

    def _agreed(self, score: float) -> float:
        """The score that the first process has found."""
        return score if self._team is None else self._team.agreed([score])[0]

    def _statistics(self, clip_ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation per mel band (mel,), over the clips that a run is trained on."""
        if not self._study.experiment.normalise:
            n_mels = self._study.frontend.n_mels
            return torch.zeros(n_mels), torch.ones(n_mels)
        mean, std = self._kept.statistics(clip_ids)
        # A band without any variation carries nothing; dividing by 0 would poison all others.
        return torch.from_numpy(mean), torch.from_numpy(np.where(std > 0, std, np.float32(1)))

    def _heard(self, hearing: Hearing, part: str, rows: Tensor) -> Tensor:
        """What a model is trained on: features of the clips (n,) of a part, prepared, in memory where they fit."""
        grid, n_clips = self._study.grid, len(self._study.clips[part])
        n_bytes = 4 * n_clips * grid.n_frames * self._study.frontend.n_mels
        # Kept for the runs to come, which train on other clips of the part.
        if part not in self._features and fits(n_bytes, torch.device("cpu")):
            self._features[part] = resident(self._read(part, range(n_clips)), self._device)
        pieces = (hearing.prepared(self._features_of(part, some)) for some in torch.split(rows, BATCH))
        return together(pieces, len(rows))

    def _features_of(self, part: str, rows: Tensor) -> Tensor:
        """Features (clip, frame, mel) at rows (n,) of a part, as the front end made them, on the device."""
        kept = self._features.get(part)
        return (self._read(part, rows.tolist()) if kept is None else kept[rows.to(kept.device)]).to(self._device)

    def _read(self, part: str, rows: Sequence[int]) -> Tensor:
        clips = self._study.clips[part]
        return torch.from_numpy(self._kept.read([clips[row].id for row in rows]))


def told(plugin: Any, targets: Targets) -> Any:
    """A model or a loss that has seen all training labels, where it wants to; see `earmark.protocols`."""
    of_targets = getattr(plugin, "of_targets", None)
    return of_targets(targets) if of_targets else plugin
