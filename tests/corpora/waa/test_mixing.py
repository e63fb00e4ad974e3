"""A mix has the loudness that was asked for, and comes out of its recipe bit for bit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from earmark.errors import AnnotationError, AudioError
from earmark.plugins import PluginManager
from earmark_corpora.waa.layout import CLIP_N, to_n
from earmark_corpora.waa.loudness import integrated_lufs
from earmark_corpora.waa.pitch import shifted
from earmark_corpora.waa.recipe import Recipe, as_jams, read_recipe
from earmark_corpora.waa.rendering import background_of, event_of, render, unfaded_event_of

RATE_HZ = 44_100
BLENDER = "audio/eval/soundbank/foreground/Blender/104.wav"
YOUTUBE = "audio/eval/soundbank/background/youtube/8.wav"
RECIPE = Recipe(
    clip="eval/Blender_0000.wav",
    label="Blender",
    source_file="audio/train/soundbank/foreground/Blender/101.wav",
    source_start_s=0.0,
    onset_s=2.0,
    duration_s=3.0,
    snr_db=12.0,
    pitch_shift=1.5,
    background_file=YOUTUBE,
    background_start_s=0.0,
)


def sine(hz, seconds, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def recipes(waa, dataset):
    return [(file, read_recipe(file)) for file in sorted((waa / dataset / "clips").rglob("*.jams"))]


def test_a_full_scale_sine_has_the_loudness_that_the_standard_gives_it():
    assert integrated_lufs(sine(997, 10), "a sine") == pytest.approx(-3.01, abs=0.05)
    assert integrated_lufs(sine(997, 10, 0.1), "a sine") == pytest.approx(-23.01, abs=0.05)


def test_a_sound_shorter_than_half_a_second_is_as_loud_as_its_repetition():
    short = np.random.default_rng(0).normal(0, 0.1, 4_410)
    assert integrated_lufs(short, "noise") == integrated_lufs(np.tile(short, 5), "noise")


@pytest.mark.parametrize("seconds", [0.03, 2.0])
def test_silence_has_no_loudness_and_the_error_names_it(seconds):
    with pytest.raises(AudioError, match=r"^b.wav is silent: no part of it passes -70 LUFS.*Replace the file"):
        integrated_lufs(np.zeros(round(seconds * RATE_HZ)), "b.wav")


@pytest.mark.parametrize("semitones", [-3.0, 0.4, 3.0])
def test_a_shifted_tone_lasts_as_long_and_is_as_loud_at_its_new_pitch(semitones):
    tone = shifted(sine(440, 2), semitones)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    assert np.argmax(spectrum) / 2 == pytest.approx(440 * 2 ** (semitones / 12), abs=1.0)
    assert len(tone) == 2 * RATE_HZ
    assert np.std(tone) == pytest.approx(np.sqrt(0.5), rel=0.02)


@pytest.mark.parametrize("n", [3, 1_102, 20_000])
def test_sounds_of_any_length_can_be_shifted_and_no_shift_changes_nothing(n):
    sound = np.random.default_rng(0).normal(0, 0.1, n)
    assert np.isfinite(shifted(sound, 2.7)).all()
    assert len(shifted(sound, 2.7)) == n
    np.testing.assert_array_equal(shifted(sound, 0.0), sound)


def test_clicks_keep_their_times_when_the_pitch_changes():
    clicks = np.zeros(2 * RATE_HZ)
    clicks[[8_820, 35_280, 61_740]] = 1.0
    moved = np.abs(shifted(clicks, 3.0))
    for at in (8_820, 35_280, 61_740):
        around = moved[at - 2_000 : at + 2_000]
        assert abs(int(np.argmax(around)) - 2_000) < 700  # 16 ms: half of what the search may move a piece
        assert around.max() > 0.3


def test_in_the_clip_itself_noise_stands_out_of_noise_by_the_snr_asked_for(whole_bank):
    for snr_db in (6.0, 18.5, 30.0):
        recipe = replace(RECIPE, snr_db=snr_db)
        background = background_of(recipe, whole_bank)
        event = (render(recipe, whole_bank) / 32_767 - background)[to_n(2.0) : to_n(5.0)]
        difference = integrated_lufs(event, "event") - integrated_lufs(background, "background")
        assert difference == pytest.approx(snr_db, abs=0.1)


def test_every_event_of_both_sets_has_the_loudness_asked_for_before_its_fades(waa, whole_bank):
    for dataset in ("waa1", "200ms"):
        for _, recipe in recipes(waa, dataset)[::4]:
            event = unfaded_event_of(recipe, whole_bank)
            assert integrated_lufs(event, "event") + 50 == pytest.approx(recipe.snr_db, abs=0.1)
            assert integrated_lufs(background_of(recipe, whole_bank), "room") == pytest.approx(-50, abs=0.1)


def test_an_event_fades_in_and_out_over_10_ms(whole_bank):
    faded, sharp = event_of(RECIPE, whole_bank), unfaded_event_of(RECIPE, whole_bank)
    assert faded[0] == faded[-1] == 0
    np.testing.assert_array_equal(faded[441:-441], sharp[441:-441])
    assert np.abs(faded[220] / sharp[220]) == pytest.approx(np.sin(np.pi / 4), abs=0.01)


def test_a_background_shorter_than_the_clip_is_repeated(whole_bank):
    background = background_of(RECIPE, whole_bank)
    assert len(background) == CLIP_N
    np.testing.assert_array_equal(background[: to_n(4.0)], background[to_n(4.0) : to_n(8.0)])


def test_a_mix_above_full_scale_is_scaled_down_and_not_clipped(whole_bank):
    recipe = replace(RECIPE, snr_db=60.0)
    clip = render(recipe, whole_bank).astype(int)
    assert np.abs(clip).max() == 32_767
    assert np.sum(np.abs(clip) == 32_767) == 1
    event = clip[to_n(2.0) : to_n(5.0)] / 32_767
    ratio = integrated_lufs(event, "event") - integrated_lufs(clip[to_n(6.0) :] / 32_767, "rest")
    assert ratio == pytest.approx(60.0, abs=0.5)  # both are scaled alike


def test_every_clip_comes_out_of_its_recipe_bit_for_bit(waa, whole_bank):
    for dataset in ("waa1", "200ms"):
        for file, recipe in recipes(waa, dataset)[::3]:
            written, rate_hz = soundfile.read(file.with_suffix(".wav"), dtype="int16")
            assert rate_hz == RATE_HZ
            np.testing.assert_array_equal(render(recipe, whole_bank), written)


def test_a_recipe_is_read_back_as_it_was_written(tmp_path):
    recipe = replace(RECIPE, onset_s=1 / 3, snr_db=0.1 + 0.2, pitch_shift=-1e-6)
    (tmp_path / "a.jams").write_text(as_jams(recipe), encoding="utf-8")
    assert read_recipe(tmp_path / "a.jams") == recipe


def test_a_recipe_is_a_jams_file_that_annotation_formats_read(waa):
    file, recipe = recipes(waa, "waa1")[0]
    (annotated,) = PluginManager.of_environment().build("annotation format", "jams", {}, "a test").read(file)
    (event,) = annotated.events
    assert (event.label, event.onset_s, event.offset_s) == (recipe.label, recipe.onset_s, recipe.offset_s)


def test_the_200_ms_set_differs_from_waa1_in_the_event_alone(waa):
    compared = 0
    for (file, whole), (other, short) in zip(recipes(waa, "waa1"), recipes(waa, "200ms"), strict=True):
        assert short == replace(whole, source_start_s=short.source_start_s, duration_s=short.duration_s)
        assert short.duration_s == min(whole.duration_s, 0.2)
        assert whole.source_start_s <= short.source_start_s
        assert to_n(short.source_start_s + short.duration_s) <= to_n(whole.source_start_s + whole.duration_s)
        one, two = (soundfile.read(f.with_suffix(".wav"), dtype="int16")[0] for f in (file, other))
        if max(np.abs(one).max(), np.abs(two).max()) < 32_767:  # else one of them was scaled down
            np.testing.assert_array_equal(one[: to_n(whole.onset_s)], two[: to_n(whole.onset_s)])
            np.testing.assert_array_equal(one[to_n(whole.offset_s) :], two[to_n(whole.offset_s) :])
            compared += 1
    assert compared > 30


def edited(change):
    document = json.loads(as_jams(RECIPE))
    change(document["annotations"][0]["data"][1]["value"], document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (edited(lambda v, _: v.update(source_file="../../secret.wav")), "a.jams: '../../secret.wav' is not the path"),
        (edited(lambda v, _: v.update(source_file="/etc/secret.wav")), "a.jams: '/etc/secret.wav' is not the path"),
        (edited(lambda v, _: v.update(event_duration=9.0)), "'Blender' from 2 s for 9 s.*cannot be mixed into 10 s"),
        (edited(lambda v, _: v.update(source_time=-1.0)), "from -1 s of its file.*Correct the recipe"),
        (edited(lambda v, _: v.update(snr=float("nan"))), "a.jams: not a recipe of WAA .ValueError: snr is nan"),
        (edited(lambda v, _: v.update(label="Lion")), "a.jams: 'Lion' from 2 s for 3 s"),
        (edited(lambda _, d: d["sandbox"]["earmark"].update(rendering=0)), "is for rendering 0 .*renders 1"),
        (edited(lambda _, d: d["annotations"][0]["sandbox"]["scaper"].update(ref_db=-55)), "with .-55.*LUFS"),
        ("{}", "a.jams: not a recipe of WAA .KeyError: 'sandbox'.*synthesize waa"),
        ("[", "a.jams: not a recipe of WAA .JSONDecodeError"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_with_what_is_wrong(tmp_path, text, message):
    (tmp_path / "a.jams").write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=message):
        read_recipe(tmp_path / "a.jams")


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AnnotationError, match="a.jams: the recipe cannot be read"):
        read_recipe(tmp_path / "a.jams")


def test_a_file_shorter_than_its_recipe_says_is_named(whole_bank):
    with pytest.raises(AudioError, match=r"104.wav: ends 0.700 s in|104.wav: ends .* s in, 9.000 s were announced"):
        render(replace(RECIPE, source_file=BLENDER, onset_s=0.0, duration_s=9.0), whole_bank)


def test_a_silent_stretch_of_a_file_that_sounds_elsewhere_is_named(tmp_path):
    sound = np.zeros(12 * RATE_HZ)
    sound[-100:] = 0.5
    soundfile.write(tmp_path / "a.wav", sound, RATE_HZ, subtype="PCM_16")
    recipe = replace(RECIPE, source_file="a.wav", background_file="a.wav", source_start_s=1.0)
    with pytest.raises(AudioError, match=r"a.wav, 3 s from 1 s on, is silent: no part of it passes -70 LUFS"):
        event_of(recipe, tmp_path)
    with pytest.raises(AudioError, match=r"a.wav, 10 s from 0 s on, is silent"):
        background_of(recipe, tmp_path)
