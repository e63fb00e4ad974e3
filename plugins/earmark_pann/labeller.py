"""Runs a tagger over recordings, piece by piece, and keeps what it said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from earmark.addressing import address_of
from earmark.clip_tables import ClipTable, ClipTableError, names_of, read_clip_table
from earmark.errors import AudioError, OptionError
from earmark.recordings import Clip, Dataset, clips_digest, cut

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

    def write_table(self, dataset: Dataset, folder: Path, advance: Callable[[int, int], None] | None = None) -> Path:
        """Return the table of all clips of a corpus; pieces lie under ``folder`` until the table is whole.

        Raises:
            CheckpointError, BundleError: the checkpoint is not usable.
            AudioError: a recording is not; what was labelled before is kept.
            ClipTableError: there is no clip, or a kept piece is damaged.
            StoreError: a piece cannot be kept.
        """
        from earmark_pann.tagger import least_duration_s, open_tagger  # late: nets import slowly

        clips = cut(dataset.recordings, self.clip_s, pad=True)
        if not clips:
            raise ClipTableError(f"{dataset.root}: there are no recordings to label.")
        tagger = open_tagger(self.checkpoint, self.rate_hz, *_here(self.device), self.batch_size)
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
        names = names_of(clips)
        pieces = folder / f"{name}-{address}.pieces"
        values = []
        for start in range(0, len(clips), PIECE):
            chosen = slice(start, start + PIECE)
            piece = ClipTable(clips=names[chosen], events=tagger.events, values=np.empty((0, 0)), about=about)
            values.append(_kept(pieces, start, piece, dataset.root, clips[chosen], len(clips), tagger, advance))
        whole = ClipTable(clips=names, events=tagger.events, values=np.concatenate(values), about=about)
        _place(folder, path, whole.to_bytes())
        for file in pieces.glob("*.npz"):
            file.unlink()
        pieces.rmdir()
        return path


def _kept(
    folder: Path,
    start: int,
    piece: ClipTable,
    root: Path,
    clips: Sequence[Clip],
    total: int,
    tagger: Any,
    advance: Callable[[int, int], None] | None,
) -> Any:
    """Posteriors of a piece, from the disk where it was done before."""
    path = folder / f"{start:06d}.npz"
    if path.is_file():
        found = read_clip_table(path)
        if (found.clips, found.events) != (piece.clips, piece.events):
            raise ClipTableError(f"{path}: this piece is of other clips. Delete the folder; they are labelled again.")
        if advance is not None:
            advance(start + len(clips), total)
        return found.values
    tell = None if advance is None else lambda done: advance(start + done, total)
    values = tagger.posteriors(root, clips, tell)
    _place(folder.parent, path, replace(piece, values=values).to_bytes())
    return values


def _here(device: str) -> tuple[Any, Any]:
    from earmark.devices import resolve_device
    from earmark.plugins import plugins

    return plugins(), resolve_device(device)


def _place(folder: Path, path: Path, content: bytes) -> None:
    """Write a file aside, somewhere below the folder, and rename it."""
    from earmark_stores.disk import replace_file, writing  # late: stores import slowly

    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(folder, path, content)
