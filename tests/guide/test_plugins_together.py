"""The plugins of the guide's pages, together in one experiment."""

from __future__ import annotations

from contextlib import ExitStack

from guide_pages import GUIDE, executed

from earmark.experiment import experiment_of
from earmark.pipeline import run_study
from earmark.plugins import PluginManager
from earmark.workspace import open_study

PAGES = (
    "frontend",
    "label-source",
    "refiner",
    "model",
    "loss",
    "sampler",
    "post-processor",
    "evaluator",
    "engine",
    "stage-started",
    "run-finished",
    "run-evaluated",
)

EXPERIMENT = {
    "name": "guide",
    "corpus": "tut",
    "frontend": "linear-bands",
    "synthetic": {"development_min": 6, "evaluation_min": 4},
    "validation_split": "development",
    "postprocessing": ["one-threshold"],
    "evaluators": {"alarms": "false-alarms"},
    "defaults": {"model": {"use": "linear-net", "hidden": 4}, "sampler": {"use": "short-epochs"}, "n_epochs": 1},
    "stages": {
        "first": {
            "labels": [{"sources": ["scene", "partial"]}],
            "losses": ["silent-outside", "scene-ce"],
            "predict": ["train"],
        },
        "second": {
            "title": "Second",
            "starts_from": "first",
            "labels": [
                {"share": 0.4, "sources": ["scene", "strong"]},
                {
                    "share": 0.4,
                    "sources": ["scene", "partial"],
                    "refine": {"use": "heard-candidates", "by": "first", "threshold": 0.1},
                },
                {"share": 0.2, "sources": ["file-names"]},
            ],
            "losses": ["strong-bce", "weak-bce"],
        },
    },
}


def test_the_plugins_of_all_pages_train_and_are_judged_in_one_experiment(small_study, one_thread):
    manager = PluginManager.of_environment()
    with ExitStack() as stack:
        modules = {page: stack.enter_context(executed(GUIDE / "plugins" / f"{page}.md")) for page in PAGES}
        for page, module in modules.items():
            manager.register(getattr(module, "plugin", module), page)
        best, made, said = (
            modules["run-evaluated"].plugin,
            modules["run-finished"].plugin,
            modules["stage-started"].said,
        )
        best.score, best.found = "alarms.alarm_share", None
        made.addresses.clear()
        said.clear()
        # On the stand-in of `small_study`, so that nothing is synthesised here.
        study = open_study(experiment_of(EXPERIMENT), stores=small_study.store.root, manager=manager)
        run_study(study, device="cpu", engine="overnight")
        (result,) = study.results()["Second"]["alarms"]
        assert 0 <= float(result["alarm_share"]) <= 1
        assert made.addresses == {(job.stage, 0): study.run_address(job) for job in study.jobs()}
        assert said == [f"{stage}, seed 0: begins all of 1 epochs" for stage in ("first", "second")]
        assert best.found == (float(result["alarm_share"]), "second", 0)
