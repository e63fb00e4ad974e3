from __future__ import annotations

import numpy as np
import pytest
import soundfile

from earmark.audio import audio_info, read_clip
from earmark.errors import AudioError


def write_tone(path, rate_hz, seconds=4.0, tone_hz=440.0, channels=1):
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = 0.5 * np.sin(2 * np.pi * tone_hz * t)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate_hz)
    return path


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_clip_of_any_rate_comes_out_at_the_rate_asked_for_and_in_phase(tmp_path, rate_hz):
    path = write_tone(tmp_path / "a.wav", rate_hz)
    clip = read_clip(path, 1.2, 1.5, 32_000)
    assert clip.shape == (1, 48_000)
    t = 1.2 + np.arange(48_000) / 32_000
    assert np.abs(clip[0] - 0.5 * np.sin(2 * np.pi * 440 * t)).max() < 2e-3


def test_the_ends_of_a_resampled_file_have_all_their_samples(tmp_path):
    path = write_tone(tmp_path / "a.wav", 48_000, seconds=2.0)
    assert read_clip(path, 0.0, 2.0, 44_100).shape == (1, 88_200)
    assert read_clip(path, 1.0, 1.0, 44_100).shape == (1, 44_100)


def test_two_resampled_clips_side_by_side_are_one_longer_clip(tmp_path):
    path = write_tone(tmp_path / "a.wav", 48_000, channels=2)
    whole = read_clip(path, 1.0, 2.0, 44_100)
    halves = [read_clip(path, start_s, 1.0, 44_100) for start_s in (1.0, 2.0)]
    assert np.abs(whole - np.concatenate(halves, axis=1)).max() < 1e-4


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_compressed_files_are_read_from_the_middle(tmp_path, suffix):
    path = write_tone(tmp_path / f"a.{suffix}", 44_100, channels=2)
    assert audio_info(path).channels == 2
    assert audio_info(path).duration_s == pytest.approx(4.0, abs=0.06)
    clip = read_clip(path, 2.0, 1.0, 44_100)
    assert clip.shape == (2, 44_100)
    assert np.sqrt(np.mean(clip**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_a_clip_that_reaches_beyond_the_end_is_refused_at_any_rate(tmp_path):
    path = write_tone(tmp_path / "a.wav", 48_000)
    for rate_hz in (48_000, 16_000):
        with pytest.raises(AudioError, match=r"ends 4\.000 s in, 4\.500 s were announced"):
            read_clip(path, 3.0, 1.5, rate_hz)


def test_header_and_samples_give_the_same_reasons(tmp_path):
    for content, reason in ((None, "no such file"), (b"", "the file is empty"), (b"noise" * 99, "not a readable")):
        path = tmp_path / f"{reason}.wav"
        if content is not None:
            path.write_bytes(content)
        for read in (audio_info, lambda path: read_clip(path, 0, 1, 8_000)):
            with pytest.raises(AudioError, match=reason):
                read(path)


def test_a_file_without_samples_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 1)), 8_000)
    with pytest.raises(AudioError, match="holds no samples"):
        audio_info(tmp_path / "a.wav")
