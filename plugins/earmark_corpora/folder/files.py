"""Sound files below a folder: which there are, which cannot be read, and which one a name means."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from earmark.audio import AudioInfo, audio_info
from earmark.errors import AnnotationError, AudioError, CorpusError, suggestion

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")

FOREIGN_SUFFIXES = (".m4a", ".aac", ".mp4", ".wma", ".amr", ".3gp", ".webm", ".mka", ".wv", ".ape")
"""Sound that libsndfile cannot read: named, so that nobody wonders where it went."""


@dataclass(frozen=True, kw_only=True)
class SoundFiles:
    """What lies in a folder; all paths are relative to the corpus root, with forward slashes."""

    audio: str
    """The folder in which sound files were looked for, "" for the root itself."""
    infos: dict[str, AudioInfo] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Reason of each sound file that cannot be used, by path."""

    @property
    def paths(self) -> list[str]:
        """All sound files, the unreadable ones included, as annotations name these too."""
        return sorted([*self.infos, *self.unreadable])

    def below(self, path: str) -> PurePosixPath:
        """Path relative to the audio folder."""
        return PurePosixPath(path).relative_to(self.audio) if self.audio else PurePosixPath(path)


def inside(root: Path, relative: str, where: str) -> Path:
    """Path below the root, of a name that a file gave.

    Raises:
        CorpusError: it leaves the folder, by itself or by a link.
    """
    relative = relative.replace("\\", "/")
    path = root / relative
    parts = PurePosixPath(relative).parts
    if PurePosixPath(relative).is_absolute() or ".." in parts or relative[1:2] == ":" or "\0" in relative:
        raise CorpusError(f"{where}: {relative!r} leaves the folder. Use a path inside it, relative to it.")
    if not path.resolve().is_relative_to(root.resolve()):
        raise CorpusError(f"{where}: {relative!r} is a link that leaves the folder. Put the files themselves there.")
    return path


def files_below(folder: Path) -> Iterator[Path]:
    """All files of a folder and those below it, hidden ones left out, in order; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place) / name


def sound_files(root: Path, audio: str, where: str) -> SoundFiles:
    """Find the sound files of a folder and read their headers.

    Raises:
        CorpusError: the audio folder is not there or leaves the root.
    """
    folder = inside(root, audio, where)
    if not os.path.isdir(folder):
        there = sorted(path.name for path in root.iterdir() if path.is_dir())
        raise CorpusError(
            f"{where}: no folder {audio!r}. {suggestion(audio, there)}Folders there: {', '.join(there) or 'none'}."
        )
    relative = folder.relative_to(root).as_posix()
    found = SoundFiles(audio="" if relative == "." else relative)
    for path in files_below(folder):
        suffix, name = path.suffix.lower(), path.relative_to(root).as_posix()
        if suffix in FOREIGN_SUFFIXES:
            found.unreadable[name] = (
                f"{path}: {suffix} is not a format that Earmark reads. Convert it, such as with "
                f"`ffmpeg -i {path.name} {path.stem}.flac`."
            )
        if suffix not in SUFFIXES:
            continue
        try:
            inside(root, name, where)
            found.infos[name] = audio_info(path)
        except AudioError as error:
            found.unreadable[name] = str(error)
        except CorpusError:
            found.unreadable[name] = f"{path}: a link that leaves the folder. Put the file itself there."
        except OSError as error:
            found.unreadable[name] = f"{path}: cannot be opened ({error.strerror or error}). Check its permissions."
    return found


class Names:
    """Tells which sound file a name in a table means: a path, or a file name or stem where only one has it."""

    def __init__(self, files: SoundFiles) -> None:
        self._exact = {**{path: path for path in files.paths}, **{str(files.below(p)): p for p in files.paths}}
        self._named: dict[str, list[str]] = defaultdict(list)
        for path in files.paths:
            name = PurePosixPath(path)
            self._named[name.name].append(path)
            self._named[name.stem].append(path)

    def find(self, name: str, where: str) -> str | None:
        """Path of the sound file; None where there is none.

        Raises:
            AnnotationError: the name leaves the folder, or several files have it.
        """
        name = name.replace("\\", "/")
        asked = PurePosixPath(name)
        if asked.is_absolute() or ".." in asked.parts or name[1:2] == ":":
            raise AnnotationError(
                f"{where}: {name!r} leaves the folder. Name recordings by their path below the audio folder."
            )
        if str(asked) in self._exact:
            return self._exact[str(asked)]
        if len(asked.parts) > 1:
            return None
        known_suffix = asked.suffix.lower() in (*SUFFIXES, *FOREIGN_SUFFIXES)
        stem = asked.stem if known_suffix else asked.name
        matches = self._named.get(asked.name) or self._named.get(stem, [])
        if len(matches) > 1:
            raise AnnotationError(
                f"{where}: {name!r} may be {' or '.join(matches)}. Name the recording with its folder."
            )
        return matches[0] if matches else None

    def missing(self, name: str, where: str) -> str:
        """Sentence on a recording that is named but not there."""
        # Thousands of names against thousands of missing ones would take minutes.
        hint = suggestion(name, self._exact) if len(self._exact) < 2000 else ""
        return f"{where}: names {name!r}, and there is no such sound file. {hint}Add the file, or remove the lines."


def listed(items: Iterable[str], most: int = 3) -> str:
    """The first few of many.

    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    items = list(items)
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
