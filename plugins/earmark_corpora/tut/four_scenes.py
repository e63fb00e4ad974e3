"""The four-scene corpus of TUT recordings, and its stand-in, which lies in the same layout."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.audio import AudioInfo, audio_info
from earmark.errors import AnnotationError, CorpusError
from earmark.recordings import Dataset, Recording
from earmark_corpora.layouts import expect
from earmark_corpora.marker import MARKER
from earmark_corpora.tables import inner_path, rows
from earmark_corpora.tut.annotations import (
    SCENE_SYNONYMS,
    Annotations,
    annotation_folder,
    read_annotations,
    recordings_of,
    shared_names,
)
from earmark_corpora.tut.check import check
from earmark_corpora.tut.layout import CHANNELS, DATASETS, EVENT_FREE_LIST, EVENTS, RATE_HZ, SCENES


@dataclass(frozen=True, kw_only=True, slots=True)
class TutCorpus:
    """Reads a root folder that holds the unpacked TUT data sets and the annotation repository.

    Source: [partial_labels], section on the data; the published annotations cover 25 events and 4 scenes.
    """

    def read(self, root: Path) -> Dataset:
        """Read annotations and the headers of the audio files.

        Raises:
            CorpusError: annotations or audio are missing; the message lists how many and the first few.
            AnnotationError: an annotation cannot be right; the message names file and line.
            AudioError: an audio file is not readable, or not of 44.1 kHz and two channels.
        """
        root = Path(root)
        annotations = read_annotations(annotation_folder(root))
        event_free, event_free_notes = event_free_clips(root, annotations)
        paths = [path for lines in annotations.lines.values() for path in lines]
        _require(root, [*paths, *event_free])
        recordings, mended = recordings_of(annotations, lambda path: _info(root, path))
        silent = tuple(_event_free(path, scene, _info(root, path)) for path, scene in event_free.items())
        synthetic = (root / MARKER).is_file()
        notes = [*annotations.notes, *mended, *event_free_notes]
        if names := shared_names(paths):
            notes.append(f"{len(names)} file names are not unique ({', '.join(names)}); recordings go by their path.")
        return Dataset(
            name="tut",
            root=root,
            synthetic=synthetic,
            scenes=SCENES,
            events=EVENTS,
            recordings=recordings + silent,
            notes=tuple(notes),
        )

    def check(self, root: Path) -> Iterable[str]:
        """Say in a screenful what is there, what is missing and what does not match; works on partial copies."""
        return check(Path(root))


def event_free_clips(root: Path, annotations: Annotations) -> tuple[dict[str, str], list[str]]:
    """Evaluation clips in which nobody heard an event: they have no line, so another list must name them.

    Source: [partial_labels] evaluates 74 min; the annotation lines alone reach 72.6 min. Only the acoustic
    scenes of 2017 leave clips out, of city_center.

    Returns:
        Scene by path of the clips, and the notes on them.

    Raises:
        AnnotationError: a line of the list has no scene.
    """
    dataset = "TUT-acoustic-scenes-2017-evaluation"
    annotated = annotations.lines[DATASETS[dataset].split]
    if not any(path.startswith(f"{dataset}/") for path in annotated):
        return {}, []
    list_file = root / dataset / EVENT_FREE_LIST
    if not list_file.is_file():
        return {}, [
            f"No {dataset}/{EVENT_FREE_LIST}: clips of {dataset} without any event are not among the recordings."
        ]
    clips: dict[str, str] = {}
    for row in rows(list_file):
        if len(row.fields) < 2 or not row.fields[0].startswith("audio/"):
            raise AnnotationError(
                f"{row.where}: expected audio/NAME.wav, a tab and a scene, found {' '.join(row.fields)!r}. "
                "Unpack the archive of the data set's meta files again."
            )
        path = f"{dataset}/{inner_path(row.fields[0], row.where)}"
        scene = SCENE_SYNONYMS.get(row.fields[1], row.fields[1])
        # The list covers 15 scenes; this corpus takes city_center from it and no other.
        if scene == "city_center" and path not in annotated:
            clips[path] = scene
    if not clips:
        return {}, []
    return clips, [f"{len(clips)} clips of {dataset} without any event come from its {EVENT_FREE_LIST}."]


def _info(root: Path, path: str) -> AudioInfo:
    return expect(audio_info(root / path), root / path, RATE_HZ, CHANNELS)


def _event_free(path: str, scene: str, info: AudioInfo) -> Recording:
    return Recording(
        path=path,
        duration_s=info.duration_s,
        rate_hz=info.rate_hz,
        channels=info.channels,
        split=DATASETS[path.partition("/")[0]].split,
        scene=scene,
    )


def _require(root: Path, paths: list[str]) -> None:
    missing = [path for path in paths if not os.path.isfile(root / path)]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CorpusError(
            f"{root}: {len(missing)} of {len(paths)} recordings are missing: {', '.join(missing[:3])}{more}. "
            f"`earmark data check tut {root}` says which data sets lack them; "
            "`earmark data synthesize tut` writes a synthetic stand-in."
        )
