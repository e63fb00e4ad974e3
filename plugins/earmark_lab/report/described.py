"""What was run, in words: corpus, stages, evaluators, runs and versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earmark.experiment import ITSELF, Experiment
from earmark.study import Study
from earmark_lab.report.finished import Run, StageRuns


@dataclass(frozen=True, slots=True)
class Facts:
    """A heading, and named facts under it."""

    title: str
    name: str
    facts: list[tuple[str, str]]


def corpus_facts(study: Study) -> list[tuple[str, str]]:
    """What was heard."""
    dataset, experiment = study.dataset, study.experiment
    said = [("Corpus", dataset.title)]
    if experiment.profile:
        said.append(("Profile", experiment.profile))
    hours = sum(recording.duration_s for recording in dataset.recordings) / 3600
    said.append(("Recordings", f"{len(dataset.recordings)}, {hours:.2f} h"))
    for part, clips in study.clips.items():
        said.append((f"{part.capitalize()} clips", f"{len(clips)} of {experiment.clip_s:g} s"))
    said.append(("Scenes", f"{len(dataset.scenes)}: {', '.join(dataset.scenes)}" if dataset.scenes else "none"))
    said.append(("Events", f"{len(dataset.events)}: {', '.join(dataset.events)}" if dataset.events else "none"))
    if dataset.notes:
        said.append(("Mended in reading", f"{len(dataset.notes)} things; earmark data check names them"))
    said.append(("Front end", _ref(experiment.frontend.use, experiment.frontend.options)))
    said.append(("Frames of annotated times", experiment.frame_rule))
    steps = ", then ".join(_ref(step.use, step.options) for step in experiment.postprocessing)
    said.append(("Post-processing", steps or "none: a posterior of 0.5 and more decides"))
    for name, ref in experiment.evaluators.items():
        said.append((f"Evaluator {name}", f"{_ref(ref.use, ref.options)}, on {ref.on}"))
    return said


def stage_facts(stages: Sequence[StageRuns], experiment: Experiment) -> list[Facts]:
    """How each stage was trained, as its first run's description has it: all options, defaults too."""
    return [Facts(stage.title, stage.name, _stage(stage, experiment)) for stage in stages]


def run_rows(stages: Sequence[StageRuns]) -> list[dict[str, str]]:
    """A row a run."""
    return [_row(stage, run) for stage in stages for run in stage.runs]


def versions(stages: Sequence[StageRuns]) -> list[tuple[str, str]]:
    """Versions with which runs were made, all of them where they differ; and where."""
    found: dict[str, dict[str, None]] = {}
    for stage in stages:
        for run in stage.runs:
            for name, version in dict(run.facts.get("versions", {})).items():
                found.setdefault(str(name), {})[str(version)] = None
            for name in ("device", "machine"):
                if run.facts.get(name):
                    found.setdefault(name.capitalize(), {})[str(run.facts[name])] = None
    return [(name, ", ".join(values)) for name, values in found.items()]


def training_s(stages: Sequence[StageRuns]) -> float:
    """Seconds of training of all runs; a run that stands for two stages counts once."""
    of_run = {run.shelf.address: float(run.facts.get("train_s", 0)) for stage in stages for run in stage.runs}
    return sum(of_run.values())


def duration(seconds: float) -> str:
    """A length of time that one can take in.

    >>> [duration(s) for s in (4.2, 75, 7320)]
    ['4.2 s', '1 min 15 s', '2 h 2 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def as_json(stages: Sequence[StageRuns]) -> str:
    """Descriptions of all runs, as the store keeps them."""
    return json.dumps(
        {run.shelf.address: run.description for stage in stages for run in stage.runs}, indent=1, ensure_ascii=False
    )


def named(signed: Mapping[str, Any]) -> str:
    """A plugin of a run's description with its options."""
    return _ref(str(signed.get("use", "")), signed.get("options", {}))


def _stage(stage: StageRuns, experiment: Experiment) -> list[tuple[str, str]]:
    described, plan = stage.runs[0].description, experiment.stages[stage.name]
    said = []
    for label, share in zip(described["labels"], plan.labels, strict=True):
        text = " and ".join(named(source) for source in label["sources"])
        if share.refine:
            by = "the stage itself" if share.refine.by == ITSELF else f"the stage {share.refine.by}"
            text += f", refined by {named(label['refine'])} from {by}"
        said.append((f"Labels of {100 * share.share:g} % of the clips", text))
    said.append(("Model", named(described["model"])))
    said.append(
        (
            "Losses",
            " + ".join(f"{loss['weight']:g} \N{MULTIPLICATION SIGN} {named(loss)}" for loss in described["losses"]),
        )
    )
    optimiser = described["optimiser"]
    batches = named(described["sampler"])
    said.append(
        ("Training", f"{described['n_epochs']} epochs, {optimiser['use']} at {optimiser['lr']:g}, batches {batches}")
    )
    if plan.stopping:
        said.append(("Early stopping", f"{_ref(plan.stopping.use, plan.stopping.options)}, {plan.stopping.score}"))
    if plan.mean_teacher is not None:
        said.append(("Mean teacher", f"decay {plan.mean_teacher:g}"))
    if plan.starts_from:
        said.append(("Starts from", ", ".join(plan.starts_from)))
    return said


def _row(stage: StageRuns, run: Run) -> dict[str, str]:
    facts = run.facts
    epochs = len(facts.get("history", ()))
    best = facts.get("best_epoch")
    return {
        "stage": stage.title,
        "seed": f"{run.job.seed}" + ("" if run.fold is None else f", fold {run.fold}"),
        "address": run.shelf.address,
        "clips": f"{int(facts.get('n_clips', 0)):,}",
        "parameters": f"{int(facts.get('n_parameters', 0)):,}",
        "epochs": f"{epochs}" + ("" if best is None else f", best {best}"),
        "training": duration(float(facts.get("train_s", 0))),
        "device": str(facts.get("device", "")),
        "finished": str(facts.get("finished", ""))[:16].replace("T", " "),
    }


def _ref(use: str, options: Mapping[str, Any]) -> str:
    said = ", ".join(f"{name} = {_value(value)}" for name, value in options.items() if value is not None)
    return f"{use} ({said})" if said else use


def _value(value: Any) -> str:
    """An option; of a file its name alone, as folders of this machine are nobody else's business."""
    if isinstance(value, str):
        return value.replace("\\", "/").rpartition("/")[2] if "/" in value or "\\" in value else value
    return json.dumps(value, ensure_ascii=False, default=str)
