"""What a bundle hears in many recordings: in this process one after the other, or by an engine, one a job."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.numpy
import xarray as xr
from safetensors import SafetensorError, safe_open

from earmark.addressing import address_of
from earmark.bundles.bundle import BundleDescription, load_bundle
from earmark.bundles.detections import DetectionsError
from earmark.bundles.detector import Detector, Prediction
from earmark.devices import resolve_device
from earmark.errors import AudioError
from earmark.piecework import Piece, spread
from earmark.plugins import plugins
from earmark.protocols import Engine
from earmark.recordings import Event

Heard = Iterator[tuple[str, Prediction | AudioError]]
"""Names of recordings, each with what was heard or why nothing was."""


def heard_here(bundle: Path, recordings: Mapping[str, Path], device: str, advance: Callable[[int, int], None]) -> Heard:
    """Hear recordings in this process.

    Args:
        bundle: folder of the model bundle.
        recordings: paths by name.
        device: "auto", "cpu", "cuda" or "cuda:1".
        advance: called with (done, total) recordings.

    Raises:
        BundleError: the bundle cannot be used.
    """
    detector = Detector(load_bundle(bundle), plugins(), resolve_device(device))
    for done, (name, path) in enumerate(recordings.items(), 1):
        try:
            yield name, detector.predict(path)
        except AudioError as error:
            yield name, error
        advance(done, len(recordings))


def heard_by(
    engine: Engine,
    bundle: Path,
    recordings: Mapping[str, Path],
    device: str,
    advance: Callable[[int, int], None],
    *,
    folder: Path,
    frames: bool,
) -> Heard:
    """Have an engine hear recordings, and gather what it heard in their order.

    What is heard lies below ``folder`` until all is gathered, so that the same call goes on after an interruption.

    Args:
        engine: is given a job for each recording; its workers reach bundle, recordings and folder under the same names.
        bundle: as for `heard_here`.
        recordings: as for `heard_here`.
        device: as for `heard_here`, chosen by each worker.
        advance: called with (done, total) recordings.
        folder: for what was heard; it may hold other things.
        frames: also bring the posteriors of all frames, which are large.

    Raises:
        BundleError: the bundle cannot be used.
        DetectionsError: a prediction cannot be written, or was written where this process does not find it.
    """
    description = load_bundle(bundle).description
    hidden = folder / ".earmark-heard"  # as the folder may be searched for recordings
    files = [_identity(path) for path in recordings.values()]
    kept = [hidden / address_of([description.model_dump(mode="json"), frames, *file]) for file in files]
    work = Listening(bundle=bundle, device=device, frames=frames, recordings=[*recordings.values()], kept=kept)
    largest_first = sorted(range(len(kept)), key=lambda n: -files[n][1])
    pieces = [Piece(f"recordings for {description.name}", n, n + 1) for n in largest_first if _read(kept[n]) is None]
    spread(engine, pieces, work, total=len(recordings), advance=advance)
    for name, path in zip(recordings, kept, strict=True):
        yield name, _gathered(path, name, description)
    for path in kept:
        for ending in (PREDICTION, REASON):
            path.with_suffix(ending).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # others may be at work
        hidden.rmdir()


@dataclass
class Listening:
    """Hears recordings, in whatever process it finds itself, with a bundle that is loaded there once."""

    bundle: Path
    device: str
    frames: bool
    recordings: Sequence[Path]
    kept: Sequence[Path]
    """Where the prediction of each recording goes, without ending."""
    _detector: Detector | None = field(default=None, init=False)

    def __call__(self, piece: Piece) -> None:
        """Leave a prediction, or why there is none.

        Raises:
            BundleError: the bundle cannot be used.
            DetectionsError: the folder cannot be written.
        """
        if self._detector is None:
            self._detector = Detector(load_bundle(self.bundle), plugins(), resolve_device(self.device))
        kept = self.kept[piece.start]
        try:
            heard = self._detector.predict(self.recordings[piece.start])
        except AudioError as error:
            _place(kept.with_suffix(REASON), os.fsencode(str(error)))  # which names a file
        else:
            _place(kept.with_suffix(PREDICTION), _packed(heard, self.frames))


PREDICTION, REASON = ".safetensors", ".txt"
"""Endings of a prediction, and of the sentence that says why there is none."""


def _identity(path: Path) -> tuple[str, int, int]:
    """Path, bytes and time of change: what tells a recording from another one that may come in its place."""
    try:
        found = path.stat()
    except OSError:
        return os.path.abspath(path), 0, 0
    return os.path.abspath(path), found.st_size, found.st_mtime_ns


def _place(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{uuid.uuid4().hex}.part")  # another worker may be at the same one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        aside.replace(path)
    except OSError as error:
        raise DetectionsError(f"{path.parent} cannot be written ({error}). Free some space.") from None


def _packed(prediction: Prediction, frames: bool) -> bytes:
    posterior = prediction.posterior
    arrays = {str(name): posterior[name].values for name in posterior.data_vars}
    if not frames:
        arrays.pop("event_frame_posterior", None)
    elif "frame" in posterior.coords:
        arrays["frame"] = posterior["frame"].values
    events = [[event.onset_s, event.offset_s, event.label] for event in prediction.events]
    said = json.dumps({"duration_s": prediction.duration_s, "events": events})
    packed: bytes = safetensors.numpy.save(arrays, metadata={"prediction": said})
    return packed


def _read(kept: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Arrays and facts of a prediction; None where there is none that is whole."""
    try:
        with safe_open(kept.with_suffix(PREDICTION), "numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["prediction"])
    except (OSError, SafetensorError, ValueError, LookupError, TypeError):  # cut off, or of somebody else
        return None


def _gathered(kept: Path, name: str, description: BundleDescription) -> Prediction | AudioError:
    found = _read(kept)
    if found is None:
        try:
            return AudioError(os.fsdecode(kept.with_suffix(REASON).read_bytes()))
        except OSError:
            raise DetectionsError(
                f"{name} was heard by a worker, but what it heard is not in {kept.parent}. Name a folder with --to "
                "that every machine of the cluster reaches under the same name, or leave --engine and --scheduler out."
            ) from None
    arrays, said = found
    posterior = xr.Dataset()
    if "event_frame_posterior" in arrays:
        posterior["event_frame_posterior"] = (("frame", "event"), arrays["event_frame_posterior"])
        posterior = posterior.assign_coords(frame=arrays["frame"], event=list(description.events))
    if "scene_posterior" in arrays:
        posterior["scene_posterior"] = (("scene",), arrays["scene_posterior"])
        posterior = posterior.assign_coords(scene=list(description.scenes))
    return Prediction(
        duration_s=said["duration_s"], posterior=posterior, events=tuple(Event(*event) for event in said["events"])
    )
