"""Events that are noise: vehicles, wind, fans, water, cloth and breath, of overlapping spectra."""

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
    curve,
    gusts,
    modes,
    product,
    ripple,
    samples,
    slow_curve,
    strokes,
    swell,
    tilt,
    tone,
)
from earmark_corpora.tut.layout import RATE_HZ


def _pass_by(rng: Rng, n: int, nearest_s: float) -> Signal:
    """Level (n,) of a source that drives past, loudest somewhere near the middle: 1 / distance."""
    moment = rng.uniform(0.3, 0.7)
    t = (np.linspace(0, 1, n, dtype=np.float32) - np.float32(moment)) * np.float32(n / RATE_HZ)
    # It comes out of the noise and goes back into it: no edge tells where the annotation begins.
    distance = np.sqrt(1 + (t / np.float32(nearest_s)) ** 2)
    return np.asarray(swell(n, 0.2, 0.2) / distance, dtype=np.float32)


def car(rng: Rng) -> Sound:
    """Tyres and engine of cars that pass at any distance; high frequencies come through only when they are near."""
    road_hz, slope_db, wet = between(rng, 400, 1100), rng.uniform(-9, -4), rng.random() < 0.3

    def sound(rng: Rng, n: int) -> Signal:
        near = _pass_by(rng, n, n / RATE_HZ * between(rng, 0.12, 0.4))
        colour = product(tilt(slope_db, road_hz * between(rng, 0.7, 1.4)), band(50, 12_000, 1.0), ripple(rng, 2.0))
        out = coloured_noise(rng, n, colour) * near
        out += np.float32(0.35) * coloured_noise(rng, n, band(road_hz, 5_000 if wet else 2_500, 1.0)) * near**2
        engine_hz = between(rng, 50, 130) * curve(n, [1.04, 1.02, 0.98, 0.96])
        engine = tone(engine_hz, [1, 0.7, 0.5, 0.35, 0.3, 0.2]) * near
        return out + np.float32(between(rng, 0.05, 0.5)) * engine

    return sound


def large_vehicle(rng: Rng) -> Sound:
    """Buses, trucks and trams: slower, with a diesel's low harmonics, now and then the air of a brake."""
    engine_hz, slope_db = between(rng, 22, 60), rng.uniform(-9, -5)

    def sound(rng: Rng, n: int) -> Signal:
        near = _pass_by(rng, n, n / RATE_HZ * between(rng, 0.2, 0.6))
        colour = product(tilt(slope_db, between(rng, 150, 500)), band(35, 9_000, 1.0), ripple(rng, 2.0))
        out = coloured_noise(rng, n, colour) * near
        speed = slow_curve(rng, n, between(rng, 1.5, 5), 0.8, 1.3)
        engine = tone(np.float32(engine_hz) * speed, [0.6, 1, 0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2])
        out += np.float32(between(rng, 0.3, 1.2)) * engine * near
        if n > samples(2) and rng.random() < 0.3:
            hiss = coloured_noise(rng, samples(between(rng, 0.2, 0.8)), band(2_500, 9_000, 1.0))
            add(out, int(rng.uniform(0.3, 0.7) * n), hiss * swell(len(hiss), 0.05, 0.7), between(rng, 0.3, 1.0))
        return out

    return sound


def wind_blowing(rng: Rng) -> Sound:
    """Gusts at the microphone and in leaves."""
    rumble_hz, leaves = between(rng, 120, 450), between(rng, 0.05, 0.5)

    def sound(rng: Rng, n: int) -> Signal:
        gust = swell(n, rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.5)) * gusts(rng, n, between(rng, 0.25, 0.8), 4)
        low = coloured_noise(rng, n, product(tilt(-9, rumble_hz), band(25, 3_000, 1.0)))
        high = coloured_noise(rng, n, band(900, 6_000, 1.0))
        return low * gust + np.float32(leaves) * high * gust**1.5

    return sound


def fan(rng: Rng) -> Sound:
    """Steady ventilation: tilted noise with the tones of motor and blades, anywhere between hum and hiss."""
    slope_db, corner_hz = rng.uniform(-7, -3.5), between(rng, 150, 700)
    colour = product(tilt(slope_db, corner_hz), band(60, 9_000, 1.0), ripple(rng, 3.0, 2.0))
    blade_hz, blades, wobble_s = between(rng, 90, 280), between(rng, 0.1, 0.6), between(rng, 0.3, 2)

    def sound(rng: Rng, n: int) -> Signal:
        out = coloured_noise(rng, n, colour)
        speed = slow_curve(rng, n, wobble_s, 0.997, 1.003)
        out += np.float32(blades) * tone(np.float32(blade_hz) * speed, [1, 0.6, 0.3, 0.2, 0.15])
        return out * gusts(rng, n, wobble_s, 0.4)

    return sound


def water_tap_running(rng: Rng) -> Sound:
    """Bright steady noise that begins and ends with the valve, with the gurgle of the sink."""
    low_hz, high_hz = between(rng, 500, 2000), between(rng, 5_000, 12_000)
    colour = product(band(low_hz, high_hz, 1.0), ripple(rng, 3.0, 2.0))
    sink_hz = between(rng, 150, 500)

    def sound(rng: Rng, n: int) -> Signal:
        out = coloured_noise(rng, n, colour) * gusts(rng, n, 0.12, 1.5)
        out += np.float32(0.5) * coloured_noise(rng, n, band(sink_hz, sink_hz * 2.5)) * gusts(rng, n, 0.05, 6)
        out *= slow_curve(rng, n, 2.5, 0.6, 1.3)
        return out * swell(n, min(0.3, 0.15 * RATE_HZ / n), min(0.3, 0.2 * RATE_HZ / n))

    return sound


def washing_dishes(rng: Rng) -> Sound:
    """Splashing water by movements of the hand, with single knocks of ceramics and steel under it."""
    low_hz, high_hz = between(rng, 300, 1200), between(rng, 3_000, 8_000)
    colour = product(band(low_hz, high_hz, 1.0), ripple(rng, 3.0))
    knocks_hz, knocks, hand_s = between(rng, 900, 3000), between(rng, 0.3, 1.5), between(rng, 0.15, 0.35)

    def sound(rng: Rng, n: int) -> Signal:
        out = coloured_noise(rng, n, colour) * gusts(rng, n, hand_s, 5) * gusts(rng, n, 0.04, 3)
        out += np.float32(0.5) * coloured_noise(rng, n, band(low_hz * 0.6, low_hz * 2)) * gusts(rng, n, 0.03, 7)
        for start in strokes(rng, n, between(rng, 0.8, 3), 0.9, first_s=between(rng, 0.01, 0.3)):
            f = knocks_hz * 3 ** rng.random(5)
            add(out, start, modes(rng, samples(0.2), f, 0.15, rng.uniform(0.2, 1, 5)), knocks * between(rng, 0.3, 1.5))
        return out

    return sound


def rustling(rng: Rng) -> Sound:
    """Paper, plastic or cloth: crackles so dense that they are almost noise."""
    low_hz, high_hz, grain = between(rng, 700, 3500), between(rng, 6_000, 13_000), between(rng, 0.004, 0.02)
    colour = product(band(low_hz, high_hz, 1.0), ripple(rng, 3.0))

    def sound(rng: Rng, n: int) -> Signal:
        crackle = gusts(rng, n, grain, 9) ** 1.3
        movement = gusts(rng, n, between(rng, 0.1, 0.4), 5)
        return coloured_noise(rng, n, colour) * crackle * movement * swell(n, 0.1, 0.2)

    return sound


def breathing(rng: Rng) -> Sound:
    """A breath in or out, a sniff or a sigh: noise through a mouth's resonances."""
    first_hz, second_hz = between(rng, 400, 900), between(rng, 1300, 2600)

    def sound(rng: Rng, n: int) -> Signal:
        inwards = between(rng, 1.0, 1.4) if rng.random() < 0.5 else 1.0
        out = coloured_noise(rng, n, band(first_hz * inwards, first_hz * 1.8 * inwards))
        out += np.float32(0.7) * coloured_noise(rng, n, band(second_hz * inwards, second_hz * 1.7 * inwards))
        out *= swell(n, rng.uniform(0.2, 0.7), rng.uniform(0.3, 0.8))
        if rng.random() < 0.15:
            add(out, 0, click(rng, 500, 2500, 0.02), 0.5)
        return out

    return sound
