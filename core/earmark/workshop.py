"""The work of a run: labels, training, predictions, kept in the store as a whole."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from earmark.addressing import derived_seed
from earmark.devices import describe_device, resident, resolve_device
from earmark.errors import DamageError, ExperimentError, suggestion
from earmark.hearing import Hearing
from earmark.judging import evaluate
from earmark.labelling import Labelled, labelled
from earmark.mending import features_again
from earmark.plugins import plugins
from earmark.protocols import Evaluator, Loss, Sampler, Task
from earmark.stopping import EarlyStopping
from earmark.storage import FeatureShelf, RunShelf
from earmark.study import Job, Study
from earmark.targets import Targets
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
            features = self._study.store.features(self._study.feature_address)
            self._workshop = Workshop(self._study, features, resolve_device(self._device))
        self._workshop.work(job)
        # Here, where other processors do the same for other runs at the same time.
        if self._study.stage(job).title:
            evaluate(self._study, job)

    def __getstate__(self) -> dict[str, Any]:
        # Plugins are found anew where the work is done, and features are loaded there.
        study = self._study
        return {"parts": (study.experiment, study.dataset, study.store), "device": self._device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        experiment, dataset, store = state["parts"]
        study = Study(experiment=experiment, dataset=dataset, store=store, manager=plugins())
        self.__init__(study, state["device"])  # type: ignore[misc]


class Workshop:
    """Does jobs of one study in this process; the features of its clips are loaded once."""

    def __init__(self, study: Study, features: FeatureShelf, device: torch.device) -> None:
        self._study = study
        self._shelf = features
        self._device = device
        self._features: dict[str, Tensor] = {}
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
            self._train(job, shelf)
        study.manager.hook.earmark_run_finished(stage=job.stage, seed=job.seed, address=shelf.address)

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
        raw = self._part("train")
        heard = hearing.prepared(raw[rows.to(raw.device)])
        fitted = fit(
            model,
            heard,
            self._refined_anew(found, hearing, heard) if found.refines_itself else targets.to(self._device),
            losses,
            sampler,
            stage.optimiser,
            stage.n_epochs,
            mean_teacher=stage.mean_teacher,
            stopping=self._stopping(job, found, hearing, heard) if stage.stopping else None,
            stage=job.stage,
            seed=job.seed,
            shelf=shelf,
            hook=manager.hook,
        )
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
            posteriors = hearing.predictions(hearing.prepared(self._part(part)), study.clips[part])
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
        here = f"stages.{job.stage}.stopping"
        evaluator: Evaluator = study.manager.build("evaluator", rule.use, rule.options, here)
        reference = study.reference_of("validation")
        trained = study.reference_of("train", found.rows.tolist())
        held_out = hearing.prepared(self._part("validation"))

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
            return float(result[rule.score])

        return EarlyStopping(rule, score)

    def _statistics(self, clip_ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation per mel band (mel,), over the clips that a run is trained on."""
        if not self._study.experiment.normalise:
            n_mels = self._study.frontend.n_mels
            return torch.zeros(n_mels), torch.ones(n_mels)
        mean, std = self._of_features(lambda shelf: shelf.statistics(clip_ids))
        # A band without any variation carries nothing; dividing by 0 would poison all others.
        return torch.from_numpy(mean), torch.from_numpy(np.where(std > 0, std, np.float32(1)))

    def _part(self, part: str) -> Tensor:
        """Features (clip, frame, mel) of a part, on the device where they fit."""
        if part not in self._features:
            ids = [clip.id for clip in self._study.clips[part]]
            features = torch.from_numpy(self._of_features(lambda shelf: shelf.read(ids)))
            self._features[part] = resident(features, self._device)
        return self._features[part]

    def _of_features(self, read: Callable[[FeatureShelf], Any]) -> Any:
        """What is read of the features; where they are damaged, they are extracted again first."""
        try:
            return read(self._shelf)
        except DamageError as damage:
            self._shelf = features_again(self._study, read, damage)
            return read(self._shelf)


def told(plugin: Any, targets: Targets) -> Any:
    """A model or a loss that has seen all training labels, where it wants to; see `earmark.protocols`."""
    of_targets = getattr(plugin, "of_targets", None)
    return of_targets(targets) if of_targets else plugin
