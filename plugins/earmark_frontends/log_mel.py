"""Log-mel energies, the features of all five papers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from earmark.errors import OptionError
from earmark_frontends.filters import mel_filters
from earmark_frontends.waveforms import finite, mono


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """Natural logarithm of mel-band energies of the mean of all channels.

    Frames are centred: frame i is around sample i * hop, the ends mirrored. Of n hops come n + 1 centred frames; the
    last is left out, so that a clip of 10 s has 500. Mel filters are Slaney's, each of unit area, over the power
    spectrum; the window is a periodic Hann window in the middle of the FFT.

    Source: [partial_labels], section on experimental conditions: 64 bands, 40 ms frames, 20 ms shift, and Table 3:
    500 frames. It states no rate, FFT size, filters or floor; these are the defaults of librosa, at TUT's rate.
    """

    rate_hz: int = 44_100
    """Rate of the waveforms it takes."""
    n_mels: int = 64
    """Mel bands from 0 Hz to half the rate."""
    frame_s: float = 0.04
    """Length of the window."""
    hop_s: float = 0.02
    """Step from frame to frame; also the resolution of every onset and offset."""
    n_fft: int = 2048
    """Samples of the Fourier transform, at least those of the window."""
    floor: float = 1e-10
    """Energy added before the logarithm; samples of full scale are 1."""

    def __post_init__(self) -> None:
        problem = None
        if self.rate_hz <= 0 or self.n_mels <= 0 or self.frame_s <= 0 or self.hop_s <= 0 or self.n_fft <= 0:
            problem = "rate_hz, n_mels, frame_s, hop_s and n_fft must be positive"
        elif not self.floor > 0:
            problem = f"floor = {self.floor} must be positive, as the logarithm of digital silence is minus infinity"
        elif abs(self.hop_s * self.rate_hz - self._hop) > 1e-6:
            # Onsets would drift away from their frames.
            problem = f"hop_s = {self.hop_s} s is no whole number of samples at {self.rate_hz} Hz"
        elif self._window > self.n_fft:
            problem = f"frame_s = {self.frame_s} s is {self._window} samples, more than n_fft = {self.n_fft}"
        if problem:
            raise OptionError(
                f"log-mel: {problem}. The papers use 40 ms frames every 20 ms; n_fft is the next power of two."
            )

    def n_frames(self, duration_s: float) -> int:
        """Number of frames of a clip of this length: its whole hops.

        >>> LogMel().n_frames(10.0)
        500
        """
        return round(duration_s * self.rate_hz) // self._hop

    def extract(self, waveform: Tensor) -> Tensor:
        """Log-mel energies of a clip.

        Args:
            waveform: (channel, sample) at `rate_hz`, floating point in [-1, 1].

        Returns:
            (frame, mel) float32, in nats.

        Raises:
            AudioError: of another shape or type, too short for one transform, or with samples that are not finite.
        """
        # Mirroring needs more samples than it adds at either end.
        least = max(self.n_fft // 2 + 1, self._hop)
        signal = mono(waveform, self.rate_hz, least, f"a transform of {self.n_fft} samples")
        spectrum = torch.stft(
            signal,
            self.n_fft,
            self._hop,
            self._window,
            self._hann,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )[:, : len(signal) // self._hop]  # (bin, frame)
        # Five times as fast as the squared magnitude, whose root is drawn for nothing.
        power = spectrum.real.square() + spectrum.imag.square()
        return finite(torch.log(power.T @ self._filters + self.floor))

    @property
    def _hop(self) -> int:
        return round(self.hop_s * self.rate_hz)

    @property
    def _window(self) -> int:
        return round(self.frame_s * self.rate_hz)

    @cached_property
    def _hann(self) -> Tensor:
        return torch.hann_window(self._window)

    @cached_property
    def _filters(self) -> Tensor:
        """(bin, mel)."""
        return mel_filters(self.rate_hz, self.n_fft, self.n_mels, 0.0, self.rate_hz / 2)
