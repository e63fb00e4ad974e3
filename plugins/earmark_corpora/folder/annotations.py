"""Annotations of a folder: one table for all recordings, or a file for each, beside the audio or parallel to it."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from earmark.annotations import Annotated
from earmark.errors import AnnotationError, CorpusError
from earmark.protocols import AnnotationFormat
from earmark_corpora.folder.description import AnnotationsRef
from earmark_corpora.folder.files import Names, SoundFiles, files_below, inside, listed


@dataclass(kw_only=True)
class FoundAnnotations:
    """What the annotation files say, by path of the recording."""

    annotated: dict[str, Annotated] = field(default_factory=dict)
    title: str = "none"
    """Format and place, in words."""
    missing: dict[str, str] = field(default_factory=dict)
    """Recordings that are annotated but not there, with the sentence on each."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, path: str, annotated: Annotated, where: str) -> None:
        """Keep what is said of a recording, once."""
        if path in self.annotated:
            self.problems.append(f"{where}: {path} is annotated twice, under two names. Keep one of them.")
        self.annotated[path] = annotated
        self.notes.extend(annotated.notes)


def find_annotations(
    root: Path, ref: AnnotationsRef, reader: AnnotationFormat, files: SoundFiles, where: str
) -> FoundAnnotations:
    """Read what a description names.

    Raises:
        CorpusError: the table or folder is not there, or leaves the root.
    """
    place = inside(root, ref.path or files.audio or ".", f"{where}: annotations.path")
    if os.path.isdir(place):
        return _of_each(root, place, ref, reader, files)
    if not os.path.isfile(place):
        raise CorpusError(f"{where}: annotations.path: no file or folder {ref.path!r} in {root}.")
    return _table(place, ref, reader, files)


def _table(file: Path, ref: AnnotationsRef, reader: AnnotationFormat, files: SoundFiles) -> FoundAnnotations:
    found, names = FoundAnnotations(title=f"{ref.format}, one table ({ref.path})"), Names(files)
    try:
        table = reader.read(file)
    except AnnotationError as error:
        found.problems.append(str(error))
        return found
    for annotated in table:
        if not annotated.recording:
            found.problems.append(
                f"{file}: does not name its recordings, so it cannot be the table of all. Give each recording a file "
                "of the same name, and annotations.path the folder of these."
            )
            continue
        try:
            path = names.find(annotated.recording, str(file))
        except AnnotationError as error:
            found.problems.append(str(error))
            continue
        if path is None:
            found.missing[annotated.recording] = names.missing(annotated.recording, str(file))
        else:
            found.take(path, annotated, str(file))
    return found


def _of_each(
    root: Path, folder: Path, ref: AnnotationsRef, reader: AnnotationFormat, files: SoundFiles
) -> FoundAnnotations:
    beside = folder == root / files.audio
    found = FoundAnnotations(
        title=f"{ref.format}, one file per recording, {'beside the audio' if beside else f'in {ref.path}'}"
    )
    suffix = PurePosixPath(f"a{reader.suffix}").suffix
    candidates = [path for path in files_below(folder) if path.suffix.lower() == suffix]
    owned, strays = owners(candidates, folder, files, flat=not beside)
    if not owned:
        found.problems.append(
            f"{folder}: no annotation file, which would have the name of its recording and end in {suffix}, such as "
            f"{PurePosixPath((files.paths or ['a.wav'])[0]).stem}{reader.suffix}. Put them there, or correct "
            "annotations.path."
        )
    if strays and not beside:  # beside the audio lie READMEs and other things
        names = [path.relative_to(root).as_posix() for path in strays]
        found.notes.append(f"{len(strays)} annotation files belong to no recording: {listed(names)}.")
    for path, claims in owned.items():
        if len(claims) > 1:
            found.problems.append(
                f"{path}: {len(claims)} annotation files, {listed(claim.name for claim in claims)}. Keep one of them "
                "in the folder."
            )
            continue
        try:
            read = reader.read(claims[0])
        except AnnotationError as error:
            found.problems.append(str(error))
            continue
        if len(read) == 1:
            found.take(path, read[0], str(claims[0]))
        else:
            found.problems.append(
                f"{claims[0]}: holds {len(read)} recordings, but has the name of one. Set annotations.path to this "
                "file if it is the table of all."
            )
    return found


def owners(
    candidates: list[Path], folder: Path, files: SoundFiles, *, flat: bool
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Give annotation files to the recordings whose name they begin with: a.txt or a.Table.1.selections.txt to a.wav.

    Args:
        candidates: annotation files below `folder`.
        folder: the audio folder, or one parallel to it.
        files: the recordings.
        flat: an annotation file may also lie in another folder than its recording, if the name is there once.

    Returns:
        Files by recording, and those that belong to none.
    """
    near: dict[str, str] = {}
    named: dict[str, list[str]] = defaultdict(list)
    for path in files.paths:
        below = files.below(path)
        for name in (below.stem, below.name):
            near[str(below.parent / name)] = path
            named[name].append(path)
    owned: dict[str, list[Path]] = defaultdict(list)
    strays: list[Path] = []
    for candidate in candidates:
        below = PurePosixPath(candidate.relative_to(folder).as_posix())
        parts = below.name.split(".")
        cores = [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]  # the longest name first
        owner = next((near[str(below.parent / core)] for core in cores if str(below.parent / core) in near), None)
        if owner is None and flat:
            owner = next((named[core][0] for core in cores if len(named.get(core, [])) == 1), None)
        if owner is None:
            strays.append(candidate)
        else:
            owned[owner].append(candidate)
    return dict(owned), strays
