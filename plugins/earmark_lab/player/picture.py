"""Picture of a sound: peaks of its waveform and its log-mel spectrogram, made block by block and kept as bytes.

These are for the eye alone: what models hear is the business of front ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio import audio_info, read_clip

FloatArray = npt.NDArray[np.float32]

N_MELS = 80
MOST_RANGE_DB = 85.0
"""From the faintest to the loudest colour, at most; less where the sound's own floor is higher."""
FLOOR = 0.03
"""Share of all values that lie below the faintest colour."""
FINE_S = 120.0
"""Up to this length the finest picture; of longer sounds no more than some hundred thousand frames."""
BLOCK_S = 20.0
"""Sound that a thread holds in memory at a time."""
N_THREADS = 4


@dataclass(frozen=True)
class Picture:
    """What the eye sees of a sound of `duration_s`."""

    duration_s: float
    peaks: npt.NDArray[np.int8]
    """(block, 2): lowest and highest sample of the channels' mean, 127 being the greatest of all."""
    peak_hop_s: float
    level: npt.NDArray[np.uint8]
    """(frame, mel): 255 for the loudest, 0 for the floor or fainter; frame i covers one hop from i hops on."""
    level_hop_s: float
    mel_hz: FloatArray
    """(mel,) centre frequencies."""


def picture_of(path: Path, start_s: float, duration_s: float) -> Picture:
    """Read a sound, or a part of it, and make its picture.

    Args:
        path: of the sound file.
        start_s: where the picture begins.
        duration_s: its length; silence where the file ends before.

    Raises:
        AudioError: the file cannot be read.
    """
    info = audio_info(path)
    rate = info.rate_hz
    fine = duration_s <= FINE_S
    # Whole samples, so that frames stand where the sound does to the end of the longest recording.
    hop = max(round((0.01 if fine else max(0.02, duration_s / 100_000)) * rate), 1)
    peak_hop = max(round((0.001 if fine else 0.005) * rate), 1)
    window = 1 << math.ceil(math.log2((0.04 if fine else 0.02) * rate))
    filters, mel_hz = mel_filters(N_MELS, window, rate)
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    rfft = _rfft_for(duration_s)
    n_samples = max(round(duration_s * rate), 1)
    # Blocks end where a frame and a block of peaks do.
    block = math.lcm(hop, peak_hop) * max(round(BLOCK_S * rate / math.lcm(hop, peak_hop)), 1)
    margin = window  # a frame's window reaches beyond its hop on both sides

    def seen(first: int) -> tuple[FloatArray, FloatArray]:
        n = min(block, n_samples - first)
        sound = _around(path, round(start_s * rate), n_samples, rate, first, block, margin)
        frames = sound[margin - (window - hop) // 2 :]
        return _peaks(sound[margin : margin + n], peak_hop), _log_mel(frames, -(-n // hop), hop, hann, filters, rfft)

    # Reading and transforming both leave other threads at work; each holds one block.
    with ThreadPoolExecutor(N_THREADS) as threads:
        peaks, levels = zip(*threads.map(seen, range(0, n_samples, block)), strict=True)
    level_db = np.concatenate(levels)
    loudest = float(level_db.max(initial=-100.0))
    floor = max(float(np.quantile(level_db[:: max(len(level_db) // 5000, 1)], FLOOR)), loudest - MOST_RANGE_DB)
    level = np.clip((level_db - floor) / max(loudest - floor, 1.0), 0, 1) * 255
    lowest_highest = np.concatenate(peaks)
    greatest = max(float(np.abs(lowest_highest).max(initial=0)), 1e-9)
    return Picture(
        duration_s=duration_s,
        peaks=np.round(lowest_highest / greatest * 127).astype(np.int8),
        peak_hop_s=peak_hop / rate,
        level=np.round(level).astype(np.uint8),
        level_hop_s=hop / rate,
        mel_hz=mel_hz,
    )


def mel_filters(n_mels: int, window: int, rate_hz: int) -> tuple[FloatArray, FloatArray]:
    """Triangles (bin, mel) evenly on the mel scale up to half the rate, none narrower than two bins; centres in Hz."""

    def mel(hertz: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
        return np.asarray(2595 * np.log10(1 + np.asarray(hertz) / 700))

    edges = 700 * (10 ** (np.linspace(mel(20.0), mel(rate_hz / 2), n_mels + 2) / 2595) - 1)
    centre, bin_hz = edges[1:-1], rate_hz / window
    below, above = (np.maximum(np.diff(edges)[side], bin_hz) for side in (slice(None, -1), slice(1, None)))
    distance = np.arange(window // 2 + 1)[:, None] * bin_hz - centre
    weight = np.clip(1 - np.where(distance < 0, -distance / below, distance / above), 0, 1)
    return (weight / weight.sum(axis=0)).astype(np.float32), centre.astype(np.float32)


def pooled(values: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.uint8]:
    """The greatest of each of at most n even pieces of an array (frame, ...).

    >>> pooled(np.array([1, 5, 2, 0, 7], dtype=np.uint8), 2).tolist()
    [5, 7]
    """
    if len(values) <= n:
        return values
    starts = np.arange(n) * len(values) // n
    return np.asarray(np.maximum.reduceat(values, starts, axis=0))


def _around(path: Path, offset: int, n_samples: int, rate: int, first: int, block: int, margin: int) -> FloatArray:
    """Sound (margin + block + margin,) of the block that begins at a sample; silence where the file has none."""
    there = round(audio_info(path).duration_s * rate)
    whole = np.zeros(block + 2 * margin, dtype=np.float32)
    begin = offset + first - margin
    from_, to = max(begin, 0), min(begin + len(whole), there, offset + n_samples + margin)
    if to > from_:
        sound = read_clip(path, from_ / rate, (to - from_) / rate, rate)
        whole[from_ - begin : from_ - begin + sound.shape[1]] = sound.mean(axis=0)
    return whole


def _peaks(sound: FloatArray, hop: int) -> FloatArray:
    """Lowest and highest sample (block, 2)."""
    filled = np.pad(sound, (0, -len(sound) % hop), mode="edge").reshape(-1, hop)
    return np.stack([filled.min(axis=1), filled.max(axis=1)], axis=1)


def _log_mel(
    sound: FloatArray,
    n_frames: int,
    hop: int,
    hann: FloatArray,
    filters: FloatArray,
    rfft: Callable[..., npt.NDArray[np.complexfloating]],
) -> FloatArray:
    """Level in dB (frame, mel) of frames whose windows begin every hop."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, len(hann))[::hop][:n_frames]
    spectrum = rfft(windows * hann, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    level: FloatArray = 10 * np.log10(power @ filters + np.float32(1e-10))
    return level


def _rfft_for(duration_s: float) -> Callable[..., npt.NDArray[np.complexfloating]]:
    """`rfft` of numpy, which is there, or for a long sound of scipy: three times as fast, and 0.2 s to load."""
    if duration_s <= FINE_S:
        return np.fft.rfft
    from scipy import fft

    return fft.rfft  # type: ignore[no-any-return]
