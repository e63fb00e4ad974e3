"""The ten scenes of a city: places of overlapping colours, and what is now and then heard in each, faintly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.events import INSTRUMENTS
from earmark_corpora.synthesis.mixing import Ensemble
from earmark_corpora.synthesis.scenery import Scenery
from earmark_corpora.synthesis.signals import (
    Signal,
    Sound,
    add,
    band,
    between,
    coloured_noise,
    gusts,
    modes,
    product,
    ripple,
    samples,
    strokes,
    swell,
    tilt,
    tone,
)


def rails(rng: Rng) -> Sound:
    """Wheels on rails: a low rumble, the joints of the track, now and then a squeal."""
    low_hz, per_s, squeal_hz = between(rng, 60, 160), between(rng, 1.5, 5), between(rng, 1_200, 3_500)
    colour = product(tilt(-7, low_hz * 2), band(low_hz / 2, 4_000, 1.0), ripple(rng, 2.0))

    def sound(rng: Rng, n: int) -> Signal:
        out = coloured_noise(rng, n, colour) * gusts(rng, n, 0.3, 2.0)
        for start in strokes(rng, n, per_s * between(rng, 0.8, 1.2), 0.3):
            add(out, start, modes(rng, samples(0.15), low_hz * np.array([1, 1.9, 3.1, 7.3]), 0.1, [1, 0.7, 0.4, 0.3]))
        if rng.random() < 0.3:
            f = np.full(n, squeal_hz, np.float32) * gusts(rng, n, 0.3, 0.1)
            out += np.float32(between(rng, 0.03, 0.3)) * tone(f, [1, 0.4, 0.2]) * gusts(rng, n, 0.05, 6)
        return out * swell(n, 0.25, 0.25)

    return sound


def chime(rng: Rng) -> Sound:
    """Doors that warn, tills that beep, the notes before an announcement."""
    pitch_hz = between(rng, 500, 2_400)
    steps, length_s = rng.choice([1.0, 0.8, 1.26, 1.5, 0.667], 4), between(rng, 0.08, 0.5)
    harmonics = [1.0, *rng.uniform(0, 0.5, 3)]

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for count, start in enumerate(strokes(rng, n, 1 / (length_s * 1.3), 0.05)):
            f = np.full(samples(length_s), pitch_hz * steps[count % len(steps)], np.float32)
            add(out, start, tone(f, harmonics) * swell(len(f), 0.03, 0.5))
        return out

    return sound


def music(rng: Rng) -> Sound:
    """Notes of a scale over a beat, as from the loudspeakers of a shop."""
    root_hz, per_s = between(rng, 110, 330), between(rng, 1.5, 4)
    scale = 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        for start in strokes(rng, n, per_s, 0.02):
            for _ in range(int(rng.integers(1, 4))):
                f = np.full(samples(between(rng, 0.2, 0.9)), root_hz * scale[rng.integers(len(scale))], np.float32)
                add(out, start, tone(f, [1, 0.5, 0.3, 0.15]) * swell(len(f), 0.02, 0.7), between(rng, 0.3, 1))
            if rng.random() < 0.7:
                beat = coloured_noise(rng, samples(0.06), band(3_000, 10_000, 1.0))
                add(out, start, beat * swell(len(beat), 0.02, 0.9), 0.4)
        return out * swell(n, 0.1, 0.1)

    return sound


_HEARD: dict[str, Callable[[Rng], Sound]] = {
    label: INSTRUMENTS[label]
    for label in (
        "(object) impact",
        "(object) rustling",
        "bird singing",
        "brakes squeaking",
        "car",
        "children",
        "large vehicle",
        "people talking",
        "people walking",
        "wind blowing",
    )
} | {"rails": rails, "chime": chime, "music": music}

URBAN = Ensemble(
    instruments=_HEARD,
    snr_db=(-6.0, 18.0),
    loudness_db=(6.0, 4.0),
    moving=frozenset({"car", "large vehicle", "people walking"}),
)

TYPICAL: dict[str, dict[str, float]] = {
    "airport": {"people talking": 1.4, "people walking": 1, "chime": 0.45, "(object) impact": 0.75, "children": 0.3},
    "bus": {"large vehicle": 1.4, "people talking": 0.75, "chime": 0.25, "(object) rustling": 0.6, "car": 0.3},
    "metro": {"rails": 1.5, "people talking": 0.6, "chime": 0.35, "(object) rustling": 0.45, "brakes squeaking": 0.45},
    "metro_station": {
        "rails": 0.75,
        "people walking": 1.4,
        "people talking": 0.75,
        "chime": 0.6,
        "brakes squeaking": 0.45,
    },
    "park": {"bird singing": 1.5, "people walking": 0.75, "wind blowing": 0.75, "children": 0.45, "car": 0.3},
    "public_square": {"people talking": 1, "people walking": 1, "bird singing": 0.45, "car": 0.6, "children": 0.45},
    "shopping_mall": {
        "people talking": 1.4,
        "music": 0.9,
        "people walking": 0.9,
        "(object) impact": 0.75,
        "chime": 0.3,
    },
    "street_pedestrian": {"people walking": 1.8, "people talking": 1.2, "music": 0.3, "car": 0.3, "children": 0.3},
    "street_traffic": {"car": 2.2, "large vehicle": 0.9, "people walking": 0.45, "brakes squeaking": 0.45},
    "tram": {"rails": 1.4, "people talking": 0.75, "chime": 0.35, "brakes squeaking": 0.75, "(object) rustling": 0.45},
}
"""Mean number of each event in a clip of 10 s; every event belongs to several scenes, none to all."""


def _scenery(
    slope_db: tuple[float, float],
    corner_hz: tuple[float, float],
    traffic: tuple[float, float],
    air: tuple[float, float],
    hum: tuple[float, float],
    reverb_s: tuple[float, float],
) -> Scenery:
    return Scenery(
        slope_db=slope_db,
        corner_hz=corner_hz,
        traffic=traffic,
        traffic_sd_db=(1.5, 3.5),
        air=air,
        hum=hum,
        reverb_s=reverb_s,
        reverb_gain=(0.03, 0.3),
        disturbances_per_min=(0.5, 2.0),
    )


URBAN_SCENERIES = {
    "airport": _scenery((-5.0, -3.8), (200, 400), (0.1, 0.3), (0.2, 0.5), (0.0, 0.1), (0.5, 0.9)),
    "bus": _scenery((-8.5, -7.0), (60, 130), (0.6, 1.2), (0.01, 0.05), (0.0, 0.1), (0.05, 0.15)),
    "metro": _scenery((-7.5, -6.0), (120, 280), (0.7, 1.4), (0.03, 0.15), (0.1, 0.4), (0.05, 0.2)),
    "metro_station": _scenery((-6.0, -4.8), (90, 200), (0.3, 0.8), (0.05, 0.2), (0.1, 0.4), (0.5, 0.9)),
    "park": _scenery((-5.5, -3.5), (60, 140), (0.1, 0.3), (0.25, 0.6), (0.0, 0.02), (0.1, 0.3)),
    "public_square": _scenery((-6.0, -4.5), (120, 280), (0.2, 0.6), (0.08, 0.3), (0.0, 0.02), (0.3, 0.7)),
    "shopping_mall": _scenery((-4.5, -3.0), (150, 350), (0.1, 0.3), (0.1, 0.3), (0.1, 0.4), (0.5, 0.9)),
    "street_pedestrian": _scenery((-6.0, -4.5), (220, 450), (0.15, 0.5), (0.05, 0.2), (0.0, 0.02), (0.2, 0.5)),
    "street_traffic": _scenery((-7.0, -5.5), (220, 500), (0.6, 1.2), (0.01, 0.08), (0.0, 0.02), (0.15, 0.5)),
    "tram": _scenery((-8.0, -6.5), (80, 180), (0.5, 1.1), (0.03, 0.15), (0.1, 0.4), (0.05, 0.2)),
}
"""Ranges of neighbouring scenes overlap on purpose: what tells them apart is how they vary, and what is heard."""
