"""What is found damaged in a store is made again: features from the recordings, predictions from the weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import xarray as xr
from torch import Tensor

from earmark.blocks import held, looked_through
from earmark.devices import describe_device, resolve_device
from earmark.errors import DamageError
from earmark.extraction import extract
from earmark.hearing import trained
from earmark.storage import Features, FeatureShelf
from earmark.study import Job, Study

_logger = logging.getLogger(__name__)

ReadT = TypeVar("ReadT")


class MendedFeatures:
    """The features of a study, whole; where they are found damaged, they are extracted again."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._shelf = study.store.features(study.feature_address)

    def read(self, clip_ids: Sequence[str]) -> Features:
        """Features (clip, frame, mel) of these clips, in this order, in memory."""
        return self._of_shelf(lambda shelf: shelf.read(clip_ids))

    def statistics(self, clip_ids: Sequence[str]) -> tuple[Features, Features]:
        """Mean and standard deviation per mel band, each (mel,), over all frames of these clips."""
        return self._of_shelf(lambda shelf: shelf.statistics(clip_ids))

    def _of_shelf(self, read: Callable[[FeatureShelf], ReadT]) -> ReadT:
        try:
            return read(self._shelf)
        except DamageError as damage:
            _logger.warning("%s They are extracted again now.", damage)
        self._shelf = _extracted_again(self._study, read)
        return read(self._shelf)


def _extracted_again(study: Study, read: Callable[[FeatureShelf], object]) -> FeatureShelf:
    """The features of a study, extracted anew unless another process has done so since: what read them raises then."""
    address = study.feature_address
    with study.store.lock(address):
        try:
            read(study.store.features(address))
        except DamageError:
            study.store.remove(address)
            clips = list(study.clips_by_id.values())
            extract(study.dataset, clips, study.frontend, study.store.features(address))
    return study.store.features(address)


def loaded_predictions(study: Study, job: Job, part: str, clip_ids: Sequence[str] | None = None) -> xr.Dataset:
    """Predictions of a run in memory; see `readable_predictions`."""
    return readable_predictions(study, job, part, clip_ids).load()


def readable_predictions(study: Study, job: Job, part: str, clip_ids: Sequence[str] | None = None) -> xr.Dataset:
    """Predictions of a run, in memory where they are small; where they are damaged, its weights predict them again.

    Args:
        study: of the run.
        job: names the run.
        part: of the corpus.
        clip_ids: only these clips, in this order; all where None.

    Raises:
        StoreError: the run has none of that part, or its weights are damaged too.
    """
    shelf = study.shelf(job)

    def read() -> xr.Dataset:
        predictions = shelf.open_predictions(part)
        # Large ones are read when they are needed; by then they must not turn out to be damaged.
        return looked_through(held(predictions if clip_ids is None else predictions.sel(clip=list(clip_ids))))

    try:
        return read()
    except DamageError as damage:
        _logger.warning("%s They are predicted again now, from the run's weights.", damage)
    with study.store.lock(shelf.address):
        try:
            return read()  # another process may have done it while this one waited
        except DamageError:
            shelf.save_predictions(part, _predicted(study, job, part))
    return read()


def _predicted(study: Study, job: Job, part: str) -> xr.Dataset:
    """What a run's weights say of a part, as `earmark.workshop` stores it."""
    shelf = study.shelf(job)
    # Where the same device is here, the same bits come out.
    here = resolve_device()
    device = here if shelf.facts()["device"] == describe_device(here) else torch.device("cpu")
    hearing = trained(study, job, study, device)
    clips = study.clips[part]
    features = MendedFeatures(study)

    def read(rows: Tensor) -> Tensor:
        return torch.from_numpy(features.read([clips[row].id for row in rows.tolist()]))

    return hearing.predictions_of(read, clips).assign_attrs(corpus=study.dataset.title, stage=job.stage)
