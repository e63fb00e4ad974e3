"""Sound as browsers play it: WAV for clips, FLAC for long recordings.

Both keep every sample where it is, also after seeking. MP3 would be about a quarter of FLAC's size (noise, mono),
but its encoder takes some 26 s for half an hour of sound, FLAC's about one.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from earmark.audio import audio_info, read_filled

WAV_S = 60.0
"""Up to this length the sound is sent with the picture, as WAV and with both channels; longer ones on demand."""
MOST_HZ = 48_000
MOST_SAMPLES = 87_000_000
"""Of a long recording: half an hour at 48 kHz; what is longer is sent at a lower rate."""
BLOCK_S = 60.0


def sound_bytes(path: Path, start_s: float, duration_s: float) -> tuple[str, bytes]:
    """Media type and content of a sound, or of a part of it, with 16 bits, silence where the file ends before.

    Raises:
        AudioError: the file cannot be read.
    """
    # Not at load: see `earmark.audio`, which has imported it by the time that anything is played.
    import soundfile

    info = audio_info(path)
    short = duration_s <= WAV_S
    rate = min(info.rate_hz, MOST_HZ)
    if not short:
        rate = min(rate, int(MOST_SAMPLES / duration_s))
    channels = info.channels if short and info.channels <= 2 else 1
    content = io.BytesIO()
    kind = "WAV" if short else "FLAC"
    with soundfile.SoundFile(content, "w", rate, channels, format=kind, subtype="PCM_16") as file:
        begin_s = 0.0
        while begin_s < duration_s:
            length_s = min(BLOCK_S, duration_s - begin_s)
            there_s = min(max(info.duration_s - start_s - begin_s, 0.0), length_s)
            if there_s > 0:
                sound = read_filled(path, start_s + begin_s, there_s, length_s, rate)
            else:
                sound = np.zeros((channels, round(length_s * rate)), dtype=np.float32)
            file.write((sound if channels == sound.shape[0] else sound.mean(axis=0, keepdims=True)).T)
            begin_s += BLOCK_S
    return f"audio/{kind.lower()}", content.getvalue()


def lower_rate_hz(path: Path, duration_s: float) -> int | None:
    """The rate at which a long recording is played where it is lower than the file's own."""
    rate_hz = audio_info(path).rate_hz
    given = min(rate_hz, int(MOST_SAMPLES / duration_s))
    return given if duration_s > WAV_S and given < min(rate_hz, MOST_HZ) else None
