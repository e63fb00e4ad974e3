from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
import torch

from earmark.audio import read_clip
from earmark.errors import AudioError
from earmark.testing import check_frontend
from earmark_frontends.log_mel_embedding import LogMelEmbedding


def noise(channels: int = 1, duration_s: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.01 * torch.randn(channels, round(duration_s * 16_000), generator=generator)


def test_it_keeps_the_contract_of_front_ends():
    check_frontend(LogMelEmbedding)


@pytest.mark.parametrize(("segment_s", "n_frames"), [(0.2, 20), (1.0, 100), (10.0, 1000)])
def test_a_segment_has_20_frames_for_each_200_ms_and_silence_is_ln_of_a_hundredth_everywhere(segment_s, n_frames):
    features = LogMelEmbedding().extract(torch.zeros(1, round(segment_s * 16_000)))
    assert features.shape == (n_frames, 64)
    np.testing.assert_allclose(features, math.log(0.01), rtol=1e-6)


def test_features_are_those_of_numpy_with_the_filters_of_librosa():
    import librosa

    waveform = noise(2)
    padded = np.pad(waveform.double().numpy().mean(axis=0), 256)
    hann = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400), 56)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::160]
    magnitude = np.abs(np.fft.rfft(frames * hann))
    filters = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=64, fmin=125, fmax=7500, htk=True, norm=None)
    assert filters.max() <= 1
    assert (filters.sum(axis=1) > 0).all()
    expected = np.log(magnitude @ filters.T + 0.01)
    features = LogMelEmbedding().extract(waveform).numpy()
    assert len(expected) == 101
    np.testing.assert_allclose(features, expected[:100], atol=1e-4)


def test_white_noise_at_50_db_below_full_scale_has_a_mean_mel_magnitude_of_an_eighth():
    level = 10 ** (-50 / 20)
    white = level * torch.randn(1, 160_000, generator=torch.Generator().manual_seed(0))
    assert (LogMelEmbedding().extract(white).exp() - 0.01).mean() == pytest.approx(0.12, rel=0.1)


def test_a_file_at_44100_hz_is_heard_at_16_khz(tmp_path):
    time_s = np.arange(8820) / 44_100
    soundfile.write(tmp_path / "tone.wav", 0.1 * np.sin(2 * np.pi * 1000 * time_s), 44_100)
    frontend = LogMelEmbedding()
    waveform = torch.from_numpy(read_clip(tmp_path / "tone.wav", 0.0, 0.2, frontend.rate_hz))
    own = 0.1 * torch.sin(2 * math.pi * 1000 * torch.arange(3200, dtype=torch.float64) / 16_000)
    assert waveform.shape == (1, 3200)
    heard, expected = (frontend.extract(sound)[5:15].argmax(dim=1) for sound in (waveform, own[None]))
    assert heard.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (torch.zeros(1, 159), r"159 samples \(0.010 s\) are too few for a hop of 160 samples"),
        (torch.full((1, 3200), math.nan), "NaN or infinite"),
    ],
)
def test_a_waveform_that_cannot_be_used_is_refused(waveform, message):
    with pytest.raises(AudioError, match=message):
        LogMelEmbedding().extract(waveform)
