"""What a place sounds like with no annotated event in it, and how it answers to sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.clicks import click, impact
from earmark_corpora.synthesis.signals import (
    Signal,
    add,
    band,
    between,
    coloured_noise,
    gusts,
    lowpassed,
    product,
    ripple,
    samples,
    shaped,
    swell,
    tilt,
    tone,
)
from earmark_corpora.synthesis.voices import people_talking
from earmark_corpora.tut.layout import RATE_HZ

MIC_DELAY = 128
"""Samples by which `Place.response` delays its direct sound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenery:
    """Ranges from which the places of one scene are drawn; those of different scenes overlap on purpose."""

    slope_db: tuple[float, float]
    """Per octave, of the steady noise."""
    corner_hz: tuple[float, float]
    traffic: tuple[float, float]
    """Level of a second noise that swells and ebbs, against the steady one."""
    traffic_sd_db: tuple[float, float]
    air: tuple[float, float]
    """Level of the high noise of leaves or ventilation."""
    hum: tuple[float, float]
    """Level of mains hum."""
    reverb_s: tuple[float, float]
    reverb_gain: tuple[float, float]
    disturbances_per_min: tuple[float, float]
    """Sounds that nobody annotates: far voices, something passing or falling, a beep."""


SCENERIES = {
    "city_center": Scenery(
        slope_db=(-7.0, -4.5),
        corner_hz=(150, 500),
        traffic=(0.2, 0.8),
        traffic_sd_db=(1.5, 3.5),
        air=(0.01, 0.15),
        hum=(0.0, 0.05),
        reverb_s=(0.15, 0.6),
        reverb_gain=(0.02, 0.15),
        disturbances_per_min=(1.0, 5.0),
    ),
    "residential_area": Scenery(
        slope_db=(-6.0, -3.0),
        corner_hz=(70, 250),
        traffic=(0.1, 0.6),
        traffic_sd_db=(1.5, 3.5),
        air=(0.1, 0.5),
        hum=(0.0, 0.05),
        reverb_s=(0.1, 0.4),
        reverb_gain=(0.01, 0.1),
        disturbances_per_min=(1.0, 4.0),
    ),
    "home": Scenery(
        slope_db=(-6.5, -3.5),
        corner_hz=(60, 200),
        traffic=(0.05, 0.4),
        traffic_sd_db=(1.0, 3.0),
        air=(0.02, 0.3),
        hum=(0.1, 0.6),
        reverb_s=(0.2, 0.6),
        reverb_gain=(0.05, 0.35),
        disturbances_per_min=(1.0, 5.0),
    ),
    "office": Scenery(
        slope_db=(-5.0, -2.5),
        corner_hz=(100, 400),
        traffic=(0.05, 0.4),
        traffic_sd_db=(1.0, 3.0),
        air=(0.03, 0.4),
        hum=(0.0, 0.3),
        reverb_s=(0.25, 0.7),
        reverb_gain=(0.05, 0.35),
        disturbances_per_min=(1.0, 5.0),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One location: the colour of its noise, its room and the microphones put there."""

    steady: Signal
    """Amplitude over frequency, see `_grid`: of the steady noise."""
    swelling: Signal
    """Of the noise that swells."""
    scenery: Scenery
    traffic: float
    traffic_sd_db: float
    traffic_s: float
    air: float
    hum: float
    width: float
    """Share of the noise that differs between the ears."""
    response: Signal
    """(channel, tap) from a source to the microphones."""


_GRID_HZ = np.geomspace(20, RATE_HZ / 2, 256).astype(np.float32)


def draw_place(rng: Rng, scene: str) -> Place:
    """Draw a location of a scene."""
    return place_in(SCENERIES[scene], rng)


def place_in(scenery: Scenery, rng: Rng) -> Place:
    """Draw a location from ranges."""
    steady = product(
        tilt(rng.uniform(*scenery.slope_db), between(rng, *scenery.corner_hz)),
        band(between(rng, 20, 60), 18_000, 1.0),
        ripple(rng, 2.0),
    )
    swelling = product(tilt(rng.uniform(-8, -4), between(rng, 150, 900)), band(40, 9_000, 1.0), ripple(rng, 3.0))
    return Place(
        steady=steady(_GRID_HZ),
        swelling=swelling(_GRID_HZ),
        scenery=scenery,
        traffic=between(rng, *scenery.traffic),
        traffic_sd_db=rng.uniform(*scenery.traffic_sd_db),
        traffic_s=between(rng, 0.8, 5.0),
        air=between(rng, *scenery.air),
        hum=rng.uniform(*scenery.hum),
        width=rng.uniform(0.3, 0.9),
        response=_response(rng, scenery),
    )


def background(place: Place, rng: Rng, n: int) -> Signal:
    """Sound (channel, n) of a place in which nobody would annotate anything, of unit power before disturbances."""

    def steady(frequency_hz: Signal) -> Signal:
        return np.interp(frequency_hz, _GRID_HZ, place.steady).astype(np.float32)

    def swelling(frequency_hz: Signal) -> Signal:
        return np.interp(frequency_hz, _GRID_HZ, place.swelling).astype(np.float32)

    out = np.empty((2, n), dtype=np.float32)
    out[0] = coloured_noise(rng, n, steady)
    out[1] = coloured_noise(rng, n, steady)
    out[1] *= np.float32(place.width)
    out[1] += np.float32(np.sqrt(1 - place.width**2)) * out[0]
    mono = coloured_noise(rng, n, swelling)
    mono *= gusts(rng, n, place.traffic_s, place.traffic_sd_db)
    mono *= np.float32(place.traffic)
    air_hz = between(rng, 1_500, 5_000)
    air = coloured_noise(rng, n, band(air_hz, air_hz * 3, 1.0))
    air *= gusts(rng, n, between(rng, 0.4, 2.0), 2.0)
    mono += np.float32(place.air) * air
    if place.hum > 0.1:
        period = tone(np.full(RATE_HZ // 50, 50, np.float32), rng.uniform(0, 1, 8).tolist())
        mono += np.float32(place.hum) * np.resize(period, n)
    _disturb(mono, place, rng)
    out += mono
    return out


def _disturb(mono: Signal, place: Place, rng: Rng) -> None:
    per_s = rng.uniform(*place.scenery.disturbances_per_min) / 60
    for _ in range(int(rng.poisson(per_s * len(mono) / RATE_HZ))):
        start = int(rng.integers(len(mono)))
        kind = rng.integers(5)
        if kind == 0:  # somebody far away, or a radio behind a wall
            sound = lowpassed(people_talking(rng)(rng, samples(between(rng, 0.5, 4))), between(rng, 300, 1500))
            level = between(rng, 0.15, 0.6)
        elif kind == 1:  # a plane, a lift, a pump: a swell of noise that is no vehicle on this street
            n = samples(between(rng, 1, 12))
            sound = coloured_noise(rng, n, band(between(rng, 60, 800), between(rng, 900, 5_000), 1.0)) * swell(
                n, 0.4, 0.4
            )
            level = between(rng, 0.2, 1.2)
        elif kind == 2:  # a beep
            f = np.full(samples(between(rng, 0.08, 0.8)), between(rng, 500, 4_500), np.float32)
            sound = tone(f, [1, 0.3, 0.2]) * swell(len(f), 0.05, 0.1)
            level = between(rng, 0.05, 0.4)
        elif kind == 3:  # something touches something
            sound = lowpassed(impact(rng)(rng, samples(between(rng, 0.05, 0.5))), between(rng, 500, 4_000))
            level = between(rng, 0.1, 0.6)
        else:  # crackles of the microphone, its cable, or its bearer
            sound = np.zeros(samples(between(rng, 0.1, 1.0)), np.float32)
            for _ in range(int(rng.integers(1, 8))):
                add(sound, int(rng.integers(len(sound))), click(rng, 300, between(rng, 1_000, 8_000), 0.02, 3))
            level = between(rng, 0.1, 0.6)
        power = float(np.mean(sound**2)) + 1e-12
        add(mono, start, sound, level / power**0.5)


def _response(rng: Rng, scenery: Scenery) -> Signal:
    """Direct sound through the microphone's colour, then a tail that dies exponentially."""
    reverb_s, gain = between(rng, *scenery.reverb_s), between(rng, *scenery.reverb_gain)
    n = MIC_DELAY + samples(reverb_s)
    t = np.arange(n - MIC_DELAY, dtype=np.float32) / np.float32(RATE_HZ)
    decay = np.exp(-np.float32(6.91 / reverb_s) * t)
    tail = rng.standard_normal((2, len(t)), dtype=np.float32) * decay
    damping_hz = between(rng, 2_000, 7_000)
    response = np.zeros((2, n), dtype=np.float32)
    for channel in range(2):
        response[channel, MIC_DELAY:] = lowpassed(tail[channel], damping_hz)
    response *= np.float32(gain) / np.sqrt(np.sum(response**2, axis=1, keepdims=True))
    response[:, MIC_DELAY] += 1
    colour = product(ripple(rng, 1.5), band(between(rng, 40, 120), between(rng, 9_000, 18_000), 1.0))
    response = np.stack([shaped(channel, colour) for channel in response])
    # The colour must not make events weaker than their drawn level, so its loss over all frequencies is given back.
    emphasised = np.diff(response[:, : 2 * MIC_DELAY], axis=1)
    response *= np.float32(2 / np.sqrt(np.sum(emphasised**2)))
    return response
