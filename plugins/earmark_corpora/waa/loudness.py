"""Loudness as ITU-R BS.1770 defines it, of sounds of any length."""

from __future__ import annotations

import math
import threading

import numpy as np
import numpy.typing as npt

from earmark.errors import AudioError
from earmark_corpora.waa.layout import RATE_HZ

LEAST_N = RATE_HZ // 2
"""Sounds shorter than 0.5 s are repeated up to it, as a gating block lasts 0.4 s; source: Scaper."""

SILENT_LUFS = -70.0
"""Absolute gate: what no block passes has no loudness."""

# pyloudnorm changes the process's warning filters while it measures, and several threads doing so lose them.
_ONE_AT_A_TIME = threading.Lock()


def integrated_lufs(sound: npt.NDArray[np.float64], what: str) -> float:
    """Integrated loudness of a mono sound (sample,) at 44.1 kHz.

    Source: [weak_label_limits], section 2.3 of its specification, after Scaper.

    Args:
        sound: in [-1, 1], at least one sample.
        what: names it in the error.

    Raises:
        AudioError: it is silent, and silence has no loudness that a gain could set.
    """
    lufs = loudness_lufs(sound)
    if not lufs >= SILENT_LUFS:
        raise AudioError(
            f"{what} is silent: no part of it passes {SILENT_LUFS:g} LUFS, so that no gain can set its loudness. "
            "Replace the file or take it out of the soundbank."
        )
    return lufs


def loudness_lufs(sound: npt.NDArray[np.float64]) -> float:
    """The same of any sound: minus infinity of silence."""
    # Here, as scipy takes long to import.
    import pyloudnorm

    if len(sound) < LEAST_N:
        sound = np.tile(sound, math.ceil(LEAST_N / len(sound)))
    with _ONE_AT_A_TIME:
        return float(pyloudnorm.Meter(RATE_HZ).integrated_loudness(sound))
