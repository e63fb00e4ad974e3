"""Events with a pitch: people, birds, and things that squeak."""

from __future__ import annotations

import numpy as np

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.signals import (
    Gain,
    Signal,
    Sound,
    add,
    band,
    between,
    coloured_noise,
    curve,
    gusts,
    product,
    samples,
    shaped,
    slow_curve,
    swell,
    tilt,
    tone,
)
from earmark_corpora.tut.layout import RATE_HZ


def _mouth(first_hz: float, second_hz: float, third_hz: float) -> Gain:
    """Three resonances of a vocal tract over a falling source spectrum."""

    def gain(frequency_hz: Signal) -> Signal:
        total = np.full_like(frequency_hz, 0.03)
        for formant_hz, width_hz, amplitude in ((first_hz, 90, 1.0), (second_hz, 130, 0.6), (third_hz, 180, 0.3)):
            total += np.float32(amplitude) / (1 + ((frequency_hz - formant_hz) / width_hz) ** 2)
        return total

    return product(gain, tilt(-6, 500))


def _syllable(rng: Rng, n: int, pitch_hz: float, glide: float, tract: float, breath: float) -> Signal:
    """A vowel of any colour on a gliding pitch, with some of its breath."""
    pitch = curve(n, [pitch_hz, pitch_hz * between(rng, 0.9, 1.15), pitch_hz * glide])
    phase = np.cumsum(pitch, dtype=np.float64) / RATE_HZ
    pulses = np.diff(np.floor(phase), prepend=0.0).astype(np.float32)
    hiss = rng.standard_normal(n, dtype=np.float32) * np.float32(breath * np.sqrt(pitch_hz / RATE_HZ))
    mouth = _mouth(between(rng, 280, 850) * tract, between(rng, 900, 2300) * tract, between(rng, 2300, 3100) * tract)
    vowel = shaped(pulses + hiss, mouth) * swell(n, 0.2, 0.4)
    return vowel / np.float32(np.sqrt(np.mean(vowel**2)) + 1e-9)


def _speech(pitch_hz: float, span: float, tract: float, per_s: float, breath: float, consonants: float) -> Sound:
    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        # Two talkers take turns in long stretches.
        talkers = [(1.0, 1.0), (between(rng, 0.6, 1.6), between(rng, 0.9, 1.15))]
        start, talker = 0, 0
        while start < n:
            if rng.random() < 0.06:
                talker = 1 - talker
                start += samples(between(rng, 0.05, 0.35)) if n > samples(1.5) else 0
            pitch, size = talkers[talker]
            length = min(samples(between(rng, 0.6, 1.6) / per_s), n - start)
            if length < 400:
                break
            vowel_hz = pitch_hz * pitch * span ** rng.uniform(-0.5, 0.5)
            add(out, start, _syllable(rng, length, vowel_hz, between(rng, 0.75, 1.2), tract * size, breath))
            if rng.random() < 0.6:
                hiss = coloured_noise(rng, min(length, samples(between(rng, 0.03, 0.1))), band(2_500, 8_000, 1.0))
                add(out, start, hiss * swell(len(hiss), 0.3, 0.5), consonants)
            start += round(length * rng.uniform(0.85, 1.15))
        return out

    return sound


def people_talking(rng: Rng) -> Sound:
    """Adults, one or two at a time, near or as a murmur."""
    return _speech(
        pitch_hz=between(rng, 90, 240),
        span=between(rng, 1.2, 1.8),
        tract=between(rng, 0.9, 1.15),
        per_s=between(rng, 3.5, 6.5),
        breath=between(rng, 0.1, 0.6),
        consonants=between(rng, 0.2, 0.9),
    )


def children(rng: Rng) -> Sound:
    """Children who speak, shout and laugh: higher, with wider glides."""
    return _speech(
        pitch_hz=between(rng, 220, 480),
        span=between(rng, 1.5, 2.6),
        tract=between(rng, 1.1, 1.4),
        per_s=between(rng, 2.0, 6.0),
        breath=between(rng, 0.1, 0.5),
        consonants=between(rng, 0.1, 0.6),
    )


def bird_singing(rng: Rng) -> Sound:
    """Phrases of chirps, trills and whistles of one to three birds."""
    birds = [
        (between(rng, 1800, 6000), between(rng, 0.04, 0.22), between(rng, 4, 14), rng.uniform(-0.6, 0.6, 3))
        for _ in range(int(rng.integers(1, 4)))
    ]

    def sound(rng: Rng, n: int) -> Signal:
        out = np.zeros(n, dtype=np.float32)
        pitch_hz, length_s, per_s, shape = birds[rng.integers(len(birds))]
        start = 0
        while start < n:
            for _ in range(int(rng.integers(1, 9))):
                length = min(samples(length_s * between(rng, 0.7, 1.4)), n - start)
                if length < 200:
                    return out
                steps = pitch_hz * between(rng, 0.93, 1.07) * np.exp2([0, *shape])
                chirp = tone(curve(length, list(steps)), [1, 0.15]) * swell(length, 0.25, 0.4)
                add(out, start, chirp, between(rng, 0.5, 1.5))
                start += max(length, samples(between(rng, 0.7, 1.4) / per_s))
            if rng.random() < 0.3:
                pitch_hz, length_s, per_s, shape = birds[rng.integers(len(birds))]
            start += samples(between(rng, 0.05, 0.5))
        return out

    return sound


def brakes_squeaking(rng: Rng) -> Sound:
    """A metallic tone that drifts and beats, over a hiss of the wheel."""
    pitch_hz, second, rough = between(rng, 1100, 5500), between(rng, 1.02, 2.7), between(rng, 0.05, 0.5)

    def sound(rng: Rng, n: int) -> Signal:
        drift = slow_curve(rng, n, 0.15, 0.97, 1.03) * curve(n, [1, between(rng, 0.75, 1.05)])
        f = np.float32(pitch_hz * between(rng, 0.85, 1.15)) * drift
        out = tone(f, [1, 0.4, 0.2]) + np.float32(0.5) * tone(f * np.float32(second))
        out *= gusts(rng, n, 0.02, 20 * rough)
        out += np.float32(rough) * coloured_noise(rng, n, band(pitch_hz * 0.7, pitch_hz * 2.5))
        return out * swell(n, rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.4))

    return sound


def squeaking(rng: Rng) -> Sound:
    """A chair or a hinge: a rough harmonic tone that glides."""
    pitch_hz, rough = between(rng, 350, 2200), between(rng, 3, 12)

    def sound(rng: Rng, n: int) -> Signal:
        f = np.float32(pitch_hz) * curve(n, [between(rng, 0.7, 1.4) for _ in range(4)])
        out = tone(f, [1, 0.8, 0.6, 0.5, 0.3, 0.2]) * gusts(rng, n, 0.008, rough)
        return out * swell(n, 0.15, 0.3)

    return sound
