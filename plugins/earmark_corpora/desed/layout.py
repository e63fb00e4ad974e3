"""Names of DESED that its recorded part, its soundbank and their stand-in share."""

from __future__ import annotations

from pathlib import Path

EVENTS = (
    "Alarm_bell_ringing",
    "Blender",
    "Cat",
    "Dishes",
    "Dog",
    "Electric_shaver_toothbrush",
    "Frying",
    "Running_water",
    "Speech",
    "Vacuum_cleaner",
)

VARIANTS = ("_nOn_nOff", "_nOff", "_nOn")
"""What a foreground folder's name says its files lack: the onset, the offset or both. The longest first."""

BASES = (".", "dataset", "real", "synthetic")
"""Where ``audio/`` and ``metadata/`` lie below a corpus root: in it, or as the publisher's scripts leave them."""


def base_of(root: Path, below: str) -> Path | None:
    """The first of `BASES` that holds a file or folder; None where none does."""
    for base in BASES:
        if (root / base / below).exists():
            return root / base
    return None


def split_variant(folder: str) -> tuple[str, str]:
    """Class and variant of a foreground folder.

    >>> split_variant("Frying_nOn_nOff")
    ('Frying', '_nOn_nOff')
    """
    for variant in VARIANTS:
        if folder.endswith(variant):
            return folder.removesuffix(variant), variant
    return folder, ""
