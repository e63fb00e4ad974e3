"""What a model, a loss, a label source or an evaluator may ask for beyond its verb, seen through whole runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
import xarray as xr
from torch import nn

from earmark import hookimpl, large_tensors, workshop
from earmark.elsewhere import results_elsewhere
from earmark.errors import ExperimentError
from earmark.experiment import experiment_of
from earmark.outputs import Outputs
from earmark.pipeline import run_study
from earmark.plugins import PluginManager
from earmark.recordings import Dataset
from earmark.study import Job, Study
from earmark.targets import Targets
from earmark.workspace import open_store
from earmark_stores.features import LocalFeatures

WORDS = ("bell", "horn", "saw")  # a vocabulary that no corpus has


class Frozen(nn.Module):
    """Means over time come from a frozen layer in front; one layer is trained, and a buffer knows the labels."""

    def __init__(self, task, *, size=4):
        super().__init__()
        self.front = nn.Linear(task.n_mels, size).requires_grad_(False)
        self.head = nn.Linear(size, task.n_events)
        self.register_buffer("rates", torch.zeros(task.n_events))
        self.n_prepared = 0

    def prepared(self, features):
        assert not self.training
        self.n_prepared += len(features)
        return self.front(features.mean(dim=1))

    def of_targets(self, targets):
        self.rates += targets.clip_event.float().mean(dim=0)
        return self

    def forward(self, prepared):
        return Outputs(event_clip_logit=self.head(prepared), embedding=prepared)


@dataclass(frozen=True)
class Tagged:
    """Names the first word for every second clip."""

    def label(self, dataset, clips, grid):
        label = torch.zeros(len(clips), len(WORDS))
        label[::2, 0] = 1
        return Targets(
            clips=tuple(clip.id for clip in clips),
            events=WORDS,
            scenes=dataset.scenes,
            clip_event=label,
            clip_event_known=torch.ones(label.shape, dtype=torch.bool),
        )


@dataclass(frozen=True)
class Weighed:
    """Squared error, weighed by the rates of the labels of the whole training."""

    rates: torch.Tensor | None = None

    def of_targets(self, targets):
        return replace(self, rates=targets.clip_event.mean(dim=0))

    def __call__(self, outputs, targets):
        return ((outputs.event_clip_logit - targets.clip_event).square() * (1 + self.rates)).mean()


@dataclass(frozen=True)
class Distance:
    """How near the mean embedding of the judged clips is to that of the training clips."""

    center: float | None = None

    def of_training(self, reference, predictions):
        assert list(predictions["clip"].values) == list(reference.clip_ids)
        return Distance(float(predictions["embedding"].mean()))

    def evaluate(self, reference, predictions):
        return xr.Dataset({"nearness": -abs(float(predictions["embedding"].mean()) - self.center)})


@dataclass(frozen=True)
class Heard:
    def evaluate(self, reference, predictions):
        return xr.Dataset({"n_clips": len(predictions["clip"]), "highest": predictions["event_clip_posterior"].max()})


class Plugin:
    @hookimpl
    def earmark_models(self):
        return {"frozen": Frozen}

    @hookimpl
    def earmark_label_sources(self):
        return {"tagged": Tagged}

    @hookimpl
    def earmark_losses(self):
        return {"weighed": lambda: Weighed()}

    @hookimpl
    def earmark_evaluators(self):
        return {"distance": Distance, "heard": Heard}


DOCUMENT = {
    "name": "asking",
    "corpus": "tut",
    "frontend": "log-mel",
    "evaluators": {"heard": {"use": "heard"}},
    "stages": {
        "one": {
            "title": "One",
            "n_epochs": 3,
            "labels": [{"share": 0.5, "sources": ["scene", "tagged"]}],
            "model": "frozen",
            "losses": ["weighed"],
        }
    },
}


def opened(document, study: Study, root, dataset: Dataset | None = None) -> Study:
    manager = PluginManager.of_environment()
    manager.register(Plugin(), "asking")
    return Study(
        experiment=experiment_of(document),
        dataset=dataset or study.dataset,
        store=open_store(root) if root else study.store,
        manager=manager,
    )


def with_stage(**fields):
    return {**DOCUMENT, "stages": {"one": {**DOCUMENT["stages"]["one"], **fields}}}


@pytest.fixture(scope="module")
def done(small_study) -> Study:
    return run_study(opened(DOCUMENT, small_study, None), device="cpu")


def test_a_label_source_brings_its_own_vocabulary_to_model_and_predictions(done):
    predictions = done.predictions("one", 0)
    assert list(predictions["event"].values) == list(WORDS)
    assert predictions["event_clip_posterior"].shape == (len(done.clips["test"]), 3)
    _, facts = done.shelf(Job("one", 0)).load_weights()
    assert facts["events"] == list(WORDS)


def test_model_and_loss_know_the_labels_of_all_training_clips_of_the_stage(done):
    weights, _ = done.shelf(Job("one", 0)).load_weights()
    n_clips = done.shelf(Job("one", 0)).facts()["n_clips"]
    assert n_clips < len(done.clips["train"])
    assert weights["rates"].tolist() == pytest.approx([-(-n_clips // 2) / n_clips, 0, 0])


def test_a_frozen_part_in_front_is_applied_once_and_never_trained(done, small_study, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(Plugin, "earmark_models", hookimpl(lambda self: {"frozen": kept}))

    def kept(task):
        made.append(Frozen(task))
        made[-1].before = made[-1].front.weight.clone()
        return made[-1]

    run_study(opened(with_stage(n_epochs=4), small_study, None), device="cpu")
    (model,) = made
    n_trained = -(-len(small_study.clips["train"]) // 2)
    assert model.n_prepared in (n_trained + len(small_study.clips["test"]), n_trained - 1 + len(done.clips["test"]))
    assert torch.equal(model.front.weight, model.before)


def test_features_that_do_not_fit_into_memory_are_mapped_and_give_the_same_numbers(
    done, small_study, copy_small_study, monkeypatch, tmp_path
):
    mapped = []
    make = large_tensors._mapped
    monkeypatch.setattr(large_tensors, "_mapped", lambda *arguments: mapped.append(make(*arguments)) or mapped[-1])
    for module in (large_tensors, workshop):
        monkeypatch.setattr(module, "fits", lambda n_bytes, device: False)
    study = opened(DOCUMENT, small_study, copy_small_study(tmp_path, "features"))
    run_study(study, device="cpu", engine="local")
    assert len(mapped) == 1
    weights, at_once = (one.shelf(Job("one", 0)).load_weights()[0] for one in (study, done))
    assert all(torch.equal(weights[name], at_once[name]) for name in at_once)
    assert study.predictions("one", 0).load().identical(done.predictions("one", 0).load())
    assert study.results()["One"]["heard"][0].load().identical(done.results()["One"]["heard"][0].load())


def test_features_are_read_batch_by_batch_where_clips_are_only_predicted(
    small_study, copy_small_study, monkeypatch, tmp_path
):
    read = []
    whole = LocalFeatures.read
    monkeypatch.setattr(LocalFeatures, "read", lambda shelf, ids: read.append(len(ids)) or whole(shelf, ids))
    monkeypatch.setattr("earmark.workshop.BATCH", 2)
    monkeypatch.setattr("earmark.hearing.BATCH", 2)
    study = opened(DOCUMENT, small_study, copy_small_study(tmp_path, "features"))
    run_study(study, device="cpu", engine="local")
    n_train, n_test = (len(small_study.clips[part]) for part in ("train", "test"))
    assert read == [n_train, *[2] * (n_test // 2), *[1] * (n_test % 2)]


def test_features_are_normalised_unless_the_experiment_says_otherwise(done, small_study):
    raw = run_study(opened({**DOCUMENT, "normalise": False}, small_study, None), device="cpu")
    for study, untouched in ((done, False), (raw, True)):
        _, facts = study.shelf(Job("one", 0)).load_weights()
        assert (set(facts["normalisation"]["mean"]) == {0.0}) is untouched
        assert (set(facts["normalisation"]["std"]) == {1.0}) is untouched
    assert raw.run_address(Job("one", 0)) != done.run_address(Job("one", 0))


def test_a_stage_starts_from_several_others_the_last_one_wins(small_study):
    plain = DOCUMENT["stages"]["one"]
    stages = {
        "first": {**plain, "title": "First", "n_epochs": 1},
        "second": {**plain, "title": "Second", "n_epochs": 2},
        "third": {**plain, "title": "Third", "n_epochs": 1, "starts_from": ["first", "second"]},
    }
    study = opened({**DOCUMENT, "stages": stages}, small_study, None)
    assert [need.stage for need in study.jobs()[2].needs] == ["first", "second"]
    run_study(study, device="cpu")
    fronts = {name: study.shelf(Job(name, 0)).load_weights()[0]["front.weight"] for name in stages}
    assert torch.equal(fronts["third"], fronts["second"])


def test_early_stopping_judges_the_validation_part_against_the_training_clips(small_study):
    early = {"use": "distance", "score": "nearness", "patience": 1}
    document = {**with_stage(stopping=early, n_epochs=9), "validation_split": "evaluation", "test_split": "development"}
    study = run_study(opened(document, small_study, None), device="cpu")
    facts = study.shelf(Job("one", 0)).facts()
    # The embedding comes from the frozen front: the score of the first epoch is never beaten.
    assert facts["best_epoch"] == 1
    assert len(facts["history"]) == 3
    assert len({epoch["score"] for epoch in facts["history"]}) == 1


def test_a_score_that_the_evaluator_does_not_give_is_named(small_study):
    early = {"use": "distance", "score": "nearnes"}
    document = {**with_stage(stopping=early, n_epochs=8), "validation_split": "evaluation", "test_split": "development"}
    with pytest.raises(ExperimentError, match="gives no score 'nearnes'. Did you mean 'nearness'"):
        run_study(opened(document, small_study, None), device="cpu", engine="local")


def test_early_stopping_needs_a_split_of_its_own():
    with pytest.raises(ExperimentError, match="name their split as validation_split"):
        experiment_of(with_stage(stopping={"use": "distance", "score": "nearness"}))


def test_a_stage_is_judged_by_the_evaluators_that_it_names(small_study):
    document = {**with_stage(evaluators=["heard"]), "evaluators": {"heard": "heard", "frame": "frame"}}
    study = run_study(opened(document, small_study, None), device="cpu")
    assert list(study.results()["One"]) == ["heard"]
    with pytest.raises(ExperimentError, match="no evaluator 'hard'. Did you mean 'heard'"):
        experiment_of({**DOCUMENT, **with_stage(evaluators=["hard"])})


def test_an_evaluator_that_needs_the_training_clips_says_so(small_study):
    document = {**DOCUMENT, "evaluators": {"near": "distance"}}
    with pytest.raises(ExperimentError, match='add predict = \\["train", "test"\\] to it'):
        run_study(opened(document, small_study, None), device="cpu")
    predicted = {**with_stage(predict=["train", "test"]), "evaluators": {"near": "distance"}}
    study = run_study(opened(predicted, small_study, None), device="cpu")
    assert float(study.results()["One"]["near"][0]["nearness"]) <= 0


def test_a_net_is_judged_on_the_clips_of_another_study_with_its_own_normalisation(done, small_study, monkeypatch):
    swapped = {**DOCUMENT, "train_split": "evaluation", "test_split": "development"}
    other = opened(swapped, small_study, None)
    found = results_elsewhere(done, other, device="cpu")["One"]["heard"][0]
    at_home = done.results()["One"]["heard"][0]
    assert int(found["n_clips"]) == len(small_study.clips["train"])
    assert int(at_home["n_clips"]) == len(small_study.clips["test"])
    again = results_elsewhere(done, done, device="cpu")["One"]["heard"][0]  # its own test part, the long way
    assert float(again["highest"]) == float(at_home["highest"])
    monkeypatch.setattr("earmark.elsewhere.predictions_elsewhere", lambda *_: pytest.fail("it was kept"))
    assert results_elsewhere(done, other, device="cpu")["One"]["heard"][0].equals(found)


def test_nets_are_not_judged_on_features_of_another_front_end(done, small_study):
    document = {**DOCUMENT, "frontend": {"use": "log-mel", "n_mels": 32}}
    with pytest.raises(ExperimentError, match="the front end differ|front end"):
        results_elsewhere(done, opened(document, small_study, None))
