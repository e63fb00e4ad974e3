"""Building blocks of synthesised sound: coloured noise, ringing modes, slow curves. All mono, float32, 44.1 kHz."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.tut.layout import RATE_HZ

Signal = npt.NDArray[np.float32]
Gain = Callable[[Signal], Signal]
"""Amplitude over frequency in Hz."""
Sound = Callable[[Rng, int], Signal]
"""An instrument of one recording: gives an instance of so many samples; its level is set when it is mixed."""

_BLOCK = 1 << 17
_FADE = 1 << 13


def samples(seconds: float) -> int:
    """Number of samples, at least one."""
    return max(1, round(seconds * RATE_HZ))


def between(rng: Rng, low: float, high: float) -> float:
    """A value from the range, uniform on a logarithmic scale: for frequencies, times and rates."""
    return float(low * (high / low) ** rng.random())


def band(low_hz: float, high_hz: float, order: float = 2.0) -> Gain:
    """Band pass with slopes of 6 dB per octave times the order."""

    def gain(frequency_hz: Signal) -> Signal:
        f = np.maximum(frequency_hz, np.float32(1.0))
        return (1 / np.sqrt((1 + (low_hz / f) ** (2 * order)) * (1 + (f / high_hz) ** (2 * order)))).astype(np.float32)

    return gain


def tilt(db_per_octave: float, corner_hz: float) -> Gain:
    """Flat up to a corner, then a constant slope."""

    def gain(frequency_hz: Signal) -> Signal:
        octaves = np.log2(np.maximum(frequency_hz, corner_hz) / corner_hz)
        return (10 ** (db_per_octave / 20 * octaves)).astype(np.float32)

    return gain


def ripple(rng: Rng, sd_db: float, knots_per_octave: float = 1.0) -> Gain:
    """A random smooth curve over log frequency: the colour of one place, source or microphone."""
    n_octaves = np.log2(RATE_HZ / 2 / 20)
    knots = np.linspace(0, n_octaves, int(n_octaves * knots_per_octave) + 2)
    level_db = rng.normal(0, sd_db, len(knots))

    def gain(frequency_hz: Signal) -> Signal:
        octaves = np.log2(np.maximum(frequency_hz, 20.0) / 20.0)
        return (10 ** (np.interp(octaves, knots, level_db) / 20)).astype(np.float32)

    return gain


def product(*gains: Gain) -> Gain:
    """All gains one after the other."""

    def gain(frequency_hz: Signal) -> Signal:
        total = gains[0](frequency_hz)
        for other in gains[1:]:
            total = total * other(frequency_hz)
        return total

    return gain


def coloured_noise(rng: Rng, n: int, gain: Gain) -> Signal:
    """Gaussian noise (n,) of unit power with this spectrum.

    Made straight in the frequency domain, in blocks of 3 s that fade into each other with constant power.
    """
    size = _BLOCK if n > _BLOCK else scipy.fft.next_fast_len(max(n, 2048), real=True)
    amplitude = gain(np.fft.rfftfreq(size, 1 / RATE_HZ).astype(np.float32))
    amplitude[0] = 0
    amplitude *= np.float32(size / np.sqrt(4 * np.sum(amplitude**2, dtype=np.float64) + 1e-30))
    if n <= _BLOCK:
        return _noise_block(rng, size, amplitude)[:n]
    out = np.zeros(n + size, dtype=np.float32)
    fade = np.sin(np.linspace(0, np.pi / 2, _FADE, dtype=np.float32))
    for start in range(0, n, size - _FADE):
        block = _noise_block(rng, size, amplitude)
        if start:
            block[:_FADE] *= fade
        block[-_FADE:] *= fade[::-1]
        out[start : start + size] += block
    return out[:n]


def _noise_block(rng: Rng, size: int, amplitude: Signal) -> Signal:
    pairs = rng.standard_normal(2 * len(amplitude), dtype=np.float32)
    spectrum = pairs.view(np.complex64)
    spectrum *= amplitude
    block: Signal = scipy.fft.irfft(spectrum, size, overwrite_x=True)
    return block


def slow_curve(rng: Rng, n: int, knot_s: float, low: float, high: float) -> Signal:
    """A curve (n,) through values drawn from [low, high] every ``knot_s`` seconds, straight between them."""
    step = samples(knot_s)
    knots = rng.uniform(low, high, n // step + 2).astype(np.float32)
    return stretched(knots, step)[:n]


def gusts(rng: Rng, n: int, knot_s: float, sd_db: float) -> Signal:
    """A gain (n,) that wanders around 1 by so many dB."""
    step = samples(knot_s)
    knots = 10 ** (rng.normal(0, sd_db, n // step + 2) / 20)
    return stretched(knots.astype(np.float32), step)[:n]


def stretched(knots: Signal, step: int) -> Signal:
    """Straight lines through knots that stand ``step`` samples apart: ((len(knots) - 1) * step,)."""
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    straight: Signal = knots[:-1, None] + np.diff(knots)[:, None] * ramp
    return straight.reshape(-1)


def curve(n: int, values: Sequence[float]) -> Signal:
    """Straight lines (n,) through values that are spread evenly."""
    x = np.linspace(0, len(values) - 1, n)
    return np.interp(x, np.arange(len(values)), values).astype(np.float32)


def swell(n: int, attack: float, release: float) -> Signal:
    """An envelope (n,) that rises and falls over these fractions of its length."""
    x = np.linspace(0, 1, n, dtype=np.float32)
    rise = np.clip(x / max(attack, 1e-4), 0, 1)
    fall = np.clip((1 - x) / max(release, 1e-4), 0, 1)
    envelope: Signal = np.sin(rise * np.float32(np.pi / 2)) * np.sin(fall * np.float32(np.pi / 2))
    return envelope


def modes(rng: Rng, n: int, frequency_hz: npt.ArrayLike, t60_s: npt.ArrayLike, amplitude: npt.ArrayLike) -> Signal:
    """Sum (n,) of partials that ring down from the first sample on, each by 60 dB in its t60."""
    f = np.atleast_1d(np.asarray(frequency_hz, dtype=np.float32))
    t60 = np.broadcast_to(np.asarray(t60_s, dtype=np.float32), f.shape)
    gain = np.broadcast_to(np.asarray(amplitude, dtype=np.float32), f.shape)
    audible = (f < 0.45 * RATE_HZ) & (f > 20)
    f, t60, gain = f[audible], t60[audible], gain[audible]
    out = np.zeros(n, dtype=np.float32)
    if not len(f):
        return out
    length = min(n, samples(float(t60.max())))
    t = np.arange(length, dtype=np.float32) / np.float32(RATE_HZ)
    phase = rng.uniform(0, 2 * np.pi, len(f)).astype(np.float32)
    partial = np.sin(np.float32(2 * np.pi) * f[:, None] * t + phase[:, None])
    partial *= np.exp(np.float32(-6.91) * t / t60[:, None])
    out[:length] = gain @ partial
    attack = min(length, 22)
    out[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    return out


def tone(frequency_hz: Signal, harmonics: Sequence[float] = (1.0,)) -> Signal:
    """A tone (n,) along a frequency curve, with these amplitudes of its harmonics."""
    cycles = np.cumsum(frequency_hz, dtype=np.float64) / RATE_HZ
    phase = ((cycles % 1) * (2 * np.pi)).astype(np.float32)
    highest = float(frequency_hz.max())
    partial, below, twice_cos = np.sin(phase), np.zeros_like(phase), 2 * np.cos(phase)
    out = np.zeros(len(frequency_hz), dtype=np.float32)
    for number, amplitude in enumerate(harmonics, 1):
        if number * highest >= 0.45 * RATE_HZ:
            break
        if amplitude:
            out += np.float32(amplitude) * partial
        # sin((k + 1) x) = 2 cos(x) sin(k x) - sin((k - 1) x): several times as fast as one sine a harmonic
        below, partial = partial, twice_cos * partial - below
    return out


def shaped(signal: Signal, gain: Gain) -> Signal:
    """The signal (n,) through a zero-phase filter."""
    n = len(signal)
    size = scipy.fft.next_fast_len(n + 512, real=True)
    spectrum = scipy.fft.rfft(signal, size)
    spectrum *= gain(np.fft.rfftfreq(size, 1 / RATE_HZ).astype(np.float32))
    filtered: Signal = scipy.fft.irfft(spectrum, size)
    return filtered[:n]


def lowpassed(signal: Signal, cutoff_hz: float) -> Signal:
    """The signal (n,) through a one-pole low pass: air and obstacles between source and microphone."""
    pole = np.float32(np.exp(-2 * np.pi * cutoff_hz / RATE_HZ))
    filtered: Signal = scipy.signal.lfilter([np.float32(1) - pole], [np.float32(1), -pole], signal).astype(np.float32)
    return filtered


def add(out: Signal, start: int, signal: Signal, gain: float = 1.0) -> None:
    """Add a signal to ``out`` from a sample on; what passes its end is lost."""
    end = min(len(out), start + len(signal))
    if start < end:
        out[start:end] += np.float32(gain) * signal[: end - start]


def strokes(rng: Rng, n: int, per_s: float, irregularity: float, first_s: float = 0.0) -> list[int]:
    """Starts of repeated strokes within n samples: at least one, gaps around 1 / per_s."""
    starts = [round(first_s * RATE_HZ)]
    while True:
        gap_s = (1 + irregularity * float(rng.uniform(-1, 1))) / per_s
        following = starts[-1] + samples(max(gap_s, 0.01))
        if following > n - samples(0.03):
            return starts
        starts.append(following)
