"""Instruments, places and mixtures: whole, various, and as loud as they are meant to be."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from earmark.recordings import Event, Recording
from earmark_corpora.synthesis import mixing
from earmark_corpora.synthesis.chance import generator
from earmark_corpora.synthesis.events import INSTRUMENTS, MOVING
from earmark_corpora.synthesis.mixing import render
from earmark_corpora.synthesis.scenery import SCENERIES, background, draw_place
from earmark_corpora.synthesis.signals import (
    RATE_HZ,
    band,
    coloured_noise,
    modes,
    samples,
    slow_curve,
    strokes,
    tone,
)
from earmark_corpora.tut.layout import EVENTS, SCENES


def recording(scene="home", duration_s=12.0, events=(), path="TUT-sound-events-2016-development/audio/home/s001.wav"):
    return Recording(
        path=path,
        duration_s=duration_s,
        rate_hz=RATE_HZ,
        channels=2,
        split="development",
        scene=scene,
        events=tuple(events),
    )


def spectrum_db(sound):
    """Level in 24 bands, without the overall level."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    edges = np.geomspace(60, 18_000, 25) / (RATE_HZ / 2) * len(power)
    level = 10 * np.log10([power[int(a) : int(b) + 1].mean() + 1e-20 for a, b in itertools.pairwise(edges)])
    return level - level.mean()


def test_every_event_has_an_instrument_and_every_scene_a_scenery():
    assert set(INSTRUMENTS) == set(EVENTS)
    assert set(EVENTS) >= MOVING
    assert set(SCENERIES) == set(SCENES)


@pytest.mark.parametrize("label", EVENTS)
@pytest.mark.parametrize("duration_s", [0.012, 0.2, 1.5, 6.0])
def test_an_event_of_any_length_is_finite_and_heard(label, duration_s):
    rng = generator(3, label)
    for _ in range(3):
        sound = INSTRUMENTS[label](rng)(rng, samples(duration_s))
        assert sound.shape == (samples(duration_s),)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 1e-3


BLOWS = {"(object) snapping", "(object) impact", "(object) banging", "cupboard", "drawer"}


@pytest.mark.parametrize("label", [label for label in EVENTS if label not in BLOWS])
def test_an_event_that_is_no_blow_sounds_to_the_end_of_a_long_annotation(label):
    rng = generator(4, label)
    sound = INSTRUMENTS[label](rng)(rng, samples(9.0))
    last = np.sqrt(np.mean(sound[-len(sound) // 3 :] ** 2))
    assert last > 0.05 * np.sqrt(np.mean(sound**2))


@pytest.mark.parametrize("label", EVENTS)
def test_recordings_have_different_voices_of_one_event(label):
    rng = generator(5, label)
    spectra = [spectrum_db(INSTRUMENTS[label](rng)(rng, samples(1.5))) for _ in range(6)]
    distances = [np.sqrt(np.mean((a - b) ** 2)) for i, a in enumerate(spectra) for b in spectra[:i]]
    assert np.median(distances) > 2.0


@pytest.mark.parametrize("scene", SCENES)
def test_places_of_one_scene_differ_more_than_two_takes_of_one_place(scene):
    def take(place_seed, seed):
        return spectrum_db(
            background(draw_place(generator(place_seed, scene), scene), generator(seed), samples(4)).mean(0)
        )

    def distance_db(a, b):
        return np.sqrt(np.mean((a - b) ** 2))

    takes = [(take(seed, seed), take(seed, 100 + seed)) for seed in range(5)]
    of_one_place = np.median([distance_db(first, second) for first, second in takes])
    of_two_places = np.median([distance_db(a, b) for (a, _), (_, b) in itertools.combinations(takes, 2)])
    assert of_two_places > 1.5 * of_one_place
    assert of_two_places > 2.0


@pytest.mark.parametrize("scene", SCENES)
def test_the_ears_hear_a_place_differently_but_not_independently(scene):
    left, right = background(draw_place(generator(1, scene), scene), generator(1), samples(5))
    assert 0.1 < np.corrcoef(left, right)[0, 1] < 0.995


def test_noise_has_unit_power_and_stays_in_its_band():
    for seconds in (0.5, 8.0):  # one block, and blocks that fade into each other
        sound = coloured_noise(np.random.default_rng(0), samples(seconds), band(1000, 2000, 4.0))
        assert np.mean(sound**2) == pytest.approx(1.0, rel=0.15)
        power = np.abs(np.fft.rfft(sound)) ** 2
        hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
        assert power[(hz > 700) & (hz < 2900)].sum() > 0.97 * power.sum()


def test_noise_has_no_seam_between_blocks():
    sound = coloured_noise(np.random.default_rng(0), samples(12.0), band(500, 4000))
    level = np.sqrt(np.mean(sound[: 500 * 1000].reshape(-1, 1000) ** 2, axis=1))
    assert level.min() > 0.4
    assert np.abs(np.diff(sound)).max() < 12 * np.sqrt(np.mean(np.diff(sound) ** 2))


def test_a_mode_dies_by_60_db_in_its_t60():
    ring = modes(np.random.default_rng(0), samples(0.5), [1000.0], 0.4, [1.0])
    early, late = np.abs(ring[500:1500]).max(), np.abs(ring[samples(0.4) - 1500 : samples(0.4)]).max()
    assert -60 < 20 * np.log10(late / early) < -50


def test_harmonics_above_the_band_are_left_out():
    sound = tone(np.full(samples(0.5), 9_000, np.float32), [0.0, 0.0, 1.0])
    assert np.abs(sound).max() == 0


def test_slow_curves_stay_between_their_bounds():
    values = slow_curve(np.random.default_rng(0), samples(3.3), 0.25, 0.8, 1.2)
    assert len(values) == samples(3.3)
    assert 0.8 <= values.min() < values.max() <= 1.2


def test_strokes_keep_their_rate():
    starts = strokes(np.random.default_rng(0), samples(20.0), 5.0, 0.5)
    assert len(starts) == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("scene", SCENES)
def test_a_mixture_is_finite_stereo_and_not_clipped(scene):
    events = [Event(0.5 * i, 0.5 * i + 0.4 + 0.1 * i, label) for i, label in enumerate(EVENTS[:20])]
    sound = render(recording(scene, 12.0, events), 1)
    assert sound.shape == (samples(12.0), 2)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 1e-4 < np.abs(sound).max() <= 0.95


def test_a_mixture_depends_on_seed_and_path_alone():
    here = recording(events=[Event(1.0, 2.0, "dishes")])
    elsewhere = recording(events=here.events, path="TUT-sound-events-2016-development/audio/home/s002.wav")
    assert np.array_equal(render(here, 1), render(here, 1))
    assert not np.array_equal(render(here, 1), render(here, 2))
    assert not np.array_equal(render(here, 1), render(elsewhere, 1))


def test_events_stand_out_of_the_background_by_the_drawn_snr(monkeypatch):
    monkeypatch.setattr(mixing, "TUT", dataclasses.replace(mixing.TUT, snr_db=(10.0, 10.0)))
    rises_db = []
    for seed in range(6):
        events = [Event(4.0, 8.0, "water tap running")]
        path = f"TUT-sound-events-2016-development/audio/home/s{seed}.wav"
        level = mixing._power(render(recording(events=events, path=path), 1).T)
        rises_db.append(10 * np.log10(np.median(level[210:390]) / np.median(np.r_[level[:190], level[420:]])))
    assert np.median(rises_db) == pytest.approx(10.4, abs=3.0)  # 10 log10(1 + 10)


def test_offices_of_one_location_share_their_noise_and_not_their_instruments():
    def office(name, group):
        return Recording(
            path=f"TUT-acoustic-scenes-2016-development/audio/{name}.wav",
            duration_s=10.0,
            rate_hz=RATE_HZ,
            channels=2,
            split="development",
            scene="office",
            group=group,
        )

    clips = [office("s001_0_30", "s001"), office("s001_30_60", "s001"), office("s002_0_30", "s002")]
    first, same, other = (spectrum_db(render(clip, 1).mean(1)) for clip in clips)
    assert np.sqrt(np.mean((first - same) ** 2)) < np.sqrt(np.mean((first - other) ** 2))
    assert not np.array_equal(render(clips[0], 1), render(clips[1], 1))
