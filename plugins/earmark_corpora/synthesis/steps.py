"""People walking: single steps where the annotation is as short as one, walks where it is longer."""

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
    modes,
    samples,
    strokes,
    swell,
)

SINGLE_STEP_S = 0.45
"""In offices and in the 10 s clips of the evaluation set every step is an event of its own."""


def people_walking(rng: Rng) -> Sound:
    """Steps of one pair of shoes on one ground, between the tap of a heel and the scuff of gravel."""
    heel_hz, tap_hz, tap = between(rng, 70, 260), between(rng, 700, 2600), between(rng, 0.1, 1.0)
    scuff_hz, scuff, scuff_s = between(rng, 500, 2500), between(rng, 0.05, 0.6), between(rng, 0.05, 0.18)
    per_s = between(rng, 1.5, 2.4)

    def step(rng: Rng) -> Signal:
        out = np.zeros(samples(0.3), dtype=np.float32)
        jitter = between(rng, 0.85, 1.2)
        add(out, 0, modes(rng, samples(0.1), heel_hz * jitter * np.array([1, 1.8, 2.7]), 0.08, [1, 0.6, 0.3]))
        add(out, 0, click(rng, tap_hz * jitter, tap_hz * 3, 0.025), tap)
        grind = coloured_noise(rng, samples(scuff_s * between(rng, 0.7, 1.4)), band(scuff_hz, scuff_hz * 5, 1.0))
        add(out, samples(0.02), grind * swell(len(grind), 0.3, 0.6), scuff)
        return out

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for start in strokes(rng, n, per_s, 0.12) if n > samples(SINGLE_STEP_S) else [0]:
            add(out, start, step(rng), between(rng, 0.6, 1.4))
        if n > samples(SINGLE_STEP_S):  # who walks comes nearer, or goes
            out *= swell(n, rng.uniform(0.05, 0.5), rng.uniform(0.05, 0.5)) * np.float32(0.8) + np.float32(0.2)
        return out

    return sound
