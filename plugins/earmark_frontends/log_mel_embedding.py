"""Log-mel magnitudes of [weak_label_limits], in frames of 10 ms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from earmark_frontends.filters import mel_filters
from earmark_frontends.waveforms import finite, mono

WINDOW = 400
HOP = 160
N_FFT = 512
FLOOR = 0.01
"""Added to every mel magnitude; a background at -50 LUFS is some ten times as large, so that clips must keep their
level."""


@dataclass(frozen=True, kw_only=True)
class LogMelEmbedding:
    """Natural logarithm of mel-band magnitudes of the mean of all channels; 20 frames of a segment of 0.2 s.

    A periodic Hann window of 400 samples every 160, in the middle of an FFT of 512; frames are centred, with silence
    beyond both ends, and the one more than whole hops is left out. Triangular HTK mel filters of height 1 from 125 to
    7,500 Hz. It has no options: the paper varies none.

    Source: [weak_label_limits], window, hop and number of bands; the rest from the authors' code.
    """

    rate_hz: ClassVar[int] = 16_000
    n_mels: ClassVar[int] = 64
    hop_s: ClassVar[float] = 0.01

    def n_frames(self, duration_s: float) -> int:
        """Number of frames of a segment of this length: its whole hops.

        >>> [LogMelEmbedding().n_frames(segment_s) for segment_s in (0.2, 1.0, 10.0)]
        [20, 100, 1000]
        """
        return round(duration_s * self.rate_hz) // HOP

    def extract(self, waveform: Tensor) -> Tensor:
        """Log-mel magnitudes of a segment.

        Args:
            waveform: (channel, sample) at 16 kHz, floating point in [-1, 1].

        Returns:
            (frame, mel) float32, in nats.

        Raises:
            AudioError: of another shape or type, shorter than one hop, or with samples that are not finite.
        """
        signal = mono(waveform, self.rate_hz, HOP, f"a hop of {HOP} samples")
        spectrum = torch.stft(
            signal, N_FFT, HOP, WINDOW, self._hann, center=True, pad_mode="constant", return_complex=True
        )[:, : len(signal) // HOP]  # (bin, frame)
        return finite(torch.log(spectrum.abs().T @ self._filters + FLOOR))

    @cached_property
    def _hann(self) -> Tensor:
        return torch.hann_window(WINDOW)

    @cached_property
    def _filters(self) -> Tensor:
        """(bin, mel)."""
        return mel_filters(self.rate_hz, N_FFT, self.n_mels, 125.0, 7500.0, kind="htk")
