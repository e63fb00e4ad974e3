"""Puts WAA on disk, clip by clip: each file whole or absent, both sets of a clip from one background."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import CorpusError
from earmark.piecework import Piece, spread
from earmark.protocols import Engine
from earmark_corpora.synthesis.writing import in_threads, not_here
from earmark_corpora.waa.layout import RATE_HZ
from earmark_corpora.waa.recipe import Recipe

if TYPE_CHECKING:
    from earmark_corpora.waa.rendering import Samples

_HEADER = 44
"""Bytes of a WAV file before its samples, as libsndfile writes mono 16 bit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """A file that holds part of a clip, or all of it."""

    path: str
    """Below the root."""
    start: int
    """First sample."""
    length: int
    """In samples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One pair of event and background with all files that come of it."""

    mixes: tuple[tuple[Recipe, tuple[Cut, ...]], ...]
    """Recipes that differ in the event alone, each with what is cut from it."""

    def is_whole(self, root: Path) -> bool:
        """True where every file is there."""
        return all(_is_whole(root, cut) for _, cuts in self.mixes for cut in cuts)


def write_clips(
    root: Path,
    soundbank: Path,
    jobs: Sequence[Job],
    workers: int,
    advance: Callable[[int, int], None],
    engine: Engine | None,
) -> None:
    """Render what is not whole yet, in threads, or as pieces of a work that an engine does.

    Raises:
        CorpusError: the folder cannot be written, or is another one where the engine works.
        AudioError: a file of the soundbank cannot be used.
    """
    if engine is not None:
        pieces = [Piece(f"clips of {root}", n, n + 1) for n in range(len(jobs))]
        spread(engine, pieces, partial(_write_piece, root, soundbank, tuple(jobs)), total=len(jobs), advance=advance)
        left = (cut for job in jobs for _, cuts in job.mixes for cut in cuts if not _is_whole(root, cut))
        if cut := next(left, None):
            raise not_here(root / cut.path)
        return
    in_threads(partial(_write, root, soundbank), jobs, workers, advance)


def write_text(root: Path, path: str, text: str) -> None:
    """Write a text, aside first; one that is there already is left as it is.

    Raises:
        CorpusError: the folder cannot be written.
    """
    file, content = root / path, text.encode()
    try:
        with suppress(FileNotFoundError):
            if file.read_bytes() == content:
                return
        _replace(file, content)
    except OSError as error:
        raise unwritable(root, error) from error


def claimable(root: Path, name: str, identity: Mapping[str, Any]) -> bool:
    """True where this corpus was begun already, False where nothing is there; anything else is an error.

    Raises:
        CorpusError: the folder holds something else, or cannot be written.
    """
    file = root / name
    try:
        if not file.is_file():
            there = root.iterdir() if root.is_dir() else ()
            if other := sorted(f.name for f in there if not f.name.startswith(".")):
                raise CorpusError(
                    f"{root} holds {other[0]}, but no {name}: something else lies there. Choose another folder for "
                    "WAA; nothing was written."
                )
            return False
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = "something unreadable"
    except OSError as error:
        raise unwritable(root, error) from error
    if found != identity:
        raise CorpusError(
            f"{root} holds another WAA: its {name} says {json.dumps(found)}, this one would say "
            f"{json.dumps(identity)}. Choose another folder, or remove that one first."
        )
    return True


def unwritable(root: Path, error: BaseException) -> CorpusError:
    """What to say of a folder that takes no more."""
    return CorpusError(
        f"{root} cannot be written ({error or type(error).__name__}). Free some space, or choose another folder; clips "
        "that are whole are kept, and the same command goes on from there."
    )


def _write_piece(root: Path, soundbank: Path, jobs: Sequence[Job], piece: Piece) -> None:
    for job in jobs[piece.start : piece.stop]:
        _write(root, soundbank, job)


def _write(root: Path, soundbank: Path, job: Job) -> None:
    from earmark_corpora.waa.rendering import background_of, event_of, mixed

    if job.is_whole(root):
        return
    background = background_of(job.mixes[0][0], soundbank)
    for recipe, cuts in job.mixes:
        samples = mixed(background, event_of(recipe, soundbank), recipe)
        try:
            for cut in cuts:
                if not _is_whole(root, cut):
                    _replace(root / cut.path, _wav(samples[cut.start : cut.start + cut.length]))
        except OSError as error:
            raise unwritable(root, error) from error


def _is_whole(root: Path, cut: Cut) -> bool:
    try:
        return (root / cut.path).stat().st_size == _HEADER + 2 * cut.length
    except OSError:
        return False


def _wav(samples: Samples) -> bytes:
    import io

    import soundfile

    memory = io.BytesIO()
    soundfile.write(memory, samples, RATE_HZ, subtype="PCM_16", format="WAV")
    return memory.getvalue()


def _replace(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"{file.name}.part")
    try:
        aside.write_bytes(content)
        aside.replace(file)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
