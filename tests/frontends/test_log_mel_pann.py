from __future__ import annotations

import numpy as np
import pytest
import torch

from earmark.errors import AudioError, OptionError
from earmark.plugins import PluginManager
from earmark.protocols import Frontend
from earmark.testing import check_frontend
from earmark_frontends import plugin
from earmark_frontends.log_mel_pann import LogMelPann

FRAMES, BANDS = (0, 1, 50, 100, 200), (0, 5, 9, 10, 20, 40, 63)

GOLDEN_DB = {
    16_000: [
        [-2.052, -2.060, 5.594, -1.986, -19.420, -36.088, -47.560],
        [-12.629, -11.518, 0.059, -11.864, -29.720, -45.622, -52.659],
        [-59.229, -39.133, -1.004, -38.476, -26.134, -52.853, -53.329],
        [-50.635, -39.537, -0.992, -39.357, -56.602, -50.157, -50.241],
        [-6.951, -0.796, 4.879, -2.490, -20.469, -38.824, -46.316],
    ],
    32_000: [
        [3.753, 12.268, 1.438, -2.060, -17.027, -36.424, -45.999],
        [-6.902, 7.258, -8.199, -12.239, -27.175, -44.614, -47.338],
        [-54.022, 5.787, -41.102, -44.863, -20.623, -49.045, -49.134],
        [-51.645, 5.782, -39.887, -47.023, -52.033, -50.881, -50.162],
        [-1.106, 12.850, 0.853, -2.744, -19.243, -2.199, -45.421],
    ],
}
"""Of the reference implementation, at frames and bands as above."""


def golden_signal(rate_hz: int) -> torch.Tensor:
    n = 2 * rate_hz
    s = np.arange(n) / rate_hz
    x = 0.001 * np.random.RandomState(0).standard_normal(n)
    x += 0.2 * np.sin(2 * np.pi * 440 * s)
    x += 0.1 * np.sin(2 * np.pi * 3000 * s) * np.sin(2 * np.pi * 2 * s) ** 2
    x += 0.05 * np.sin(2 * np.pi * (200 * s + 900 * s**2))
    return torch.from_numpy(x.astype(np.float32))[None]


@pytest.mark.parametrize(
    ("rate_hz", "shape", "n_nonzero", "largest", "total"),
    [(16_000, (257, 64), 495, 0.02162881, 2.0493479), (32_000, (513, 64), 866, 0.018149516, 2.0481262)],
)
def test_the_mel_matrix_is_the_published_one(rate_hz, shape, n_nonzero, largest, total):
    filters = LogMelPann(rate_hz=rate_hz).filters
    assert (tuple(filters.shape), filters.dtype) == (shape, torch.float32)
    assert int((filters > 0).sum()) == n_nonzero
    assert filters.max().item() == pytest.approx(largest, abs=1e-8)
    assert filters.double().sum().item() == pytest.approx(total, abs=2e-7)


def test_the_lowest_and_the_highest_band_lie_where_they_should():
    low, high = LogMelPann(rate_hz=16_000).filters, LogMelPann(rate_hz=32_000).filters
    np.testing.assert_allclose(low[:, 0].nonzero()[:, 0], [2, 3, 4])
    np.testing.assert_allclose(low[2:5, 0], [0.00600184, 0.02100644, 0.00781349], atol=1e-8)
    np.testing.assert_allclose(high[2:6, 0], [0.00428909, 0.01501181, 0.01131285, 0.00059012], atol=1e-8)
    assert low[:, 63].nonzero()[[0, -1], 0].tolist() == [234, 255]
    assert high[:, 63].nonzero()[[0, -1], 0].tolist() == [401, 447]
    np.testing.assert_allclose(low[234:236, 63], [0.00024721, 0.00049506], atol=1e-8)
    np.testing.assert_allclose(high[401:403, 63], [0.0000121978, 0.0000712811], atol=1e-9)


@pytest.mark.parametrize(
    ("rate_hz", "mean", "largest", "at"),
    [(16_000, -44.68746, 12.248164, (14, 8)), (32_000, -42.10778, 18.804697, (13, 6))],
)
def test_features_are_those_of_the_reference(rate_hz, mean, largest, at):
    features = LogMelPann(rate_hz=rate_hz).extract(golden_signal(rate_hz))
    assert features.shape == (201, 64)
    np.testing.assert_allclose(features[list(FRAMES)][:, list(BANDS)], GOLDEN_DB[rate_hz], atol=0.005)
    assert features.mean().item() == pytest.approx(mean, abs=0.005)
    assert features[at].item() == pytest.approx(largest, abs=0.005)
    assert features.max() == features[at]


def test_silence_is_100_db_down_and_nothing_above_is_clipped():
    waveform = torch.zeros(2, 160_000)
    waveform[:, :8_000] = 0.9
    features = LogMelPann().extract(waveform)
    assert (features[-1] == -100).all()
    assert features.max() > 0


def test_channels_are_averaged_and_the_level_is_kept():
    left, quiet = golden_signal(16_000), LogMelPann().extract(0.1 * golden_signal(16_000))
    features = LogMelPann().extract(torch.cat([left, left.flip(1)]))
    np.testing.assert_allclose(features, LogMelPann().extract((left + left.flip(1)) / 2), atol=1e-3)
    assert (LogMelPann().extract(left) - quiet).median().item() == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("rate_hz", [16_000, 32_000])
def test_it_keeps_the_contract_at_both_rates(rate_hz):
    manager = PluginManager()
    manager.register(plugin, "frontends")
    frontend = manager.build("frontend", "log-mel-pann", {"rate_hz": rate_hz}, "here")
    assert isinstance(frontend, Frontend)
    assert (frontend.n_frames(10.0), frontend.n_mels, frontend.hop_s) == (1001, 64, 0.01)
    check_frontend(LogMelPann, rate_hz=rate_hz)


def test_a_rate_without_weights_is_refused():
    with pytest.raises(OptionError, match="rate_hz = 44100; there are checkpoints for 16000 and 32000 Hz"):
        LogMelPann(rate_hz=44_100)


def test_a_waveform_shorter_than_a_transform_is_refused():
    with pytest.raises(AudioError, match="256 samples .* too few for a transform of 512 samples"):
        LogMelPann().extract(torch.zeros(1, 256))
