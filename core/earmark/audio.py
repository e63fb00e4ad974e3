"""Reading sound, with an error that names the file for every way in which one can be unusable."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    with _opened(path) as file:
        if file.frames <= 0:
            raise AudioError(f"{path}: the file holds no samples. Copy or download it again.")
        return AudioInfo(file.frames / file.samplerate, file.samplerate, file.channels)


def read_clip(path: Path, start_s: float, duration_s: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """Read part of a sound file as (channel, sample) in [-1, 1], resampled where the file has another rate.

    Returns:
        Exactly ``round(duration_s * rate_hz)`` samples of each channel.

    Raises:
        AudioError: missing, empty, not a sound file, shorter than asked for, or with samples that are not finite.
    """
    with _opened(path) as file:
        rate, count = file.samplerate, round(duration_s * rate_hz)
        start, stop = round(start_s * rate), round((start_s + duration_s) * rate)
        first, last = start, stop
        if rate != rate_hz:
            # A resampler's filter rings at an edge: sound from both sides of the clip keeps its own edges clean. On
            # this grid of samples, the clip begins exactly at a sample of the new rate.
            grid = rate // math.gcd(rate, rate_hz)
            margin = math.ceil(MARGIN_S * rate / grid) * grid
            first, last = start - min(margin, start // grid * grid), min(stop + margin, file.frames)
        try:
            file.seek(min(first, file.frames))
            samples = file.read(max(last - first, stop - first), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path}: not a readable sound file ({error}). Copy or download it again.") from error
    if len(samples) < stop - first:
        raise AudioError(
            f"{path}: ends {(first + len(samples)) / rate:.3f} s in, {start_s + duration_s:.3f} s were announced. "
            "The file is truncated; copy or download it again."
        )
    if not np.isfinite(samples).all():
        raise AudioError(
            f"{path}: NaN or infinite samples between {start_s:g} s and {start_s + duration_s:g} s. "
            "Export the file again from its source."
        )
    if rate != rate_hz:
        samples = _resampled(samples, rate, rate_hz, round((start - first) / rate * rate_hz), count)
    return np.ascontiguousarray(samples.T)


def read_filled(path: Path, start_s: float, there_s: float, duration_s: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """`read_clip` of what a recording has of a clip, filled up with silence to the clip's length.

    Args:
        path: of the sound file.
        start_s: of the clip.
        there_s: seconds of the clip that the recording has.
        duration_s: of the clip.
        rate_hz: of the result.

    Raises:
        AudioError: as `read_clip`.
    """
    waveform = read_clip(path, start_s, there_s, rate_hz)
    return np.pad(waveform, ((0, 0), (0, max(round(duration_s * rate_hz) - waveform.shape[1], 0))))


MARGIN_S = 0.05
"""Sound on either side of a clip that the resampler sees; its filter is shorter at all rates in use."""


def _resampled(
    samples: npt.NDArray[np.float32], rate: int, rate_hz: int, skip: int, count: int
) -> npt.NDArray[np.float32]:
    """Exactly count samples (sample, channel) at the new rate, after leaving out the first ones."""
    # Here, as most corpora come at the rate of their front end.
    import soxr

    resampled: npt.NDArray[np.float32] = soxr.resample(samples, rate, rate_hz)[skip : skip + count]
    # At a file's end the resampler may round a sample away.
    return np.pad(resampled, ((0, count - len(resampled)), (0, 0)), mode="edge")


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    # Not Path.is_file, which raises for a name that is too long to be one.
    if not os.path.isfile(path):
        raise AudioError(f"{path}: no such file. `earmark data check` says what a corpus lacks.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty. Copy or download it again.")
    try:
        file = soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name that ends in .raw tells no rate
        raise AudioError(f"{path}: not a readable sound file ({error}). Copy or download it again.") from error
    with file:
        yield file
