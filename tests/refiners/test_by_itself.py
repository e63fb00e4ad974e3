"""Stages that refine their labels by themselves, from the experiment file to the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.addressing import address_of
from earmark.errors import ExperimentError
from earmark.evaluation.comparison import compare
from earmark.experiment import experiment_of, read_experiment
from earmark.labelling import labelled
from earmark.pipeline import run_study
from earmark.study import Job, Study

PAPER = Path(__file__).resolve().parents[2] / "paper/partial_labels"
STAGES = ("distillation", "semi-partial")
BY_ITSELF = ("progressive-identification", "mean-teacher")


@pytest.fixture(scope="module")
def beyond(small_study) -> Study:
    """The refiners at the smoke profile, beside the five methods and on their stores; nothing is trained."""
    return Study(
        experiment=read_experiment(PAPER / "beyond.toml", "smoke"),
        dataset=small_study.dataset,
        store=small_study.store,
        manager=small_study.manager,
    )


@pytest.fixture(scope="module")
def trained(beyond) -> Study:
    """All of them done."""
    assert not {job.stage for job in beyond.missing()} & set(STAGES)  # those are of table5.toml's runs
    return run_study(beyond, device="cpu", engine="local")


@pytest.mark.parametrize("profile", ["smoke", "quick", "full"])
def test_both_files_of_the_paper_mean_the_same_by_the_stages_that_they_share(profile, beyond):
    def addresses(file: str) -> list[str]:
        experiment = read_experiment(PAPER / file, profile)
        study = Study(experiment=experiment, dataset=beyond.dataset, store=beyond.store, manager=beyond.manager)
        return [study.run_address(Job(stage, seed)) for stage in STAGES for seed in (0, 1)]

    assert addresses("beyond.toml") == addresses("table5.toml")


def test_every_refiner_is_compared_once_and_differs_from_the_papers_method_in_little_else(beyond):
    stages = beyond.experiment.stages
    paper = stages["semi-partial"]
    others = [stage for name, stage in stages.items() if stage.title and name != "semi-partial"]
    assert len(others) == 7 - 1  # the list of refiners, of which the paper's is the first
    for stage in others:
        assert (stage.starts_from, stage.n_epochs, stage.model) == (paper.starts_from, paper.n_epochs, paper.model)
        assert [share.share for share in stage.labels] == [0.3, 0.7]
        assert stage.labels[0] == paper.labels[0]
        assert stage.labels[1].sources == paper.labels[1].sources
        assert stage.labels[1].refine != paper.labels[1].refine
    used = {stage.labels[1].refine.use for stage in stages.values() if stage.labels[1].refine}
    given = {given.name for given in beyond.manager.given() if given.kind == "refiner"}
    assert {"self-distillation", *used} == used <= given


def test_every_method_has_results_and_stages_that_refine_themselves_predictions_of_their_own(trained):
    results = trained.results()
    assert len(results) == 7
    assert all(0 <= float(result["segment"][0]["fscore_micro"]) <= 1 for result in results.values())
    paper, *others = (
        trained.predictions(stage, 0)["event_frame_posterior"].values for stage in ("semi-partial", *BY_ITSELF)
    )
    assert all(np.isfinite(other).all() and not np.array_equal(other, paper) for other in others)


def test_methods_of_both_files_are_compared_with_the_papers_on_the_same_recordings(trained, small_study):
    results = {**small_study.results(), **trained.results()}
    rows = compare(results, "Semi-MTL w/ partial labels", "segment", n_resamples=20)
    assert len({row.method for row in rows}) == 5 + 7 - 2  # one method is in both, and is what the others are held to
    assert len(compare(results, "Semi-MTL w/ partial labels", "scene", n_resamples=20)) == len(rows)
    # Of one repetition, the pooled score is the evaluator's own.
    assert all(row.value == pytest.approx(float(results[row.method]["segment"][0][row.score])) for row in rows)


def test_the_second_round_is_labelled_by_the_first_student(trained):
    stages = trained.experiment.stages
    first, paper = (stages[name].model_dump(exclude={"title", "predict"}) for name in ("first-student", "semi-partial"))
    assert first == paper
    strong, distilled = labelled(trained, Job("iterated", 0)).shares
    student = trained.predictions("first-student", 0, "train").sel(clip=list(distilled.clips)).load()
    decided = torch.from_numpy(student["event_frame_posterior"].values >= 0.2)
    assert torch.equal(distilled.frame_event.bool(), decided)
    assert strong.frame_event_known.all()


def test_a_stages_own_refiner_is_asked_for_its_share_alone_and_gets_the_original_labels(beyond):
    found = labelled(beyond, Job("progressive-identification", 0))
    assert found.refines_itself
    assert not labelled(beyond, Job("soft", 0)).refines_itself
    strong, partial = found.shares
    asked = []

    def predicted(part: slice) -> xr.Dataset:
        asked.append(part)
        clips = [beyond.clips["train"][row].id for row in found.rows[part].tolist()]
        values = np.linspace(0.1, 0.9, len(clips) * len(partial.events)).reshape(len(clips), -1)
        coords = {"clip": clips, "event": list(partial.events)}
        return xr.Dataset({"event_clip_posterior": (("clip", "event"), values)}, coords=coords)

    once, again = found.refined(predicted), found.refined(predicted)
    assert asked == [slice(len(strong), len(strong) + len(partial))] * 2
    assert once.clips == found.targets.clips
    assert torch.equal(once.clip_event, again.clip_event)
    assert not once.clip_event_known[: len(strong)].any()
    assert once.clip_event_known[len(strong) :].all()
    assert torch.equal(once.clip_event[len(strong) :].amax(1), torch.ones(len(partial)))
    assert partial.clip_event is None


DOCUMENT = {
    "name": "small",
    "corpus": "tut",
    "frontend": "log-mel",
    "stages": {
        "only": {
            "labels": [{"sources": ["partial"], "refine": {"use": "progressive-identification", "by": "itself"}}],
            "model": "mtl-cnn-bigru",
            "losses": ["weak-bce"],
            "n_epochs": 2,
            "mean_teacher": 0.9,
        }
    },
}


def test_a_stage_that_refines_itself_needs_no_other_one():
    (stage,) = experiment_of(DOCUMENT).stages.values()
    assert stage.needs == ()
    assert stage.labels[0].refined_by is None


def test_no_stage_can_have_the_name_that_stands_for_itself():
    with pytest.raises(ExperimentError, match=r"stages\.itself: the name stands for the stage that refines itself"):
        experiment_of({**DOCUMENT, "stages": {"itself": DOCUMENT["stages"]["only"]}})


@pytest.mark.parametrize("decay", [0, 1, 1.5])
def test_a_decay_that_averages_nothing_or_never_moves_is_refused(decay):
    with pytest.raises(ExperimentError, match="mean_teacher"):
        experiment_of({**DOCUMENT, "stages": {"only": {**DOCUMENT["stages"]["only"], "mean_teacher": decay}}})


def test_the_address_follows_the_mean_teacher_and_by_whom_labels_are_refined(beyond):
    def address(**changes) -> str:
        stages = beyond.experiment.stages
        changed = {**stages, "mean-teacher": stages["mean-teacher"].model_copy(update=changes)}
        experiment = beyond.experiment.model_copy(update={"stages": changed})
        study = Study(experiment=experiment, dataset=beyond.dataset, store=beyond.store, manager=beyond.manager)
        return study.run_address(Job("mean-teacher", 0))

    strong, partial = beyond.experiment.stages["mean-teacher"].labels
    by_another = partial.refine.model_copy(update={"by": "distillation"})
    here = beyond.run_address(Job("mean-teacher", 0))
    assert address() == here
    different = {
        address(mean_teacher=0.9),
        address(mean_teacher=None),
        address(labels=(strong, partial.model_copy(update={"refine": by_another}))),
    }
    assert len(different | {here}) == 4


def test_stages_that_refine_nothing_by_themselves_keep_the_addresses_that_they_had_before_any_could(small_study):
    """The description as it was first written: a key more, or another order of labels, would train everything anew."""
    described = small_study.description(Job("semi-partial", 0))
    for key in ("features", "model", "sampler", "losses", "starts_from"):  # these follow versions and options
        assert described[key]
        described[key] = key
    for share in described["labels"]:
        share["sources"] = [source["use"] for source in share["sources"]]
        if share["refine"]:
            share["refine"] |= {"plugin": "", "by": "teacher"}
    assert address_of(described) == "0b21894928f245ba89551b46"
