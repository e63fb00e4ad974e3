"""Features in an object store, with a copy in a folder of this machine, fetched as far as it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from earmark.errors import StoreError
from earmark.storage import Features
from earmark_stores.disk import discard, file_sizes, parsed_json, read_json, to_json
from earmark_stores.features import LocalFeatures
from earmark_stores.objects import Objects, in_parallel
from earmark_stores.parcels import FOLDER, Files, bring, drop, manifest, placing, read_manifest, settle, upload
from earmark_stores.pieces import CLIPS_PER_PIECE, RECORD, files_of, pieces_of
from earmark_stores.shards import shard_path


class MirroredFeatures(LocalFeatures):
    """Features below ``features/<address>/`` of an object store.

    ``begun.json`` says what they will be, ``pieces/`` has a record for each piece that is uploaded, created after its
    files, and ``whole.json`` names all files. Records are created exclusively, so that several machines may extract:
    of a piece that two have made, one is kept. The mirror is trusted file by file, as far as the checksums agree.
    """

    def __init__(self, root: Path, address: str, objects: Objects) -> None:
        super().__init__(root, address)
        self._objects = objects
        self._key = f"features/{address}"
        self._files: Files | None = None

    @property
    def whole(self) -> bool:
        """True once finished; asked of the store until it is."""
        if self._files is None:
            self._files = read_manifest(self._objects, self._key, f"{self._key}/whole.json")
        return self._files is not None

    def begin(self, clip_ids: Sequence[str], n_frames: int, n_mels: int, description: Mapping[str, Any]) -> None:
        """Prepare an empty shelf, or pick up one that was interrupted, wherever that was; safe beside others."""
        wanted = (list(clip_ids), n_frames, n_mels, CLIPS_PER_PIECE)
        with placing(self._root, self.address):
            begun = self._begun_elsewhere()
            if not self.whole:
                if begun not in (None, wanted):
                    raise self._of_others()
                discard(self._whole)  # of features that were removed
                if begun is None or self._begun_here() != wanted:
                    discard(self._begun)
            super().begin(clip_ids, n_frames, n_mels, description)
            raw = (self._begun / "shelf.json").read_bytes()
            if begun is None and not self._objects.create(f"{self._key}/begun.json", raw):
                if self._begun_elsewhere() != wanted:
                    raise self._of_others()

    def missing(self) -> list[range]:
        """Clip ranges that nobody has uploaded yet."""
        there = set(self._objects.names(f"{self._key}/pieces"))
        return [piece for piece in pieces_of(self._unfinished()) if self._record_of(piece) not in there]

    def write(self, piece: range, features: Features) -> None:
        """Write one piece from `missing`; where another machine has written it in the meantime, that one stays."""
        super().write(piece, features)
        ledger = self._ledger(self._begun, piece, self._unfinished()["clips_per_piece"])
        names = [*files_of(ledger), ledger.relative_to(self._begun).as_posix()]
        files = upload(self._objects, self._key, {name: self._begun / name for name in names})
        record = f"{self._key}/pieces/{self._record_of(piece)}"
        if not self._objects.create(record, to_json(manifest(self._key, files))):
            drop(self._objects, files)

    def finish(self) -> None:
        """Make the shelf whole and visible, in one step; where another machine has done so, its shelf stays."""
        self._check_complete()
        files = self._files_of_pieces()
        # What killed processes have left: everything that no piece names.
        left = set(self._objects.keys(f"{self._key}/{FOLDER}")) - {stored.key for stored in files.values()}
        named = file_sizes(self._begun).keys() - files.keys()
        about = upload(self._objects, self._key, {name: self._begun / name for name in sorted(named)})
        files |= about
        if self._objects.create(f"{self._key}/whole.json", to_json(manifest(self._key, files))):
            self._files = files
            self._objects.delete(left)
        else:
            drop(self._objects, about)
        with placing(self._root, self.address):
            settle(self._begun, self._whole)
        self._record = None
        self._objects.delete([f"{self._key}/begun.json"])

    def read(self, clip_ids: Sequence[str]) -> Features:
        """Features (clip, frame, mel) of these clips, in this order, in memory; their pieces are fetched first."""
        numbers = {row // self._shelf["clips_per_piece"] for row in self._rows_of(clip_ids)} - self._shards.keys()
        array = Path("features.zarr", "features")
        self._bring([shard_path(array, number).as_posix() for number in sorted(numbers)])
        return super().read(clip_ids)

    @cached_property
    def _shelf(self) -> dict[str, Any]:
        if self.whole:
            shards = shard_path(Path("features.zarr", "features"), 0).parts[:3]
            self._bring([name for name in self._files or () if Path(name).parts[:3] != shards])
        return super()._shelf

    def _check_pieces(self, shelf: Mapping[str, Any]) -> None:
        """Nothing: files come with their checksums, and shards when they are read."""

    def _bring(self, names: Sequence[str]) -> None:
        files = self._files or {}
        with placing(self._root, self.address):
            bring(self._objects, self._root, self._whole, {name: files[name] for name in names if name in files})

    def _files_of_pieces(self) -> dict[str, Any]:
        """Files of all pieces, as they were uploaded."""
        records = [f"{self._key}/pieces/{self._record_of(piece)}" for piece in pieces_of(self._unfinished())]
        found = in_parallel(lambda record: read_manifest(self._objects, self._key, record), records)
        if None in found:
            raise StoreError(
                f"{self._objects.where(self._key)}: was removed while it was extracted. Run the command again."
            )
        return {name: stored for files in found if files is not None for name, stored in files.items()}

    def _unfinished(self) -> dict[str, Any]:
        # Whether somebody else has finished it meanwhile is seen in the end.
        return super()._unfinished() if self._record is None else self._record

    def _record_of(self, piece: range) -> str:
        """Name of a piece's record: that of its ledger, too."""
        return self._ledger(self._begun, piece, CLIPS_PER_PIECE).name

    def _begun_elsewhere(self) -> tuple[Any, ...] | None:
        """Clips and sizes with which the features were begun, by whomever."""
        key = f"{self._key}/begun.json"
        raw = self._objects.read(key)
        return None if raw is None else _sizes(parsed_json(raw, self._objects.where(key), RECORD))

    def _begun_here(self) -> tuple[Any, ...] | None:
        path = self._begun / "shelf.json"
        return _sizes(read_json(path, RECORD)) if path.is_file() else None

    def _of_others(self) -> StoreError:
        return StoreError(
            f"{self._objects.where(self._key)}: was begun for other clips or sizes, or by another version of Earmark. "
            "Delete what lies there and run the command again."
        )


def _sizes(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in RECORD)
