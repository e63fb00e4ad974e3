"""What Earmark asks of a store: a place for features and a place for runs, each whole or absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import xarray as xr
from torch import Tensor

Features = npt.NDArray[np.float32]


class FeatureShelf(Protocol):
    """Features (clip, frame, mel) of one address, written in pieces of whole clips."""

    address: str

    @property
    def whole(self) -> bool:
        """True once finished; a shelf that is not whole cannot be read."""
        ...

    def begin(self, clip_ids: Sequence[str], n_frames: int, n_mels: int, description: Mapping[str, Any]) -> None:
        """Prepare an empty shelf, or pick up one that was interrupted; safe beside others who do, once one has."""
        ...

    def missing(self) -> list[range]:
        """Clip ranges that are not written yet; each is one aligned piece, safe to write beside the others."""
        ...

    def write(self, piece: range, features: Features) -> None:
        """Write one piece from `missing`, (len(piece), frame, mel); safe from several threads."""
        ...

    def finish(self) -> None:
        """Make the shelf whole and visible, in one step."""
        ...

    def clip_ids(self) -> tuple[str, ...]: ...

    def read(self, clip_ids: Sequence[str]) -> Features:
        """Features of these clips, in this order, in memory."""
        ...

    def statistics(self, clip_ids: Sequence[str]) -> tuple[Features, Features]:
        """Mean and standard deviation per mel band, each (mel,), over all frames of these clips."""
        ...


class RunShelf(Protocol):
    """Everything that one training leaves behind."""

    address: str

    @property
    def whole(self) -> bool: ...

    def begin(self, description: Mapping[str, Any]) -> None:
        """Prepare an empty run, or pick up one that was interrupted."""
        ...

    def save_state(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the state from which an interrupted training goes on; the old one stays until the new is whole."""
        ...

    def load_state(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Last state saved by `save_state`, or None."""
        ...

    def save_weights(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None: ...

    def load_weights(self) -> tuple[dict[str, Tensor], dict[str, Any]]: ...

    def save_predictions(self, part: str, predictions: xr.Dataset) -> None: ...

    def open_predictions(self, part: str) -> xr.Dataset:
        """Predictions of one part ("evaluation", "development"), opened lazily."""
        ...

    def has_predictions(self, part: str) -> bool: ...

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Make the run whole and visible, in one step, with its closing facts (times, history, device)."""
        ...

    def description(self) -> dict[str, Any]: ...

    def facts(self) -> dict[str, Any]:
        """Closing facts of a whole run."""
        ...

    def save_evaluation(self, address: str, result: xr.Dataset) -> None:
        """Add the result of an evaluator to a whole run."""
        ...

    def open_evaluation(self, address: str) -> xr.Dataset | None: ...


@runtime_checkable
class Store(Protocol):
    """Where features and runs rest. Factory: ``(root: pathlib.Path, *, options)``.

    The root is a folder of this machine. For a store that lies elsewhere it is the mirror of an address, which
    `earmark.places.origin_of` tells. A store can be pickled, and finds itself on another machine. That what is read is
    whole never rests on the lock, which only keeps two from doing one work.
    """

    def features(self, address: str) -> FeatureShelf: ...

    def run(self, address: str) -> RunShelf: ...

    def runs(self) -> Iterable[RunShelf]:
        """All runs, whole or begun."""
        ...

    def remove(self, address: str) -> None:
        """Remove a run or features, whole or begun."""
        ...

    def held(self, address: str) -> bool:
        """Whether somebody holds the lock of an address at this moment."""
        ...

    def lock(self, address: str) -> Any:
        """A context manager that one process at a time can hold for an address, on all machines; others wait."""
        ...
