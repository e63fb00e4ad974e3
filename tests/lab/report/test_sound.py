"""Sound and its picture inside a page."""

from __future__ import annotations

import base64
import io

import matplotlib.image
import numpy as np
import soundfile

from earmark_lab.player.picture import N_MELS, picture_of
from earmark_lab.report.sound import N_COLUMNS, mp3, spectrogram

RATE_HZ = 16_000


def content_of(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def test_a_page_holds_sound_that_begins_when_it_should_in_a_tenth_of_its_size():
    samples = np.zeros(4 * RATE_HZ, dtype=np.float32)
    time_s = np.arange(RATE_HZ) / RATE_HZ
    samples[2 * RATE_HZ : 3 * RATE_HZ] = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    uri = mp3(samples, RATE_HZ)
    assert uri.startswith("data:audio/mpeg;base64,")
    assert len(content_of(uri)) < 0.3 * samples.size * 2
    heard, rate_hz = soundfile.read(io.BytesIO(content_of(uri)), dtype="float32")
    assert rate_hz == RATE_HZ
    loud = np.flatnonzero(np.abs(heard) > 0.2)
    assert abs(loud[0] / RATE_HZ - 2) < 0.1
    assert abs(loud[-1] / RATE_HZ - 3) < 0.1


def test_a_tone_is_a_dark_line_in_the_picture_where_it_sounds(tmp_path):
    samples = np.zeros(10 * RATE_HZ, dtype=np.float32)
    samples[5 * RATE_HZ :] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(5 * RATE_HZ) / RATE_HZ)
    soundfile.write(tmp_path / "tone.wav", samples, RATE_HZ)
    seen = picture_of(tmp_path / "tone.wav", 0.0, 10.0)
    picture = matplotlib.image.imread(io.BytesIO(content_of(spectrogram(seen))), format="png")
    assert picture.shape[:2] == (N_MELS, N_COLUMNS)
    dark = 1 - picture[..., :3].mean(axis=2)
    assert dark[:, : N_COLUMNS // 2 - 20].max() == 0
    row = dark[:, 3 * N_COLUMNS // 4].argmax()
    assert 900 < seen.mel_hz[N_MELS - 1 - row] < 1100


def test_silence_has_a_picture_too(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(100, dtype=np.float32), RATE_HZ)
    assert spectrogram(picture_of(tmp_path / "silence.wav", 0.0, 1.0)).startswith("data:image/png")
