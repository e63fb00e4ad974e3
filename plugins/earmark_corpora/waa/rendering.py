"""From a recipe to samples: the loudness of both sounds set, one added to the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio import audio_info, read_clip
from earmark_corpora.waa.layout import CLIP_N, CLIP_S, RATE_HZ, to_n
from earmark_corpora.waa.loudness import SILENT_LUFS, integrated_lufs, loudness_lufs
from earmark_corpora.waa.pitch import shifted
from earmark_corpora.waa.recipe import FADE_S, REFERENCE_LUFS, Recipe

Sound = npt.NDArray[np.float64]
Samples = npt.NDArray[np.int16]

# 16 bit: with a background at -50 LUFS, rounding lies some 50 dB below it, and its mean mel magnitude (0.0003) far
# below the 0.01 that the features add before the logarithm. 24 bit would be half as much disk again for nothing heard.
FULL_SCALE = 32_767


def render(recipe: Recipe, soundbank: Path) -> Samples:
    """The clip (sample,): 10 s at 44.1 kHz, mono, 16 bit; always the same bits for the same recipe and files.

    The same bits need the same versions of numpy, scipy, soxr and pyloudnorm, too.

    Source: [weak_label_limits], section 2.3 of its specification, after Scaper.

    Raises:
        AudioError: a file is missing, not readable, shorter than the recipe says, or silent.
    """
    return mixed(background_of(recipe, soundbank), event_of(recipe, soundbank), recipe)


def mixed(background: Sound, event: Sound, recipe: Recipe) -> Samples:
    """The clip (sample,) of two sounds whose loudness is set: both added, scaled down only above full scale."""
    clip = background.copy()
    onset = to_n(recipe.onset_s)
    clip[onset : onset + len(event)] += event
    clip *= FULL_SCALE
    peak = float(np.abs(clip).max())
    if peak > FULL_SCALE:
        clip *= FULL_SCALE / peak
    samples: Samples = np.rint(clip).astype(np.int16)
    return samples


def background_of(recipe: Recipe, soundbank: Path) -> Sound:
    """The background (sample,) at the reference loudness, repeated where its file is shorter than the clip."""
    file = soundbank / recipe.background_file
    length_s = min(CLIP_S, audio_info(file).duration_s)
    sound = _mono(file, recipe.background_start_s, length_s)
    whole = np.tile(sound, -(-CLIP_N // len(sound)))[:CLIP_N]
    lufs = integrated_lufs(whole, f"{file}, {length_s:g} s from {recipe.background_start_s:g} s on,")
    return whole * _gain(REFERENCE_LUFS - lufs)


def event_of(recipe: Recipe, soundbank: Path) -> Sound:
    """The event (sample,) at its pitch and loudness, with its fades."""
    sound = unfaded_event_of(recipe, soundbank)
    fade = min(to_n(FADE_S), len(sound) // 2)
    rise = np.sin(np.linspace(0, np.pi / 2, fade))
    sound[:fade] *= rise
    sound[len(sound) - fade :] *= rise[::-1]
    return sound


def unfaded_event_of(recipe: Recipe, soundbank: Path) -> Sound:
    """The event (sample,) at the loudness that the recipe asks for.

    As in Scaper, fades follow: they take several LU more from an event of 0.2 s that begins with its peak.
    """
    file = soundbank / recipe.source_file
    sound = shifted(_mono(file, recipe.source_start_s, recipe.duration_s), recipe.pitch_shift)
    lufs = integrated_lufs(sound, f"{file}, {recipe.duration_s:g} s from {recipe.source_start_s:g} s on,")
    return sound * _gain(REFERENCE_LUFS + recipe.snr_db - lufs)


def audible(recipe: Recipe, soundbank: Path) -> bool:
    """Whether the event has a loudness at all."""
    sound = shifted(_mono(soundbank / recipe.source_file, recipe.source_start_s, recipe.duration_s), recipe.pitch_shift)
    return loudness_lufs(sound) >= SILENT_LUFS


def _mono(file: Path, start_s: float, duration_s: float) -> Sound:
    mono: Sound = read_clip(file, start_s, duration_s, RATE_HZ).mean(axis=0, dtype=np.float64)
    return mono


def _gain(db: float) -> float:
    return float(10 ** (db / 20))
