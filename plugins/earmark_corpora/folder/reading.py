"""From a folder and its description to recordings, with every problem named instead of the first alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

from earmark.annotations import Annotated
from earmark.errors import CorpusError, suggestion
from earmark.plugins import plugins
from earmark.recordings import Event, Recording, to_us
from earmark_corpora.folder.annotations import FoundAnnotations, find_annotations
from earmark_corpora.folder.description import FILE, read_description
from earmark_corpora.folder.files import SoundFiles, inside, listed, sound_files
from earmark_corpora.folder.guess import guess
from earmark_corpora.folder.parts import groups_of, scenes_of, splits_of
from earmark_corpora.folder.splits import DEVELOPMENT, EVALUATION
from earmark_corpora.folder.table import RecordingTable, read_table
from earmark_corpora.folder.understood import Understood

MAX_OVERSHOOT_S = 0.1
"""Offsets up to this far behind the end are clamped: programs round, and MP3 encoders pad."""


def understand(root: Path) -> Understood:
    """Read a folder as far as possible.

    Raises:
        CorpusError: there is no sound file, the description is wrong, or a folder without one can mean several things.
    """
    description, where, by_convention = read_description(root), str(root / FILE), ""
    if description is None:
        description, by_convention = guess(root)
        where = str(root)
    files = sound_files(root, description.audio, where)
    if not files.paths:
        raise CorpusError(f"{root / files.audio}: no sound file (WAV, FLAC, OGG, MP3), here or below.")
    annotations = FoundAnnotations()
    if ref := description.annotations:
        reader = plugins().build("annotation format", ref.format, ref.options, f"{where}: annotations")
        annotations = find_annotations(root, ref, reader, files, where)
    table = RecordingTable()
    if description.table:
        parts = [part for part in (description.scenes, description.groups, description.splits) if part]
        wanted = [part.column for part in parts if part.source == "column"]
        table = read_table(inside(root, description.table, f"{where}: table"), wanted, files, where)
    understood = Understood(
        root=root,
        description=description,
        by_convention=by_convention,
        files=files,
        annotations=annotations,
        table=table,
        unreadable={**files.unreadable, **annotations.missing, **table.missing},
        problems=[*annotations.problems, *table.problems, *_shared_names(files)],
        notes=list(annotations.notes),
    )
    if description.skip_unreadable:
        understood.notes += [f"Left out: {reason}" for reason in understood.unreadable.values()]
    _assemble(understood, where)
    return understood


def _shared_names(files: SoundFiles) -> list[str]:
    """Files of one name and several endings: annotations and splits could not tell them apart."""
    by_name: dict[PurePosixPath, list[str]] = defaultdict(list)
    for path in files.infos:
        by_name[PurePosixPath(path).with_suffix("")].append(path)
    return [
        f"{' and '.join(paths)} have the same name, so that annotations could mean either. Keep one, or rename it."
        for paths in by_name.values()
        if len(paths) > 1
    ]


def _assemble(understood: Understood, where: str) -> None:
    events_of = _events(understood)
    paths = sorted(understood.files.infos)
    scene_of = scenes_of(understood, paths)
    group_of = groups_of(understood, paths)
    split_of = splits_of(understood, paths, scene_of, group_of, where)
    tags_of = {
        path: _renamed(understood, one.tags) for path, one in understood.annotations.annotated.items() if one.tags
    }
    for path in paths:
        info, annotated = understood.files.infos[path], understood.annotations.annotated.get(path, UNKNOWN)
        understood.recordings.append(
            Recording(
                path=path,
                duration_s=info.duration_s,
                rate_hz=info.rate_hz,
                channels=info.channels,
                split=split_of[path],
                scene=scene_of[path],
                group=group_of[path],
                events=events_of.get(path),
                tags=tags_of.get(path, annotated.tags),
            )
        )
    _note_what_is_missing(understood)


UNKNOWN = Annotated(events=None)


def _events(understood: Understood) -> dict[str, tuple[Event, ...]]:
    """Events of each annotated recording, renamed, clamped and checked against the vocabulary."""
    description, clamped = understood.description, Counter[str]()
    passed_us = 0
    events_of: dict[str, tuple[Event, ...]] = {}
    names: set[str] = set()
    given: set[str] = set()
    vocabulary = set(description.events)
    for path, annotated in understood.annotations.annotated.items():
        if path not in understood.files.infos:
            continue
        given |= {event.label for event in annotated.events or ()} | set(annotated.tags or ())
        for tag in _renamed(understood, annotated.tags or ()):
            names.add(tag)
            if vocabulary and tag not in vocabulary:
                understood.problems.append(_unknown(path, tag, description.events))
        if annotated.events is None:
            continue
        end_s = understood.files.infos[path].duration_s
        kept = []
        places = annotated.places or (path,) * len(annotated.events)
        for event, place in zip(annotated.events, places, strict=True):
            label = description.rename.get(event.label, event.label)
            names.add(label)
            over_us = to_us(event.offset_s) - to_us(end_s)
            if vocabulary and label not in vocabulary:
                understood.problems.append(_unknown(place, label, description.events))
            elif over_us > to_us(MAX_OVERSHOOT_S):
                understood.problems.append(
                    f"{place}: {label!r} ends at {event.offset_s:g} s, after the end of {path} at {end_s:g} s. "
                    "Is this the annotation of another file?"
                )
            elif over_us > 0 and to_us(event.onset_s) >= to_us(end_s):
                understood.notes.append(f"Left out {label!r} ({place}), as it begins where {path} ends.")
            else:
                if over_us > 0:
                    clamped[path] += 1
                    passed_us = max(passed_us, over_us)
                kept.append(Event(event.onset_s, min(event.offset_s, end_s), label))
        events_of[path] = tuple(kept)
    if clamped:
        understood.notes.append(
            f"Clamped {clamped.total()} offsets in {len(clamped)} recordings to the end of the audio, which they "
            f"passed by at most {passed_us / 1000:.3g} ms."
        )
    for old in sorted(set(description.rename) - given):
        understood.notes.append(f"rename: no annotation has the name {old!r}. {suggestion(old, given)}".strip())
    understood.events = description.events or tuple(sorted(names))
    return events_of


def _renamed(understood: Understood, names: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(understood.description.rename.get(name, name) for name in names or ()))


def _unknown(where: str, label: str, vocabulary: tuple[str, ...]) -> str:
    return (
        f"{where}: event {label!r} is not among the events of corpus.toml ({', '.join(vocabulary)}). "
        f"{suggestion(label, vocabulary)}Correct it, or add it to events or to rename."
    )


def _note_what_is_missing(understood: Understood) -> None:
    without = [r.path for r in understood.recordings if r.events is None and r.tags is None]
    if without and understood.description.annotations:
        understood.notes.append(
            f"{len(without)} recordings have no annotation and are kept without labels: {listed(without)}."
        )
    known = [r for r in understood.recordings if r.split == DEVELOPMENT]
    learnt = {event.label for r in known for event in r.events or ()} | {tag for r in known for tag in r.tags or ()}
    if known and understood.annotations.annotated and (unlearnt := [e for e in understood.events if e not in learnt]):
        understood.notes.append(
            f"{len(unlearnt)} events are in no recording of the split {DEVELOPMENT!r}, so that they cannot be learnt: "
            f"{listed(unlearnt, 6)}."
        )
    held_out = [r.path for r in understood.recordings if r.events is None and r.split == EVALUATION]
    if held_out and any(r.events is not None for r in understood.recordings):
        understood.notes.append(
            f"{len(held_out)} recordings of the split {EVALUATION!r} have no timed events, so that detections there "
            f"cannot be judged: {listed(held_out)}."
        )
