"""Between layers and other annotations: events to start from, and layers for other programs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from earmark.annotations import Annotated
from earmark.evaluation.files import read_set
from earmark.frames import events_of
from earmark.judging import fitted_steps
from earmark.plugins import PluginManager, plugins
from earmark.postprocessing import DECISION, decisions
from earmark.protocols import AnnotationFormat
from earmark.recordings import US_PER_S, Dataset, Event, to_us
from earmark.study import Job, Study
from earmark_lab.corrections.errors import LayerError
from earmark_lab.corrections.layer import CorrectionLayer


def events_of_file(path: Path, dataset: Dataset, *, format: str | None = None) -> dict[str, tuple[Event, ...]]:
    """Events of a file, or of a folder of files, to start a layer from; in any format that a plugin reads.

    A recording may be named by its path or by its file name, with or without ending.

    Raises:
        LayerError: a name means no recording of the corpus, or several.
        AnnotationError: the file is none of that format.
    """
    named: dict[str, set[str]] = {}
    for recording in dataset.recordings:
        whole = PurePosixPath(recording.path)
        for name in (recording.path, whole.name, whole.stem, str(whole.with_suffix(""))):
            named.setdefault(name, set()).add(recording.path)
    found: dict[str, tuple[Event, ...]] = {}
    for name, annotated in read_set(path, format, "base").items():
        means = named.get(name, set())
        if len(means) != 1:
            what = f"could be {' or '.join(sorted(means))}" if means else "is no recording"
            raise LayerError(f"{path}: {name!r} {what} of {dataset.title}. Name recordings by their path.")
        found[next(iter(means))] = tuple(annotated.events or ())
    return found


def events_of_run(study: Study, stage: str, seed: int, part: str = "test") -> dict[str, tuple[Event, ...]]:
    """Decisions of a run, after the experiment's post-processing, to start a layer from.

    Decisions that meet where one clip ends and the next one begins are one event.

    Raises:
        StoreError: the run is not there, or has no predictions of that part.
        LayerError: it has no posteriors over the corpus' own events.
    """
    predictions = study.predictions(stage, seed, part).load()
    names = [str(name) for name in predictions["event"].values] if "event" in predictions.coords else []
    if "event_frame_posterior" not in predictions or set(names) - set(study.dataset.events):
        raise LayerError(
            f"stages.{stage}: its predictions decide no frames of events of {study.dataset.title}, so no layer can "
            "start from them. Start from 'annotations' or 'nothing'."
        )
    decided = decisions(fitted_steps(study, Job(stage, seed)), predictions, study.grid.hop_s, study.manager)
    active = decided["event_frame_posterior"].transpose("clip", "frame", "event").values >= DECISION
    row = {str(name): index for index, name in enumerate(decided["clip"].values)}
    found: dict[str, list[Event]] = {}
    for clip in study.clips[part]:
        if clip.id not in row:
            continue
        here = found.setdefault(clip.recording.path, [])
        start_us, end_us = to_us(clip.start_s), to_us(clip.start_s) + to_us(clip.sounding_s)
        for event in events_of(np.asarray(active[row[clip.id]]), names, study.grid.hop_s):
            onset_us = start_us + to_us(event.onset_s)
            offset_us = min(start_us + to_us(event.offset_s), end_us)
            before = [e for e in here if e.label == event.label and to_us(e.offset_s) == onset_us == start_us]
            for joined in before:
                here.remove(joined)
                onset_us = to_us(joined.onset_s)
            if onset_us < offset_us:
                here.append(Event(onset_us / US_PER_S, offset_us / US_PER_S, event.label))
    return {path: tuple(sorted(events)) for path, events in found.items()}


def export(layer: CorrectionLayer, path: Path, format: str = "tsv", manager: PluginManager | None = None) -> Path:
    """Write the events of all recordings that somebody has edited or checked, for another program.

    Args:
        layer: a label layer.
        path: the file; a folder, with a file for each recording, where the format does not name recordings.
        format: name of an annotation format, such as "audacity", "raven" or "jams".
        manager: plugins; those of this process where None.

    Raises:
        LayerError: nobody has edited or checked anything.
    """
    writer: AnnotationFormat = (manager or plugins()).build("annotation format", format, {}, "export")
    annotated = [Annotated(recording=name, events=layer.events(name)) for name in layer.touched()]
    if not annotated:
        raise LayerError(f"{layer.path}: nobody has edited or checked anything; there is nothing to export.")
    if writer.names_recordings:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer.write(path, annotated)
        return path
    for one in annotated:  # paths of the corpus, which its reader made
        file = path / PurePosixPath(one.recording).with_suffix(writer.suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        writer.write(file, [one])
    return path
