"""Runs whose predictions are too large to be held in memory are judged as others are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earmark import blocks
from earmark.experiment import PluginRef
from earmark.judging import judged
from earmark.mending import readable_predictions
from earmark.postprocessing import decisions
from earmark.study import Job, Study
from earmark.workspace import open_store

JOB = Job("strong", 0)
STEPS = tuple(PluginRef.model_validate({"use": use}) for use in ("median-filter", "minimum-gap", "minimum-duration"))


@pytest.fixture
def study(small_study) -> Study:
    return replace(small_study, experiment=small_study.experiment.model_copy(update={"postprocessing": STEPS}))


@pytest.fixture
def large(monkeypatch) -> None:
    monkeypatch.setattr(blocks, "HELD_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 18)


def results(study: Study) -> dict:
    names = study.experiment.evaluators
    found = judged(study, JOB, names, replace(study.reference), readable_predictions(study, JOB, "test"))
    return {name: result.load() for name, result in found}


def test_decisions_of_a_block_are_those_of_all_clips(study, request) -> None:
    at_once = decisions(STEPS, study.predictions("strong", 0).load(), study.grid.hop_s, study.manager).load()
    request.getfixturevalue("large")
    lazy = decisions(STEPS, study.predictions("strong", 0), study.grid.hop_s, study.manager)
    assert not lazy["event_frame_posterior"].variable._in_memory
    for rows in (slice(0, 3), slice(3, 10), slice(7, None)):
        assert lazy.isel(clip=rows).load().identical(at_once.isel(clip=rows))


def test_large_predictions_score_as_small_ones(study, request) -> None:
    at_once = results(study)
    request.getfixturevalue("large")
    assert not readable_predictions(study, JOB, "test")["event_frame_posterior"].variable._in_memory
    in_blocks = results(study)
    assert at_once.keys() == in_blocks.keys() == {"scene", "segment", "intersection"}
    assert all(in_blocks[name].identical(at_once[name]) for name in at_once)


def test_damage_of_large_predictions_is_found_and_mended_before_they_are_judged(
    small_study, copy_small_study, large, tmp_path, caplog
) -> None:
    study = replace(small_study, store=open_store(copy_small_study(tmp_path, "features", "runs")))
    spoilt = tmp_path / f"runs/{study.run_address(JOB)}/predictions-test.zarr/event_frame_posterior/c/0/0/0"
    content = bytearray(spoilt.read_bytes())
    content[len(content) // 2] ^= 1
    spoilt.write_bytes(content)
    mended = readable_predictions(study, JOB, "test")
    assert "They are predicted again now" in caplog.text
    assert mended.load().identical(small_study.predictions("strong", 0).load())
