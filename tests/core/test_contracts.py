"""Earmark's own plugins go through the contract tests that strangers are given; and the tests find offenders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from earmark.outputs import Outputs
from earmark.plugins import plugins
from earmark.testing import (
    CHECKS,
    check_evaluator,
    check_label_source,
    check_loss,
    check_model,
    check_options,
    check_refiner,
    check_sampler,
    one_event_dataset,
    one_event_targets,
    small_dataset,
)

GIVEN = [given for given in plugins().given() if given.distribution == "earmark"]


RELATIONS = ("event-by-scene", "scene-by-event", "scene-conditioned-bce")
WIDTHS = {"channels": (4, 4, 8, 8, 8, 8)}
NARROW = {name: WIDTHS for name in ("cnn14", "tagger-scene", "two-towers", "joint-embedding", "scene-conditioned")}
"""Nets of 80 and 160 million parameters keep their promises at any width."""

ONE_EVENT = {
    **{name: {"targets": one_event_targets()} for name in ("balanced", "triplets", "episodes")},
    **{name: {"targets": one_event_targets(6)} for name in RELATIONS},
    "nearest-centre": {"dataset": one_event_dataset()},
}
"""What is for clips of one event each, or needs every event in every scene."""

NEED_A_FILE = {"pann", "corrected"}
"""Label sources that only read what somebody has made; their own tests give them one."""


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: f"{given.kind}: {given.name}")
def test_a_built_in_plugin_keeps_the_contract_of_its_kind(given):
    check_options(given.factory)
    if given.kind == "label source" and "partial" in given.name:  # candidates are of the paper's scenes and events
        from earmark_corpora.tut.layout import EVENTS, SCENES

        check_label_source(given.factory, dataset=small_dataset(SCENES, EVENTS))
    elif given.kind in CHECKS and given.name not in NEED_A_FILE:
        CHECKS[given.kind](given.factory, **NARROW.get(given.name, {}), **ONE_EVENT.get(given.name, {}))


def test_every_kind_that_works_without_files_has_a_check_and_a_built_in_plugin():
    assert set(CHECKS) <= {given.kind for given in GIVEN}


@dataclass(frozen=True, kw_only=True)
class ForgetsClips:
    def label(self, dataset, clips, grid):
        from earmark.targets import Targets

        return Targets(clips=tuple(clip.id for clip in clips[1:]), events=dataset.events, scenes=dataset.scenes)


@dataclass(frozen=True, kw_only=True)
class WorksInPlace:
    def refine(self, targets, predictions):
        targets.candidate.zero_()
        return targets


@dataclass(frozen=True, kw_only=True)
class AlignsByPlace:
    def refine(self, targets, predictions):
        clip = torch.from_numpy(predictions["event_clip_posterior"].values.copy())
        return replace(targets, clip_event=clip, clip_event_known=torch.ones_like(clip, dtype=torch.bool))


@dataclass(frozen=True, kw_only=True)
class IgnoresMasks:
    def __call__(self, outputs, targets):
        if targets.clip_event is None:
            return outputs.event_clip_logit.sum() * 0
        return (outputs.event_clip_logit - targets.clip_event).square().mean()


class NormalisesOverTheBatch(nn.Module):
    def __init__(self, task):
        super().__init__()
        self.events = nn.Linear(task.n_mels, task.n_events)

    def forward(self, features):
        return Outputs(event_frame_logit=self.events(features - features.mean((0, 1))))


class DrawsElsewhere:
    def __init__(self, targets):
        self.n = len(targets)

    def batches(self, generator):
        yield torch.randperm(self.n)


@dataclass(frozen=True, kw_only=True)
class ReportsPercent:
    def evaluate(self, reference, predictions):
        import xarray as xr

        return xr.Dataset({"fscore_micro": 53.9})


class NeedsAnOption:
    def __init__(self, *, path: str):
        pass


@pytest.mark.parametrize(
    ("check", "offender", "said"),
    [
        (check_label_source, ForgetsClips, "must hold the clips asked for"),
        (check_refiner, WorksInPlace, "changed its input"),
        (check_refiner, AlignsByPlace, "aligned by clip id"),
        (check_loss, IgnoresMasks, "without any label the loss must be 0"),
        (check_model, NormalisesOverTheBatch, "depends on its batch"),
        (check_sampler, DrawsElsewhere, "chance must come from the generator"),
        (check_evaluator, ReportsPercent, "must be a fraction"),
        (check_options, NeedsAnOption, "options without a default: path"),
    ],
)
def test_a_contract_test_names_the_promise_that_an_offender_breaks(check, offender, said):
    with pytest.raises(AssertionError, match=said):
        check(offender)
