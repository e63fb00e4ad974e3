"""What WAA asks of a soundbank before anything is mixed: every class on every side, and no source on two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from earmark.errors import AudioError, CorpusError
from earmark_corpora.desed.layout import EVENTS, split_variant
from earmark_corpora.desed.soundbank import VALIDATION_LIST, Background, DesedSoundbank, Foreground
from earmark_corpora.plans import shortened
from earmark_corpora.waa.layout import SUBSETS
from earmark_corpora.waa.loudness import SILENT_LUFS

WINDOW_S = 0.025
"""Analysis window of the paper's features: no event may be shorter."""

LEAST_S = 0.25
"""Of an event that the border of the clip cuts; source: [weak_label_limits], DESED generator of 2019."""

# K-weighting lifts by 4 dB at most, so that no sound below this peak passes the gate.
_SILENT_PEAK = 10 ** ((SILENT_LUFS - 4) / 20)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """The sources of one subset."""

    foreground: Mapping[str, tuple[Foreground, ...]]
    """By class, sorted by path."""
    background: tuple[Background, ...]

    def paths(self) -> list[str]:
        """All of its files."""
        of_events = [file.path for files in self.foreground.values() for file in files]
        return of_events + [file.path for file in self.background]


def sides(root: Path) -> dict[str, Side]:
    """The sources of each subset, of which every one can be used.

    Raises:
        CorpusError: classes are missing, have too few files for the three subsets, or a file is on two sides.
        AudioError: a file is not readable, or too short for what it is.
    """
    reader = DesedSoundbank()
    found = {}
    for subset in SUBSETS:
        by_class: dict[str, list[Foreground]] = {label: [] for label in EVENTS}
        for file in reader.foreground(root, subset):
            by_class[file.label].append(file)
        found[subset] = Side(
            foreground={label: tuple(files) for label, files in by_class.items()},
            background=reader.background(root, subset),
        )
    _complete(root, found)
    disjoint(root, {subset: side.paths() for subset, side in found.items()})
    _long_enough(root, found)
    return found


def disjoint(root: Path, sources: Mapping[str, Iterable[str]]) -> None:
    """Hold that no source is on two sides.

    Files count by class folder and name, as a validation file that was copied instead of moved lies in two places.

    Raises:
        CorpusError: with those that are.
    """
    names = {subset: {_inner(path) for path in paths} for subset, paths in sources.items()}
    for one, other in combinations(names, 2):
        if both := sorted(names[one] & names[other]):
            raise CorpusError(
                f"{root}: {len(both)} source files are in {one} and in {other}: {shortened(both)}. "
                f"Take each of them out of one, with the help of {VALIDATION_LIST} where they are of the training part."
            )


def refuse_silent(root: Path, found: Mapping[str, Side], workers: int) -> None:
    """Hold that no file is silent; of most, the first seconds tell.

    Raises:
        AudioError: with those that are, as they have no loudness that could be set.
    """
    paths = sorted(path for side in found.values() for path in side.paths())
    with ThreadPoolExecutor(workers) as pool:
        silent = [
            path
            for path, is_silent in zip(paths, pool.map(_silent, (root / p for p in paths)), strict=True)
            if is_silent
        ]
    if silent:
        raise AudioError(
            f"{root}: {len(silent)} files are silent (nothing in them passes {SILENT_LUFS:g} LUFS), so that no gain "
            f"can set their loudness: {shortened(silent)}. Replace them or take them out of the soundbank."
        )


def _inner(path: str) -> str:
    """The path from foreground/ or background/ on."""
    return "/".join(path.split("/")[-3:])


def _complete(root: Path, found: Mapping[str, Side]) -> None:
    counts = {label: {subset: len(side.foreground[label]) for subset, side in found.items()} for label in EVENTS}
    absent = [
        f"{label} (audio/{part}/soundbank/foreground/{label}/)"
        for label, n in counts.items()
        for part, n_files in (("train", n["train"] + n["valid"]), ("eval", n["eval"]))
        if not n_files
    ]
    if absent:
        raise CorpusError(
            f"{root}: the soundbank has no files of {', '.join(absent)}. WAA needs all ten classes on both parts. "
            "`earmark data fetch desed-soundbank` gets a whole soundbank."
        )
    few = [
        f"{label} (train {n['train']}, valid {n['valid']})"
        for label, n in counts.items()
        if not n["train"] * n["valid"]
    ]
    if few:
        raise CorpusError(
            f"{root}: too few files to split: {', '.join(few)}. Training and validation need at least one file each, "
            "and share none. Add files of the class to audio/train/soundbank/foreground/, or correct "
            f"{VALIDATION_LIST}."
        )


def _long_enough(root: Path, found: Mapping[str, Side]) -> None:
    for side in found.values():
        for file in (f for files in side.foreground.values() for f in files):
            least_s = LEAST_S if file.variant else WINDOW_S
            if file.duration_s < least_s:
                why = f"where {file.variant} says that it is cut" if file.variant else "one window of the features"
                raise AudioError(
                    f"{root / file.path}: {1000 * file.duration_s:.1f} ms, but an event has to last "
                    f"{1000 * least_s:g} ms, {why}. Replace the file or take it out of the soundbank."
                )
        for background in side.background:
            if background.duration_s < WINDOW_S:
                raise AudioError(
                    f"{root / background.path}: {1000 * background.duration_s:.1f} ms, but a background has to last "
                    f"{1000 * WINDOW_S:g} ms, one window of the features. "
                    "Replace the file or take it out of the soundbank."
                )


def _silent(file: Path) -> bool:
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(str(file)) as opened:
            for block in opened.blocks(blocksize=1 << 18, dtype="float32", always_2d=True):
                if float(np.abs(block.mean(axis=1)).max(initial=0)) >= _SILENT_PEAK:
                    return False
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{file}: not a readable sound file ({error}). Copy or download it again.") from error
    return True


def freesound_id(path: str) -> str:
    """Freesound recording that a foreground file is a piece of.

    >>> freesound_id("audio/train/soundbank/foreground/Cat/56380_4.wav")
    '56380'
    """
    return path.rpartition("/")[2].removesuffix(".wav").partition("_")[0]


def variant_of(path: str) -> str:
    """What the file lacks, by the folder that it lies in.

    >>> variant_of("audio/train/soundbank/foreground/Frying_nOff/1.wav")
    '_nOff'
    """
    return split_variant(path.split("/")[-2])[1]
