"""The ten events of DESED: animals, alarms, voices, kitchen, water, and three motors that are easily confused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from earmark_corpora.synthesis import noises, ringing, voices
from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.clicks import click
from earmark_corpora.synthesis.mixing import Ensemble
from earmark_corpora.synthesis.scenery import Scenery
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
    shaped,
    slow_curve,
    strokes,
    swell,
    tilt,
    tone,
)


def alarm(rng: Rng) -> Sound:
    """An alarm clock's beeps, a siren's sweep, or the hammer of a bell."""
    kind, pitch_hz, per_s = int(rng.integers(3)), between(rng, 500, 3_800), between(rng, 1.5, 9)
    second, duty = between(rng, 1.05, 1.6), rng.uniform(0.3, 0.8)
    harmonics = [1.0, *rng.uniform(0, 0.6, 4)]
    partials = pitch_hz * np.array([1, 2.1, 2.9, 4.2]) * rng.uniform(0.95, 1.05, 4)

    def beeps(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for count, start in enumerate(strokes(rng, n, per_s, 0.01)):
            f = np.full(samples(duty / per_s), pitch_hz * (second if count % 2 else 1), np.float32)
            add(out, start, tone(f, harmonics) * swell(len(f), 0.05, 0.1))
        return out

    def siren(rng: Rng, n: int) -> Signal:
        turns = max(2, round(n / samples(2 / per_s)))
        sweep = curve(n, [1 if turn % 2 else second for turn in range(turns + 1)])
        return tone(np.float32(pitch_hz / 1.5) * sweep, harmonics)

    def bell(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for start in strokes(rng, n, per_s * 2.5, 0.05):
            add(out, start, modes(rng, samples(0.5), partials, 0.45, [1, 0.6, 0.5, 0.3]), between(rng, 0.8, 1.2))
            add(out, start, click(rng, pitch_hz, pitch_hz * 3, 0.01, 3), 0.3)
        return out

    return (beeps, siren, bell)[kind]


def _motor(
    rng: Rng, pitch_hz: tuple[float, float], noise_hz: tuple[float, float], noise: tuple[float, float], wander: float
) -> Sound:
    """A motor's harmonics over the noise of its air or its blades, with the load changing slowly."""
    speed_hz, colour_hz, level = between(rng, *pitch_hz), between(rng, *noise_hz), between(rng, *noise)
    harmonics = [1.0, *(rng.uniform(0.1, 1.0, 11) / np.arange(2, 13) ** rng.uniform(0.3, 1.0))]
    colour = product(band(colour_hz, colour_hz * between(rng, 4, 12), 1.0), ripple(rng, 3.0))

    def sound(rng: Rng, n: int) -> Signal:
        speed = slow_curve(rng, n, between(rng, 0.3, 2.0), 1 - wander, 1 + wander)
        run_up = min(n, samples(between(rng, 0.1, 0.6)))
        speed[:run_up] *= np.linspace(0.6, 1, run_up, dtype=np.float32)
        out = tone(np.float32(speed_hz) * speed, harmonics)
        out += np.float32(level * 1.5) * coloured_noise(rng, n, colour) * gusts(rng, n, 0.1, 1.5)
        return out * slow_curve(rng, n, 1.0, 0.8, 1.2)

    return sound


def blender(rng: Rng) -> Sound:
    """Loud and rough: what is blended hits the blades, and the load changes the speed."""
    motor = _motor(rng, (90, 420), (400, 1_800), (0.4, 1.6), 0.12)
    lumps, low_hz = between(rng, 0.05, 0.6), between(rng, 400, 1_500)

    def sound(rng: Rng, n: int) -> Signal:
        out = motor(rng, n) * gusts(rng, n, 0.06, 2.0)
        for start in strokes(rng, n, between(rng, 6, 18), 0.9):
            add(out, start, click(rng, low_hz, low_hz * 4, 0.03, 3), lumps * between(rng, 0.3, 1.5))
        return out

    return sound


def shaver(rng: Rng) -> Sound:
    """Small and even: a buzz with many harmonics that shifts where it touches."""
    motor = _motor(rng, (70, 300), (1_500, 4_500), (0.1, 0.8), 0.03)
    mouth_hz = between(rng, 900, 3_000)

    def sound(rng: Rng, n: int) -> Signal:
        buzz = shaped(motor(rng, n), band(mouth_hz / 2, mouth_hz * 3, 1.0))
        return buzz * slow_curve(rng, n, between(rng, 0.2, 0.8), 0.5, 1.3)

    return sound


def vacuum_cleaner(rng: Rng) -> Sound:
    """Broad and steady: air through a tube, a fan's whine above, strokes over the floor."""
    motor = _motor(rng, (150, 600), (200, 900), (0.8, 2.5), 0.02)
    strokes_s = between(rng, 0.7, 2.0)

    def sound(rng: Rng, n: int) -> Signal:
        return motor(rng, n) * gusts(rng, n, strokes_s, 1.2)

    return sound


def frying(rng: Rng) -> Sound:
    """Sizzling fat: steady hiss, with crackles of any strength on it."""
    low_hz, high_hz = between(rng, 1_500, 4_500), between(rng, 7_000, 14_000)
    crackles, per_s = between(rng, 0.3, 2.0), between(rng, 15, 70)
    colour = product(band(low_hz, high_hz, 1.0), ripple(rng, 2.5), tilt(-3, low_hz))

    def sound(rng: Rng, n: int) -> Signal:
        out = coloured_noise(rng, n, colour) * gusts(rng, n, 0.03, 2.5) * slow_curve(rng, n, 2.0, 0.6, 1.3)
        for start in strokes(rng, n, per_s, 0.95):
            add(out, start, click(rng, low_hz * 0.6, high_hz, 0.006, 3), crackles * float(rng.exponential()))
        return out

    return sound


def dog(rng: Rng) -> Sound:
    """Barks in a series, or a whine; the size of the dog sets both pitch and tract."""
    pitch_hz, throat_hz, per_s = between(rng, 180, 750), between(rng, 500, 1_400), between(rng, 1.2, 3.5)
    rough, whines = between(rng, 0.2, 1.0), rng.random() < 0.2

    def bark(rng: Rng, n: int) -> Signal:
        f = np.float32(pitch_hz * between(rng, 0.85, 1.2)) * curve(n, [0.75, 1.2, 1.0, 0.6])
        voiced = tone(f, [1, 0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2])
        voiced += np.float32(rough) * coloured_noise(rng, n, band(throat_hz, throat_hz * 3, 1.0))
        return shaped(voiced, band(throat_hz * 0.6, throat_hz * 2.2, 1.5)) * swell(n, 0.12, 0.6)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        if whines:
            f = np.float32(pitch_hz * 1.8) * curve(n, [between(rng, 0.8, 1.3) for _ in range(5)])
            return tone(f, [1, 0.4, 0.2]) * swell(n, 0.2, 0.3)
        for start in strokes(rng, n, per_s, 0.5) if n > samples(0.5) else [0]:
            add(out, start, bark(rng, min(n, samples(between(rng, 0.15, 0.4)))), between(rng, 0.5, 1.2))
        return out

    return sound


def cat(rng: Rng) -> Sound:
    """A meow: a gliding harmonic tone through a mouth that opens and closes."""
    pitch_hz, mouth_hz, arch = between(rng, 380, 950), between(rng, 900, 2_200), between(rng, 1.1, 1.6)
    nasal = rng.uniform(0.2, 0.9)

    def meow(rng: Rng, n: int) -> Signal:
        f = np.float32(pitch_hz * between(rng, 0.9, 1.12)) * curve(n, [0.85, arch, arch * 0.95, between(rng, 0.7, 1.0)])
        f *= gusts(rng, n, 0.02, 0.15)
        source = tone(f, [1, nasal, 0.8, 0.5, 0.4, 0.3, 0.2])
        opened = shaped(source, band(mouth_hz * 0.7, mouth_hz * 1.8, 1.5)) * swell(n, 0.5, 0.5)
        return (np.float32(0.5) * source + opened) * swell(n, 0.2, 0.45)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        if n < samples(1.8):
            return meow(rng, n)
        for start in strokes(rng, n, between(rng, 0.5, 1.0), 0.3):
            add(out, start, meow(rng, samples(between(rng, 0.5, 1.1))), between(rng, 0.5, 1.2))
        return out

    return sound


def dishes(rng: Rng) -> Sound:
    """Ceramics, steel or glass."""
    return (ringing.dishes, ringing.cutlery, ringing.glass_jingling)[int(rng.choice(3, p=[0.6, 0.25, 0.15]))](rng)


def speech(rng: Rng) -> Sound:
    """Adults, now and then a child."""
    return voices.children(rng) if rng.random() < 0.2 else voices.people_talking(rng)


DOMESTIC_INSTRUMENTS: dict[str, Callable[[Rng], Sound]] = {
    "Alarm_bell_ringing": alarm,
    "Blender": blender,
    "Cat": cat,
    "Dishes": dishes,
    "Dog": dog,
    "Electric_shaver_toothbrush": shaver,
    "Frying": frying,
    "Running_water": noises.water_tap_running,
    "Speech": speech,
    "Vacuum_cleaner": vacuum_cleaner,
}

DOMESTIC = Ensemble(instruments=DOMESTIC_INSTRUMENTS, snr_db=(0.0, 25.0), loudness_db=(14.0, 5.0))

HOME = Scenery(
    slope_db=(-6.5, -3.0),
    corner_hz=(60, 250),
    traffic=(0.05, 0.5),
    traffic_sd_db=(1.0, 3.0),
    air=(0.02, 0.3),
    hum=(0.05, 0.6),
    reverb_s=(0.15, 0.7),
    reverb_gain=(0.03, 0.35),
    # As good as none: a far voice would be the event Speech, and nobody would have annotated it.
    disturbances_per_min=(0.0, 0.0),
)
"""Rooms of a home."""
