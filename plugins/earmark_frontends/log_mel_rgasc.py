"""Log-mel magnitudes of [relation_guided]: those of the CNN baseline of Surrey for DCASE 2018."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from earmark.errors import OptionError
from earmark_frontends.filters import mel_filters
from earmark_frontends.waveforms import finite, mono

WINDOW = 2048
OVERLAP = 672
"""Samples; a third of the window."""


@dataclass(frozen=True, kw_only=True)
class LogMelRgasc:
    """Natural logarithm of mel-band magnitudes of the mean of all channels; 320 frames of a clip of 10 s.

    A symmetric Hamming window of 2048 samples every 1376, neither padded nor centred; magnitudes are divided by the
    root of the window's energy, 28.52, and go through Slaney's mel filters of unit area, from 50 Hz to half the rate;
    1e-8 is added before the logarithm.

    Source: [relation_guided], section IV, and the constants of its released code, which are those of the baseline that
    it cites for this setting.
    """

    rate_hz: ClassVar[int] = 44_100
    n_mels: ClassVar[int] = 64

    mean_of: int = 1
    """Frames whose magnitudes are averaged into one. The paper has each by itself; nets that only a processor trains
    hear three times as many clips in the same time with 3."""

    def __post_init__(self) -> None:
        if self.mean_of < 1:
            raise OptionError(f"log-mel-rgasc: mean_of = {self.mean_of} must be at least 1, which is the paper's.")

    @property
    def hop_s(self) -> float:
        """31.2 ms, times what is averaged."""
        return self.mean_of * (WINDOW - OVERLAP) / self.rate_hz

    def n_frames(self, duration_s: float) -> int:
        """Number of frames of a clip of this length: its whole windows.

        >>> LogMelRgasc().n_frames(10.0), LogMelRgasc(mean_of=3).n_frames(10.0)
        (320, 106)
        """
        return max((round(duration_s * self.rate_hz) - WINDOW) // (WINDOW - OVERLAP) + 1, 0) // self.mean_of

    def extract(self, waveform: Tensor) -> Tensor:
        """Log-mel magnitudes of a clip.

        Args:
            waveform: (channel, sample) at 44,100 Hz, floating point in [-1, 1].

        Returns:
            (frame, mel) float32, in nats.

        Raises:
            AudioError: of another shape or type, too short for one window, or with samples that are not finite.
        """
        least = WINDOW + (self.mean_of - 1) * (WINDOW - OVERLAP)
        why = f"a window of {WINDOW} samples" if self.mean_of == 1 else f"{self.mean_of} windows of {WINDOW} samples"
        signal = mono(waveform, self.rate_hz, least, why)
        spectrum = torch.stft(
            signal, WINDOW, WINDOW - OVERLAP, WINDOW, self._hamming, center=False, return_complex=True
        )  # (bin, frame)
        magnitude = spectrum.abs().T @ self._filters  # (frame, mel)
        n_whole = len(magnitude) // self.mean_of * self.mean_of
        averaged = magnitude[:n_whole].reshape(-1, self.mean_of, self.n_mels).mean(dim=1)
        return finite(torch.log(averaged + 1e-8))

    @cached_property
    def _hamming(self) -> Tensor:
        """(sample,), divided by the root of its energy."""
        window = torch.hamming_window(WINDOW, periodic=False, dtype=torch.float64)
        return (window / math.sqrt(float(window.square().sum()))).float()

    @cached_property
    def _filters(self) -> Tensor:
        """(bin, mel)."""
        return mel_filters(self.rate_hz, WINDOW, self.n_mels, 50.0, self.rate_hz / 2)
