"""What a folder of recordings means, as far as it could be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from earmark.recordings import Dataset, Recording
from earmark_corpora.folder.annotations import FoundAnnotations
from earmark_corpora.folder.description import FolderDescription
from earmark_corpora.folder.files import SoundFiles
from earmark_corpora.folder.table import RecordingTable
from earmark_corpora.marker import MARKER


@dataclass(kw_only=True)
class Understood:
    """What a folder means."""

    root: Path
    description: FolderDescription
    by_convention: str = ""
    """The corpus.toml that says the same, where the folder has none."""
    files: SoundFiles
    annotations: FoundAnnotations
    table: RecordingTable
    scenes: str = ""
    """Where scenes come from, in words."""
    splits: str = ""
    recordings: list[Recording] = field(default_factory=list)
    events: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    """Reason for each recording that lies there or is named and cannot be used."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def dataset(self) -> Dataset:
        """The recordings as experiments want them."""
        return Dataset(
            name=self.description.name or self.root.resolve().name,
            root=self.root,
            synthetic=(self.root / MARKER).is_file(),
            scenes=tuple(sorted({r.scene for r in self.recordings if r.scene is not None})),
            events=self.events,
            recordings=tuple(self.recordings),
            notes=tuple(self.notes),
        )
