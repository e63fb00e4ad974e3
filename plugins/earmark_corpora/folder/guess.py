"""What a folder without corpus.toml means, where it can mean one thing only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from earmark.errors import CorpusError
from earmark_corpora.folder.annotations import owners
from earmark_corpora.folder.description import EXAMPLE, FILE, FolderDescription, as_toml, description_of
from earmark_corpora.folder.files import FOREIGN_SUFFIXES, SUFFIXES, SoundFiles, files_below, listed
from earmark_corpora.folder.splits import DEVELOPMENT, EVALUATION, VALIDATION, split_named
from earmark_corpora.folder.table import FILE_COLUMNS, read_header

EVENT_COLUMNS = ("onset", "start", "event_onset", "event_label", "event_labels")
RECORDING_COLUMNS = ("scene", "split", "group")


def guess(root: Path) -> tuple[FolderDescription, str]:
    """Describe a folder by convention.

    Sound files lie in the root, or all below one folder. Annotations have the names of the recordings, beside them or
    in one folder of their own, or are one table in the root. Folders named train, validation and test are splits;
    otherwise folders are scenes where every recording lies in one, there are several, each holds several recordings and
    none has a digit in its name (as days and sessions have).

    Returns:
        The description, and the corpus.toml that says the same.

    Raises:
        CorpusError: there is no sound file, or several things may be annotations.
    """
    everything = [path.relative_to(root).as_posix() for path in files_below(root)]
    sounds = [path for path in everything if path.lower().endswith((*SUFFIXES, *FOREIGN_SUFFIXES))]
    if not sounds:
        raise CorpusError(f"{root}: no sound file (WAV, FLAC, OGG, MP3) and no {FILE}, here or below.")
    document: dict[str, Any] = {"name": root.resolve().name}
    audio = _audio_folder(sounds, everything)
    if audio:
        document["audio"] = audio
    files = SoundFiles(audio=audio, unreadable=dict.fromkeys(sounds, ""))
    annotations = _annotations(root, everything, files)
    if annotations:
        document["annotations"] = annotations
    columns = {path: _columns(root / path) for path in everything if "/" not in path}
    tables = [p for p, c in columns.items() if c & set(RECORDING_COLUMNS) and not c & set(EVENT_COLUMNS)]
    if len(tables) > 1:
        raise CorpusError(_several(root, "tables of recordings", tables, f'table = "{tables[0]}"'))
    if tables:
        document["table"] = tables[0]
    known = columns[tables[0]] if tables else set()
    document |= _folders([files.below(path) for path in sounds], known)
    if "splits" not in document and "split" not in known:
        document["splits"] = {"from": "drawn", "validation": 0.1, "test": 0.2, "seed": 0}
    return description_of(document, str(root)), as_toml(document)


def _audio_folder(sounds: list[str], everything: list[str]) -> str:
    """The one folder of the root below which all sound lies, where other folders or tables lie beside it."""
    tops = {PurePosixPath(path).parts[0] if "/" in path else "" for path in sounds}
    others = {path.split("/")[0] for path in everything} - tops
    return tops.pop() if len(tops) == 1 and others else ""


def _annotations(root: Path, everything: list[str], files: SoundFiles) -> dict[str, str]:
    """Fields of ``annotations``, none where nothing looks like it."""
    with_sound = {PurePosixPath(path).parts[0] for path in files.paths}
    # "" for beside the audio; a folder that holds sound belongs to the audio's own tree.
    places = {"", *(path.split("/")[0] for path in everything if "/" in path)} - with_sound
    found: dict[tuple[str, str], list[str]] = {}
    empty: dict[tuple[str, str], list[str]] = {}
    for place in sorted(places):
        folder = place or files.audio
        prefix = f"{folder}/" if folder else ""
        below = [p for p in everything if p.startswith(prefix) and p.lower().endswith((".txt", ".jams"))]
        owned, _ = owners([root / path for path in below], root / folder, files, flat=bool(place))
        for claim in (claim for claims in owned.values() for claim in claims):
            # An empty file is one without any event, whatever the program.
            kind = found if claim.stat().st_size else empty
            kind.setdefault((_format(claim), place), []).append(claim.relative_to(root).as_posix())
    tables = [path for path in everything if "/" not in path and _columns(root / path) & set(EVENT_COLUMNS)]
    found |= {("tsv", path): [path] for path in tables}
    found = found or empty
    if len(found) > 1:
        shown = [f"{listed(names, 1)} ({form})" for (form, _), names in found.items()]
        raise CorpusError(_several(root, "kinds of annotation", shown, EXAMPLE))
    for form, path in found:
        return {"format": form, **({"path": path} if path else {})}
    return {}


def _format(file: Path) -> str:
    if file.suffix.lower() == ".jams":
        return "jams"
    with file.open("rb") as content:
        first = content.readline(4096)
    return "raven" if b"Begin Time (s)" in first.replace(b"\0", b"") else "audacity"


def _columns(file: Path) -> set[str]:
    """Columns of a table that names recordings; none of any other file."""
    if file.suffix.lower() not in (".tsv", ".csv"):
        return set()
    try:
        header = set(read_header(file)[0])
    except CorpusError:
        return set()
    return header if header & set(FILE_COLUMNS) else set()


def _folders(below: list[PurePosixPath], known: set[str]) -> dict[str, Any]:
    """What the folders of the recordings mean: splits, scenes, or nothing."""
    said: dict[str, Any] = {}
    firsts = {path.parts[0] if len(path.parts) > 1 else "" for path in below}
    splits = {split_named(name) for name in firsts}
    by_split = "split" not in known and DEVELOPMENT in splits and splits <= {DEVELOPMENT, VALIDATION, EVALUATION}
    if by_split:
        said["splits"] = {"from": "folder"}
    depth = 3 if by_split else 2
    parents = Counter(path.parent.name for path in below)
    named = not any(character.isdigit() for name in parents for character in name)
    several = len(parents) > 1 and min(parents.values()) > 1
    if "scene" not in known and all(len(path.parts) == depth for path in below) and several and named:
        said["scenes"] = {"from": "folder"}
    return said


def _several(root: Path, what: str, found: list[str], line: str) -> str:
    return (
        f"{root}: several {what}: {listed(found, 4)}. Say which one is meant in {root / FILE}, with a line such as\n"
        f"  {line}"
    )
