"""Reading sound, with an error that names the file for every way in which one can be unusable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from earmark.errors import AudioError


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Header of a sound file."""

    duration_s: float
    rate_hz: int
    channels: int


def audio_info(path: Path) -> AudioInfo:
    """Read the header of a sound file.

    Raises:
        AudioError: missing, empty, or not a sound file.
    """
    if not path.is_file():
        raise AudioError(f"{path}: no such file. `earmark data check` says what a corpus lacks.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty. Copy or download it again.")
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: not a readable sound file ({error}). Copy or download it again.") from error
    if info.frames == 0:
        raise AudioError(f"{path}: the file holds no samples. Copy or download it again.")
    return AudioInfo(info.frames / info.samplerate, info.samplerate, info.channels)


def read_clip(path: Path, start_s: float, duration_s: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """Read part of a sound file as (channel, sample) in [-1, 1].

    Raises:
        AudioError: missing, of another rate, shorter than its header says, or with samples that are not finite.
    """
    if not path.is_file():
        raise AudioError(f"{path}: no such file. `earmark data check` says what a corpus lacks.")
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.samplerate != rate_hz:
                raise AudioError(
                    f"{path}: {file.samplerate} Hz, but the front end expects {rate_hz} Hz. "
                    f"Resample the file, or set the front end's rate_hz to {file.samplerate}."
                )
            start, count = round(start_s * rate_hz), round(duration_s * rate_hz)
            file.seek(min(start, file.frames))
            samples = file.read(count, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: not a readable sound file ({error}). Copy or download it again.") from error
    if len(samples) < count:
        raise AudioError(
            f"{path}: ends {start_s + len(samples) / rate_hz:.3f} s in, {start_s + duration_s:.3f} s were announced. "
            "The file is truncated; copy or download it again."
        )
    if not np.isfinite(samples).all():
        raise AudioError(
            f"{path}: NaN or infinite samples between {start_s:g} s and {start_s + duration_s:g} s. "
            "Export the file again from its source."
        )
    return np.ascontiguousarray(samples.T)
