"""Puts a stand-in on disk: each sound whole or absent, lists and annotations last."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import soundfile
from filelock import FileLock

from earmark.audio import audio_info
from earmark.errors import AudioError, CorpusError
from earmark.piecework import Piece, spread
from earmark.protocols import Engine
from earmark_corpora.marker import MARKER
from earmark_corpora.synthesis.signals import Signal

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundFile:
    """A sound to be written, and how it comes about."""

    path: str
    """Below the root of the stand-in, with forward slashes."""
    n_samples: int
    rate_hz: int
    subtype: str
    """Of its samples, in the words of libsndfile: PCM_16 or PCM_24."""
    render: Callable[[], Signal]
    """Gives the sound (sample, channel) in [-1, 1]."""


def write_files(
    root: Path,
    sounds: Sequence[SoundFile],
    texts: Mapping[str, str],
    marker: Mapping[str, Any],
    *,
    foreign: Collection[str],
    workers: int,
    advance: Callable[[int, int], None] | None = None,
    engine: Engine | None = None,
) -> None:
    """Write or complete a stand-in.

    A second process that writes into the same folder waits for the first.

    Args:
        root: folder of the stand-in; made where it is not there.
        sounds: what it holds; those that are whole already are kept.
        texts: contents of its other files by path, written in this order after all sounds.
        marker: what decides the stand-in; kept in `MARKER`, which tells it from the real corpus.
        foreign: names below the root that only a real corpus has where there is no marker.
        workers: threads that render, where there is no engine.
        advance: called with the number of sounds done and their total.
        engine: renders; each sound is a piece of its own.

    Raises:
        CorpusError: the folder holds something else, cannot be written, or is another one where the engine works.
    """
    _claimable(root, marker, foreign)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".synthesis.lock"):
            if not _claimable(root, marker, foreign):
                _replace(root / MARKER, json.dumps(marker, indent=2) + "\n")
            # The longest first, so that no worker sits idle at the end.
            ordered = sorted(sounds, key=lambda sound: -sound.n_samples)
            if engine is None:
                in_threads(partial(write_sound, root), ordered, workers, advance)
            else:
                _spread_sounds(root, ordered, engine, advance)
            for path, text in texts.items():
                _replace(root / path, text)
    except OSError as error:
        raise _unwritable(root, error) from error


def write_sound(root: Path, sound: SoundFile) -> None:
    """Render a sound and write it as WAV, aside first and renamed when whole.

    Raises:
        CorpusError: the disk is full or not writable.
    """
    target = root / sound.path
    if _is_whole(target, sound):
        return
    aside = target.with_name(f"{target.name}.part")
    samples = sound.render()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(aside), samples, sound.rate_hz, subtype=sound.subtype, format="WAV")
        # libsndfile does not tell when closing a file on a full disk fails.
        if aside.stat().st_size < samples.size * (3 if sound.subtype == "PCM_24" else 2):
            raise OSError(f"{aside} is shorter than what was written")
        aside.replace(target)
    except (OSError, AssertionError, soundfile.LibsndfileError) as error:
        aside.unlink(missing_ok=True)
        raise _unwritable(root, error) from error


def in_threads(
    write: Callable[[ItemT], None],
    items: Sequence[ItemT],
    workers: int,
    advance: Callable[[int, int], None] | None = None,
) -> None:
    """Write items in as many threads: what renders lets go of the interpreter's lock, and no worker has to import."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(write, item) for item in items]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                if advance is not None:
                    advance(done, len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _spread_sounds(
    root: Path, sounds: Sequence[SoundFile], engine: Engine, advance: Callable[[int, int], None] | None
) -> None:
    def missing() -> list[Piece]:
        whole = [_is_whole(root / sound.path, sound) for sound in sounds]
        return [Piece(f"sounds of {root}", n, n + 1) for n, is_whole in enumerate(whole) if not is_whole]

    work = partial(_write_piece, root, tuple(sounds))
    spread(engine, missing(), work, total=len(sounds), advance=advance)
    if left := missing():
        raise not_here(root / sounds[left[0].start].path)


def _write_piece(root: Path, sounds: Sequence[SoundFile], piece: Piece) -> None:
    for sound in sounds[piece.start : piece.stop]:
        write_sound(root, sound)


def not_here(path: Path) -> CorpusError:
    """What to say of a file that a worker has written somewhere else."""
    return CorpusError(
        f"{path} was written by a worker, but is not here. Choose a folder that every machine of the cluster reaches "
        "under the same name, or leave --engine and --scheduler out."
    )


def _claimable(root: Path, marker: Mapping[str, Any], foreign: Collection[str]) -> bool:
    """True where this stand-in was begun already, False where nothing is there; anything else is an error."""
    file = root / MARKER
    if file.is_file():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = "something unreadable"
        if found != marker:
            raise CorpusError(
                f"{root} holds another stand-in: its {MARKER} says {json.dumps(found)}, this one would say "
                f"{json.dumps(marker)}. Choose another folder, or remove that one first."
            )
        return True
    for name in foreign:
        if (root / name).exists():
            raise CorpusError(
                f"{root} holds {name}, but no {MARKER}: it looks like the real corpus, or a part of it. "
                "Choose another folder for the stand-in; nothing was written."
            )
    return False


def _is_whole(path: Path, sound: SoundFile) -> bool:
    try:
        info = audio_info(path)
    except AudioError:
        return False
    return info.rate_hz == sound.rate_hz and round(info.duration_s * sound.rate_hz) == sound.n_samples


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"{file.name}.part")
    aside.write_text(text, encoding="utf-8", newline="\n")
    aside.replace(file)


def _unwritable(root: Path, error: BaseException) -> CorpusError:
    return CorpusError(
        f"{root} cannot be written ({error or type(error).__name__}). Free some space, or choose another folder; "
        "recordings that are whole are kept, and the same command goes on from there."
    )
