"""From a finished run to a bundle with a card that says what the model is, and what it is not."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from earmark.bundles.bundle import BundleDescription, save_bundle
from earmark.experiment import PluginRef
from earmark.judging import fitted_steps
from earmark.study import Job, Study, plain


def export(study: Study, job: Job, folder: Path) -> BundleDescription:
    """Write the bundle of a whole run.

    Raises:
        StoreError: the run is not whole.
        BundleError: the folder cannot be written.
    """
    shelf, stage = study.shelf(job), study.stage(job)
    facts = shelf.facts()
    weights, trained = shelf.load_weights()
    steps = fitted_steps(study, job)
    train = study.clips["train"]
    about: dict[str, Any] = {
        "experiment": study.experiment.name,
        "profile": study.experiment.profile,
        "stage": job.stage,
        "seed": job.seed,
        "run": shelf.address,
        "corpus": study.dataset.title,
        "synthetic": study.dataset.synthetic,
        "n_training_clips": facts["n_clips"],
        "training_min": round(facts["n_clips"] * study.experiment.clip_s / 60, 2),
        "labels": [
            {
                "share": label.share,
                "sources": [source.use for source in label.sources],
                "refined_by": label.refine.use if label.refine else None,
            }
            for label in stage.labels
        ],
        "n_epochs": stage.n_epochs,
        "n_parameters": facts["n_parameters"],
        "scores": _scores(study, job),
        "n_test_recordings": len({clip.recording.path for clip in study.clips["test"]}),
        "device": facts["device"],
        "versions": facts["versions"],
        "plugins": {
            "model": _stamp(study, "model", stage.model),
            "frontend": _stamp(study, "frontend", study.experiment.frontend),
        },
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "exported_with": f"earmark {version('earmark')}",
    }
    description = {
        "name": f"{study.experiment.name}-{job.stage}",
        "title": stage.title or job.stage,
        "postprocessing": [plain(step.model_dump()) for step in steps],
        "about": plain(about),
        **{key: trained[key] for key in ("model", "task", "frontend", "clip_s", "events", "scenes", "normalisation")},
    }
    n_recordings = len({clip.recording.path for clip in train})
    return save_bundle(folder, weights, description, card(description, n_recordings, folder.name))


def card(description: dict[str, Any], n_recordings: int, folder: str) -> str:
    """The model card, in Markdown."""
    about = description["about"]
    scores = [f"| {name} | {value} |" for name, value in about["scores"].items()]
    labels = [
        f"- {label['share']:.0%} of the clips: {', '.join(label['sources'])}"
        + (f", refined by {label['refined_by']}" if label["refined_by"] else "")
        for label in about["labels"]
    ]
    steps = [f"- {step['use']}: {_options(step)}" for step in description["postprocessing"]]
    warning = (
        ["> **Trained on synthetic sound.** Its scores say nothing about real recordings.", ""]
        if about["synthetic"]
        else []
    )
    lines = [
        f"# {description['title']}",
        "",
        *warning,
        f"{_abilities(len(description['events']), len(description['scenes']))} A model bundle of Earmark "
        f"({about['exported_with']}).",
        "",
        "    earmark predict " + folder + " RECORDING.wav",
        "",
        "## Trained on",
        "",
        f"{about['corpus']}: {about['training_min']:g} minutes in {about['n_training_clips']} clips of "
        f"{description['clip_s']:g} s, from {n_recordings} recordings. {about['n_epochs']} epochs, seed "
        f"{about['seed']}, {about['n_parameters']:,} parameters, on {about['device']}. Run {about['run']}.",
        "",
        "Labels:",
        "",
        *labels,
        "",
        "## Scores",
        "",
        *(
            [
                f"On {about['n_test_recordings']} recordings that it was not trained on; fractions, one run.",
                "",
                "| score | value |",
                "| --- | ---: |",
                *scores,
            ]
            if scores
            else ["Not evaluated."]
        ),
        "",
        "## From posteriors to decisions",
        "",
        *(steps or ["An event sounds where its posterior is at least 0.5."]),
        "",
        "## Events",
        "",
        ", ".join(description["events"]) or "none",
        "",
        "## Scenes",
        "",
        ", ".join(description["scenes"]) or "none",
        "",
        "## Use",
        "",
        "Any rate, any number of channels (their mean is heard), any length. Sounds and places that were not in the "
        "training recordings are taken for some that were: judge the bundle on recordings of your own "
        "(`earmark evaluate`) before you rely on it. The licence of the training recordings may bind the weights.",
    ]
    return "\n".join(lines) + "\n"


def _abilities(n_events: int, n_scenes: int) -> str:
    """What the model does, in one sentence.

    >>> _abilities(25, 4), _abilities(3, 0), _abilities(0, 10)
    ('Detects 25 events and names one of 4 scenes.', 'Detects 3 events.', 'Names one of 10 scenes.')
    """
    detects = [f"detects {n_events} events"] if n_events else []
    names = [f"names one of {n_scenes} scenes"] if n_scenes else []
    sentence = " and ".join([*detects, *names])
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _scores(study: Study, job: Job) -> dict[str, str]:
    """Micro- and macro-averaged scores of the evaluators that have run."""
    found: dict[str, str] = {}
    for name in study.experiment.evaluators:
        result = study.shelf(job).open_evaluation(study.evaluation_address(name))
        for key, value in ({} if result is None else result.data_vars).items():
            if value.ndim == 0 and str(key).endswith(("_micro", "_macro")):
                found[f"{name} {str(key).replace('_', ' ')}"] = f"{float(value):.4f}"
    return found


def _options(step: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in step.items() if name != "use") or "defaults"


def _stamp(study: Study, kind: str, ref: PluginRef) -> str:
    return study.manager.find(kind, ref.use, study.experiment.name).stamp
