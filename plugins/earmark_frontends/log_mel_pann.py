"""The log-mel energies that the published PANNs were trained on, number for number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.errors import OptionError
from earmark_frontends.waveforms import finite, mono

BANDS_HZ = {16_000: (50.0, 8_000.0), 32_000: (50.0, 14_000.0)}
"""Lowest and highest frequency of the mel bands, by rate."""

LEAST_POWER = 1e-10
"""Power below which the decibels stop; silence is exactly -100 dB."""

_KNEE_HZ, _KNEE_MEL, _MEL_PER_LN = 1_000.0, 15.0, 27.0 / np.log(6.4)


@dataclass(frozen=True, kw_only=True)
class LogMelPann:
    """Decibels of 64 mel bands of the mean of all channels, as the published PANNs take them.

    Windows of 32 ms every 10 ms, centred, the ends mirrored, with the last frame kept: 10 s have 1001. Not the front
    end ``log-mel`` with other numbers: there the unit, the floor and the count of frames differ, and the published
    weights hear every difference. Give it with ``normalise = false``, as the networks normalise by themselves.

    Source: Kong et al., "PANNs", 2020, and its published code; [relation_guided] takes the rate of 16 kHz.
    """

    rate_hz: int = 16_000
    """Rate of the waveforms it takes: 16000 or 32000, as the checkpoint."""

    n_mels: ClassVar[int] = 64
    hop_s: ClassVar[float] = 0.01

    def __post_init__(self) -> None:
        if self.rate_hz not in BANDS_HZ:
            raise OptionError(
                f"log-mel-pann: rate_hz = {self.rate_hz}; there are checkpoints for {' and '.join(map(str, BANDS_HZ))} "
                "Hz. Recordings of any rate are resampled to it."
            )

    def n_frames(self, duration_s: float) -> int:
        """Number of frames of a clip of this length: its whole hops and one more.

        >>> LogMelPann().n_frames(10.0), LogMelPann(rate_hz=32_000).n_frames(10.0)
        (1001, 1001)
        """
        return 1 + round(duration_s * self.rate_hz) // self._hop

    def extract(self, waveform: Tensor) -> Tensor:
        """Mel energies of a clip.

        Args:
            waveform: (channel, sample) at `rate_hz`, floating point in [-1, 1]; its level is part of what is heard.

        Returns:
            (frame, mel) float32, in decibels of power from -100 on.

        Raises:
            AudioError: of another shape or type, too short for one transform, or with samples that are not finite.
        """
        # Mirroring needs more samples than it adds at either end.
        signal = mono(waveform, self.rate_hz, self._n_fft // 2 + 1, f"a transform of {self._n_fft} samples")
        spectrum = torch.stft(
            signal, self._n_fft, self._hop, window=self._hann, center=True, pad_mode="reflect", return_complex=True
        )  # (bin, frame)
        power = spectrum.real.square() + spectrum.imag.square()
        return finite(10 * torch.log10((power.T @ self.filters).clamp(min=LEAST_POWER)))

    @cached_property
    def filters(self) -> Tensor:
        """Weights (bin, mel), float32: Slaney's triangles of equal area, computed in double precision."""
        low_hz, high_hz = BANDS_HZ[self.rate_hz]
        edges = _hz(np.linspace(_mel(np.array(low_hz)), _mel(np.array(high_hz)), self.n_mels + 2))
        bin_hz = np.arange(self._n_fft // 2 + 1)[:, None] * (self.rate_hz / self._n_fft)
        rising = (bin_hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - bin_hz) / (edges[2:] - edges[1:-1])
        weights = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
        return torch.from_numpy(weights.astype(np.float32))

    @property
    def _n_fft(self) -> int:
        return self.rate_hz * 32 // 1000

    @property
    def _hop(self) -> int:
        return self.rate_hz // 100

    @cached_property
    def _hann(self) -> Tensor:
        return torch.hann_window(self._n_fft)


def _mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Slaney's scale: straight up to 1 kHz, logarithmic above."""
    above = _KNEE_MEL + _MEL_PER_LN * np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ)
    return np.where(hz < _KNEE_HZ, hz * (_KNEE_MEL / _KNEE_HZ), above)


def _hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _KNEE_HZ * np.exp((np.maximum(mel, _KNEE_MEL) - _KNEE_MEL) / _MEL_PER_LN)
    return np.where(mel < _KNEE_MEL, mel * (_KNEE_HZ / _KNEE_MEL), above)
