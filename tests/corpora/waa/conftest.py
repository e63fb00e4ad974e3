"""A soundbank of coloured noise that is made in no time, and a small WAA mixed from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.waa.synthesizer import Waa

PER_CLASS = (3, 1, 2)
WriteSound = Callable[..., None]


def write_noise(path: Path, seconds: float, seed: int = 0, rate_hz: int = 44_100, channels: int = 1) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.05, (round(seconds * rate_hz), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise, rate_hz, subtype="PCM_16")


def write_bank(root: Path) -> None:
    """Two sources a class and subset, of 0.1 to 3 s, two variants of Frying, three backgrounds."""
    listed = ["filepath"]
    for index, label in enumerate(EVENTS):
        for number in range(6):
            part = "eval" if number > 3 else "train"
            folder = f"{label}_nOff" if label == "Frying" and number % 2 else label
            seconds = 12.0 if folder.endswith("_nOff") else (0.1, 0.7, 3.0)[(index + number) % 3]
            inner = f"soundbank/foreground/{folder}/{100 * index + number}.wav"
            # Rates and channels as they come: nothing is promised of a user's files.
            write_noise(root / f"audio/{part}/{inner}", seconds, number, *((16_000, 2) if number == 2 else ()))
            if number in (2, 3):
                listed.append(f"audio/validation/{inner}")
    write_noise(root / "audio/train/soundbank/background/sins/DevNode1_ex1_1.wav", 12.5, 1, 16_000, 4)
    write_noise(root / "audio/train/soundbank/background/sins/DevNode1_ex2_1.wav", 10.0, 2, 16_000, 4)
    write_noise(root / "audio/eval/soundbank/background/youtube/8.wav", 4.0, 3)
    listed.append("audio/validation/soundbank/background/sins/DevNode1_ex2_1.wav")
    (root / "soundbank_validation.tsv").write_text("\n".join(listed) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def whole_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A soundbank that tests only read."""
    root = tmp_path_factory.mktemp("banks") / "soundbank"
    write_bank(root)
    return root


@pytest.fixture
def bank(whole_bank: Path, tmp_path: Path) -> Path:
    """A soundbank that a test may damage."""
    return shutil.copytree(whole_bank, tmp_path / "bank")


@pytest.fixture(scope="session")
def waa(whole_bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WAA with 3, 1 and 2 clips of each class, mixed from the soundbank."""
    root = tmp_path_factory.mktemp("corpora") / "waa"
    Waa(soundbank=whole_bank, per_class=PER_CLASS).synthesize(root, seed=0)
    return root


@pytest.fixture
def noise() -> WriteSound:
    """Writes a file of noise, and the folders above it."""
    return write_noise
