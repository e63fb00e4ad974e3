"""Kitchen and furniture: inharmonic ringing of overlapping ranges, and bodies of wood."""

from __future__ import annotations

import numpy as np

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.clicks import click
from earmark_corpora.synthesis.signals import (
    Signal,
    Sound,
    add,
    band,
    between,
    coloured_noise,
    gusts,
    modes,
    samples,
    strokes,
    swell,
)
from earmark_corpora.tut.layout import RATE_HZ


def _clinks(low_hz: float, high_hz: float, t60_s: float, per_s: float, knock: float, pieces: Signal) -> Sound:
    """Repeated contacts of a few pieces; each piece keeps its own inharmonic partials."""

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for start in strokes(rng, n, per_s * between(rng, 0.7, 1.4), 0.8):
            ratios = pieces[rng.integers(len(pieces))]
            f = low_hz * (high_hz / low_hz) ** ratios * between(rng, 0.97, 1.03)
            decay_s = t60_s * between(rng, 0.5, 1.5)
            ring = modes(rng, samples(decay_s), f, decay_s * (f.min() / f) ** 0.5, rng.uniform(0.2, 1, len(f)))
            add(out, start, ring, between(rng, 0.3, 1.5))
            add(out, start, click(rng, low_hz * 0.4, low_hz * 2, 0.02), knock * between(rng, 0.5, 1.5))
        return out

    return sound


def cutlery(rng: Rng) -> Sound:
    """Thin steel: high partials, short to middling ring, many contacts."""
    pieces = rng.random((4, 8)).astype(np.float32)
    low_hz = between(rng, 1800, 3500)
    return _clinks(low_hz, low_hz * 3, between(rng, 0.08, 0.35), between(rng, 4, 10), between(rng, 0.1, 0.5), pieces)


def dishes(rng: Rng) -> Sound:
    """Ceramics: lower and shorter than cutlery, with a knock."""
    pieces = rng.random((3, 8)).astype(np.float32)
    low_hz = between(rng, 700, 2000)
    return _clinks(low_hz, low_hz * 4, between(rng, 0.06, 0.3), between(rng, 2, 6), between(rng, 0.4, 1.2), pieces)


def glass_jingling(rng: Rng) -> Sound:
    """Glasses: few partials that ring long and beat in pairs."""
    single = rng.random((3, 4)).astype(np.float32)
    pieces = np.concatenate([single, single + rng.uniform(0.003, 0.012, single.shape).astype(np.float32)], axis=1)
    low_hz = between(rng, 1400, 3200)
    return _clinks(low_hz, low_hz * 3, between(rng, 0.25, 0.9), between(rng, 2.5, 8), between(rng, 0.05, 0.3), pieces)


def _thump(rng: Rng, body_hz: float, t60_s: float, crack: float) -> Signal:
    f = body_hz * np.array([1, 1.6, 2.3, 3.4, 5.1]) * rng.uniform(0.9, 1.1, 5)
    out = modes(rng, samples(t60_s), f, t60_s * np.array([1, 0.8, 0.7, 0.5, 0.4]), [1, 0.8, 0.6, 0.5, 0.3])
    add(out, 0, click(rng, body_hz * 5, body_hz * 25, min(0.04, t60_s)), crack)
    return out


def cupboard(rng: Rng) -> Sound:
    """A door that falls shut, sometimes creaks before, and rattles after."""
    body_hz, crack, creaks = between(rng, 90, 350), between(rng, 0.3, 1.0), rng.random() < 0.5
    creak_hz = between(rng, 300, 900)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        shut = round(rng.uniform(0.0, 0.6) * n) if creaks else 0
        if shut > samples(0.1):
            creak = np.zeros(shut, dtype=np.float32)
            for start in strokes(rng, shut, between(rng, 20, 60), 0.4):
                add(creak, start, click(rng, creak_hz, creak_hz * 4, 0.015, 3), between(rng, 0.1, 0.4))
            add(out, 0, creak)
        add(out, shut, _thump(rng, body_hz * between(rng, 0.8, 1.3), between(rng, 0.12, 0.35), crack))
        for start in strokes(rng, max(n - shut, 1), between(rng, 6, 14), 0.7, first_s=0.08)[:4]:
            add(out, shut + start, _thump(rng, body_hz * 1.8, 0.1, crack), between(rng, 0.1, 0.4))
        return out

    return sound


def drawer(rng: Rng) -> Sound:
    """Sliding wood or metal, a stop at its end, and the things inside."""
    low_hz, body_hz = between(rng, 200, 900), between(rng, 100, 400)
    contents_hz, contents_gain = between(rng, 900, 3000), between(rng, 0.05, 0.6)

    def sound(rng: Rng, n: int) -> Signal:
        slide = round(n * rng.uniform(0.5, 0.85))
        out = np.zeros(n, dtype=np.float32)
        friction = coloured_noise(rng, slide, band(low_hz, low_hz * 8, 1.0)) * gusts(rng, slide, 0.03, 4)
        add(out, 0, friction * swell(slide, 0.5, 0.1), 0.25)
        for start in strokes(rng, slide, between(rng, 8, 20), 0.8):
            add(out, start, click(rng, contents_hz, contents_hz * 3, 0.06, 4), contents_gain * between(rng, 0.2, 1))
        add(out, slide, _thump(rng, body_hz, between(rng, 0.1, 0.25), between(rng, 0.3, 1)))
        return out

    return sound


def banging(rng: Rng) -> Sound:
    """Heavy blows, distant and low, alone or in a series."""
    body_hz, crack, per_s = between(rng, 50, 220), between(rng, 0.2, 1.2), between(rng, 1.5, 4)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        t60_s = min(n / RATE_HZ, between(rng, 0.15, 0.5))
        for start in strokes(rng, n, per_s, 0.5) if n > samples(0.5) else [0]:
            add(out, start, _thump(rng, body_hz * between(rng, 0.8, 1.2), t60_s, crack), between(rng, 0.5, 1.2))
        return out

    return sound
