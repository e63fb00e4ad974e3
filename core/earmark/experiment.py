"""An experiment: a small typed, frozen description that names plugins and their options, written as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import ConfigDict, Field

from earmark.errors import ExperimentError, suggestion
from earmark.explained import explained
from earmark.grids import expanded

Precision = Literal["float32", "tf32", "bfloat16"]
"""In how many digits a model is trained; weights, losses and predictions are in float32 each time.

- ``float32``: so is everything else.
- ``tf32``: on an NVIDIA GPU from Ampere on, the factors of convolutions, matrix products and recurrent layers are
  rounded to 10 bits of mantissa, their sums are not. Elsewhere it is float32.
- ``bfloat16``: these operations take and give numbers of 7 bits of mantissa, as torch's autocast chooses them, which
  halves what goes through memory. A CPU is slower with it.
"""


class Description(pydantic.BaseModel):
    """Base of all parts of an experiment: frozen, and closed to misspelt fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PluginRef(pydantic.BaseModel):
    """A plugin by name with its options: ``"strong"`` or ``{ use = "partial", table = "mine.csv" }``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str

    @pydantic.model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class LossRef(PluginRef):
    """A loss with its weight in the total."""

    weight: float = Field(default=1.0, ge=0)


ITSELF = "itself"
"""In the place of a stage's name: the stage that is being trained."""


class RefinerRef(PluginRef):
    """A refiner with the stage by whose predictions it refines."""

    by: str
    """An earlier stage, once; or ``itself``: before each epoch the stage's own model, or its mean teacher, predicts the
    clips of the share, and the refiner makes their labels anew from the original ones."""


class EvaluatorRef(PluginRef):
    """An evaluator, and what it is given."""

    on: Literal["decisions", "posteriors"] = "decisions"
    """What comes out of the experiment's post-processing, or the model's own posteriors."""


class StoppingRef(PluginRef):
    """Early stopping: an evaluator that judges the validation part while a stage is trained."""

    score: str
    """Which of the evaluator's scalar results counts; larger is better."""
    patience: int = Field(default=30, ge=0)
    """Training ends after more than so many epochs without a better score; the best epoch's weights are kept."""
    at_least: int = Field(default=0, ge=0)
    """Epochs that are trained in any case."""
    every: int = Field(default=1, ge=1)
    """Epochs from one judgement to the next; the last epoch is judged too."""


class LabelShare(Description):
    """Which labels a share of the training clips carries."""

    share: float = Field(default=1.0, gt=0, le=1)
    """Part of the training clips, drawn anew for each seed; shares are taken one after the other from one draw, so
    that all stages of a seed agree and a smaller share lies within a larger one."""
    sources: tuple[PluginRef, ...] = Field(min_length=1)
    """Label sources of these clips, side by side."""
    refine: RefinerRef | None = None
    """Refines these labels by the predictions of an earlier stage, or of the stage itself while it is trained."""

    @property
    def refined_by(self) -> str | None:
        """The earlier stage that refines these labels, if one does."""
        return self.refine.by if self.refine and self.refine.by != ITSELF else None


class Optimiser(Description):
    """Optimiser and its learning rate, the rest as PyTorch has it."""

    use: Literal["radam", "adam", "adamw", "sgd"] = "radam"
    lr: float = Field(default=2e-4, gt=0)


class Stage(Description):
    """One training: which labels, model, losses, sampler, optimiser and length, and where it starts."""

    title: str | None = None
    """Name of the method in tables and figures; stages without one are steps on the way and are not evaluated."""
    labels: tuple[LabelShare, ...] = Field(min_length=1)
    model: PluginRef
    losses: tuple[LossRef, ...] = Field(min_length=1)
    sampler: PluginRef = PluginRef(use="shuffled")
    optimiser: Optimiser = Optimiser()
    n_epochs: int = Field(ge=1)
    stopping: StoppingRef | None = None
    """Ends the training early, by a score on the validation part."""
    starts_from: tuple[str, ...] = ()
    """Stage, or stages, whose weights are taken over in this order wherever names and shapes agree; the rest starts at
    random."""
    at: dict[str, int | float | str] = {}
    """Where the stage stands in a sweep, such as ``{ share = 70 }``: for tables and figures, no part of its address."""
    mean_teacher: float | None = Field(default=None, gt=0, lt=1)
    """Decay, per step, of the average of the weights that then refines in the stage's place, predicts and is kept."""
    precision: Precision = "tf32"
    """In how many digits the model is trained: "float32", "tf32" or "bfloat16"; see `Precision`."""
    predict: tuple[Literal["train", "test"], ...] = ("test",)
    """Parts of the corpus that are predicted after training; refiners need those of the training part."""
    evaluators: tuple[str, ...] | None = None
    """Names of the experiment's evaluators that judge this stage; all of them where None."""

    @pydantic.field_validator("starts_from", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @pydantic.field_validator("labels")
    @classmethod
    def _shares_fit(cls, labels: tuple[LabelShare, ...]) -> tuple[LabelShare, ...]:
        total = sum(label.share for label in labels)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares sum to {total:g}; at most 1 can be given away")
        return labels

    @property
    def needs(self) -> tuple[str, ...]:
        """Stages that must be done before this one."""
        by = [label.refined_by for label in self.labels if label.refined_by]
        return tuple(dict.fromkeys([*by, *self.starts_from]))


class Experiment(Description):
    """Stages over one corpus, repeated over seeds, and the evaluators that judge them."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    title: str = ""
    profile: str = ""
    """Which of the file's profiles is in force; none where empty."""
    corpus: PluginRef
    synthetic: dict[str, Any] = {}
    """Options of the corpus' synthesizer, for those who have no audio: see ``earmark data synthesize``."""
    train_split: str = "development"
    validation_split: str | None = None
    """Split on which post-processing is fitted, such as thresholds; never the one that is evaluated."""
    test_split: str = "evaluation"
    folds: tuple[int, ...] = ()
    """Cross-validation within the training split: for each of these folds its recordings take the place of the test
    split, and the others train. See `earmark.workspace.open_studies`."""
    clip_s: float = Field(default=10.0, gt=0)
    tail: Literal["drop", "pad"] = "drop"
    """What becomes of a recording's last incomplete clip: left out, as in the papers, or filled up with silence."""
    frontend: PluginRef
    normalise: bool = True
    """Features reach the nets with mean 0 and deviation 1 in each mel band, over all frames of the training clips; or
    as the front end makes them, for nets that do it themselves."""
    frame_rule: Literal["inner", "outer"] = "inner"
    """How time spans become reference frames; see `earmark.frames`."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    postprocessing: tuple[PluginRef, ...] = ()
    """Steps from posteriors to decisions, in order; an event is decided to sound where at least 0.5 comes out."""
    evaluators: dict[str, EvaluatorRef] = {}
    stages: dict[str, Stage] = Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _stages_fit(self) -> Experiment:
        if ITSELF in self.stages:
            raise ValueError(f"stages.{ITSELF}: the name stands for the stage that refines itself; choose another one")
        for name, stage in self.stages.items():
            for needed in stage.needs:
                if needed not in self.stages:
                    raise ValueError(
                        f"stages.{name} needs the stage {needed!r}, which does not exist. "
                        f"{suggestion(needed, self.stages)}Stages: {', '.join(self.stages)}"
                    )
            for judge in stage.evaluators or ():
                if judge not in self.evaluators:
                    raise ValueError(
                        f"stages.{name}.evaluators: no evaluator {judge!r}. {suggestion(judge, self.evaluators)}"
                        f"Evaluators: {', '.join(self.evaluators) or 'none'}"
                    )
            if stage.stopping and self.validation_split is None:
                raise ValueError(
                    f"stages.{name}.stopping needs clips that are neither trained on nor tested; name their split as "
                    "validation_split"
                )
            for label in stage.labels:
                if label.refined_by and "train" not in self.stages[label.refined_by].predict:
                    raise ValueError(
                        f"stages.{name} refines its labels by the stage {label.refined_by!r}, which does not predict "
                        f'the training clips; add predict = ["train", "test"] to stages.{label.refined_by}'
                    )
        titled: dict[str, str] = {}
        for name, title in self.methods.items():
            if titled.setdefault(title, name) != name:
                raise ValueError(
                    f"stages.{titled[title]} and stages.{name} have the same title {title!r}, by which results are "
                    "told apart"
                )
        if self.validation_split is not None and self.validation_split == self.test_split:
            raise ValueError(
                f"validation_split and test_split are both {self.test_split!r}; what is fitted on the evaluated clips "
                "says nothing about others"
            )
        self.in_order()
        return self

    def in_order(self) -> list[str]:
        """Names of the stages, each after those that it needs."""
        done: list[str] = []

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise ValueError(f"stages need each other in a circle: {' -> '.join((*above, name))}")
            if name not in done:
                for needed in self.stages[name].needs:
                    visit(needed, (*above, name))
                done.append(name)

        for name in self.stages:
            visit(name, ())
        return done

    @property
    def methods(self) -> dict[str, str]:
        """Titles of the stages that are evaluated, by stage name."""
        return {name: stage.title for name, stage in self.stages.items() if stage.title}

    def judges(self, stage: str) -> tuple[str, ...]:
        """Names of the evaluators that judge a stage."""
        chosen = self.stages[stage].evaluators
        return tuple(self.evaluators) if chosen is None else chosen

    def only(self, stage: str, seed: int) -> Experiment:
        """The same experiment with one seed, one stage and the stages that it needs.

        Raises:
            ExperimentError: there is no such stage.
        """
        if stage not in self.stages:
            raise ExperimentError(
                f"{self.name}: no stage {stage!r}. {suggestion(stage, self.stages)}Stages: {', '.join(self.stages)}."
            )
        wanted: list[str] = []
        waiting = [stage]
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.append(name)
                waiting += self.stages[name].needs
        kept = {name: self.stages[name] for name in self.stages if name in wanted}
        return self.model_copy(update={"stages": kept, "seeds": (seed,)})

    def references(self) -> Iterator[tuple[str, str, PluginRef]]:
        """Every plugin that is named: where, of which kind, and what it says."""
        yield "corpus", "corpus", self.corpus
        yield "frontend", "frontend", self.frontend
        for index, step in enumerate(self.postprocessing):
            yield f"postprocessing.{index}", "post-processor", step
        for name, evaluator in self.evaluators.items():
            yield f"evaluators.{name}", "evaluator", evaluator
        for name, stage in self.stages.items():
            here = f"stages.{name}"
            yield f"{here}.model", "model", stage.model
            yield f"{here}.sampler", "sampler", stage.sampler
            if stage.stopping:
                yield f"{here}.stopping", "evaluator", stage.stopping
            for index, loss in enumerate(stage.losses):
                yield f"{here}.losses.{index}", "loss", loss
            for index, label in enumerate(stage.labels):
                for number, source in enumerate(label.sources):
                    yield f"{here}.labels.{index}.sources.{number}", "label source", source
                if label.refine:
                    yield f"{here}.labels.{index}.refine", "refiner", label.refine


def read_experiment(path: Path, profile: str | None = None, changes: Mapping[str, Any] | None = None) -> Experiment:
    """Read an experiment file.

    A file may hold four tables beside the experiment's own: ``[defaults]``, merged under every stage;
    ``[grids.NAME]``, templates of stages and the cases that fill them (see `earmark.grids`); ``[search]``, a search for
    hyper-parameters, which is left to those who make it (see `earmark.tuning`); and
    ``[profiles.NAME]``, merged over the whole file when that profile is asked for (a profile only changes sizes).
    ``changes`` are merged last.

    Raises:
        ExperimentError: the file is missing, is not TOML, or a field is unknown or of a wrong type; the message
            names the file, the field, what was meant and what exists.
    """
    return experiment_of(document_of(path), str(path), profile, changes)


def document_of(path: Path) -> dict[str, Any]:
    """Parse an experiment file, whatever it says.

    Raises:
        ExperimentError: the file is missing, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExperimentError(f"{path}: no such experiment file.") from None
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read ({error.strerror or error}). Name an experiment file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExperimentError(f"{path}: not valid TOML: {error}.") from None


def experiment_of(
    document: Mapping[str, Any],
    where: str = "experiment",
    profile: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Experiment:
    """Make an experiment of a parsed document; see `read_experiment`."""
    document = dict(document)
    for name in ("profiles", "defaults", "stages"):
        if not isinstance(document.get(name, {}), Mapping):
            raise ExperimentError(f"{where}: {name}: must be a table such as [{name}], got {document[name]!r}.")
    profiles, defaults = document.pop("profiles", {}), document.pop("defaults", {})
    document["defaults"] = defaults
    if profile:
        if profile not in profiles:
            raise ExperimentError(
                f"{where}: no profile {profile!r}. {suggestion(profile, profiles)}"
                f"Profiles of this file: {', '.join(profiles) or 'none'}."
            )
        if not isinstance(profiles[profile], Mapping):
            raise ExperimentError(f"{where}: profiles.{profile}: must be a table, got {profiles[profile]!r}.")
        document = merged(document, profiles[profile])
        document["profile"] = profile
    document = expanded(merged(document, changes or {}), where)
    document.pop("search", None)
    defaults = document.pop("defaults")
    stages = document.get("stages")
    if isinstance(stages, dict):
        document["stages"] = {
            name: merged(defaults, stage) if isinstance(stage, dict) else stage for name, stage in stages.items()
        }
    try:
        return Experiment.model_validate(document)
    except pydantic.ValidationError as error:
        problems = explained(error, Experiment, more_fields=("defaults", "grids", "profiles", "search"))
        raise ExperimentError(f"{where}: {problems}") from None


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge tables key by key; anything that is not a table is replaced, and so is a plugin by another plugin.

    >>> merged({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [4]})
    {'a': {'x': 1, 'y': 3}, 'b': [4]}
    >>> merged({"model": {"use": "crnn", "units": 64}}, {"model": {"use": "mlp"}})
    {'model': {'use': 'mlp'}}
    """
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            # Options belong to their plugin: those of another one would be misspelt options of this one.
            other_plugin = "use" in below and "use" in value and below["use"] != value["use"]
            result[key] = dict(value) if other_plugin else merged(below, value)
        else:
            result[key] = value
    return result
