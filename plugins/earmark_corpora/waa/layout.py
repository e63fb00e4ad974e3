"""What the writer and the reader of WAA have in common: sets, sizes, rules and where each file lies."""

from __future__ import annotations

RATE_HZ = 44_100
CLIP_S = 10.0
CLIP_N = 441_000
"""Samples of a clip."""

DATASETS = ("waa1", "200ms")
"""The mixes with whole events, and the same mixes with at most 200 ms of each event."""

SUBSETS = ("train", "valid", "eval")
PER_CLASS = (270, 30, 75)
"""Clips of each class in the subsets; source: [weak_label_limits], section 2.1 of the paper."""

SEGMENTS_S = (0.2, 1.0, 10.0)
"""Lengths of segments; the last is the whole clip."""

RULES = ("paper", "released")

IDENTITY = "waa.json"
"""File below the root that says what decided the corpus."""

BANK = "soundbank"
"""Folder below the root of the stand-in for the soundbank, where the user gave none."""


def to_n(seconds: float) -> int:
    """Nearest sample."""
    return round(seconds * RATE_HZ)


def to_s(n: int) -> float:
    """Seconds of a whole number of samples, to the nanosecond, from which `to_n` gets the number back.

    >>> to_n(to_s(441_001)), to_s(4_410)
    (441001, 0.1)
    """
    return round(n / RATE_HZ, 9)


def list_path(dataset: str, subset: str) -> str:
    """The list of a subset's mixes."""
    return f"{dataset}/{subset}.tsv"


def recipe_path(dataset: str, clip: str) -> str:
    """The recipe beside a clip, which is given with its subset.

    >>> recipe_path("waa1", "train/Cat_0001.wav")
    'waa1/clips/train/Cat_0001.jams'
    """
    return f"{dataset}/clips/{clip.removesuffix('.wav')}.jams"


def segment_path(dataset: str, subset: str, clip: str, segment_s: float, rule: str) -> str:
    """Where the segment of a clip lies; the clip itself where the segment is as long.

    >>> segment_path("waa1", "train", "Cat_0001.wav", 0.2, "paper")
    'waa1/segments/paper/0.2s/train/Cat_0001.wav'
    """
    if segment_s == CLIP_S:
        return f"{dataset}/clips/{subset}/{clip}"
    return f"{dataset}/segments/{rule}/{segment_s:g}s/{subset}/{clip}"
