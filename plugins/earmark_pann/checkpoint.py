"""The released checkpoints of CNN14: what a file is, and its weights, without running what a file may hold.

A checkpoint is a Python pickle. It is read by PyTorch's restricted reader (weights only), which makes tensors and
plain containers; the NumPy arrays of integers in which the 16 kHz file keeps the state of its sampler are let through
and thrown away. Anything else in a file is refused: there is no other way in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earmark_pann.classes import N_CLASSES
from earmark_pann.cnn14 import Cnn14
from earmark_pann.errors import FETCH, CheckpointError


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A published file."""

    name: str
    file: str
    rate_hz: int
    n_bytes: int
    sha256: str


RELEASES = (
    Release(
        name="PANN CNN14, 16 kHz",
        file="Cnn14_16k_mAP=0.438.pth",
        rate_hz=16_000,
        n_bytes=358_668_570,
        sha256="e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6",
    ),
    Release(
        name="PANN CNN14, 32 kHz",
        file="Cnn14_mAP=0.431.pth",
        rate_hz=32_000,
        n_bytes=327_428_481,
        sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
    ),
)
"""Zenodo record 3987831, CC BY 4.0."""

MEL_MATRIX = "logmel_extractor.melW"
FRONT_END = ("spectrogram_extractor.stft.conv_real.weight", "spectrogram_extractor.stft.conv_imag.weight", MEL_MATRIX)
"""Tensors of the front end, which are computed here; the mel matrix is compared."""

MEL_TOLERANCE = 1e-6

_RATES = {129: 8_000, 257: 16_000, 513: 32_000}
"""Rate of a checkpoint by the bins of its mel matrix."""

_COUNTER = ".num_batches_tracked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Weights of a file, by the names of `Cnn14`."""

    weights: Mapping[str, Tensor]
    sha256: str
    release: Release | None
    """Which published file it is; None for one that nobody published."""


def load_checkpoint(path: Path, rate_hz: int, mel: Tensor) -> Checkpoint:
    """Read a checkpoint of CNN14 with all its 527 classes.

    Args:
        path: of the file; a dictionary with the weights as ``model``, or the weights alone.
        rate_hz: of the front end that will feed the net.
        mel: (bin, mel) of that front end.

    Raises:
        CheckpointError: it is missing, damaged, of another rate or net, or holds anything but weights.
    """
    sha256, release = identified(path)
    if release is not None and release.rate_hz != rate_hz:
        raise _other_rate(path, release.rate_hz, rate_hz)
    weights = _unwrapped(_restricted(path), path)
    _check_front_end({name: weights.pop(name) for name in FRONT_END if name in weights}, path, rate_hz, mel)
    return Checkpoint(weights=_checked(weights, path), sha256=sha256, release=release)


def identified(path: Path) -> tuple[str, Release | None]:
    """SHA-256 of a file, and which published file it is.

    Raises:
        CheckpointError: it is missing, or has the name or the size of a published file and other content.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            n_bytes = file.tell()
    except OSError as error:
        raise CheckpointError(f"{path}: the checkpoint cannot be read ({error.strerror}). {FETCH}.") from None
    for release in RELEASES:
        if release.sha256 == sha256:
            return sha256, release
        if path.name == release.file or n_bytes == release.n_bytes:
            what = f"{n_bytes:,} bytes instead of {release.n_bytes:,}" if n_bytes != release.n_bytes else "altered"
            raise CheckpointError(
                f"{path}: not the published {release.file}, but truncated or changed ({what}; SHA-256 {sha256[:12]}... "
                f"instead of {release.sha256[:12]}...). {FETCH}."
            )
    return sha256, None


def _restricted(path: Path) -> Any:
    # Whichever name the NumPy of here gives to the maker of its arrays, files have the old one.
    make: Any = np.zeros(0).__reduce__()[0]
    arrays = [(make, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")]
    try:
        with torch.serialization.safe_globals([*arrays, np.ndarray, np.dtype, type(np.dtype(np.int64))]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise anything
        reason = str(error).strip().splitlines()
        if "Unsupported" in str(error) and "GLOBAL" in str(error):
            raise CheckpointError(
                f"{path}: holds more than weights, which could run code; it was not loaded ({_global(reason)}). Take a "
                f"published checkpoint. {FETCH}."
            ) from None
        raise CheckpointError(
            f"{path}: not a checkpoint, or a truncated one ({reason[0] if reason else type(error).__name__}). {FETCH}."
        ) from None


def _global(lines: Iterable[str]) -> str:
    return next((line.strip() for line in lines if "GLOBAL" in line), "")[:200]


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    """Weights by name, without what training on several devices puts before each."""
    model = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(model, dict) or not model or not all(isinstance(tensor, Tensor) for tensor in model.values()):
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(f"{path}: no weights, neither as 'model' nor alone; found {found[:200]}. {FETCH}.")
    return {str(name).removeprefix("module."): tensor for name, tensor in model.items()}


def _check_front_end(given: Mapping[str, Tensor], path: Path, rate_hz: int, mel: Tensor) -> None:
    found = given.get(MEL_MATRIX)
    if found is None:
        return
    if found.ndim == 2 and found.shape != mel.shape and found.shape[0] in _RATES:
        raise _other_rate(path, _RATES[found.shape[0]], rate_hz)
    if found.shape != mel.shape or not float((found - mel).abs().max()) < MEL_TOLERANCE:
        shape = f"{tuple(found.shape)} instead of {tuple(mel.shape)}" if found.shape != mel.shape else "other weights"
        raise CheckpointError(
            f"{path}: its mel matrix is not that of the front end log-mel-pann at {rate_hz} Hz ({shape}): the net "
            f"would not hear what it was trained on. {FETCH}."
        )


def _other_rate(path: Path, found_hz: int, rate_hz: int) -> CheckpointError:
    way = f"Say rate_hz = {found_hz} (--rate {found_hz}), or take" if found_hz != 8_000 else "Take"
    wanted = next(release.file for release in RELEASES if release.rate_hz == rate_hz)
    return CheckpointError(
        f"{path}: the variant for {found_hz // 1000} kHz (a mel matrix of {_bins(found_hz)} bins), but the front end "
        f"is at {rate_hz // 1000} kHz ({_bins(rate_hz)} bins). {way} {wanted}."
    )


def _bins(rate_hz: int) -> int:
    return next(bins for bins, rate in _RATES.items() if rate == rate_hz)


def _checked(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights as float32, each counter that is missing at 0."""
    with torch.device("meta"):
        expected = Cnn14(N_CLASSES).state_dict()
    counters = {name for name in expected if name.endswith(_COUNTER)}
    missing = [name for name in expected if name not in weights and name not in counters]
    foreign = [name for name in weights if name not in expected]
    if missing or foreign:
        lacks = f"lacks {_shortened(missing)}" if missing else ""
        holds = f"holds {_shortened(foreign)}, which CNN14 does not have" if foreign else ""
        raise CheckpointError(
            f"{path}: another net than CNN14: it {' and '.join(filter(None, (lacks, holds)))}. {FETCH}."
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"{path}: {name} has shape {tuple(tensor.shape)}, CNN14 needs {tuple(expected[name].shape)}. {FETCH}."
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {name} holds values that are not finite; the file is damaged. {FETCH}.")
    zero = torch.zeros((), dtype=torch.int64)
    return {name: weights.get(name, zero) if name in counters else weights[name].to(torch.float32) for name in expected}


def _shortened(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
