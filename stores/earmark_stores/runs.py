"""Runs: everything that one training leaves behind, in one folder."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr
from torch import Tensor

from earmark.errors import StoreError
from earmark.versions import installed_version
from earmark_stores.addresses import check_address
from earmark_stores.datasets import open_dataset, save_dataset
from earmark_stores.disk import FORMAT, discard, read_json, replace_file, sync, to_json, writing
from earmark_stores.tensors import load_tensors, save_tensors

_LIBRARIES = ("earmark", "torch", "numpy", "zarr", "xarray", "safetensors")


class LocalRun:
    """A run in ``runs/<address>``, or in ``runs/<address>.begun`` until it is whole.

    Its folder holds ``run.json`` (description, versions, times, closing facts), ``state.safetensors`` while it is
    trained, ``weights.safetensors``, ``predictions-<part>.zarr`` and ``evaluations/<address>.zarr``. Every piece is
    written aside and moved to its name once whole. From `begin` to `finish`, hold the lock of its address.
    """

    def __init__(self, root: Path, address: str) -> None:
        self.address = check_address(address)
        self._root = root
        self._whole = root / "runs" / address
        self._begun = root / "runs" / f"{address}.begun"

    @property
    def whole(self) -> bool:
        """True once finished."""
        return self._whole.is_dir()

    @property
    def folder(self) -> Path:
        """Where it lies.

        Raises:
            StoreError: nobody has begun it.
        """
        if self.whole:
            return self._whole
        # Without run.json, somebody was interrupted before anything was done.
        if (self._begun / "run.json").is_file():
            return self._begun
        raise StoreError(
            f"{self._whole}: no such run in this store. `earmark runs list` shows what is there; is `--stores` right?"
        )

    def begin(self, description: Mapping[str, Any]) -> None:
        """Prepare an empty run, or pick up one that was interrupted.

        Raises:
            StoreError: it is whole already, or cannot be written.
        """
        if self.whole:
            raise StoreError(f"{self._whole}: this run is whole already. Read it, or remove it to do it again.")
        if (self._begun / "run.json").is_file():
            self._record()
            return
        with writing(self._begun):
            self._begun.mkdir(parents=True, exist_ok=True)
        self._keep_record(
            {
                "format": FORMAT,
                "description": dict(description),
                "versions": {
                    "python": platform.python_version(),
                    **{name: installed_version(name) for name in _LIBRARIES},
                },
                "begun": _now(),
                "finished": None,
                "facts": None,
            }
        )

    def save_state(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the state from which an interrupted training goes on; the old one stays until the new is whole."""
        save_tensors(self._root, self._unfinished() / "state.safetensors", tensors, facts)

    def load_state(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Last state saved by `save_state`, or None."""
        path = self._begun / "state.safetensors"
        return load_tensors(path) if path.is_file() else None

    def save_weights(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Keep the trained weights with what they need: front end, normalisation, label order."""
        save_tensors(self._root, self._unfinished() / "weights.safetensors", tensors, facts)

    def load_weights(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights and facts from `save_weights`, on the CPU."""
        return load_tensors(self.folder / "weights.safetensors")

    def save_predictions(self, part: str, predictions: xr.Dataset) -> None:
        """Keep the predictions of one part; older ones are replaced."""
        save_dataset(self._root, self.folder / f"predictions-{check_address(part)}.zarr", predictions)

    def open_predictions(self, part: str) -> xr.Dataset:
        """Predictions of one part, opened lazily.

        Raises:
            StoreError: there are none, with the parts that there are; or they are damaged.
        """
        if not self.has_predictions(part):
            raise StoreError(
                f"{self.folder}: no predictions for {part!r}; there are some for: "
                f"{', '.join(self._predicted()) or 'nothing'}. "
                "Add the part to the stage's `predict` and run the experiment again."
            )
        return open_dataset(self.folder / f"predictions-{part}.zarr")

    def has_predictions(self, part: str) -> bool:
        """True where `open_predictions` finds some."""
        return (self.folder / f"predictions-{check_address(part)}.zarr").is_dir()

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Make the run whole and visible, in one step, with its closing facts.

        Raises:
            StoreError: nobody has begun it, or it cannot be written.
        """
        self._close(facts)
        with writing(self._whole):
            self._begun.rename(self._whole)
            sync(self._whole.parent)
            # Only now: a kill before the renaming must not cost the training.
            discard(self._whole / "state.safetensors")

    def description(self) -> dict[str, Any]:
        """What `begin` was told."""
        description: dict[str, Any] = self._record()["description"]
        return description

    def facts(self) -> dict[str, Any]:
        """Closing facts of a whole run.

        Raises:
            StoreError: it is not whole.
        """
        if not self.whole:
            raise StoreError(
                f"{self.folder}: this run is not finished. Run its experiment again; it goes on from here."
            )
        facts: dict[str, Any] = self._record()["facts"]
        return facts

    def save_evaluation(self, address: str, result: xr.Dataset) -> None:
        """Add the result of an evaluator to a whole run, in one step.

        Raises:
            StoreError: the run is not whole, or cannot be written.
        """
        if not self.whole:
            raise StoreError(f"{self.folder}: only a finished run can be evaluated. Run its experiment again first.")
        save_dataset(self._root, self._whole / "evaluations" / f"{check_address(address)}.zarr", result)

    def open_evaluation(self, address: str) -> xr.Dataset | None:
        """Result of an evaluator, opened lazily; None where it has not run yet."""
        path = self.folder / "evaluations" / f"{check_address(address)}.zarr"
        return open_dataset(path) if path.is_dir() else None

    def _predicted(self) -> list[str]:
        """Parts of which there are predictions."""
        return sorted(path.stem.removeprefix("predictions-") for path in self.folder.glob("predictions-*.zarr"))

    def _close(self, facts: Mapping[str, Any]) -> None:
        """Put down the closing facts of a run that is to become whole."""
        self._unfinished()
        self._keep_record({**self._record(), "finished": _now(), "facts": dict(facts)})

    def _unfinished(self) -> Path:
        if self.folder == self._whole:
            raise StoreError(f"{self._whole}: this run is whole already and stays as it is. Remove it to do it again.")
        return self._begun

    def _record(self) -> dict[str, Any]:
        return read_json(self.folder / "run.json", ("description", "facts"))

    def _keep_record(self, record: dict[str, Any]) -> None:
        replace_file(self._root, self._begun / "run.json", to_json(record))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
