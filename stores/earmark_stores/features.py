"""Features: a zarr array (clip, frame, mel), written in pieces and read through memory maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from earmark.errors import StoreError
from earmark.storage import Features
from earmark_stores.addresses import check_address
from earmark_stores.disk import (
    FORMAT,
    check_checksums,
    check_sizes,
    discard,
    file_checksums,
    read_json,
    replace_file,
    sync,
    to_json,
    unreadable,
    writing,
)
from earmark_stores.pieces import CLIPS_PER_PIECE, MOMENTS, RECORD, create_arrays, files_of, pieces_of
from earmark_stores.shards import Shard, shard_path


class LocalFeatures:
    """Features in ``features/<address>``, or in ``features/<address>.begun`` until they are whole.

    The folder holds ``shelf.json`` (clips, sizes, description, checksums of what zarr says of its arrays),
    ``features.zarr`` for any zarr or xarray reader, and ``pieces/``: the ledger with a file for each piece that is
    finished, written after the piece's data. Sums and sums of squares of each clip lie beside the features, so that
    the statistics of any choice of clips need no features. From `begin` to `finish`, hold the lock of its address.
    """

    def __init__(self, root: Path, address: str) -> None:
        self.address = check_address(address)
        self._root = root
        self._whole = root / "features" / address
        self._begun = root / "features" / f"{address}.begun"
        self._record: dict[str, Any] | None = None
        self._shards: dict[int, Shard] = {}

    @property
    def whole(self) -> bool:
        """True once finished."""
        return self._whole.is_dir()

    def begin(self, clip_ids: Sequence[str], n_frames: int, n_mels: int, description: Mapping[str, Any]) -> None:
        """Prepare an empty shelf, or pick up one that was interrupted.

        Args:
            clip_ids: in the order in which the clips will lie.
            n_frames: of each clip.
            n_mels: of each frame.
            description: anything that JSON can say; kept beside the features.

        Raises:
            StoreError: it is whole already, was begun for other clips, a clip comes twice, or it cannot be written.
        """
        if self.whole:
            raise StoreError(f"{self._whole}: these features are whole already. Read them, or remove them first.")
        if not clip_ids or len(set(clip_ids)) != len(clip_ids):
            twice = next((clip for index, clip in enumerate(clip_ids) if clip in clip_ids[:index]), None)
            raise StoreError(
                f"{self._whole}: {'no clips at all' if twice is None else f'the clip {twice!r} comes twice'}. "
                "Features are kept once for each clip of a choice that is not empty."
            )
        wanted = {"clips": list(clip_ids), "n_frames": n_frames, "n_mels": n_mels}
        if (self._begun / "shelf.json").is_file():
            found = read_json(self._begun / "shelf.json", RECORD)
            if any(found.get(name) != value for name, value in wanted.items()):
                raise StoreError(
                    f"{self._begun}: was begun for other clips or sizes. Delete this folder and run the command again."
                )
            return
        self._record = None
        with writing(self._begun):
            # Without shelf.json, somebody was interrupted before anything was done.
            discard(self._begun)
            (self._begun / "pieces").mkdir(parents=True)
            create_arrays(self._begun / "features.zarr", clip_ids, n_frames, n_mels, description)
            checksums = file_checksums(self._begun)
        about = {"clips_per_piece": CLIPS_PER_PIECE, "description": dict(description), "checksums": checksums}
        replace_file(self._root, self._begun / "shelf.json", to_json({"format": FORMAT, **wanted, **about}))

    def missing(self) -> list[range]:
        """Clip ranges that are not written yet, or whose files are not what the ledger says."""
        shelf = self._unfinished()
        return [piece for piece in pieces_of(shelf) if not self._is_written(piece, shelf["clips_per_piece"])]

    def write(self, piece: range, features: Features) -> None:
        """Write one piece from `missing`, (len(piece), frame, mel); safe from several threads.

        Raises:
            StoreError: of another shape, or it cannot be written; the piece is then still missing.
        """
        shelf = self._unfinished()
        expected = (len(piece), shelf["n_frames"], shelf["n_mels"])
        if features.shape != expected or piece not in pieces_of(shelf):
            raise StoreError(
                f"{self._begun}: clips {piece.start} to {piece.stop} of shape {features.shape} are no piece of these "
                f"features; write one of `missing()` with shape {expected}."
            )
        number = piece.start // shelf["clips_per_piece"]
        path = self._begun / "features.zarr"
        with writing(self._begun):
            # What a killed process left of the shard would be read and merged by zarr, and may be cut off.
            discard(shard_path(path / "features", number))
            rows = slice(piece.start, piece.stop)
            group = zarr.open_group(path, mode="r+")
            _array(group, "features")[rows] = features
            _array(group, "total")[rows] = features.sum(axis=1, dtype=np.float64)
            _array(group, "total_of_squares")[rows] = np.einsum("cfm,cfm->cm", features, features, dtype=np.float64)
            files = [
                shard_path(path / "features", number),
                *(path / name / "c" / str(number) / "0" for name in MOMENTS),
            ]
            for file in files:
                sync(file)
            sizes = {file.relative_to(self._begun).as_posix(): file.stat().st_size for file in files}
        ledger = {"format": FORMAT, "files": sizes}
        replace_file(self._root, self._ledger(self._begun, piece, shelf["clips_per_piece"]), to_json(ledger))

    def finish(self) -> None:
        """Make the shelf whole and visible, in one step.

        Raises:
            StoreError: pieces are missing, or it cannot be written.
        """
        self._check_complete()
        with writing(self._whole):
            self._begun.rename(self._whole)
            sync(self._whole.parent)

    def clip_ids(self) -> tuple[str, ...]:
        """The clips, in the order in which they lie."""
        return tuple(self._shelf["clips"])

    def read(self, clip_ids: Sequence[str]) -> Features:
        """Features (clip, frame, mel) of these clips, in this order, in memory.

        Raises:
            StoreError: not whole, damaged, or without one of the clips.
        """
        shelf = self._shelf
        clips_per_piece = shelf["clips_per_piece"]
        rows = self._rows_of(clip_ids)
        features = np.empty((len(rows), shelf["n_frames"], shelf["n_mels"]), dtype=np.float32)
        for place, row in enumerate(rows):
            number, within = divmod(row, clips_per_piece)
            if number not in self._shards:
                self._shards[number] = self._open_shard(number)
            features[place] = self._shards[number].clip(within)
        return features

    def statistics(self, clip_ids: Sequence[str]) -> tuple[Features, Features]:
        """Mean and standard deviation per mel band, each (mel,), over all frames of these clips.

        Raises:
            StoreError: not whole, damaged, without one of the clips, or no clips are given.
        """
        if not clip_ids:
            raise StoreError(f"{self._whole}: the mean over no clips is asked for. Choose at least one clip.")
        rows = self._rows_of(clip_ids)
        count = len(rows) * self._shelf["n_frames"]
        total, total_of_squares = (moment[rows].sum(axis=0) for moment in self._moments)
        mean = total / count
        # Rounding may leave a band without any variation just below 0.
        variance = np.maximum(total_of_squares / count - mean**2, 0)
        return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)

    @cached_property
    def _shelf(self) -> dict[str, Any]:
        """The whole shelf's record, after a look at every file of every piece."""
        if not self.whole:
            raise StoreError(
                f"{self._whole}: these features are not in the store, or were never finished. Run the command that "
                "extracts them again; it goes on where it stopped."
            )
        shelf = read_json(self._whole / "shelf.json", RECORD)
        check_checksums(self._whole, shelf.get("checksums", {}))  # none in stores of before there were any
        self._check_pieces(shelf)
        return shelf

    def _check_pieces(self, shelf: Mapping[str, Any]) -> None:
        for piece in pieces_of(shelf):
            check_sizes(self._whole, files_of(self._ledger(self._whole, piece, shelf["clips_per_piece"])))

    def _check_complete(self) -> None:
        if missing := self.missing():
            raise StoreError(
                f"{self._begun}: {len(missing)} pieces are not written yet, the first from clip {missing[0].start} on. "
                "Extract the features again; it goes on from here."
            )

    @cached_property
    def _row(self) -> dict[str, int]:
        return {clip: row for row, clip in enumerate(self._shelf["clips"])}

    @cached_property
    def _moments(self) -> list[npt.NDArray[np.float64]]:
        return [self._moment(name) for name in MOMENTS]

    def _moment(self, name: str) -> npt.NDArray[np.float64]:
        path = self._whole / "features.zarr"
        try:
            return np.asarray(_array(zarr.open_group(path, mode="r"), name)[:])
        except Exception as error:  # zarr has no error of its own for metadata that is damaged
            raise unreadable(path / name, "zarr group", error) from error

    def _rows_of(self, clip_ids: Sequence[str]) -> list[int]:
        try:
            return [self._row[clip] for clip in clip_ids]
        except KeyError as error:
            raise StoreError(
                f"{self._whole}: no features of the clip {error.args[0]!r} among {len(self._row)} clips. Were they "
                "extracted for another corpus or clip length?"
            ) from None

    def _open_shard(self, number: int) -> Shard:
        shelf = self._shelf
        return Shard(
            shard_path(self._whole / "features.zarr" / "features", number),
            n_clips=len(pieces_of(shelf)[number]),
            clips_per_shard=shelf["clips_per_piece"],
            n_frames=shelf["n_frames"],
            n_mels=shelf["n_mels"],
        )

    def _unfinished(self) -> dict[str, Any]:
        if self.whole or not (self._begun / "shelf.json").is_file():
            raise StoreError(f"{self._begun}: nothing is begun here. Call begin() first, with the clips to come.")
        if self._record is None:
            # Read once, not for each piece: it names every clip.
            self._record = read_json(self._begun / "shelf.json", RECORD)
        return self._record

    def _is_written(self, piece: range, clips_per_piece: int) -> bool:
        try:
            check_sizes(self._begun, files_of(self._ledger(self._begun, piece, clips_per_piece)))
        except StoreError:
            return False
        return True

    @staticmethod
    def _ledger(folder: Path, piece: range, clips_per_piece: int) -> Path:
        return folder / "pieces" / f"{piece.start // clips_per_piece:06}.json"


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array
