"""What lists and annotations tell of a publication before its audio is looked at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from earmark.audio import AudioInfo
from earmark_corpora.tables import Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One published set of archives that unpack into one folder, or one list of recordings."""

    folder: str
    """Name of the folder that its archives make, as people see it in messages."""
    split: str
    source: str
    """Where it is published, such as "Zenodo record 45759"."""
    fetch: str | None = None
    """Name that `earmark data fetch` knows it by; None where it has to be got by hand."""

    @property
    def remedy(self) -> str:
        """What to do where part of it is missing."""
        by_hand = f"It is {self.source}."
        return by_hand if self.fetch is None else f"`earmark data fetch {self.fetch}` gets it ({self.source})."

    def located(self, root: Path) -> Path | None:
        """Its folder: the root itself where that has the name, or below the root; None where it is absent."""
        root = root.resolve()
        if root.name == self.folder:
            return root
        return root / self.folder if (root / self.folder).is_dir() else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A recording as lists and annotations tell of it, before its audio is looked at."""

    path: str
    """Relative to the corpus root."""
    split: str
    scene: str | None = None
    fold: int | None = None
    group: str | None = None
    lines: tuple[Line, ...] | None = None
    """Events; None where nobody has annotated the recording."""
    whole: str | None = None
    """The one event of a recording that holds nothing else, from its start to its end."""
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a publication's lists announce."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    rate_hz: int | None = None
    """Rate that every recording must have; None where any will do."""
    channels: int | None = None
    nominal: AudioInfo | None = None
    """Header of all recordings where they are too many to open; a sample of them is held against it."""


def absent(root: Path, entries: Iterable[Entry]) -> list[str]:
    """Paths of the recordings that are not there; every folder is listed once."""
    there: dict[Path, set[str]] = {}
    missing = []
    for entry in entries:
        file = root / entry.path
        if file.parent not in there:
            there[file.parent] = set(os.listdir(file.parent)) if os.path.isdir(file.parent) else set()
        if file.name not in there[file.parent]:
            missing.append(entry.path)
    return missing


def shortened(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def prefixed(root: Path, folder: Path) -> str:
    """What precedes paths of a data set in the corpus root: its folder and a slash, or nothing."""
    return "" if folder == root.resolve() else f"{folder.name}/"


def counted(counts: Mapping[str, int]) -> str:
    """``{"car": 3}`` as "3 car"."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())
