"""A small corpus in the layout of the TUT sets, with silent recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

HEADER = "path\tscene_label\tevent_start_time\tevent_end_time\tevent_label"
STREET = "TUT-sound-events-2017-development/audio/street/a001.wav"
OFFICE = "TUT-acoustic-scenes-2016-development/audio/a099_0_30.wav"
OFFICE_OF_EVALUATION = "TUT-acoustic-scenes-2016-evaluation/audio/105.wav"
CLIP_OF_2017 = "TUT-acoustic-scenes-2017-evaluation/audio/105.wav"

LINES = {
    "meta/meta_development.txt": (
        f"{STREET}\tcity_center\t0\t4.5\tcar",
        f"{STREET}\tcity_center\t2.000000\t3.25\tpeople talking",
        f"{OFFICE}\toffice\t0.0\t30.000000\tfan",
    ),
    "meta/meta_evaluation.txt": (
        f"{CLIP_OF_2017}\tcity_center\t1.5\t10.000023\tcar",
        f"{OFFICE_OF_EVALUATION}\toffice\t0\t30\tfan",
    ),
    "crossvaridation/meta_fold01_evaluation.txt": (f"{STREET}\tcity_center\t0\t4.5\tcar",),
    "crossvaridation/meta_fold02_evaluation.txt": (f"{OFFICE}\toffice\t0.0\t30.000000\tfan",),
    "crossvaridation/meta_fold03_evaluation.txt": (),
    "crossvaridation/meta_fold04_evaluation.txt": (),
}
LENGTHS_S = {STREET: 6.0, OFFICE: 30.0, OFFICE_OF_EVALUATION: 30.0, CLIP_OF_2017: 10.0}

WriteLines = Callable[[Path, str, Sequence[str]], None]


@pytest.fixture
def write_lines() -> WriteLines:
    """Writes an annotation file below a folder, header included."""

    def write(folder: Path, name: str, lines: Sequence[str]) -> None:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")

    return write


@pytest.fixture
def corpus_root(tmp_path: Path, write_lines: WriteLines) -> Path:
    """Four recordings of 6 to 30 s, annotated, as the archives and the annotation repository unpack."""
    root = tmp_path / "tut corpus"
    for name, lines in LINES.items():
        write_lines(root / "metadata_SEDandASC01", name, lines)
    for path, length_s in LENGTHS_S.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / path, np.zeros((round(44_100 * length_s), 2)), 44_100, subtype="PCM_16")
    return root


WriteSilence = Callable[..., None]


@pytest.fixture
def silence() -> WriteSilence:
    """Writes a silent recording and the folders above it; as TUT sets publish theirs where nothing else is said."""

    def write(path: Path, seconds: float = 1.0, rate_hz: int = 44_100, channels: int = 2) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros((round(rate_hz * seconds), channels)), rate_hz, subtype="PCM_16")

    return write


@pytest.fixture
def text() -> Callable[[Path, str], None]:
    """Writes a text file byte by byte, line ends included, and the folders above it."""

    def write(path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())

    return write
