"""Trained nets on other clips than their own: of another corpus, another length, another condition."""

from __future__ import annotations

from collections.abc import Callable

import torch
import xarray as xr
from torch import Tensor

from earmark.addressing import address_of
from earmark.blocks import held
from earmark.devices import resolve_device
from earmark.errors import ExperimentError
from earmark.hearing import trained
from earmark.judging import judged
from earmark.pipeline import extracted
from earmark.recordings import clips_digest
from earmark.study import Job, Study


def results_elsewhere(
    study: Study, other: Study, *, device: str = "auto", advance: Callable[[int, int], None] | None = None
) -> dict[str, dict[str, list[xr.Dataset]]]:
    """Judge a study's nets on the test clips of another study, each with the normalisation of its own training.

    Results are kept with the runs, so that asking again costs nothing.

    Args:
        study: whose runs are whole; its evaluators and its post-processing are used.
        other: same front end and vocabularies; only its test part counts.
        device: "auto", "cpu", "cuda" or "cuda:1".
        advance: called with (done, total) clips while the other study's features are extracted.

    Returns:
        As `Study.results`: ``results[title][evaluator][repetition]``.

    Raises:
        ExperimentError: the studies' front ends or vocabularies differ.
        StoreError: a run has not been done yet.
    """
    for what, own, theirs in (
        ("front end", study.experiment.frontend, other.experiment.frontend),
        ("events", study.dataset.events, other.dataset.events),
        ("scenes", study.dataset.scenes, other.dataset.scenes),
    ):
        if own != theirs:
            raise ExperimentError(
                f"{study.experiment.name} on {study.dataset.title} cannot be tested on {other.dataset.title}: the "
                f"{what} differ ({own!r} and {theirs!r}). Open both studies with the same {what}."
            )
    where = resolve_device(device)
    extracted(other, advance)
    return {
        title: _transposed([_results(study, Job(stage, seed), other, where) for seed in study.experiment.seeds])
        for stage, title in study.experiment.methods.items()
    }


def _results(study: Study, job: Job, other: Study, device: torch.device) -> dict[str, xr.Dataset]:
    """Results of one run by evaluator."""
    shelf = study.shelf(job)
    addresses = {
        name: address_of(
            {
                "own": study.evaluation_address(name),
                "features": other.feature_address,
                "clips": clips_digest(other.reference.clips),
            }
        )
        for name in study.experiment.judges(job.stage)
    }
    kept = {name: shelf.open_evaluation(address) for name, address in addresses.items()} if shelf.whole else {}
    found = {name: result for name, result in kept.items() if result is not None}
    if len(found) < len(addresses):
        predictions = predictions_elsewhere(study, job, other, device)
        for name, result in judged(study, job, addresses.keys() - found.keys(), other.reference, predictions):
            found[name] = result
            shelf.save_evaluation(addresses[name], result)
    return {name: found[name] for name in addresses}


def predictions_elsewhere(study: Study, job: Job, other: Study, device: torch.device) -> xr.Dataset:
    """Predictions of one run for the test clips of another study whose features are there.

    Large ones are not in memory: they are made again for each evaluator that goes through them.
    """
    hearing = trained(study, job, other, device)
    clips = other.reference.clips
    shelf = other.store.features(other.feature_address)

    def read(rows: Tensor) -> Tensor:
        return torch.from_numpy(shelf.read([clips[row].id for row in rows.tolist()]))

    return held(hearing.predictions_of(read, clips))


def _transposed(repetitions: list[dict[str, xr.Dataset]]) -> dict[str, list[xr.Dataset]]:
    return {name: [results[name] for results in repetitions] for name in repetitions[0]}
