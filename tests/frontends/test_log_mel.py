from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from earmark.errors import AudioError, OptionError
from earmark.plugins import PluginManager
from earmark.protocols import Frontend
from earmark_frontends import plugin
from earmark_frontends.log_mel import LogMel

RATE_HZ = 44_100


def tone(frequency_hz: float, duration_s: float, amplitude: float = 0.5) -> torch.Tensor:
    time_s = torch.arange(round(duration_s * RATE_HZ), dtype=torch.float64) / RATE_HZ
    return (amplitude * torch.sin(2 * math.pi * frequency_hz * time_s)).float()[None]


def sound(channels: int = 2, duration_s: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(channels, round(duration_s * RATE_HZ), generator=generator)
    return 0.1 * noise * torch.linspace(0, 1, noise.shape[1]) + tone(440, duration_s)


def test_the_plugin_gives_the_front_end_with_the_papers_options():
    manager = PluginManager()
    manager.register(plugin, "frontends")
    frontend = manager.build("frontend", "log-mel", {}, "here")
    assert isinstance(frontend, Frontend)
    assert frontend == LogMel(rate_hz=44_100, n_mels=64, frame_s=0.04, hop_s=0.02, n_fft=2048, floor=1e-10)


@pytest.mark.parametrize("options", [{}, {"n_mels": 40, "n_fft": 4096}, {"rate_hz": 16_000, "n_fft": 1024}])
def test_features_are_those_of_numpy_with_the_filters_of_librosa(options):
    # librosa's own spectrogram gives the same, but compiles for half a minute at its first call.
    import librosa

    frontend = LogMel(**options)
    waveform, hop = sound(), round(0.02 * frontend.rate_hz)
    padded = np.pad(waveform.double().numpy().mean(axis=0), frontend.n_fft // 2, mode="reflect")
    n_window = 2 * hop
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_window) / n_window)
    margin = (frontend.n_fft - n_window) // 2
    frames = np.lib.stride_tricks.sliding_window_view(padded, frontend.n_fft)[::hop]
    power = np.abs(np.fft.rfft(frames * np.pad(hann, margin))) ** 2
    filters = librosa.filters.mel(sr=frontend.rate_hz, n_fft=frontend.n_fft, n_mels=frontend.n_mels)
    expected = np.log(power @ filters.T + 1e-10)
    features = frontend.extract(waveform).numpy()
    assert len(features) == frontend.n_frames(waveform.shape[1] / frontend.rate_hz)
    np.testing.assert_allclose(features, expected[: len(features)], atol=1e-3)


def test_a_clip_of_10_s_has_500_frames_of_64_bands():
    features = LogMel().extract(torch.zeros(2, 441_000))
    assert features.shape == (500, 64)
    assert features.dtype == torch.float32
    assert features.is_contiguous()


@pytest.mark.parametrize("duration_s", [0.03, 0.999, 1.0, 1.01, 3.33])
def test_the_number_of_frames_is_known_beforehand(duration_s):
    frontend = LogMel()
    assert len(frontend.extract(sound(1, duration_s))) == frontend.n_frames(duration_s) == math.floor(duration_s / 0.02)


def test_digital_silence_is_the_finite_floor():
    features = LogMel().extract(torch.zeros(1, 44_100))
    np.testing.assert_allclose(features, math.log(1e-10), rtol=1e-6)


def test_ten_times_the_amplitude_is_log_100_more():
    frontend = LogMel()
    difference = frontend.extract(10 * sound()) - frontend.extract(sound())
    np.testing.assert_allclose(difference, math.log(100), atol=1e-3)


def test_a_click_is_loudest_in_the_frame_that_is_centred_on_it():
    waveform = torch.zeros(1, 44_100)
    waveform[0, 882 * 20] = 1.0
    assert LogMel().extract(waveform)[:, 30].argmax() == 20


def test_a_higher_tone_is_in_a_higher_band():
    bands = [
        LogMel().extract(tone(frequency_hz, 1.0))[25].argmax().item() for frequency_hz in (200, 1000, 5000, 15_000)
    ]
    assert bands == sorted(set(bands))


def test_channels_are_averaged():
    stereo = sound(2)
    torch.testing.assert_close(LogMel().extract(stereo), LogMel().extract(stereo.mean(dim=0, keepdim=True)))
    opposite = torch.cat([stereo[:1], -stereo[:1]])
    assert LogMel().extract(opposite).max() < -22  # silence, as the mean of both is nothing


def test_any_floating_type_will_do():
    torch.testing.assert_close(LogMel().extract(sound().double()), LogMel().extract(sound()))


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (torch.zeros(44_100), r"shape \(44100,\).*expected \(channel, sample\).*waveform\[None\]"),
        (torch.zeros(1, 2, 44_100), r"shape \(1, 2, 44100\)"),
        (torch.zeros(0, 44_100), r"shape \(0, 44100\)"),
        (torch.zeros(1, 44_100, dtype=torch.int16), r"type torch.int16 cannot be used"),
        (torch.zeros(1, 0), r"0 samples \(0.000 s\) are too few"),
        (torch.zeros(2, 1024), r"1024 samples \(0.023 s\) are too few for a transform of 2048 samples"),
    ],
)
def test_a_waveform_that_cannot_be_used_is_refused(waveform, message):
    with pytest.raises(AudioError, match=message):
        LogMel().extract(waveform)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_sample_that_is_not_finite_is_found(value):
    waveform = sound()
    waveform[1, 20_000] = value
    with pytest.raises(AudioError, match="NaN or infinite"):
        LogMel().extract(waveform)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_mels": 0}, "must be positive"),
        ({"hop_s": -0.02}, "must be positive"),
        ({"floor": 0.0}, "floor = 0.0 must be positive"),
        ({"floor": math.nan}, "floor = nan must be positive"),
        ({"hop_s": 0.01234}, "hop_s = 0.01234 s is no whole number of samples at 44100 Hz"),
        ({"n_fft": 1024}, r"frame_s = 0.04 s is 1764 samples, more than n_fft = 1024.*power of two"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        LogMel(**options)
