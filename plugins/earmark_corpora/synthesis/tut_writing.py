"""Lays the TUT stand-in out as the data sets and the annotation repository unpack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from earmark.protocols import Engine
from earmark.recordings import Event, Recording
from earmark_corpora.synthesis.mixing import render
from earmark_corpora.synthesis.signals import Signal, samples
from earmark_corpora.synthesis.writing import SoundFile, write_files
from earmark_corpora.tut.layout import (
    ANNOTATION_FOLDER,
    DATASETS,
    EVENT_FREE_LIST,
    FOLDS,
    RATE_HZ,
    SPLITS,
    fold_file,
)

HEADER = "path\tscene_label\tevent_start_time\tevent_end_time\tevent_label"

FOREIGN = (*DATASETS, ANNOTATION_FOLDER, "meta")


def write_stand_in(
    root: Path,
    recordings: tuple[Recording, ...],
    marker: Mapping[str, Any],
    *,
    seed: int,
    workers: int,
    advance: Callable[[int, int], None] | None = None,
    engine: Engine | None = None,
) -> None:
    """Write or complete a stand-in; errors as `write_files`."""
    sounds = [
        SoundFile(
            path=recording.path,
            n_samples=samples(recording.duration_s),
            rate_hz=RATE_HZ,
            subtype="PCM_24",
            render=partial(_rendered, recording, seed),
        )
        for recording in recordings
    ]
    texts = _texts(recordings)
    write_files(root, sounds, texts, marker, foreign=FOREIGN, workers=workers, advance=advance, engine=engine)


def _rendered(recording: Recording, seed: int) -> Signal:
    return render(recording, seed)


def _texts(recordings: tuple[Recording, ...]) -> dict[str, str]:
    """All files of lists and annotations by path; the two without which nothing is read come last."""
    texts: dict[str, str] = {}
    event_free: dict[str, list[str]] = {}
    for recording in recordings:
        if not recording.events:
            dataset, _, path = recording.path.partition("/")
            event_free.setdefault(dataset, []).append(f"{path}\t{recording.scene}")
    for dataset, lines in event_free.items():
        texts[f"{dataset}/{EVENT_FREE_LIST}"] = "\n".join(lines) + "\n"
    folds = {recording.fold for recording in recordings if recording.fold is not None}
    for fold in FOLDS:
        if fold in folds:
            of_development = [r for r in recordings if r.split == "development"]
            tested = [r for r in of_development if r.fold == fold]
            trained = [r for r in of_development if r.fold != fold]
            texts[f"{ANNOTATION_FOLDER}/{fold_file(fold, 'development')}"] = _lines(trained)
            texts[f"{ANNOTATION_FOLDER}/{fold_file(fold, 'evaluation')}"] = _lines(tested)
    for split, name in SPLITS.items():
        texts[f"{ANNOTATION_FOLDER}/{name}"] = _lines(r for r in recordings if r.split == split)
    return texts


def _lines(recordings: Iterable[Recording]) -> str:
    lines = [HEADER]
    for recording in recordings:
        lines += [_line(recording, event) for event in recording.events or ()]
    return "\n".join(lines) + "\n"


def _line(recording: Recording, event: Event) -> str:
    return f"{recording.path}\t{recording.scene}\t{event.onset_s:.6f}\t{event.offset_s:.6f}\t{event.label}"
