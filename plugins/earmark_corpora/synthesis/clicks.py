"""Events that click: alike in spectrum, told apart by rhythm and decay."""

from __future__ import annotations

import numpy as np

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.signals import (
    Signal,
    Sound,
    add,
    band,
    between,
    coloured_noise,
    modes,
    samples,
    strokes,
)
from earmark_corpora.tut.layout import RATE_HZ


def click(rng: Rng, low_hz: float, high_hz: float, t60_s: float, n_modes: int = 5) -> Signal:
    """A short noisy ring: partials from a range that die within ``t60_s``."""
    n = samples(t60_s)
    frequency_hz = low_hz * (high_hz / low_hz) ** rng.random(n_modes)
    ring = modes(rng, n, frequency_hz, t60_s * rng.uniform(0.5, 1, n_modes), rng.uniform(0.3, 1, n_modes))
    hiss = coloured_noise(rng, n, band(low_hz, high_hz, 1.0)) * np.exp(-np.linspace(0, 9, n, dtype=np.float32))
    return ring + np.float32(0.6) * hiss


def mouse_clicking(rng: Rng) -> Sound:
    """Press and release, the same switch twice; two pairs where the annotation is long enough for a double click."""
    low_hz, width, t60_s = between(rng, 900, 2800), between(rng, 1.8, 3.5), between(rng, 0.008, 0.03)
    release_gain = between(rng, 0.35, 1.0)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        pairs = 2 if n > samples(0.26) else 1
        for pair in range(pairs):
            start = pair * n // pairs
            hold = rng.uniform(0.35, 0.8) * n / pairs
            jitter = between(rng, 0.9, 1.1)
            add(out, start, click(rng, low_hz * jitter, low_hz * width, t60_s))
            add(out, round(start + hold), click(rng, low_hz * 1.15, low_hz * width * 1.1, t60_s), release_gain)
        return out

    return sound


def keyboard_typing(rng: Rng) -> Sound:
    """Key strokes: a click as of a mouse, with the thump of the key's bottom and a weaker release."""
    low_hz, width, t60_s = between(rng, 800, 2600), between(rng, 1.8, 3.5), between(rng, 0.012, 0.04)
    thump_hz, thump_gain = between(rng, 150, 600), between(rng, 0.25, 1.2)
    release_gain, per_s = between(rng, 0.15, 0.6), between(rng, 5, 9)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for start in strokes(rng, n, per_s, 0.5) if n > samples(0.3) else [0]:
            jitter, force = between(rng, 0.8, 1.25), between(rng, 0.5, 1.5)
            add(out, start, click(rng, low_hz * jitter, low_hz * width * jitter, t60_s), force)
            thump = modes(rng, samples(0.06), thump_hz * jitter * np.array([1, 1.7, 2.9]), 0.05, [1, 0.5, 0.3])
            add(out, start, thump, thump_gain * force)
            held = round(between(rng, 0.05, 0.12) * RATE_HZ) if n > samples(0.3) else round(rng.uniform(0.4, 0.8) * n)
            add(out, start + held, click(rng, low_hz * 1.2, low_hz * width, t60_s * 0.7), release_gain * force)
        return out

    return sound


def mouse_wheeling(rng: Rng) -> Sound:
    """A fast even train of weak notches."""
    low_hz, width = between(rng, 700, 4500), between(rng, 1.5, 4.0)
    t60_s, per_s = between(rng, 0.004, 0.02), between(rng, 14, 45)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for start in strokes(rng, n, per_s * between(rng, 0.8, 1.25), 0.25):
            add(out, start, click(rng, low_hz, low_hz * width, t60_s, 3), between(rng, 0.5, 1.5))
        return out

    return sound


def snapping(rng: Rng) -> Sound:
    """One hard crack and what it sets ringing."""
    low_hz, t60_s, tail_gain = between(rng, 900, 2500), between(rng, 0.015, 0.06), between(rng, 0.1, 0.4)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        add(out, 0, click(rng, low_hz, low_hz * 4, t60_s * between(rng, 0.7, 1.4), 7))
        if rng.random() < 0.5:  # a lid: it is pressed before it gives way
            add(
                out, round(rng.uniform(0.1, 0.6) * n), click(rng, low_hz * 0.7, low_hz * 3, t60_s), between(rng, 0.4, 1)
            )
        tail = coloured_noise(rng, n, band(low_hz, low_hz * 3, 1.0))
        out += np.float32(tail_gain * 0.3) * tail * np.exp(-np.linspace(0, 5, n, dtype=np.float32))
        return out

    return sound


def impact(rng: Rng) -> Sound:
    """Something is put down or struck: modes of a body of any size, often with a bounce."""
    body_hz, spread = between(rng, 120, 700), between(rng, 3, 12)
    hardness = between(rng, 0.15, 1.0)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        pitch = body_hz * between(rng, 0.6, 1.7)
        t60_s = n / RATE_HZ * between(rng, 0.35, 1.0)
        start, force = 0, 1.0
        for _ in range(1 + int(rng.geometric(0.6)) if n > samples(0.2) else 1):
            f = pitch * spread ** rng.random(8)
            add(out, start, modes(rng, samples(t60_s), f, t60_s * rng.uniform(0.4, 1, 8), (pitch / f) ** 0.5), force)
            add(out, start, click(rng, pitch * 3, pitch * 14, min(0.03, t60_s)), hardness * force)
            start += round(rng.uniform(0.08, 0.3) * n)
            force *= between(rng, 0.2, 0.7)
        return out

    return sound
