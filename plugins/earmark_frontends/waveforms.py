"""What every front end asks of a waveform and of the features that it makes of it."""

from __future__ import annotations

import torch
from torch import Tensor

from earmark.errors import AudioError


def mono(waveform: Tensor, rate_hz: int, least: int, why: str) -> Tensor:
    """Mean (sample,) of all channels, float32.

    Args:
        waveform: (channel, sample), floating point in [-1, 1].
        rate_hz: of the waveform, for the error message.
        least: samples that a waveform must have.
        why: what needs so many, such as "a transform of 2048 samples".

    Raises:
        AudioError: of another shape or type, or too short.
    """
    if waveform.ndim != 2 or waveform.shape[0] == 0 or not waveform.is_floating_point():
        raise AudioError(
            f"a waveform of shape {tuple(waveform.shape)} and type {waveform.dtype} cannot be used; expected "
            "(channel, sample) in floating point. Add the axis of channels to a mono signal: waveform[None]."
        )
    n_samples = waveform.shape[1]
    if n_samples < least:
        raise AudioError(f"{n_samples} samples ({n_samples / rate_hz:.3f} s) are too few for {why}; use longer clips.")
    return waveform.mean(dim=0, dtype=torch.float32)


def finite(features: Tensor) -> Tensor:
    """The same features, all of whose values are numbers.

    Asked of the features, as these are few: whatever is not finite in a waveform is not finite there.

    Raises:
        AudioError: some are NaN or infinite.
    """
    if not torch.isfinite(features).all():
        raise AudioError("the waveform has samples that are NaN or infinite. Export the sound again.")
    return features
