"""The TUT annotation files, read with every quirk of the published ones, and without any audio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.audio import AudioInfo
from earmark.errors import AnnotationError, CorpusError, suggestion
from earmark.recordings import Event, Recording
from earmark_corpora import tables
from earmark_corpora.tables import Row, rows, seconds, within
from earmark_corpora.tut.layout import (
    ANNOTATION_FOLDER,
    CHANNELS,
    DATASETS,
    EVENTS,
    FOLDS,
    RATE_HZ,
    SCENES,
    SPLITS,
    fold_file,
    location_of,
    path_problem,
)

EVENT_SYNONYMS = {"people speaking": "people talking"}
"""Earlier versions and the original data sets use the first name."""

SCENE_SYNONYMS = {"street": "city_center"}

LONG_TAIL_S = 3.0
"""Sound after the last offset of a recording of minutes.

Its real length is not known without the audio: home/a033 (last offset 177.3 s) reaches 180 s and home/a037
(181.2 s) stays below 190 s, as the reference counts of [partial_labels], Table 8, show.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an annotation file, with the place where it stands."""

    path: str
    scene: str
    event: Event
    where: str
    """File and line number, for messages."""


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """Everything that a folder of annotation files says."""

    folder: Path
    lines: dict[str, dict[str, list[Line]]]
    """By split and by path; recordings in the order of the file, events by onset."""
    folds: dict[str, int]
    """Fold in which each development recording is tested."""
    notes: tuple[str, ...]


def annotation_folder(root: Path) -> Path:
    """Folder below a corpus root that holds ``meta/``: the repository's own folder, or the root itself.

    Raises:
        CorpusError: there is none.
    """
    # GitHub's ZIP files unpack into NAME-branch.
    for folder in (root / ANNOTATION_FOLDER, root, *sorted(root.glob(f"{ANNOTATION_FOLDER}-*"))):
        if any((folder / file).is_file() for file in SPLITS.values()):
            return folder
    raise CorpusError(
        f"{root}: no {SPLITS['development']}, neither here nor in {ANNOTATION_FOLDER}/. "
        f"Put the annotation repository KeisukeImoto/{ANNOTATION_FOLDER} there (`earmark data check tut {root}` says "
        f"what else is missing), or let `earmark data synthesize tut` write or complete a stand-in."
    )


def read_annotations(folder: Path) -> Annotations:
    """Read ``meta/`` and ``crossvaridation/`` of a folder.

    Raises:
        CorpusError: an annotation file is missing.
        AnnotationError: a line cannot be right; the message names file and line.
    """
    notes: list[str] = []
    lines: dict[str, dict[str, list[Line]]] = {}
    for split, name in SPLITS.items():
        if not (folder / name).is_file():
            raise CorpusError(
                f"{folder / name}: no such file. Copy the whole annotation repository again; both splits are needed."
            )
        read, mended = read_lines(folder / name, split)
        notes.extend(mended)
        lines[split] = {}
        for line in read:
            of_recording = lines[split].setdefault(line.path, [])
            if of_recording and of_recording[0].scene != line.scene:
                raise AnnotationError(
                    f"{line.where}: scene {line.scene!r}, but {of_recording[0].where} says "
                    f"{of_recording[0].scene!r} for the same recording {line.path}. Correct one of them."
                )
            of_recording.append(line)
        for of_recording in lines[split].values():
            of_recording.sort(key=lambda line: line.event)
    folds, missing = _read_folds(folder, lines["development"])
    notes.extend(missing)
    return Annotations(folder=folder, lines=lines, folds=folds, notes=tuple(notes))


def read_lines(file: Path, split: str) -> tuple[list[Line], list[str]]:
    """Read one annotation file; lines of zero length are dropped, older spellings mended, both with a note.

    Raises:
        AnnotationError: a line cannot be right.
    """
    lines: list[Line] = []
    dropped: list[str] = []
    renamed: Counter[str] = Counter()
    for row in _fields(file):
        line = _parse(row.fields, split, row.where, renamed)
        if line.event.offset_s == line.event.onset_s:
            at = f"{line.event.label} at {line.event.onset_s:g} s of {line.path}"
            dropped.append(f"{row.where.rpartition(', ')[2]} ({at})")
        else:
            lines.append(line)
    notes = [f"{file.name}: dropped {len(dropped)} event of zero length, {'; '.join(dropped)}."] if dropped else []
    notes += [f"{file.name}: {mending} in {count} lines." for mending, count in renamed.items()]
    return lines, notes


def recordings_of(
    annotations: Annotations, info_of: Callable[[str], AudioInfo]
) -> tuple[tuple[Recording, ...], tuple[str, ...]]:
    """Join annotations with what is known of each audio file.

    Args:
        annotations: from `read_annotations`.
        info_of: length, rate and channels of a recording, by path.

    Returns:
        Recordings in the order of the files, development first, and one note for each kind of mending.

    Raises:
        AnnotationError: an event lies behind the end of its recording.
    """
    recordings: list[Recording] = []
    clamped: list[tuple[str, float]] = []
    for split, of_split in annotations.lines.items():
        for path, lines in of_split.items():
            info = info_of(path)
            events = []
            for line in lines:
                event, overshoot_s = within(tables.Line(line.event, line.where), path, info.duration_s)
                events.append(event)
                if overshoot_s > 0:
                    clamped.append((path, overshoot_s))
            recordings.append(
                Recording(
                    path=path,
                    duration_s=info.duration_s,
                    rate_hz=info.rate_hz,
                    channels=info.channels,
                    split=split,
                    scene=lines[0].scene,
                    fold=annotations.folds.get(path),
                    group=location_of(path),
                    events=tuple(sorted(events)),
                )
            )
    notes = []
    if clamped:
        notes.append(
            f"Clamped {len(clamped)} offsets in {len({path for path, _ in clamped})} recordings to the end of the "
            f"audio, which they passed by at most {1000 * max(s for _, s in clamped):.3f} ms."
        )
    return tuple(recordings), tuple(notes)


def annotated_recordings(folder: Path) -> tuple[tuple[Recording, ...], tuple[str, ...]]:
    """Recordings of a folder of annotation files, their lengths set by rule as no audio is there.

    10 s and 30 s where the data set cuts its clips so; for recordings of minutes the last offset plus
    `LONG_TAIL_S`. Clips without any event are not in these files, so not in the result.

    Returns:
        Recordings and notes, as `recordings_of`.

    Raises:
        CorpusError: an annotation file is missing.
        AnnotationError: a line cannot be right.
    """
    annotations = read_annotations(annotation_folder(folder))

    def info_by_rule(path: str) -> AudioInfo:
        dataset = DATASETS[path.partition("/")[0]]
        lines = annotations.lines[dataset.split][path]
        last_s = max(line.event.offset_s for line in lines)
        return AudioInfo(dataset.nominal_s or last_s + LONG_TAIL_S, RATE_HZ, CHANNELS)

    recordings, notes = recordings_of(annotations, info_by_rule)
    return recordings, annotations.notes + notes


def shared_names(paths: Iterable[str]) -> list[str]:
    """File names that stand for several recordings.

    >>> shared_names(["x/105.wav", "y/105.wav", "y/7.wav"])
    ['105.wav']
    """
    counts = Counter(path.rpartition("/")[2] for path in paths)
    return sorted(name for name, count in counts.items() if count > 1)


def _fields(file: Path) -> list[Row]:
    """Lines of an annotation file without its header."""
    return [row for row in rows(file) if row.fields[0] != "path"]


def _parse(fields: tuple[str, ...], split: str, where: str, renamed: Counter[str]) -> Line:
    if len(fields) != 5:
        raise AnnotationError(
            f"{where}: {len(fields)} fields, expected 5 with tabs between them: "
            "path, scene_label, event_start_time, event_end_time, event_label."
        )
    path, scene, onset, offset, label = fields
    scene = _mended(scene, SCENE_SYNONYMS, SCENES, "scene", where, renamed)
    label = _mended(label, EVENT_SYNONYMS, EVENTS, "event", where, renamed)
    if problem := path_problem(path, split, scene):
        raise AnnotationError(f"{where}: {problem}")
    onset_s, offset_s = (seconds(text, where) for text in (onset, offset))
    if not 0 <= onset_s <= offset_s:
        raise AnnotationError(
            f"{where}: {label!r} from {onset_s:g} s to {offset_s:g} s of {path} ends before it begins, or begins "
            "before the recording. Correct or remove the line."
        )
    return Line(path, scene, Event(onset_s, offset_s, label), where)


def _mended(
    name: str, synonyms: dict[str, str], known: tuple[str, ...], kind: str, where: str, renamed: Counter[str]
) -> str:
    if name in synonyms:
        renamed[f"read the {kind} {name!r} as {synonyms[name]!r}"] += 1
        return synonyms[name]
    if name not in known:
        raise AnnotationError(
            f"{where}: unknown {kind} {name!r}. {suggestion(name, known)}Known: {', '.join(known)}. Correct the line."
        )
    return name


def _read_folds(folder: Path, development: dict[str, list[Line]]) -> tuple[dict[str, int], list[str]]:
    folds: dict[str, int] = {}
    absent = [fold_file(fold, "evaluation") for fold in FOLDS if not (folder / fold_file(fold, "evaluation")).is_file()]
    for fold in FOLDS:
        file = folder / fold_file(fold, "evaluation")
        if not file.is_file():
            continue
        for row in _fields(file):
            path = row.fields[0]
            if path not in development:
                raise AnnotationError(
                    f"{row.where}: {path} is not a development recording. "
                    "Fold files and meta_development.txt must be of one version; copy them again."
                )
            if folds.setdefault(path, fold) != fold:
                raise AnnotationError(
                    f"{row.where}: {path} is tested in fold {fold} and in fold {folds[path]}. "
                    "A recording is tested in one fold; copy the fold files again."
                )
    if absent:
        return folds, [f"No {', '.join(absent)}: recordings tested there have no fold."]
    untested = [path for path in development if path not in folds]
    return folds, [f"{len(untested)} development recordings are tested in no fold."] if untested else []
