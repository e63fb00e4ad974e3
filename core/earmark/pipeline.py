"""From an experiment to its results: features, labels, training, predictions, evaluation; what is done stays done."""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from earmark.addressing import derived_seed
from earmark.devices import describe_device, resident, resolve_device
from earmark.experiment import PluginRef
from earmark.extraction import extract
from earmark.labelling import Labelled, labelled
from earmark.plugins import BY_HAND, plugins
from earmark.postprocessing import decisions, fitted
from earmark.protocols import Engine, Evaluator, Loss, Sampler, Task
from earmark.recordings import Clip
from earmark.storage import FeatureShelf, RunShelf
from earmark.study import Job, Study, check_plugins
from earmark.targets import Targets
from earmark.training import WeightedLoss, fit, predict, take_over

log = logging.getLogger(__name__)

Advance = Callable[[int, int], None]


def run_study(
    study: Study,
    *,
    device: str = "auto",
    engine: str = "auto",
    advance: Advance | None = None,
) -> Study:
    """Do what is missing of a study, and evaluate it.

    Args:
        study: experiment, dataset and store.
        device: "auto", "cpu", "cuda" or "cuda:1".
        engine: name of an engine plugin; "auto" takes one process a processor for several runs on the CPU, where two
            narrow nets side by side train faster than one with two threads, else this process.
        advance: called with (done, total) clips while features are extracted.

    Returns:
        The same study, all of whose runs are whole.
    """
    where = resolve_device(device)
    check_plugins(study.experiment, study.manager, study.experiment.name)
    extracted(study, advance)
    missing = study.missing()
    chosen = suitable_engine(study, where) if engine == "auto" else engine
    runner: Engine = study.manager.build("engine", chosen, {}, "--engine")
    if missing:
        runner.execute(missing, Work(study, str(where)))
    for job in study.jobs():
        if study.stage(job).title:
            evaluate(study, job)
    return study


def suitable_engine(study: Study, device: torch.device) -> str:
    """Name of the engine that suits a study best.

    All jobs count, not only the missing ones: the number of threads is part of what makes a sum, so a study that goes
    on after an interruption must run as it began.
    """
    by_hand = any(given.distribution == BY_HAND for given in study.manager.given())
    alone = len(study.jobs()) == 1 or device.type != "cpu"
    return "local" if by_hand or alone else "processes"


def extracted(study: Study, advance: Advance | None = None) -> FeatureShelf:
    """Features of all clips of a study, extracted where they are missing."""
    shelf = study.store.features(study.feature_address)
    if not shelf.whole:
        with study.store.lock(study.feature_address):
            if not shelf.whole:
                # Once each: a part may be another one too, as where thresholds are chosen on the training clips.
                clips = list({clip.id: clip for part in study.clips.values() for clip in part}.values())
                extract(study.dataset, clips, study.frontend, shelf, advance=advance)
    return shelf


class Work:
    """Does jobs of a study, in whatever process it finds itself."""

    def __init__(self, study: Study, device: str) -> None:
        self._study = study
        self._device = device
        self._workshop: Workshop | None = None

    def __call__(self, job: Job) -> None:
        if self._workshop is None:
            features = self._study.store.features(self._study.feature_address)
            self._workshop = Workshop(self._study, features, torch.device(self._device))
        self._workshop.work(job)

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
        task = Task(
            n_frames=study.grid.n_frames,
            n_mels=study.frontend.n_mels,
            n_events=len(study.dataset.events),
            n_scenes=len(study.dataset.scenes),
        )
        with torch.random.fork_rng([]):
            torch.manual_seed(derived_seed(job.seed, "weights"))
            model = cast(
                nn.Module, manager.build("model", stage.model.use, stage.model.options, asked_by + ".model", task)
            )
        taken: list[str] = []
        if stage.starts_from:
            weights, _ = study.shelf(Job(stage.starts_from, job.seed)).load_weights()
            taken, _ = take_over(model, weights)
        model = model.to(self._device)
        losses = [
            WeightedLoss(
                name=ref.use,
                weight=ref.weight,
                loss=cast(Loss, manager.build("loss", ref.use, ref.options, asked_by + ".losses")),
            )
            for ref in stage.losses
        ]
        sampler: Sampler = manager.build(
            "sampler", stage.sampler.use, stage.sampler.options, asked_by + ".sampler", targets
        )
        mean, std = self._statistics([study.clips["train"][row].id for row in rows.tolist()])
        raw = self._part("train")
        features = (raw[rows.to(raw.device)] - mean.to(raw.device)) / std.to(raw.device)
        fitted = fit(
            model,
            features,
            self._refined_anew(found, features) if found.refines_itself else targets.to(self._device),
            losses,
            sampler,
            stage.optimiser,
            stage.n_epochs,
            mean_teacher=stage.mean_teacher,
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
                "events": list(study.dataset.events),
                "scenes": list(study.dataset.scenes),
                "normalisation": {"mean": mean.tolist(), "std": std.tolist()},
            },
        )
        for part in study.predicted_parts(stage):
            raw = self._part(part)
            posteriors = self._predicted(model, (raw - mean.to(raw.device)) / std.to(raw.device), study.clips[part])
            shelf.save_predictions(part, posteriors.assign_attrs(corpus=study.dataset.title, stage=job.stage))
        shelf.finish(
            {
                "corpus": study.dataset.title,
                "n_parameters": sum(p.numel() for p in model.parameters()),
                "n_clips": len(targets),
                "taken_over": taken,
                "train_s": fitted.wall_s,
                "wall_s": time.monotonic() - began,
                "history": fitted.history,
                "device": describe_device(self._device),
                "machine": f"{platform.machine()} {platform.system()}",
                "versions": {name: version(name) for name in ("earmark", "torch", "numpy")},
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )

    def _refined_anew(self, found: Labelled, features: Tensor) -> Callable[[nn.Module], Targets]:
        """What makes an epoch's targets from the model before it; features (clip, frame, mel) are normalised."""
        clips = [self._study.clips["train"][row] for row in found.rows.tolist()]

        def refined(model: nn.Module) -> Targets:
            def predicted(part: slice) -> xr.Dataset:
                return self._predicted(model, features[part], clips[part])

            return found.refined(predicted).to(self._device)

        return refined

    def _predicted(self, model: nn.Module, features: Tensor, clips: Sequence[Clip]) -> xr.Dataset:
        """Posteriors of clips from their normalised features (clip, frame, mel)."""
        dataset, hop_s = self._study.dataset, self._study.grid.hop_s
        ids = [clip.id for clip in clips]
        return silenced(predict(model, features, ids, dataset.events, dataset.scenes, hop_s), clips)

    def _statistics(self, clip_ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation per mel band (mel,), over the clips that a run is trained on."""
        mean, std = self._shelf.statistics(clip_ids)
        # A band without any variation carries nothing; dividing by 0 would poison all others.
        return torch.from_numpy(mean), torch.from_numpy(np.where(std > 0, std, np.float32(1)))

    def _part(self, part: str) -> Tensor:
        """Features (clip, frame, mel) of the training or the test part, on the device where they fit."""
        if part not in self._features:
            features = torch.from_numpy(self._shelf.read([clip.id for clip in self._study.clips[part]]))
            self._features[part] = resident(features, self._device)
        return self._features[part]


def fitted_steps(study: Study, job: Job) -> tuple[PluginRef, ...]:
    """The experiment's post-processing with the options that a run's validation predictions decide."""
    steps = study.experiment.postprocessing
    if not steps or study.experiment.validation_split is None:
        return steps
    reference = study.reference_of("validation")
    posteriors = study.predictions(job.stage, job.seed, "validation").sel(clip=list(reference.clip_ids)).load()
    return fitted(steps, posteriors, reference, study.manager)


def silenced(predictions: xr.Dataset, clips: Sequence[Clip]) -> xr.Dataset:
    """Predictions of clips with no event in frames that begin after their recording has ended."""
    short = {row: clip.sounding_s for row, clip in enumerate(clips) if clip.sounding_s < clip.duration_s}
    if not short or "event_frame_posterior" not in predictions:
        return predictions
    values = predictions["event_frame_posterior"].values.copy()
    onset_s = predictions["frame"].values
    for row, sounding_s in short.items():
        values[row, onset_s >= sounding_s] = 0
    return predictions.assign(event_frame_posterior=predictions["event_frame_posterior"].copy(data=values))


def evaluate(study: Study, job: Job) -> None:
    """Run the evaluators whose results a whole run does not hold yet."""
    shelf = study.shelf(job)
    wanted = {name: study.evaluation_address(name) for name in study.experiment.evaluators}
    missing = {name: address for name, address in wanted.items() if shelf.open_evaluation(address) is None}
    if not missing:
        return
    predictions = shelf.open_predictions("test").load()
    steps = fitted_steps(study, job)
    decided = decisions(steps, predictions, study.grid.hop_s, study.manager)
    scores: dict[str, Any] = {}
    for name, address in missing.items():
        ref = study.experiment.evaluators[name]
        evaluator: Evaluator = study.manager.build("evaluator", ref.use, ref.options, f"evaluators.{name}")
        after = steps if ref.on == "decisions" else ()
        result = evaluator.evaluate(study.reference, decided if after else predictions)
        if after:
            result = result.assign_attrs(postprocessing=json.dumps([step.model_dump() for step in after]))
        shelf.save_evaluation(address, result)
        scores |= {f"{name}.{key}": float(value) for key, value in result.data_vars.items() if value.ndim == 0}
    study.manager.hook.earmark_run_evaluated(stage=job.stage, seed=job.seed, address=shelf.address, scores=scores)
