"""Picture and sound of a file, as they are sent to the page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark_lab.player import picture, playing
from earmark_lab.player.picture import mel_filters, picture_of, pooled
from earmark_lab.player.playing import lower_rate_hz, sound_bytes

RATE = 8000


def tone(path: Path, hertz: float = 1000.0, seconds: float = 4.0, channels: int = 1) -> Path:
    """Silence, but for a tone from 1 to 2 s."""
    t = np.arange(round(seconds * RATE)) / RATE
    sound = np.where((t >= 1) & (t < 2), 0.5 * np.sin(2 * np.pi * hertz * t), 0.0)
    soundfile.write(path, np.stack([sound] * channels, axis=1), RATE, subtype="PCM_16")
    return path


def test_a_tone_is_seen_when_and_where_it_sounds(tmp_path: Path) -> None:
    seen = picture_of(tone(tmp_path / "a.wav"), 0.0, 4.0)
    loud = seen.level.max(axis=1) > 200
    assert np.flatnonzero(loud)[[0, -1]] * seen.level_hop_s == pytest.approx([1.0, 1.99], abs=0.03)
    assert seen.mel_hz[seen.level[150].argmax()] == pytest.approx(1000, rel=0.05)
    heard = np.ptp(seen.peaks.astype(int), axis=1) > 100
    assert np.flatnonzero(heard)[[0, -1]] * seen.peak_hop_s == pytest.approx([1.0, 2.0], abs=0.003)


def test_a_part_of_a_file_has_the_frames_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal(8 * RATE), RATE, subtype="PCM_16")
    whole, part = (picture_of(tmp_path / "a.wav", *span) for span in ((0.0, 8.0), (2.0, 4.0)))
    # The scale of the colours is that of what is seen.
    assert np.corrcoef(whole.level[200:600].ravel(), part.level.ravel())[0, 1] > 0.999


def test_blocks_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal(3 * RATE), RATE, subtype="PCM_16")
    at_once = picture_of(tmp_path / "a.wav", 0.0, 3.0)
    monkeypatch.setattr(picture, "BLOCK_S", 0.5)
    in_blocks = picture_of(tmp_path / "a.wav", 0.0, 3.0)
    assert np.abs(at_once.level.astype(int) - in_blocks.level).max() <= 1
    np.testing.assert_array_equal(at_once.peaks, in_blocks.peaks)


def test_a_clip_that_outlasts_its_file_ends_in_silence(tmp_path: Path) -> None:
    seen = picture_of(tone(tmp_path / "a.wav", seconds=2.0), 0.0, 4.0)
    assert len(seen.level) == 400
    assert seen.level[205:].max() == 0
    kind, content = sound_bytes(tmp_path / "a.wav", 0.0, 4.0)
    samples, rate = soundfile.read(io.BytesIO(content))
    assert (kind, rate, len(samples)) == ("audio/wav", RATE, 4 * RATE)
    assert not samples[2 * RATE :].any()


def test_every_mel_band_hears_something() -> None:
    for rate, window in ((8000, 256), (44100, 1024), (48000, 2048)):
        filters, centre = mel_filters(80, window, rate)
        np.testing.assert_allclose(filters.sum(axis=0), 1, rtol=1e-5)
        assert (np.diff(centre) > 0).all()


def test_pooling_keeps_every_peak() -> None:
    values = np.zeros((1000, 2), dtype=np.uint8)
    values[617] = 9
    assert pooled(values, 10).max(axis=0).tolist() == [9, 9]
    assert pooled(values, 10).shape == (10, 2)
    assert pooled(values, 2000) is values


def test_a_clip_is_played_sample_by_sample_with_both_channels(tmp_path: Path) -> None:
    kind, content = sound_bytes(tone(tmp_path / "a.wav", channels=2), 0.5, 1.0)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    expected, _ = soundfile.read(tmp_path / "a.wav", start=RATE // 2, frames=RATE, dtype="int16")
    assert (kind, content[:4]) == ("audio/wav", b"RIFF")
    np.testing.assert_array_equal(samples, expected)


def test_a_long_sound_is_flac_with_every_sample_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "WAV_S", 1.0)
    monkeypatch.setattr(playing, "BLOCK_S", 1.5)
    kind, content = sound_bytes(tone(tmp_path / "a.wav", channels=2), 0.0, 4.0)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    expected, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert (kind, content[:4]) == ("audio/flac", b"fLaC")
    np.testing.assert_array_equal(samples, expected[:, 0])


def test_a_sound_that_is_too_long_is_played_at_a_lower_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tone(tmp_path / "a.wav")
    assert lower_rate_hz(path, 4.0) is None
    monkeypatch.setattr(playing, "WAV_S", 1.0)
    monkeypatch.setattr(playing, "MOST_SAMPLES", 16_000)
    assert lower_rate_hz(path, 4.0) == 4000
    _, content = sound_bytes(path, 0.0, 4.0)
    assert soundfile.info(io.BytesIO(content)).samplerate == 4000
