"""Log-mel magnitudes of [relation_guided]: those of the CNN baseline of Surrey for DCASE 2018."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from earmark_frontends.waveforms import finite, mono

WINDOW = 2048
OVERLAP = 672
"""Samples; a third of the window."""


@dataclass(frozen=True, kw_only=True)
class LogMelRgasc:
    """Natural logarithm of mel-band magnitudes of the mean of all channels; 320 frames of a clip of 10 s.

    A symmetric Hamming window of 2048 samples every 1376, neither padded nor centred; magnitudes are divided by the
    root of the window's energy, 28.52, and go through Slaney's mel filters of unit area, from 50 Hz to half the rate;
    1e-8 is added before the logarithm. It has no options: the paper varies none.

    Source: [relation_guided], section IV, and the constants of its released code, which are those of the baseline that
    it cites for this setting.
    """

    rate_hz: ClassVar[int] = 44_100
    n_mels: ClassVar[int] = 64
    hop_s: ClassVar[float] = (WINDOW - OVERLAP) / 44_100
    """31.2 ms."""

    def n_frames(self, duration_s: float) -> int:
        """Number of frames of a clip of this length: its whole windows.

        >>> LogMelRgasc().n_frames(10.0)
        320
        """
        return max((round(duration_s * self.rate_hz) - WINDOW) // (WINDOW - OVERLAP) + 1, 0)

    def extract(self, waveform: Tensor) -> Tensor:
        """Log-mel magnitudes of a clip.

        Args:
            waveform: (channel, sample) at 44,100 Hz, floating point in [-1, 1].

        Returns:
            (frame, mel) float32, in nats.

        Raises:
            AudioError: of another shape or type, too short for one window, or with samples that are not finite.
        """
        signal = mono(waveform, self.rate_hz, WINDOW, f"a window of {WINDOW} samples")
        spectrum = torch.stft(
            signal, WINDOW, WINDOW - OVERLAP, WINDOW, self._hamming, center=False, return_complex=True
        )  # (bin, frame)
        return finite(torch.log(spectrum.abs().T @ self._filters + 1e-8))

    @cached_property
    def _hamming(self) -> Tensor:
        """(sample,), divided by the root of its energy."""
        window = torch.hamming_window(WINDOW, periodic=False, dtype=torch.float64)
        return (window / math.sqrt(float(window.square().sum()))).float()

    @cached_property
    def _filters(self) -> Tensor:
        """(bin, mel)."""
        # Here, as importing it takes a moment that a command without features does not have.
        from torchaudio.functional import melscale_fbanks

        filters: Tensor = melscale_fbanks(
            n_freqs=WINDOW // 2 + 1,
            f_min=50.0,
            f_max=self.rate_hz / 2,
            n_mels=self.n_mels,
            sample_rate=self.rate_hz,
            norm="slaney",
            mel_scale="slaney",
        )
        return filters
