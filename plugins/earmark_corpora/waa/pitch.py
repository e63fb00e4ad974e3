"""Pitch without tempo: stretch in time by similar pieces (WSOLA), then resample back to the old length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark_corpora.waa.layout import RATE_HZ

Sound = npt.NDArray[np.float64]

# In the time domain, as the pitch effect of SoX that Scaper calls, and with the lengths that SoX has by default: a
# phase vocoder would smear the onsets of barks and dishes, by which those classes are told apart.
_PIECE_S, _SEARCH_S, _OVERLAP_S = 0.082, 0.0147, 0.012


def shifted(sound: Sound, semitones: float) -> Sound:
    """The sound (sample,) at another pitch, as long as before.

    Args:
        sound: at least 3 samples.
        semitones: up where positive.
    """
    if semitones == 0:
        return sound
    import soxr

    n, factor = len(sound), 2.0 ** (semitones / 12)
    longer = _stretched(sound, factor)
    shifted = soxr.resample(longer, factor * RATE_HZ, RATE_HZ)[:n]
    # The resampler may round a sample away at the end.
    padded: Sound = np.pad(shifted, (0, n - len(shifted)))
    return padded


def _stretched(sound: Sound, factor: float) -> Sound:
    """The sound (sample,) at ``factor`` times its length and at its own pitch."""
    n = len(sound)
    # Sounds shorter than three pieces are cut into smaller ones.
    scale = min(1.0, n / (3 * _PIECE_S * RATE_HZ)) * RATE_HZ
    piece, search, overlap = (max(1, round(length_s * scale)) for length_s in (_PIECE_S, _SEARCH_S, _OVERLAP_S))
    hop = max(1, piece - overlap)
    n_out = max(1, round(n * factor))
    n_pieces = -(-n_out // hop) + 1
    padded = np.concatenate([sound, np.zeros(2 * piece + 2 * search + 1)])
    out = np.zeros(n_pieces * hop + piece + overlap)
    fade = (np.arange(overlap) + 0.5) / overlap
    out[: piece + overlap] = padded[: piece + overlap]
    for index in range(1, n_pieces):
        first = min(max(0, round(index * hop / factor) - search // 2), n)
        at = index * hop
        start = first + _most_alike(padded[first : first + search + overlap], out[at : at + overlap])
        out[at : at + overlap] *= 1 - fade
        out[at : at + overlap] += fade * padded[start : start + overlap]
        out[at + overlap : at + piece + overlap] = padded[start + overlap : start + piece + overlap]
    return out[:n_out]


def _most_alike(where: Sound, what: Sound) -> int:
    """Offset at which ``where`` differs least from ``what``, by the sum of squared differences."""
    energy = np.concatenate([[0.0], np.cumsum(where**2)])
    own = energy[len(what) :] - energy[: -len(what)]
    return int(np.argmin(own - 2 * np.correlate(where, what, "valid")))
