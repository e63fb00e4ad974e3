"""Annotation files of whole sets of recordings: one table, or a folder with a file for each recording."""

from __future__ import annotations

import csv
import itertools
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.plugins import plugins
from earmark.protocols import AnnotationFormat
from earmark.recordings import LONGEST_S

FORMAT = "annotation format"


def read_set(path: Path, format: str | None, asked_by: str) -> dict[str, Annotated]:
    """Read a file, or all files below a folder, by recording.

    A file that names no recording is, in a folder, of the one that it is named after: its path below the folder,
    without the format's ending. Alone, its recording's name is empty. What several files say of one recording is put
    together, such as events and scenes.

    Args:
        path: file or folder.
        format: name of an annotation format; None: the one whose files end so.
        asked_by: option or function, for messages.

    Raises:
        AnnotationError: nothing can be read there, or two files give events of one recording.
    """
    reader = _reader(path, format, asked_by)
    if path.is_dir():
        files = sorted(file for file in path.rglob(f"*{reader.suffix}") if file.is_file())
        if not files:
            raise AnnotationError(f"{path}: no file there ends in {reader.suffix}. Name another folder or --format.")
    else:
        files = [path]
    found: dict[str, Annotated] = {}
    for file in files:
        own = file.relative_to(path).as_posix().removesuffix(reader.suffix) if path.is_dir() else ""
        for annotated in reader.read(file):
            name = (annotated.recording if reader.names_recordings else "") or own
            found[name] = _both(found[name], annotated, f"{file}, {name}") if name in found else annotated
    return found


def read_durations(path: Path) -> dict[str, float]:
    """Read a table of lengths in seconds, with the columns filename and duration, as the DCASE challenges have them.

    Raises:
        AnnotationError: it is no such table, or a length is none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such table of durations.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: not a text file that can be read ({error}).") from None
    reader = csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    try:
        if not {"filename", "duration"} <= set(reader.fieldnames or ()):
            raise AnnotationError(
                f"{path}: no table of durations. It needs a header with filename and duration; "
                f"it has {', '.join(reader.fieldnames or ()) or 'nothing'}."
            )
        table = [(row["filename"] or "", row["duration"] or "", f"{path}, line {reader.line_num}") for row in reader]
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {reader.line_num}: {error}. Save the table again.") from None
    durations: dict[str, float] = {}
    for name, text, where in table:
        try:
            duration_s = float(text)
        except ValueError:
            duration_s = math.nan
        if not name or not 1e-6 <= duration_s <= LONGEST_S:
            raise AnnotationError(f"{where}: {name!r} lasts {text!r}, which is not a length in seconds. Correct it.")
        if durations.setdefault(name, duration_s) != duration_s:
            raise AnnotationError(f"{where}: {name} lasts {durations[name]:g} s above. Keep one of the two lines.")
    return durations


def without_ending(names: Mapping[str, Annotated] | Mapping[str, float], where: str) -> dict[str, str]:
    """Names of audio files without their ending, by name, for comparison with files named after recordings.

    >>> without_ending({"home/a.wav": 1.0, "Y_30.000_40.000": 1.0}, "durations.tsv")
    {'home/a.wav': 'home/a', 'Y_30.000_40.000': 'Y_30.000_40.000'}

    Raises:
        AnnotationError: two become one.
    """
    short: dict[str, str] = {}
    for name in names:
        ending = PurePosixPath(name).suffix
        # Names such as those of AudioSet end in a time.
        short[name] = name if ending[1:].isdigit() else name.removesuffix(ending)
    if len(set(short.values())) < len(short):
        twice = sorted(short, key=lambda name: (short[name], name))
        pair = next((a, b) for a, b in itertools.pairwise(twice) if short[a] == short[b])
        raise AnnotationError(
            f"{where}: {pair[0]!r} and {pair[1]!r} differ by their ending alone, which a folder of annotation files "
            "does not tell. Use tables on both sides."
        )
    return short


def _reader(path: Path, format: str | None, asked_by: str) -> AnnotationFormat:
    manager = plugins()
    if format is not None:
        named: AnnotationFormat = manager.build(FORMAT, format, {}, asked_by)
        return named
    if not os.path.exists(path):
        raise AnnotationError(f"{asked_by}: {path}: no such file or folder.")
    known: dict[str, AnnotationFormat] = {n: manager.build(FORMAT, n, {}, asked_by) for n in manager.names(FORMAT)}
    names = [file.name for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path.name]
    fitting = {
        name: reader for name, reader in known.items() if any(file.lower().endswith(reader.suffix) for file in names)
    }
    # Of endings that end alike, such as .selections.txt and .txt, the longer one says more.
    best = {
        name: reader
        for name, reader in fitting.items()
        if not any(o.suffix != reader.suffix and o.suffix.endswith(reader.suffix) for o in fitting.values())
    }
    if len(best) != 1:
        which = f"{' and '.join(sorted(best))} would both fit" if best else "no format has files that end so"
        raise AnnotationError(f"{asked_by}: {path}: {which}. Say --format, one of {', '.join(sorted(known))}.")
    return next(iter(best.values()))


def _both(first: Annotated, second: Annotated, where: str) -> Annotated:
    """What two files say of one recording."""
    for field in ("events", "tags", "scene", "duration_s"):
        one, other = getattr(first, field), getattr(second, field)
        if one is not None and other is not None and one != other:
            raise AnnotationError(f"{where}: another file says something else of its {field}. Keep one of them.")
    chosen = {
        field: getattr(second if getattr(first, field) is None else first, field)
        for field in ("events", "tags", "scene", "duration_s")
    }
    with_events = first if first.events is not None else second
    return replace(first, **chosen, places=with_events.places, notes=(*first.notes, *second.notes))
