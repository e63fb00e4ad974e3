"""Sound and its picture, as they stand inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt

from earmark_lab.player.picture import Picture, pooled

MP3_RATES_HZ = (44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
"""Rates at which MP3 exists, but for 48 kHz, whose highest sounds cost more than a page has to give."""

N_COLUMNS = 720
PALE, DARK = np.array([255, 255, 255]), np.array([16, 42, 82])
"""Colours of silence and of the loudest sound."""


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


def spectrogram(picture: Picture) -> str:
    """The log-mel spectrogram of a sound as a data URI: time to the right, frequency upwards, dark where it is loud."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pooled(picture.level, N_COLUMNS).T[::-1]))
    shares = np.linspace(0, 1, 256)[:, None]
    image.putpalette(np.round(PALE * (1 - shares) + DARK * shares).astype(np.uint8).tobytes())
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return data_uri("image/png", content.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """Content that stands where an address would."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
