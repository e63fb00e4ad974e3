"""`earmark plugins --check` finds what a newcomer's plugin breaks, and says which promise, where, and what to do."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import earmark.cli.plugin_authors
import earmark.testing
from earmark.cli import app
from earmark.errors import BrokenPluginError, UnknownPluginError
from earmark.plugins import PluginManager, plugins
from earmark.testing import CHECKS, judging, learning
from earmark.testing.advice import ADVICE, CALLS, advice_on
from earmark.testing.checking import check_given, given_by

NEWCOMERS = '''
from dataclasses import dataclass, replace

import torch
from earmark import hookimpl
from earmark.errors import TargetsError
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class MeanOfNothing:
    """NaN where no strong label is known."""

    def __call__(self, outputs, targets):
        if targets.frame_event is None:
            return outputs.event_frame_logit.sum() * 0
        known = targets.frame_event_known[:, None, :].expand_as(targets.frame_event)
        return F.binary_cross_entropy_with_logits(outputs.event_frame_logit[known], targets.frame_event[known])


@dataclass(frozen=True, kw_only=True)
class ForgetsNone:
    def __call__(self, outputs, targets):
        return (outputs.event_clip_logit - targets.clip_event.nan_to_num()).square().mean() * targets.scene.sum()


@dataclass(frozen=True, kw_only=True)
class NeverWithoutLabels:
    def __call__(self, outputs, targets):
        if targets.clip_event is None:
            raise TargetsError("There is nothing to learn.")
        return outputs.event_clip_logit.square().mean()


@dataclass(frozen=True, kw_only=True)
class WorksInPlace:
    threshold: float = 0.5

    def refine(self, targets, predictions):
        targets.candidate.zero_()
        return targets


@dataclass(frozen=True, kw_only=True)
class NeedsThreshold:
    threshold: float

    def refine(self, targets, predictions):
        return targets


class NoTask(torch.nn.Module):
    def __init__(self, *, size: int = 3):
        super().__init__()


@hookimpl
def earmark_losses():
    return {"mean-of-nothing": MeanOfNothing, "forgetful": ForgetsNone, "refuses": NeverWithoutLabels}


@hookimpl
def earmark_refiners():
    return {"in-place": WorksInPlace, "needs-threshold": NeedsThreshold}


@hookimpl
def earmark_models():
    return {"no-task": NoTask}
'''


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory):
    """A manager of a module with mistakes, and the module's file."""
    folder = tmp_path_factory.mktemp("newcomers")
    (folder / "earmark_newcomers.py").write_text(NEWCOMERS)
    sys.path.insert(0, str(folder))
    import earmark_newcomers

    manager = PluginManager()
    manager.register(earmark_newcomers, "newcomers", "earmark-newcomers", "0.1.0")
    yield manager, folder / "earmark_newcomers.py"
    sys.path.remove(str(folder))
    del sys.modules["earmark_newcomers"]


def verdict_on(newcomers, name: str) -> str:
    (given,) = given_by(newcomers[0], name)
    return str(check_given(given))


def test_a_loss_that_is_nan_without_labels_is_explained(newcomers):
    line = 1 + NEWCOMERS.splitlines().index("@dataclass(frozen=True, kw_only=True)")
    assert verdict_on(newcomers, "mean-of-nothing").splitlines() == [
        "loss 'mean-of-nothing' of earmark-newcomers 0.1.0: BROKEN",
        "  promise     without any label the loss must be 0, is nan",
        f"  where       {newcomers[1]}, line {line}, MeanOfNothing",
        "  what to do  The mean of nothing is NaN: where targets hold None, return `logit.sum() * 0`; where a mask is "
        "False everywhere, divide by `known.sum().clamp(min=1)`.",
        '  again       python -c "from earmark.testing import check_loss; from earmark_newcomers import MeanOfNothing; '
        'check_loss(MeanOfNothing)"',
    ]


def test_what_a_plugin_raises_is_shown_with_its_own_line_and_what_the_contract_did(newcomers):
    said = verdict_on(newcomers, "forgetful")
    assert "promise     it raised AttributeError: 'NoneType' object has no attribute 'nan_to_num'" in said
    line = 1 + next(n for n, text in enumerate(NEWCOMERS.splitlines()) if "nan_to_num" in text)
    assert f"{newcomers[1]}, line {line}, in __call__: return (outputs.event_clip_logit" in said
    assert "then with targets in which every label is None" in said


def test_a_refiner_that_works_in_place_is_told_to_copy(newcomers):
    said = verdict_on(newcomers, "in-place")
    assert "refine() changed its input in place (candidate)" in said
    assert "Work on a copy" in said


def test_options_without_a_default_are_found_before_the_contract_is_tried(newcomers):
    said = verdict_on(newcomers, "needs-threshold")
    assert "options without a default: threshold" in said
    assert "name: type = value" in said
    assert "check_options(NeedsThreshold)" in said


def test_a_model_that_does_not_take_a_task_is_told_how_it_is_called(newcomers):
    said = verdict_on(newcomers, "no-task")
    assert "it raised TypeError" in said
    assert "The contract calls factory(task)" in said
    assert "NoTask" in said.split("where")[1].splitlines()[0]


@pytest.mark.parametrize("name", ["newcomers", "earmark-newcomers"])
def test_a_plugin_is_checked_whole_by_its_name_or_its_distribution(newcomers, name):
    assert [given.name for given in given_by(newcomers[0], name)] == [
        "forgetful", "mean-of-nothing", "refuses", "no-task", "in-place", "needs-threshold",
    ]  # fmt: skip


def earmark_says(*arguments: str):
    return CliRunner().invoke(app, ["plugins", *arguments], env={"COLUMNS": "300"})


def test_the_command_counts_and_fails_where_a_promise_is_broken(newcomers, monkeypatch):
    monkeypatch.setattr("earmark.plugins._manager", newcomers[0])
    ran = earmark_says("--check", "newcomers")
    assert ran.exit_code == 1
    assert ran.stdout.endswith("0 of 6 kept, 6 broken, 0 not checked.\n")


def test_the_command_says_what_a_sound_plugin_keeps():
    ran = earmark_says("--check", "self-distillation")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        "refiner 'self-distillation' of earmark 0.1.0: kept",
        "  Targets for the same clips and vocabularies, from the same inputs always the same, inputs left untouched.",
        "1 of 1 kept, 0 broken, 0 not checked.",
    ]


def test_a_kind_without_a_contract_test_says_so_and_is_no_failure():
    ran = earmark_says("--check", "processes")
    assert ran.exit_code == 0
    assert "the kind 'engine' has no contract test" in ran.stdout
    assert "0 of 1 kept, 0 broken, 1 not checked." in ran.stdout


def test_a_label_source_that_turns_the_small_dataset_away_is_not_called_broken():
    given = plugins().find("label source", "partial", "a test")
    said = str(check_given(given))
    assert "not checked" in said
    assert "no candidate set for" in said or "has no" in said
    assert "check_label_source(factory, dataset=..., table=...)" in said


def test_what_takes_clips_of_one_event_only_is_tried_with_those():
    said = str(check_given(plugins().find("evaluator", "nearest-centre", "a test")))
    assert "kept" in said
    assert said.endswith("Tried with clips of one event each.")


def test_a_loss_that_refuses_to_be_without_labels_is_not_excused(newcomers):
    said = verdict_on(newcomers, "refuses")
    assert "BROKEN" in said
    assert "it raised TargetsError: There is nothing to learn." in said


def test_an_unknown_name_is_refused_with_the_nearest_one():
    ran = earmark_says("--check", "self-distilation")
    assert ran.exit_code == 1
    assert (
        "earmark plugins --check: no plugin named 'self-distilation'. Did you mean 'self-distillation'?" in ran.stderr
    )


def test_a_plugin_that_does_not_load_is_raised_with_its_cause():
    manager = PluginManager()
    manager.broken["mine"] = BrokenPluginError("mine", "earmark-mine", "it does not import")
    for name in ("mine", "earmark-mine"):
        with pytest.raises(BrokenPluginError, match="it does not import"):
            given_by(manager, name)
    with pytest.raises(UnknownPluginError, match="Perhaps it belongs to this one"):
        given_by(manager, "other")


def test_a_plugin_whose_options_cannot_be_read_is_listed_and_explained(newcomers, monkeypatch):
    def hidden(*, threshold: Threshold = None):  # noqa: F821 - as if imported under TYPE_CHECKING
        return None

    (given,) = given_by(newcomers[0], "in-place")
    broken = replace(given, name="hidden", factory=hidden)
    monkeypatch.setattr("earmark.plugins._manager", newcomers[0])
    monkeypatch.setattr(PluginManager, "given", lambda self: [broken, given])
    listed = earmark_says()
    assert listed.exit_code == 0
    assert (
        "cannot be read (NameError: name 'Threshold' is not defined); say earmark plugins --check hidden"
        in listed.stdout
    )
    assert "in-place" in listed.stdout
    assert "import them outside `if TYPE_CHECKING:`" in str(check_given(broken))


def promises() -> list[str]:
    """The fixed parts of every sentence with which a contract fails."""
    found = []
    for module in (earmark.testing, learning, judging):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            sentence = node.msg if isinstance(node, ast.Assert) else None
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_assert_same":
                sentence = node.args[2]
            if sentence is not None:
                parts = [part.value for part in ast.walk(sentence) if isinstance(part, ast.Constant)]
                found.append(" ".join(part for part in parts if isinstance(part, str)))
    return [sentence for sentence in found if sentence and "the plugin gives nothing" not in sentence]


@pytest.mark.parametrize("sentence", [sentence for sentence in promises() if sentence.strip(" ()")])
def test_every_promise_of_every_contract_comes_with_advice(sentence):
    assert advice_on(sentence), sentence


def test_no_advice_is_given_on_a_promise_that_nobody_makes():
    assert [part for part in ADVICE if not any(part in sentence for sentence in promises())] == []
    assert set(CALLS) == set(CHECKS)
