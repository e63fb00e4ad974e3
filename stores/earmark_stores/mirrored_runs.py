"""Runs in an object store, with a copy in a folder of this machine that all reading and writing goes through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from torch import Tensor

from earmark.errors import DamageError, StoreError
from earmark_stores.addresses import check_address
from earmark_stores.datasets import save_dataset
from earmark_stores.disk import aside, damaged, discard, parsed_json, place_folder, replace_file, to_json, writing
from earmark_stores.objects import Objects, in_parallel
from earmark_stores.parcels import (
    FOLDER,
    Files,
    bring,
    bring_folder,
    drop,
    manifest,
    placing,
    read_manifest,
    settle,
    upload,
)
from earmark_stores.runs import LocalRun
from earmark_stores.tensors import load_tensors

_STATE = "state.safetensors"


class MirroredRun(LocalRun):
    """A run below ``runs/<address>/`` of an object store.

    ``whole.json`` names the files of a whole run. It is created after them, exclusively, so that of two who train the
    run one wins. ``added/`` has such a record for each dataset that was added or replaced later, and ``begun/`` the
    record and the last state of a run under way, with which any machine goes on. The mirror is trusted file by file,
    as far as the checksums agree.
    """

    def __init__(self, root: Path, address: str, objects: Objects, files: Files | None = None) -> None:
        """Name the run; files are those of a whole one, where they are known already."""
        super().__init__(root, address)
        self._objects = objects
        self._key = f"runs/{address}"
        self._files = files
        self._ours = False
        """Whether this object has begun the run, or picked it up, and not finished it."""

    @property
    def whole(self) -> bool:
        """True once finished; asked of the store until it is."""
        if self._files is None:
            self._files = read_manifest(self._objects, self._key, f"{self._key}/whole.json")
        return self._files is not None

    @property
    def folder(self) -> Path:
        """Where its copy lies, as far as it was fetched.

        Raises:
            StoreError: nobody has begun it.
        """
        if self._ours:
            return self._begun
        if self.whole:
            return self._whole
        self._begun_record()
        return self._begun

    def begin(self, description: Mapping[str, Any]) -> None:
        """Prepare an empty run, or pick up one that was interrupted, wherever that was."""
        raw = self._objects.read(f"{self._key}/begun/run.json")
        if not self.whole:
            with placing(self._root, self.address):
                discard(self._whole)  # of one that was removed
                self._place_begun(raw)
        super().begin(description)
        self._ours = True
        if raw is None:
            self._put_begun("run.json")

    def save_state(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the state from which any machine goes on; the old one stays until the new is whole."""
        super().save_state(tensors, facts)
        self._put_begun(_STATE)

    def load_state(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Last state saved by `save_state`, wherever that was, or None."""
        key = f"{self._key}/begun/{_STATE}"
        raw = None if not self._ours and self.whole else self._objects.read(key)
        if raw is None:
            return None
        with aside(self._root) as copy:
            with writing(copy):
                copy.write_bytes(raw)
            try:
                return load_tensors(copy)
            except DamageError as error:
                raise damaged(self._objects.where(key), "is not as it was written") from error

    def load_weights(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights and facts from `save_weights`, on the CPU."""
        if not self._ours and self.whole:
            self._bring_file("weights.safetensors")
        return super().load_weights()

    def save_predictions(self, part: str, predictions: xr.Dataset) -> None:
        """Keep the predictions of one part; older ones are replaced."""
        if not self._ours and self.whole:
            self._add(f"predictions-{check_address(part)}.zarr", predictions)
        else:
            self._unfinished()
            super().save_predictions(part, predictions)

    def open_predictions(self, part: str) -> xr.Dataset:
        """Predictions of one part, fetched where they are not there as they were uploaded, and opened lazily."""
        if not self._ours and self.whole:
            self._bring_dataset(f"predictions-{check_address(part)}.zarr")
        return super().open_predictions(part)

    def has_predictions(self, part: str) -> bool:
        """True where `open_predictions` finds some."""
        if self._ours or not self.whole:
            return super().has_predictions(part)
        return bool(self._files_of(f"predictions-{check_address(part)}.zarr"))

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Make the run whole and visible, in one step, with its closing facts.

        Where another machine has done so in the meantime, its run stays and this one is dropped.
        """
        self._close(facts)
        names = (path for path in self._begun.rglob("*") if path.is_file() and path.name != _STATE)
        paths = {path.relative_to(self._begun).as_posix(): path for path in names}
        # What killed processes have left; what is added to the whole run comes later.
        left = self._objects.keys(f"{self._key}/{FOLDER}")
        files = upload(self._objects, self._key, paths)
        if self._objects.create(f"{self._key}/whole.json", to_json(manifest(self._key, files))):
            self._files = files
            self._objects.delete(left)
        else:
            drop(self._objects, files)
            discard(self._begun)
        self._ours = False
        with placing(self._root, self.address):
            if self._begun.exists():
                (self._begun / _STATE).unlink(missing_ok=True)
                settle(self._begun, self._whole)
        self._objects.delete([f"{self._key}/begun/{_STATE}", f"{self._key}/begun/run.json"])

    def save_evaluation(self, address: str, result: xr.Dataset) -> None:
        """Add the result of an evaluator to a whole run, in one step."""
        if not self.whole:
            raise StoreError(f"{self.folder}: only a finished run can be evaluated. Run its experiment again first.")
        self._add(f"evaluations/{check_address(address)}.zarr", result)

    def open_evaluation(self, address: str) -> xr.Dataset | None:
        """Result of an evaluator, opened lazily; None where it has not run yet."""
        if not self._ours and self.whole and not self._bring_dataset(f"evaluations/{check_address(address)}.zarr"):
            return None
        return super().open_evaluation(address)

    def fetch_record(self) -> None:
        """Have the record of a whole run in the mirror, so that asking many runs for theirs costs one wait."""
        if self.whole:
            self._bring_file("run.json")

    def _predicted(self) -> list[str]:
        if self._ours or not self.whole:
            return super()._predicted()
        added = self._objects.names(f"{self._key}/added")
        tops = {name.partition("/")[0] for name in self._files or {}} | {name.removesuffix(".json") for name in added}
        found = (name.removeprefix("predictions-") for name in tops if name.startswith("predictions-"))
        return sorted(name.removesuffix(".zarr") for name in found)

    def _unfinished(self) -> Path:
        if not self._ours:
            super()._unfinished()
            with placing(self._root, self.address):
                self._place_begun(self._begun_record())
            self._ours = True
        # Whether somebody else has finished it meanwhile is seen in the end: the training is not broken off for that.
        return self._begun

    def _record(self) -> dict[str, Any]:
        if self._ours:
            return super()._record()
        if self.whole:
            self._bring_file("run.json")
            return super()._record()
        where = self._objects.where(f"{self._key}/begun/run.json")
        return parsed_json(self._begun_record(), where, ("description", "facts"))

    def _begun_record(self) -> bytes:
        raw = self._objects.read(f"{self._key}/begun/run.json")
        if raw is None:
            raise StoreError(
                f"{self._objects.where(self._key)}: no such run in this store. `earmark runs list` shows what is "
                "there; is `--stores` right?"
            )
        return raw

    def _place_begun(self, raw: bytes | None) -> None:
        """Let the mirror hold the run that was begun, and nothing of another one at its address."""
        path = self._begun / "run.json"
        if raw is not None and path.is_file() and path.read_bytes() == raw:
            return
        discard(self._begun)
        if raw is not None:
            with writing(self._begun):
                self._begun.mkdir(parents=True)
            replace_file(self._root, path, raw)

    def _put_begun(self, name: str) -> None:
        self._objects.write(f"{self._key}/begun/{name}", (self._begun / name).read_bytes())

    def _files_of(self, dataset: str) -> dict[str, Any]:
        """Files of a dataset of the whole run, by their path in it; none where there is none."""
        added = read_manifest(self._objects, self._key, f"{self._key}/added/{dataset}.json")
        named = (self._files or {}) if added is None else added
        start = f"{dataset}/"
        return {name.removeprefix(start): stored for name, stored in named.items() if name.startswith(start)}

    def _add(self, name: str, dataset: xr.Dataset) -> None:
        """Upload a dataset, then the record that names it; of several, the last one that is whole stays."""
        with aside(self._root) as private:
            save_dataset(self._root, private, dataset)
            paths = {f"{name}/{p.relative_to(private).as_posix()}": p for p in private.rglob("*") if p.is_file()}
            files = upload(self._objects, self._key, paths)
            self._objects.write(f"{self._key}/added/{name}.json", to_json(manifest(self._key, files)))
            with writing(self._whole), placing(self._root, self.address):
                (self._whole / name).parent.mkdir(parents=True, exist_ok=True)
                place_folder(private, self._whole / name, self._root)

    def _bring_dataset(self, name: str) -> bool:
        """Have a dataset in the mirror; false where there is none."""
        files = self._files_of(name)
        with placing(self._root, self.address):
            if files:
                bring_folder(self._objects, self._root, self._whole / name, files)
            else:
                discard(self._whole / name)
        return bool(files)

    def _bring_file(self, name: str) -> None:
        stored = (self._files or {}).get(name)
        with placing(self._root, self.address):
            if stored is None:
                discard(self._whole / name)
            else:
                bring(self._objects, self._root, self._whole, {name: stored})


def fetch_records(runs: list[MirroredRun]) -> None:
    """Fetch the records of whole runs, several at a time; what is damaged is told when it is read."""

    def one(run: MirroredRun) -> None:
        try:
            run.fetch_record()
        except DamageError:
            pass

    in_parallel(one, runs)
