"""A search: what is drawn, who is pruned, and what is left after a kill."""

from __future__ import annotations

import json
import math
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import xarray as xr
from torch import nn
from typer.testing import CliRunner

from earmark import hookimpl
from earmark.cli import app
from earmark.errors import EarmarkError, ExperimentError
from earmark.experiment import experiment_of, merged, read_experiment
from earmark.outputs import Outputs
from earmark.plugins import PluginManager
from earmark.study import Job, Study
from earmark.tuning import OpenSearch, Search, found, read_search, run_search
from earmark.tuning.description import SearchError, check_search
from earmark.tuning.journal import Journal
from earmark.tuning.space import Values
from earmark.workspace import open_store

SPACE = {
    "model.n_conv": {"low": 3, "high": 5},
    "model.last_filters": {"low": 16, "high": 128, "log": True},
    "model.conv_dropout": {"low": 0.0, "high": 0.5, "step": 0.05},
    "optimiser.lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "model.mel_bins_left": {"choices": [1, 2, 4]},
}


class Known(nn.Module):
    """A net whose embedding, and so its score, is one of its options."""

    def __init__(self, task, *, goodness: float, size: int = 2):
        super().__init__()
        self.goodness = goodness
        self.head = nn.Linear(task.n_mels, task.n_events)

    def forward(self, features):
        embedding = torch.full((len(features), 2), self.goodness)
        return Outputs(event_clip_logit=self.head(features.mean(dim=1)), embedding=embedding)


@dataclass(frozen=True)
class Goodness:
    """Reads the score off the embedding."""

    def evaluate(self, reference, predictions):
        return xr.Dataset({"goodness": float(predictions["embedding"].mean())})


@dataclass(frozen=True)
class Diverging:
    """A loss that is not finite where the net is bad."""

    def __call__(self, outputs, targets):
        loss = outputs.event_clip_logit.square().mean()
        return loss * float("nan") if outputs.embedding[0, 0] < 0.5 else loss


class Plugin:
    @hookimpl
    def earmark_models(self):
        return {"known": Known}

    @hookimpl
    def earmark_evaluators(self):
        return {"goodness": Goodness}

    @hookimpl
    def earmark_losses(self):
        return {"diverging": lambda: Diverging()}


class Kill(BaseException):
    """What SIGKILL is, as far as can be had in one process: nobody catches it."""


DOCUMENT = {
    "name": "searched",
    "corpus": "tut",
    "frontend": "log-mel",
    "validation_split": "evaluation",
    "test_split": "development",
    "stages": {
        "net": {
            "title": "Net",
            "n_epochs": 7,
            "labels": [{"sources": ["scene", "weak"]}],
            "model": {"use": "known", "goodness": 0.5},
            "losses": ["weak-bce"],
            "stopping": {"use": "goodness", "score": "goodness"},
        }
    },
}
SEARCH = {"stage": "net", "space": {"model.goodness": {"low": 0.0, "high": 1.0}}}


def manager() -> PluginManager:
    made = PluginManager.of_environment()
    made.register(Plugin(), "known")
    return made


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def opened(small_study, features, tmp_path):
    """Opens a search in a folder of its own; all share features, which are of no interest here."""

    def at(changes=None, root=tmp_path / "stores", **search) -> OpenSearch:
        experiment = experiment_of(merged(DOCUMENT, changes or {}))
        described = Search.model_validate({**SEARCH, **search})
        check_search(described, experiment, plugins := manager(), "test")
        root.mkdir(exist_ok=True)
        if not (root / "features").exists():
            (root / "features").symlink_to(features)
        study = Study(experiment=experiment, dataset=small_study.dataset, store=open_store(root), manager=plugins)
        return OpenSearch(search=described, study=study, root=root)

    return at


# The space


def test_every_draw_lies_within_its_bounds_and_all_of_them_are_reached():
    search = Search(stage="net", space=SPACE)
    drawn = [search.drawn(number) for number in range(300)]
    assert {one["model.n_conv"] for one in drawn} == {3, 4, 5}
    assert {one["model.mel_bins_left"] for one in drawn} == {1, 2, 4}
    assert {one["model.conv_dropout"] for one in drawn} == {round(0.05 * n, 2) for n in range(11)}
    filters = [one["model.last_filters"] for one in drawn]
    assert all(isinstance(value, int) and 16 <= value <= 128 for value in filters)
    below = sum(value < 45 for value in filters) / len(filters)  # sqrt(16 * 128) = 45.3
    assert 0.4 < below < 0.6
    assert all(1e-4 <= one["optimiser.lr"] < 1e-2 for one in drawn)


def test_a_draw_is_of_the_description_and_its_number_alone():
    search = Search(stage="net", space=SPACE)
    assert search.drawn(7) == Search(stage="net", space=SPACE).drawn(7)
    fewer = {field: values for field, values in SPACE.items() if field != "model.n_conv"}
    without = Search(stage="net", space=fewer).drawn(7)
    assert without == {field: value for field, value in search.drawn(7).items() if field in fewer}
    assert Search(stage="net", space=SPACE, seed=1).drawn(7) != search.drawn(7)


def test_trials_are_compared_after_5_20_and_80_of_200_epochs_and_never_after_the_last():
    search = Search(stage="net", space=SPACE)
    assert search.rungs(200) == (5, 20, 80)
    assert search.rungs(80) == (5, 20)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"low": 5, "high": 3}, "low = 5 must lie below high = 3"),
        ({"low": 3}, r"say \{ low = 3, high = 5 \} or \{ choices = \[1, 2, 4\] \}"),
        ({"low": 0, "high": 3, "log": True}, "log = true goes with low > 0 and without step"),
        ({"low": 0.0, "high": 0.5, "step": 0.3}, "no whole number of steps of 0.3 leads from 0.0 to 0.5"),
        ({"choices": [1, 1]}, "a choice stands there twice"),
        ({"choices": [1, 2], "low": 3}, "choices stand alone"),
        ({"low": 3, "hihg": 5}, "space.model.n_conv.hihg: no such field. Did you mean 'high'"),
        ({"low": "a", "high": 5}, "space.model.n_conv.low.*valid integer, got 'a'"),
    ],
)
def test_values_that_cannot_be_drawn_are_named(tmp_path, values, message):
    path = tmp_path / "mine.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path.write_text("\n".join(['[search]\nstage = "net"\n[search.space."model.n_conv"]', *lines]))
    with pytest.raises(ExperimentError, match=f"(?s)mine.toml: search: .*{message}"):
        read_search(path)


def test_fields_are_the_same_with_and_without_quotes_and_stand_there_once(tmp_path):
    path = tmp_path / "mine.toml"
    head = '[search]\nstage = "net"\n[search.space]\n'
    path.write_text(head + "model.n_conv = { low = 3, high = 5 }\nmodel.size = { choices = [1, 2] }")
    plain = read_search(path)
    path.write_text(head + '"model.n_conv" = { low = 3, high = 5 }\n"model.size" = { choices = [1, 2] }')
    assert read_search(path) == plain
    path.write_text(head + '"model.n_conv" = { low = 3, high = 5 }\nmodel.n_conv = { low = 3, high = 4 }')
    with pytest.raises(ExperimentError, match="'model.n_conv' stands there twice"):
        read_search(path)
    path.write_text(head + '"model" = { choices = ["a", "b"] }\n"model.n_conv" = { low = 3, high = 4 }')
    with pytest.raises(ExperimentError, match="'model' and 'model.n_conv' cannot both be searched"):
        read_search(path)


def test_a_file_without_a_search_shows_how_one_looks(tmp_path):
    (tmp_path / "mine.toml").write_text('name = "mine"')
    with pytest.raises(SearchError, match=r"(?s)mine.toml: no table \[search\].*\[search.space\]"):
        read_search(tmp_path / "mine.toml")


def test_a_field_that_search_does_not_have_is_named(tmp_path):
    (tmp_path / "mine.toml").write_text('[search]\nstage = "net"\nmin_ressource = 3\nspace = {a = {low = 1, high = 2}}')
    with pytest.raises(ExperimentError, match="search: min_ressource: no such field. Did you mean 'min_resource'"):
        read_search(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"stage": "nett"}, "search.stage: no stage 'nett'. Did you mean 'net'"),
        ({"space": {"model.godness": {"low": 0.0, "high": 1.0}}}, "search.space: .*no option 'godness'. Did you mean"),
        ({"space": {"model.size": {"low": 0.5, "high": 1.5}}}, "search.space: 'model.size' = 0.5 does not fit: .*size"),
        ({"space": {"optimizer.lr": {"low": 0.1, "high": 0.2}}}, "search.space: .*optimizer: no such field. Did you"),
        ({"space": {"losses.weight": {"low": 0.1, "high": 0.2}}}, "search.space: 'losses.weight' = 0.1 does not fit"),
        ({"min_resource": 7}, "search.min_resource: .*after 7 epochs, but stages.net ends after 7"),
    ],
)
def test_what_cannot_be_searched_is_named_before_anything_runs(opened, tmp_path, search, message):
    with pytest.raises(ExperimentError, match=message):
        opened(**search)
    assert list(tmp_path.iterdir()) == []


def test_a_stage_without_a_score_cannot_be_searched(opened):
    stage = {key: value for key, value in DOCUMENT["stages"]["net"].items() if key != "stopping"}
    experiment = experiment_of({**DOCUMENT, "stages": {"net": stage}})
    with pytest.raises(ExperimentError, match="stages.net has no score on the validation part.*Give it early stopping"):
        check_search(Search.model_validate(SEARCH), experiment, manager(), "test")


# Trials


def test_a_bad_trial_is_pruned_at_the_first_rung_and_a_good_one_goes_on(opened):
    search = opened()
    journal = run_search(search, 6, device="cpu")
    best = -math.inf
    for trial in journal.trials():
        goodness = trial.parameters["model.goodness"]
        # Fewer than eight have come to the rung: the best so far goes on, alone.
        if goodness > best:
            assert (trial.state, trial.n_epochs) == ("complete", 7)
        else:
            assert (trial.state, trial.n_epochs) == ("pruned", 5)
        best = max(best, goodness)
        assert list(trial.scores) == list(range(1, trial.n_epochs + 1))
        assert trial.score == pytest.approx(goodness)
        study, job = search.trial(trial.draw)
        assert study.shelf(job).whole is (trial.state == "complete")
    assert {trial.state for trial in journal.trials()} == {"complete", "pruned"}
    whole = [shelf.whole for shelf in search.study.store.runs()]
    assert all(whole)  # nothing is left of those that were pruned
    assert len(whole) == sum(trial.state == "complete" for trial in journal.trials())


def test_the_best_values_pasted_into_the_file_name_a_run_that_is_done(opened):
    search = opened()
    result = found(search, run_search(search, 4, device="cpu"))
    complete = result.trials[result.trials["state"] == "complete"]
    best = complete.loc[complete["score"].idxmax()]
    pasted = tomllib.loads(result.best)
    assert pasted["stages"]["net"]["model"] == {"use": "known", "goodness": best["model.goodness"]}
    again = opened(pasted)
    assert again.study.shelf(Job("net", again.study.experiment.seeds[0])).whole
    assert again.address == search.address  # the search is found, too
    assert list(result.trials.columns) == ["trial", "state", "epochs", "score", "model.goodness", "seconds", "why"]
    assert result.trials["epochs"].sum() == len(result.curves)
    assert result.rungs == (5,)


@pytest.mark.parametrize(
    ("at", "save_every_s"),
    [(3, 20), (4, 20), (6, 0)],
    ids=["before it was compared", "as it was compared", "in its last epoch, with a saved state"],
)
def test_killed_and_resumed_a_search_ends_with_the_trials_of_an_undisturbed_one(
    opened, tmp_path, monkeypatch, at, save_every_s
):
    monkeypatch.setattr("earmark.training.SAVE_EVERY_S", save_every_s)
    undisturbed = run_search(opened(root=tmp_path / "undisturbed"), 4, device="cpu").trials()
    assert [trial.state for trial in undisturbed] == ["complete", "pruned", "complete", "pruned"]
    search = opened(root=tmp_path / "killed")

    class Killer:
        @hookimpl
        def earmark_epoch_ended(self, stage, epoch):
            if (stage, epoch) == ("trial-002", at):
                raise Kill

    search.study.manager.register(Killer(), "killer")
    with pytest.raises(Kill):
        run_search(search, 4, device="cpu")
    begun = Journal(search.journal, search.search).trials()
    assert [trial.state for trial in begun] == ["complete", "pruned", "running"]
    with search.journal.open("ab") as file:  # and in the middle of a line
        file.write(b'{"op_code": 7, "worker_')
    search.study.manager.unregister("killer")
    said = []
    journal = run_search(search, 4, device="cpu", say=said.append)
    ended = [(trial.draw, trial.state, trial.parameters, trial.scores) for trial in journal.trials()]
    assert ended == [(trial.draw, trial.state, trial.parameters, trial.scores) for trial in undisturbed]
    assert ("trial-002, seed 0: goes on after epoch 6" in said) is (save_every_s == 0)
    assert [line.partition(":")[0] for line in said if "of 4 done" in line] == ["trial 2", "trial 3"]
    assert "4 of 4 done, best 0.6177 (trial 2)" in said[-1]


def test_more_trials_add_to_those_that_are_there(opened):
    search = opened()
    three = run_search(search, 3, device="cpu").trials()
    seven = run_search(search, 7, device="cpu").trials()
    assert [trial.draw for trial in seven] == list(range(7))
    assert seven[:3] == three
    assert run_search(search, 2, device="cpu").trials() == seven


def test_a_training_that_diverges_is_a_pruned_trial_that_says_why(opened):
    search = opened({"stages": {"net": {"losses": ["diverging"]}}})
    trials = run_search(search, 4, device="cpu").trials()
    bad = [trial for trial in trials if trial.parameters["model.goodness"] < 0.5]
    assert bad
    for trial in bad:
        assert (trial.state, trial.scores) == ("pruned", {})
        assert "the loss is nan in epoch 1" in trial.why
    assert all(trial.why is None for trial in trials if trial not in bad)


def test_the_journal_is_json_and_holds_what_optunas_own_tools_read(opened):
    import optuna

    search = opened(space={"model.goodness": {"low": 0.0, "high": 1.0}, "model.size": {"choices": [2, 3]}})
    run_search(search, 2, device="cpu")
    assert all(isinstance(json.loads(line), dict) for line in search.journal.read_text().splitlines())
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(search.journal)))
    study = optuna.load_study(study_name="search", storage=storage)
    assert study.best_value == max(trial.value for trial in study.trials if trial.state.name == "COMPLETE")
    assert set(study.best_params) == {"model.goodness", "model.size"}


def test_two_commands_do_not_make_trials_of_one_search(opened):
    search = opened()
    with (
        search.study.store.lock(f"search-{search.address}"),
        pytest.raises(SearchError, match="another process makes trials of this search"),
    ):
        run_search(search, 2, device="cpu")


# The command


EXPERIMENT = """
name = "two"
corpus = "tut"
frontend = "log-mel"
validation_split = "evaluation"
test_split = "development"
synthetic = { development_min = 6, evaluation_min = 4 }

[stages.net]
title = "Net"
labels = [{ sources = ["scene", "strong"] }]
model = { use = "mtl-cnn-bigru", shared_channels = [4, 4, 4], scene_channels = [4, 4], gru_units = 4, event_units = 4 }
losses = ["scene-ce", "strong-bce"]
sampler = { use = "shuffled", batch_size = 8 }
n_epochs = 2
stopping = { use = "scene", score = "fscore_macro" }

[search]
stage = "net"
min_resource = 1
reduction_factor = 2
space = { "optimiser.lr" = { low = 1e-4, high = 1e-2, log = true }, "model.scene_units" = { choices = [4, 6] } }
"""


def test_two_processes_make_a_search_and_its_figure(small_stores, small_study, tmp_path):
    (tmp_path / "two.toml").write_text(EXPERIMENT)
    arguments = ["tune", tmp_path / "two.toml", "--trials", 3, "--workers", 2, "--device", "cpu"]
    arguments += ["--stores", small_stores, "--out", tmp_path / "out"]
    ran = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert ran.exit_code == 0, ran.output
    assert "3 of 3 done" in ran.stdout
    assert "fscore_macro on the validation part of tut (synthetic)" in ran.stdout
    for name in ("search.csv", "curves.csv", "best.toml", "figures/search.png", "figures/search.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    best = tomllib.loads((tmp_path / "out" / "best.toml").read_text())["stages"]["net"]
    assert set(best) == {"optimiser", "model"}
    assert best["model"]["shared_channels"] == [4, 4, 4]
    read_experiment(tmp_path / "two.toml", changes={"stages": {"net": best}})


def test_without_optuna_the_command_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    (tmp_path / "two.toml").write_text(EXPERIMENT)
    ran = CliRunner().invoke(app, ["tune", str(tmp_path / "two.toml"), "--stores", str(tmp_path / "stores")])
    assert ran.exit_code == 1
    assert "needs Optuna, which is not installed" in ran.stderr
    assert "python -m pip install 'optuna>=4.4'" in ran.stderr
    assert not (tmp_path / "stores").exists()


def test_the_papers_search_fits_its_net_in_every_profile():
    path = Path(__file__).resolve().parents[2] / "paper/weak_label_limits/tune.toml"
    for profile in (None, "full", "quick", "smoke"):
        search, experiment = read_search(path, profile), read_experiment(path, profile)
        check_search(search, experiment, PluginManager.of_environment(), str(path))
        assert len(search.space) == 6
    full = read_search(path, "full")
    assert full.rungs(read_experiment(path, "full").stages["classifier"].n_epochs) == (5, 20, 80)
    table = read_experiment(path.with_name("table.toml"))
    assert read_experiment(path).stages["classifier"] == table.stages["classifier"]


def test_values_name_what_they_are():
    assert Values(low=1, high=3).whole
    assert not Values(low=1, high=3.5).whole
    assert issubclass(SearchError, EarmarkError)
