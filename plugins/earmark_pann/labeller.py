"""Runs a tagger over recordings, piece by piece, and keeps what it said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earmark.addressing import address_of
from earmark.clip_tables import ClipTable, ClipTableError, names_of, read_clip_table
from earmark.errors import AudioError, OptionError
from earmark.piecework import Piece, spread
from earmark.recordings import Clip, Dataset, clips_digest, cut

if TYPE_CHECKING:
    from earmark.protocols import Engine
    from earmark_pann.tagger import Tagger

PIECE = 64
"""Clips that are kept at a time, so that an interruption costs half a minute."""

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PannLabeller:
    """Posteriors of a tagger for every clip: of a released CNN14, or of a stand-in that says that it is one."""

    checkpoint: Path | None = None
    """A released file such as Cnn14_16k_mAP=0.438.pth, or the folder of a model bundle that gives events of whole
    clips."""
    rate_hz: int = 16_000
    """Of a released checkpoint, 16000 or 32000; a bundle knows its own."""
    clip_s: float = 10.0
    """Length of the clips that recordings are cut into; a shorter rest is filled up with silence."""
    batch_size: int = 8
    """Clips at a time. More need more memory (some 150 MB each at full size); on a GPU 64 are faster."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.clip_s <= 0:
            raise OptionError(
                f"pann: batch_size = {self.batch_size} and clip_s = {self.clip_s:g} must be positive; 8 and 10 are "
                "usual."
            )

    def write_table(
        self,
        dataset: Dataset,
        folder: Path,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> Path:
        """Return the table of all clips of a corpus; pieces lie under ``folder`` until the table is whole.

        Raises:
            CheckpointError, BundleError: the checkpoint is not usable.
            AudioError: a recording is not; what was labelled before is kept.
            ClipTableError: there is no clip, or a kept piece is damaged.
            StoreError: a piece cannot be kept.
        """
        from earmark_pann.tagger import least_duration_s  # late: nets import slowly

        clips = cut(dataset.recordings, self.clip_s, pad=True)
        if not clips:
            raise ClipTableError(f"{dataset.root}: there are no recordings to label.")
        tagger = self.opened()
        if self.clip_s < least_duration_s(tagger.frontend.hop_s):
            raise AudioError(
                f"clips of {self.clip_s:g} s are too short for the tagger; give at least "
                f"{least_duration_s(tagger.frontend.hop_s):g} s, best the 10 s of its training."
            )
        about = {
            "format": FORMAT,
            "tagger": tagger.name,
            "weights": tagger.digest,
            "stand_in": tagger.synthetic,
            "corpus": dataset.title,
            "clip_s": self.clip_s,
            "rate_hz": tagger.frontend.rate_hz,
            "resampler": f"soxr {version('soxr')}, HQ",
            "versions": {name: version(name) for name in ("earmark", "torch", "numpy", "soundfile")},
        }
        address = address_of([about, dataset.digest, clips_digest(clips)])
        name = "stand-in-tagger" if tagger.synthetic else "pann" if tagger.name.startswith("PANN ") else "tagger"
        path = folder / f"{name}-{address}.npz"
        if path.is_file():
            if advance is not None:
                advance(len(clips), len(clips))
            return path
        pieces = TablePieces(
            folder=folder / f"{name}-{address}.pieces",
            root=dataset.root,
            clips=clips,
            names=names_of(clips),
            events=tagger.events,
            about=about,
        )
        if engine is not None:
            spread(engine, pieces.missing(dataset.title), Labelling(self, pieces), total=len(clips), advance=advance)
            advance = None  # has been told
        values = [pieces.kept(start, tagger, advance) for start in pieces.starts]
        whole = ClipTable(clips=pieces.names, events=tagger.events, values=np.concatenate(values), about=about)
        _place(folder, path, whole.to_bytes())
        for file in pieces.folder.glob("*.npz"):
            file.unlink()
        pieces.folder.rmdir()
        return path

    def opened(self) -> Tagger:
        """The tagger, on the device that is meant here.

        Raises:
            CheckpointError, BundleError: the checkpoint is not usable.
        """
        from earmark.devices import resolve_device
        from earmark.plugins import plugins
        from earmark_pann.tagger import open_tagger

        return open_tagger(self.checkpoint, self.rate_hz, plugins(), resolve_device(self.device), self.batch_size)


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePieces:
    """The pieces of one table, each a file once it is heard."""

    folder: Path
    root: Path
    """Of the corpus."""
    clips: tuple[Clip, ...]
    """All of them."""
    names: tuple[str, ...]
    events: tuple[str, ...]
    about: Mapping[str, Any]

    @property
    def starts(self) -> range:
        """First clips of all pieces."""
        return range(0, len(self.clips), PIECE)

    def missing(self, title: str) -> list[Piece]:
        """Those that nobody has heard yet, of a corpus of that title."""
        last = len(self.clips)
        return [
            Piece(f"labels of {title}", start, min(start + PIECE, last))
            for start in self.starts
            if not self._path(start).is_file()
        ]

    def kept(self, start: int, tagger: Tagger, advance: Callable[[int, int], None] | None = None) -> Any:
        """Posteriors (clip, event) of a piece, from the disk where it was done before, else kept there now."""
        path, chosen = self._path(start), slice(start, start + PIECE)
        clips, total = self.clips[chosen], len(self.clips)
        if path.is_file():
            found = read_clip_table(path)
            if (found.clips, found.events) != (self.names[chosen], self.events):
                raise ClipTableError(
                    f"{path}: this piece is of other clips. Delete the folder; they are labelled again."
                )
            if advance is not None:
                advance(start + len(clips), total)
            return found.values
        tell = None if advance is None else lambda done: advance(start + done, total)
        values = tagger.posteriors(self.root, clips, tell)
        table = ClipTable(clips=self.names[chosen], events=self.events, values=values, about=self.about)
        _place(self.folder.parent, path, table.to_bytes())
        return values

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:06d}.npz"


class Labelling:
    """Labels pieces, in whatever process it finds itself, with a tagger that is opened there once."""

    def __init__(self, labeller: PannLabeller, pieces: TablePieces) -> None:
        self._labeller = labeller
        self._pieces = pieces
        self._tagger: Tagger | None = None

    def __call__(self, piece: Piece) -> None:
        self._tagger = self._tagger or self._labeller.opened()
        self._pieces.kept(piece.start, self._tagger)


def _place(folder: Path, path: Path, content: bytes) -> None:
    """Write a file aside, somewhere below the folder, and rename it."""
    from earmark_stores.disk import replace_file, writing  # late: stores import slowly

    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(folder, path, content)
