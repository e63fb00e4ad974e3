"""Mel filters, from torchaudio."""

from __future__ import annotations

from typing import Literal

from torch import Tensor


def mel_filters(
    rate_hz: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float, *, kind: Literal["slaney", "htk"] = "slaney"
) -> Tensor:
    """Weights (bin, mel) of triangular filters on a mel scale.

    Args:
        rate_hz: of the waveform.
        n_fft: samples of the transform.
        n_mels: bands.
        low_hz: where the lowest begins.
        high_hz: where the highest ends.
        kind: Slaney's scale with filters of unit area, or HTK's with a peak of 1.
    """
    # Here, as importing it takes a moment that a command without features does not have.
    from torchaudio.functional import melscale_fbanks

    filters: Tensor = melscale_fbanks(
        n_freqs=n_fft // 2 + 1,
        f_min=low_hz,
        f_max=high_hz,
        n_mels=n_mels,
        sample_rate=rate_hz,
        norm="slaney" if kind == "slaney" else None,
        mel_scale=kind,
    )
    return filters
