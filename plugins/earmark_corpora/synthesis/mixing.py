"""Renders one recording: the place, then each of its events at a drawn level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal

from earmark.recordings import Event, Recording
from earmark_corpora.synthesis.chance import Rng, generator
from earmark_corpora.synthesis.events import INSTRUMENTS, MOVING
from earmark_corpora.synthesis.scenery import MIC_DELAY, Place, background, draw_place
from earmark_corpora.synthesis.signals import Signal, Sound, add, between, lowpassed, samples
from earmark_corpora.tut.layout import RATE_HZ


@dataclass(frozen=True, kw_only=True, slots=True)
class Ensemble:
    """The events of one corpus: how each sounds, and how loud they usually are."""

    instruments: Mapping[str, Callable[[Rng], Sound]]
    snr_db: tuple[float, float]
    """Lowest and highest level of an event against its background."""
    loudness_db: tuple[float, float]
    """Mean and standard deviation over recordings of an event's usual level; single instances scatter by 3 dB more."""
    lasting: frozenset[str] = frozenset()
    """Events that are part of what all others are heard against."""
    moving: frozenset[str] = frozenset()
    """Events whose source crosses the stereo image."""


TUT = Ensemble(
    instruments=INSTRUMENTS,
    snr_db=(-3.0, 20.0),
    loudness_db=(12.0, 4.0),
    lasting=frozenset({"fan"}),
    moving=MOVING,
)

_FRAME = samples(0.02)
_EMPHASIS = np.float32(0.95)


def render(recording: Recording, seed: int) -> Signal:
    """Sound (sample, channel) of a recording in [-1, 1], 44.1 kHz stereo.

    Recordings of one location (`Recording.group`) share the place; instruments are each recording's own.
    """
    assert recording.scene is not None
    place = draw_place(generator(seed, "place", recording.group or recording.path), recording.scene)
    rng = generator(seed, "sound", recording.path)
    return mixed(place, recording.events or (), samples(recording.duration_s), TUT, rng)


def mixed(place: Place, events: Sequence[Event], n: int, ensemble: Ensemble, rng: Rng) -> Signal:
    """Sound (n, channel) of a place in which these events are heard."""
    mix = background(place, rng, n)
    instruments: dict[str, Sound] = {}
    loudness_db: dict[str, float] = {}
    # An event over the whole recording belongs to what all others must be heard against.
    for event in sorted(events, key=lambda event: event.onset_s - event.offset_s):
        if event.label not in instruments:
            instruments[event.label] = ensemble.instruments[event.label](rng)
            loudness_db[event.label] = rng.normal(*ensemble.loudness_db)
    for event in events:
        if event.label in ensemble.lasting:
            _put(mix, _power(mix), event, instruments[event.label], loudness_db[event.label], ensemble, rng)
    level = _power(mix)
    bus = np.zeros((2, n), dtype=np.float32)
    for event in events:
        if event.label not in ensemble.lasting:
            _put(bus, level, event, instruments[event.label], loudness_db[event.label], ensemble, rng)
    heard = scipy.signal.oaconvolve(bus, place.response, axes=1)
    mix += heard[:, MIC_DELAY : MIC_DELAY + n].astype(np.float32, copy=False)
    return _levelled(mix, rng)


def _put(
    mix: Signal, level: Signal, event: Event, sound: Sound, loudness_db: float, ensemble: Ensemble, rng: Rng
) -> None:
    """Add an event to (channel, sample) so that it stands out of the background's level by a drawn SNR."""
    start = round(event.onset_s * RATE_HZ)
    n = min(samples(event.offset_s - event.onset_s), mix.shape[1] - start)
    if n <= 0:
        return
    mono = lowpassed(sound(rng, n), between(rng, 2_500, 16_000))
    own = _power(mono[None])
    # The louder half of the frames: what sounds now and then is as loud as when it sounds.
    own_power = float(np.mean(np.sort(own)[len(own) // 2 :])) + 1e-20
    first = min(start // _FRAME, len(level) - 1)
    background_power = float(np.mean(level[first : first + len(own)])) + 1e-12
    snr_db = float(np.clip(rng.normal(loudness_db, 3), *ensemble.snr_db))
    mono *= np.float32(np.sqrt(background_power / own_power) * 10 ** (snr_db / 20))
    angle = rng.uniform(0.1, 0.9) * np.pi / 2
    if event.label in ensemble.moving and n > samples(1):
        to = np.linspace(angle, rng.uniform(0.1, 0.9) * np.pi / 2, n, dtype=np.float32)
        add(mix[0], start, mono * np.cos(to))
        add(mix[1], start, mono * np.sin(to))
    else:
        delay = round(0.0007 * RATE_HZ * (4 / np.pi * angle - 1))  # towards the right ear first where positive
        add(mix[0], start + max(delay, 0), mono, np.cos(angle))
        add(mix[1], start + max(-delay, 0), mono, np.sin(angle))


def _power(signal: Signal) -> Signal:
    """Power (frame,) per 20 ms of a (channel, sample) signal, highs emphasised: close to what an ear would weigh."""
    n_frames = -(-signal.shape[1] // _FRAME)
    total = np.zeros(n_frames, dtype=np.float32)
    for channel in signal:
        emphasised = np.zeros(n_frames * _FRAME, dtype=np.float32)
        emphasised[: len(channel)] = channel
        emphasised[1 : len(channel)] -= _EMPHASIS * channel[:-1]
        frames = emphasised.reshape(n_frames, _FRAME)
        total += np.einsum("ij,ij->i", frames, frames) / np.float32(_FRAME)
    total /= np.float32(len(signal))
    return total


def _levelled(mix: Signal, rng: Rng) -> Signal:
    """The mix as (sample, channel) at the gain that somebody set the recorder to, never clipped."""
    rms = float(np.sqrt(np.mean(mix[:, ::64] ** 2)))
    gain = 10 ** (rng.uniform(-44, -30) / 20) / max(rms, 1e-9)
    peak = max(float(mix.max()), -float(mix.min()))
    mix *= np.float32(min(gain, 0.9 / max(peak, 1e-9)))
    return np.ascontiguousarray(mix.T)
