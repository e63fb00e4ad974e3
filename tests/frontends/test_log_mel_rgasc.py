"""The front end of relation_guided: the numbers of its description, and the same features in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from earmark.errors import AudioError, OptionError
from earmark.plugins import PluginManager
from earmark.protocols import Frontend
from earmark.testing import check_frontend
from earmark_frontends import plugin
from earmark_frontends.log_mel_rgasc import LogMelRgasc

RATE_HZ = 44_100


def sound(channels: int = 2, duration_s: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(channels, round(duration_s * RATE_HZ), generator=generator)


def test_the_plugin_gives_it_and_it_has_no_options():
    manager = PluginManager()
    manager.register(plugin, "frontends")
    frontend = manager.build("frontend", "log-mel-rgasc", {}, "here")
    assert isinstance(frontend, Frontend)
    assert (frontend.rate_hz, frontend.n_mels) == (RATE_HZ, 64)
    assert frontend.hop_s == pytest.approx(0.0312, abs=1e-5)
    with pytest.raises(OptionError, match="no option 'n_mels'"):
        manager.build("frontend", "log-mel-rgasc", {"n_mels": 40}, "here")
    check_frontend(LogMelRgasc)


def test_a_clip_of_10_s_has_320_frames_of_64_bands():
    features = LogMelRgasc().extract(torch.zeros(2, 441_000))
    assert features.shape == (320, 64)
    assert features.dtype == torch.float32
    assert LogMelRgasc().n_frames(10.0) == 320


@pytest.mark.parametrize("duration_s", [0.05, 0.999, 1.0, 1.01, 3.33])
def test_the_number_of_frames_is_known_beforehand(duration_s):
    assert len(LogMelRgasc().extract(sound(1, duration_s))) == LogMelRgasc().n_frames(duration_s)


def test_window_and_filters_have_the_check_values_of_the_description():
    frontend = LogMelRgasc()
    assert 0.08 / frontend._hamming[0].item() == pytest.approx(28.5216444, rel=1e-6)  # the window begins at 0.08
    assert math.log(28.5216444) == pytest.approx(3.3506633)
    assert frontend._hamming[0] == frontend._hamming[-1]  # symmetric
    assert frontend._filters.T.shape == (64, 1025)
    assert frontend._filters.max().item() == pytest.approx(0.016429417, rel=1e-4)
    assert (frontend._filters.sum(0) > 0).all()


def test_features_are_those_of_numpy_with_the_filters_of_librosa():
    import librosa

    waveform = sound(duration_s=0.5)
    window = np.hamming(2048)
    frames = np.lib.stride_tricks.sliding_window_view(waveform.double().numpy().mean(axis=0), 2048)[::1376]
    magnitude = np.abs(np.fft.rfft(frames * window)) / np.sqrt(np.sum(window**2))
    filters = librosa.filters.mel(sr=RATE_HZ, n_fft=2048, n_mels=64, fmin=50.0, fmax=22_050.0)
    expected = np.log(magnitude @ filters.T + 1e-8)
    np.testing.assert_allclose(LogMelRgasc().extract(waveform).numpy(), expected, atol=1e-3)


def test_ten_times_the_amplitude_is_log_10_more_as_magnitudes_are_not_squared():
    difference = LogMelRgasc().extract(10 * sound()) - LogMelRgasc().extract(sound())
    np.testing.assert_allclose(difference, math.log(10), atol=1e-3)


def test_digital_silence_is_the_finite_floor():
    np.testing.assert_allclose(LogMelRgasc().extract(torch.zeros(1, 44_100)), math.log(1e-8), rtol=1e-6)


def test_a_click_before_the_first_hop_is_in_the_first_frame_alone_as_nothing_is_centred():
    waveform = torch.zeros(1, 44_100)
    waveform[0, 1000] = 1.0
    heard = (LogMelRgasc().extract(waveform) > math.log(2e-8)).any(1)
    assert heard.nonzero().flatten().tolist() == [0]


def test_channels_are_averaged():
    stereo = sound(2)
    torch.testing.assert_close(LogMelRgasc().extract(stereo), LogMelRgasc().extract(stereo.mean(dim=0, keepdim=True)))


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (torch.zeros(44_100), r"shape \(44100,\).*expected \(channel, sample\)"),
        (torch.zeros(1, 2047), r"2047 samples \(0.046 s\) are too few for a window of 2048 samples"),
        (torch.full((1, 4096), math.nan), "NaN or infinite"),
    ],
)
def test_a_waveform_that_cannot_be_used_is_refused(waveform, message):
    with pytest.raises(AudioError, match=message):
        LogMelRgasc().extract(waveform)


def test_averaged_frames_are_the_mean_magnitude_of_those_that_they_stand_for():
    waveform = torch.randn(1, 44_100, generator=torch.Generator().manual_seed(3)) * 0.1
    single, triple = LogMelRgasc().extract(waveform), LogMelRgasc(mean_of=3).extract(waveform)
    assert len(triple) == len(single) // 3 == LogMelRgasc(mean_of=3).n_frames(1.0)
    assert torch.allclose(triple[1].exp(), single[3:6].exp().mean(dim=0), rtol=1e-4)
    assert LogMelRgasc(mean_of=3).hop_s == pytest.approx(3 * 1376 / 44_100)


def test_an_average_of_nothing_is_refused():
    with pytest.raises(OptionError, match="mean_of = 0 must be at least 1"):
        LogMelRgasc(mean_of=0)
