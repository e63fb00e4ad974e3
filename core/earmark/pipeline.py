"""From an experiment to its results: features, labels, training, predictions, evaluation; what is done stays done."""

from __future__ import annotations

import os
from collections.abc import Collection

import torch

from earmark.devices import resolve_device
from earmark.extraction import begin, extract, extract_piece
from earmark.judging import evaluate
from earmark.piecework import Advance, Piece, engine_for_pieces, spread
from earmark.plugins import BY_HAND
from earmark.protocols import Engine
from earmark.storage import FeatureShelf
from earmark.study import Job, Study, check_plugins
from earmark.workshop import Work


def run_study(
    study: Study,
    *,
    device: str = "auto",
    engine: str = "auto",
    advance: Advance | None = None,
) -> Study:
    """Do what is missing of a study, and evaluate it.

    Args:
        study: experiment, dataset and store.
        device: "auto", "cpu", "cuda" or "cuda:1".
        engine: name of an engine plugin; "auto" takes that in ``EARMARK_ENGINE``, else for features the threads of this
            process, and for runs one process a processor where there are several on the CPU, as two narrow nets side by
            side train faster than one with two threads, else this process.
        advance: called with (done, total) clips while features are extracted.

    Returns:
        The same study, all of whose runs are whole.
    """
    where = resolve_device(device)
    check_plugins(study.experiment, study.manager, study.experiment.name)
    extracted(study, advance, engine)
    missing = study.missing()
    chosen = suitable_engine(study, where) if engine == "auto" else engine
    runner: Engine = study.manager.build("engine", chosen, {}, "--engine")
    if missing:
        runner.execute(missing, Work(study, device))
    return evaluated(study, missing)


def evaluated(study: Study, done: Collection[Job]) -> Study:
    """Evaluate what was whole before, by evaluators that it does not know yet; new runs come evaluated."""
    for job in study.jobs():
        if study.stage(job).title and job not in done:
            evaluate(study, job)
    return study


def suitable_engine(study: Study, device: torch.device) -> str:
    """Name of the engine that suits a study best, or that ``EARMARK_ENGINE`` asks for.

    All jobs count, not only the missing ones: the number of threads is part of what makes a sum, so a study that goes
    on after an interruption must run as it began.
    """
    asked = os.environ.get("EARMARK_ENGINE", "auto")
    if asked != "auto":
        return asked
    by_hand = any(given.distribution == BY_HAND for given in study.manager.given())
    alone = len(study.jobs()) == 1 or device.type != "cpu"
    return "local" if by_hand or alone else "processes"


def extracted(study: Study, advance: Advance | None = None, engine: str = "auto") -> FeatureShelf:
    """Features of all clips of a study, extracted where they are missing; the engine as for `run_study`."""
    shelf = study.store.features(study.feature_address)
    if not shelf.whole:
        with study.store.lock(study.feature_address):
            if not shelf.whole:
                _extract(study, shelf, engine_for_pieces(engine, study.manager), advance)
    return shelf


def _extract(study: Study, shelf: FeatureShelf, engine: Engine | None, advance: Advance | None) -> None:
    clips = list(study.clips_by_id.values())
    if engine is not None:
        begin(study.dataset, clips, study.frontend, shelf)
        missing = [Piece(f"features of {study.dataset.title}", p.start, p.stop) for p in shelf.missing()]
        if len(missing) > 1:  # a single one is done here before a worker has started
            spread(engine, missing, ExtractionWork(study), total=len(clips), advance=advance)
    extract(study.dataset, clips, study.frontend, shelf, advance=advance)


class ExtractionWork:
    """Extracts pieces of a study's features, in whatever process it finds itself."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._shelf: FeatureShelf | None = None

    def __call__(self, piece: Piece) -> None:
        study = self._study
        clips = list(study.clips_by_id.values())
        if self._shelf is None:
            shelf = study.store.features(study.feature_address)
            if not shelf.whole:
                begin(study.dataset, clips, study.frontend, shelf)  # a store may have a folder on each machine
            self._shelf = shelf
        if not self._shelf.whole:  # by others, while this process was taken for lost
            extract_piece(study.dataset, clips, study.frontend, self._shelf, range(piece.start, piece.stop))
