"""Sound and its picture, as they stand inside a page."""

from __future__ import annotations

import base64
import io
import itertools
import struct
import zlib

import numpy as np
import numpy.typing as npt

MP3_RATES_HZ = (44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
"""Rates at which MP3 exists, but for 48 kHz, whose highest sounds cost more than a page has to give."""

N_BANDS, N_COLUMNS = 72, 720
RANGE_DB = 60.0


def mp3_rate(rate_hz: int) -> int:
    """The highest rate that loses nothing of a recording, or 44.1 kHz.

    >>> [mp3_rate(rate_hz) for rate_hz in (96_000, 44_100, 20_000)]
    [44100, 44100, 16000]
    """
    return next((rate for rate in MP3_RATES_HZ if rate <= rate_hz), MP3_RATES_HZ[-1])


def mp3(samples: npt.NDArray[np.float32], rate_hz: int) -> str:
    """Samples (sample,) as a data URI; MP3, as it is the one small format that every browser plays.

    Raises:
        soundfile.LibsndfileError: this libsndfile is older than 1.1 and writes none.
    """
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, np.clip(samples, -1, 1), rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    return data_uri("audio/mpeg", content.getvalue())


def spectrogram(samples: npt.NDArray[np.float32], rate_hz: int) -> str:
    """A picture of samples (sample,) as a data URI: time to the right, frequency upwards in bands a ratio apart."""
    n_fft = 1024
    padded = np.pad(samples, (n_fft // 2, n_fft // 2))
    starts = np.linspace(0, max(0, len(samples) - 1), N_COLUMNS).astype(int)
    frames = padded[starts[:, None] + np.arange(n_fft)] * np.hanning(n_fft).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    edges_hz = np.geomspace(60, rate_hz / 2, N_BANDS + 1)
    bins = np.clip(np.round(edges_hz * n_fft / rate_hz).astype(int), 1, n_fft // 2)
    bands = np.stack([power[:, a : max(a + 1, b)].mean(1) for a, b in itertools.pairwise(bins)])
    level_db = 10 * np.log10(bands + 1e-10)
    shade = np.clip((level_db - level_db.max()) / RANGE_DB + 1, 0, 1)
    return data_uri("image/png", _png(np.round(255 * shade[::-1]).astype(np.uint8)))


def data_uri(kind: str, content: bytes) -> str:
    """Content that stands where an address would."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _png(shade: npt.NDArray[np.uint8]) -> bytes:
    """A picture (row, column), from white at 0 to a dark blue at 255."""
    n_rows, n_columns = shade.shape
    share = np.linspace(0, 1, 256)[:, None]
    ramp = np.round(np.array([255, 255, 255]) * (1 - share) + np.array([16, 42, 82]) * share).astype(np.uint8)
    rows = np.concatenate([np.zeros((n_rows, 1), np.uint8), shade], axis=1).tobytes()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", n_columns, n_rows, 8, 3, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"PLTE", ramp.tobytes()), chunk(b"IDAT", zlib.compress(rows, 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")
