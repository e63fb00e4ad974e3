"""A study: an experiment on one copy of a corpus, with the addresses of all that it will make."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from earmark.addressing import address_of
from earmark.errors import CorpusError, StoreError, suggestion
from earmark.experiment import ITSELF, Experiment, PluginRef, RefinerRef, Stage, StoppingRef
from earmark.frames import FrameGrid
from earmark.plugins import PluginManager, checked_options, plugins
from earmark.protocols import Frontend
from earmark.recordings import Clip, Dataset, clips_digest, cut
from earmark.reference import Reference
from earmark.storage import RunShelf, Store

FORMAT = 1
"""Goes into every address; raised when the same description would give other numbers."""


@dataclass(frozen=True, slots=True)
class Job:
    """One stage with one seed: the unit that an engine runs."""

    stage: str
    seed: int
    needs: tuple[Job, ...] = field(default=(), compare=False, repr=False)
    """Jobs that must be done before it."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What an experiment means on a dataset and a store: clips, addresses, and the results once they are there."""

    experiment: Experiment
    dataset: Dataset
    store: Store
    manager: PluginManager

    def __reduce__(self) -> tuple[Any, ...]:
        # Whoever gets it finds plugins anew, with what they make.
        return _found_anew, (self.experiment, self.dataset, self.store)

    @cached_property
    def frontend(self) -> Frontend:
        ref = self.experiment.frontend
        frontend: Frontend = self.manager.build("frontend", ref.use, ref.options, f"{self.experiment.name}: frontend")
        return frontend

    @cached_property
    def grid(self) -> FrameGrid:
        return FrameGrid(n_frames=self.frontend.n_frames(self.experiment.clip_s), hop_s=self.frontend.hop_s)

    @cached_property
    def clips(self) -> dict[str, tuple[Clip, ...]]:
        """Clips of each part: ``train``, ``test`` and, where the experiment names its split, ``validation``.

        Raises:
            StoreError: a split of the corpus gives no whole clip.
        """
        splits = {"train": self.experiment.train_split, "test": self.experiment.test_split}
        if self.experiment.validation_split is not None:
            splits["validation"] = self.experiment.validation_split
        clip_s, pad = self.experiment.clip_s, self.experiment.tail == "pad"
        clips = {part: cut(self.dataset.of_split(split), clip_s, pad=pad) for part, split in splits.items()}
        for part, chosen in clips.items():
            if not chosen:
                known = sorted({recording.split for recording in self.dataset.recordings})
                raise StoreError(
                    f"{self.dataset.name}: the split {splits[part]!r} holds no whole clip of "
                    f"{self.experiment.clip_s:g} s. Splits of this corpus: {', '.join(known) or 'none'}."
                )
        return clips

    @cached_property
    def clips_by_id(self) -> dict[str, Clip]:
        """Clips of all parts, once each: a part may be another one too, as where thresholds are chosen in training."""
        return {clip.id: clip for clips in self.clips.values() for clip in clips}

    def clip(self, clip_id: str) -> Clip:
        """A clip of any part by its id, such as ``audio/home/a030.wav@10000``.

        Raises:
            CorpusError: there is none.
        """
        known = self.clips_by_id
        if clip_id not in known:
            near = difflib.get_close_matches(clip_id, known, n=3, cutoff=0.4) or sorted(known)[:3]
            raise CorpusError(
                f"{self.experiment.name} on {self.dataset.title}: no clip {clip_id!r} among its {len(known)}. "
                f"{suggestion(clip_id, known)}Such as {', '.join(near)}; [clip.id for clip in study.clips['test']] "
                "lists those of the test."
            )
        return known[clip_id]

    @cached_property
    def reference(self) -> Reference:
        """Annotations of the test clips."""
        return self.reference_of("test")

    def reference_of(self, part: str, rows: Sequence[int] | None = None) -> Reference:
        """Annotations of the clips of a part, or of those at some rows of it."""
        clips = self.clips[part]
        return Reference(
            clips=clips if rows is None else tuple(clips[row] for row in rows),
            events=self.dataset.events,
            scenes=self.dataset.scenes,
            grid=self.grid,
            frame_rule=self.experiment.frame_rule,
        )

    @cached_property
    def feature_address(self) -> str:
        return address_of(
            {
                "format": FORMAT,
                "dataset": self.dataset.digest,
                "clips": {part: clips_digest(clips) for part, clips in self.clips.items()},
                "frontend": self._signed("frontend", self.experiment.frontend),
            }
        )

    @cached_property
    def _addresses(self) -> dict[Job, str]:
        return {}

    def run_address(self, job: Job) -> str:
        """Address of a run: the hash of everything that decides its outcome."""
        if job not in self._addresses:
            self._addresses[job] = address_of(self.description(job))
        return self._addresses[job]

    def description(self, job: Job) -> dict[str, Any]:
        """What decides the outcome of a run, as JSON."""
        stage = self.experiment.stages[job.stage]
        return {
            "format": FORMAT,
            "features": self.feature_address,
            "seed": job.seed,
            "model": self._signed("model", stage.model),
            "sampler": self._signed("sampler", stage.sampler),
            "losses": [{**self._signed("loss", loss), "weight": loss.weight} for loss in stage.losses],
            "labels": [
                {
                    "share": label.share,
                    "sources": [self._signed("label source", source) for source in label.sources],
                    "refine": label.refine and self._refinement(label.refine, job.seed),
                }
                for label in stage.labels
            ],
            "optimiser": stage.optimiser.model_dump(),
            "n_epochs": stage.n_epochs,
            "starts_from": self._starts(stage, job.seed),
            "predict": list(self.predicted_parts(stage)),
            # Only where there is one, so that runs made before there were any keep their addresses.
            **({} if stage.mean_teacher is None else {"mean_teacher": stage.mean_teacher}),
            **({} if stage.precision == "tf32" else {"precision": stage.precision}),
            **({} if stage.stopping is None else {"stopping": self._stopping(stage.stopping)}),
            **({} if self.experiment.normalise else {"normalise": False}),
        }

    def predicted_parts(self, stage: Stage) -> tuple[str, ...]:
        """Parts that a stage predicts: those that it names, and the validation part for what is fitted there."""
        fitted = stage.title is not None and self.experiment.validation_split is not None
        return (*stage.predict, *(["validation"] if fitted else []))

    def evaluation_address(self, name: str) -> str:
        """Address of an evaluator's result within a run."""
        ref = self.experiment.evaluators[name]
        steps = self.experiment.postprocessing if ref.on == "decisions" else ()
        described: dict[str, Any] = {
            "format": FORMAT,
            "evaluator": self._signed("evaluator", ref),
            "frame_rule": self.experiment.frame_rule,
        }
        if steps:
            described["postprocessing"] = [self._signed("post-processor", step) for step in steps]
        return address_of(described)

    def jobs(self) -> list[Job]:
        """Every stage with every seed, each after those that it needs, a seed after the other."""
        stages = self.experiment.stages
        return [
            Job(stage, seed, tuple(Job(needed, seed) for needed in stages[stage].needs))
            for seed in self.experiment.seeds
            for stage in self.experiment.in_order()
        ]

    def missing(self) -> list[Job]:
        """Jobs whose runs are not whole yet."""
        return [job for job in self.jobs() if not self.shelf(job).whole]

    def shelf(self, job: Job) -> RunShelf:
        return self.store.run(self.run_address(job))

    def stage(self, job: Job) -> Stage:
        return self.experiment.stages[job.stage]

    # Results, once they are there

    def results(self) -> dict[str, dict[str, list[xr.Dataset]]]:
        """Results of all evaluators, one a seed: ``results()[title][evaluator][repetition]``.

        Raises:
            StoreError: a run has not been done or evaluated yet.
        """
        return {
            title: {
                name: [self._result(Job(stage, seed), name) for seed in self.experiment.seeds]
                for name in self.experiment.judges(stage)
            }
            for stage, title in self.experiment.methods.items()
        }

    def predictions(self, stage: str, seed: int, part: str = "test") -> xr.Dataset:
        """Predictions of one run, opened lazily."""
        return self.shelf(Job(stage, seed)).open_predictions(part)

    def facts(self) -> pd.DataFrame:
        """One row a run of a method: parameters, training seconds, device, address."""
        rows = []
        for job in (Job(stage, seed) for stage in self.experiment.methods for seed in self.experiment.seeds):
            shelf = self.shelf(job)
            facts = shelf.facts()
            rows.append(
                {
                    "method": self.experiment.methods[job.stage],
                    "seed": job.seed,
                    "n_parameters": facts["n_parameters"],
                    "train_s": facts["train_s"],
                    "device": facts["device"],
                    "address": shelf.address,
                }
            )
        return pd.DataFrame(rows)

    def histories(self) -> dict[str, list[list[dict[str, float]]]]:
        """Training curves of every stage, steps on the way too: ``histories()[title][repetition][epoch][loss]``."""
        return {
            stage.title or name: [self.shelf(Job(name, seed)).facts()["history"] for seed in self.experiment.seeds]
            for name, stage in self.experiment.stages.items()
        }

    def _result(self, job: Job, name: str) -> xr.Dataset:
        shelf = self.shelf(job)
        result = shelf.open_evaluation(self.evaluation_address(name)) if shelf.whole else None
        if result is None:
            raise StoreError(
                f"The run {shelf.address} (stage {job.stage}, seed {job.seed}) has no result of the evaluator "
                f"{name!r} yet. Run the experiment first: `earmark run`, or `earmark.pipeline.run_study(study)`."
            )
        return result

    def _starts(self, stage: Stage, seed: int) -> str | list[str] | None:
        addresses = [self.run_address(Job(name, seed)) for name in stage.starts_from]
        return addresses if len(addresses) > 1 else next(iter(addresses), None)

    def _stopping(self, ref: StoppingRef) -> dict[str, Any]:
        fields = {name: getattr(ref, name) for name in ("score", "patience", "at_least", "every")}
        return {**self._signed("evaluator", ref), **fields}

    def _refinement(self, ref: RefinerRef, seed: int) -> dict[str, Any]:
        by = ITSELF if ref.by == ITSELF else self.run_address(Job(ref.by, seed))
        return {**self._signed("refiner", ref), "by": by}

    def _signed(self, kind: str, ref: PluginRef) -> dict[str, Any]:
        """A plugin's name, all its options (defaults included) and its version."""
        given = self.manager.find(kind, ref.use, self.experiment.name)
        options = checked_options(given, ref.options, self.experiment.name)
        return {"use": ref.use, "options": plain(options), "plugin": given.stamp}


def _found_anew(experiment: Experiment, dataset: Dataset, store: Store) -> Study:
    """A study in the process that it was sent to."""
    return Study(experiment=experiment, dataset=dataset, store=store, manager=plugins())


def check_plugins(experiment: Experiment, manager: PluginManager, where: str) -> None:
    """Check that every plugin that an experiment names is there and that its options fit, before anything runs.

    Raises:
        UnknownPluginError, PluginConflictError, OptionError: with the file and the field.
    """
    for place, kind, ref in experiment.references():
        checked_options(manager.find(kind, ref.use, f"{where}: {place}"), ref.options, f"{where}: {place}")


def plain(value: Any) -> Any:
    """Options as JSON: tuples become lists, a file the address of its content, as what lies at a path may change."""
    if isinstance(value, Path) and os.path.isfile(value):
        return f"file:{hashlib.blake2b(value.read_bytes(), digest_size=16).hexdigest()}"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
