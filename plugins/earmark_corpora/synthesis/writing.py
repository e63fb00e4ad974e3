"""Puts a stand-in on disk: each recording whole or absent, annotations last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import soundfile
from filelock import FileLock

from earmark.audio import audio_info
from earmark.errors import AudioError, CorpusError
from earmark.recordings import Event, Recording
from earmark_corpora.synthesis.mixing import render
from earmark_corpora.synthesis.signals import samples
from earmark_corpora.tut_layout import (
    ANNOTATION_FOLDER,
    DATASETS,
    EVENT_FREE_LIST,
    FOLDS,
    MARKER,
    RATE_HZ,
    SPLITS,
    fold_file,
)

HEADER = "path\tscene_label\tevent_start_time\tevent_end_time\tevent_label"


def write_stand_in(
    root: Path,
    recordings: tuple[Recording, ...],
    marker: Mapping[str, Any],
    *,
    seed: int,
    workers: int,
    advance: Callable[[int, int], None] | None = None,
) -> None:
    """Write or complete a stand-in.

    A second process that writes into the same folder waits for the first.

    Raises:
        CorpusError: the folder holds something else, or cannot be written.
    """
    _claimable(root, marker)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".synthesis.lock"):
            if not _claimable(root, marker):
                _replace(root / MARKER, json.dumps(marker, indent=2) + "\n")
            _write_audio(root, recordings, seed, workers, advance)
            _write_annotations(root, recordings)
    except OSError as error:
        raise _unwritable(root, error) from error


def write_recording(root: Path, recording: Recording, seed: int) -> None:
    """Render a recording and write it as 24-bit WAV, aside first and renamed when whole.

    Raises:
        CorpusError: the disk is full or not writable.
    """
    target = root / recording.path
    if _is_whole(target, recording):
        return
    aside = target.with_name(f"{target.name}.part")
    sound = render(recording, seed)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(aside), sound, RATE_HZ, subtype="PCM_24", format="WAV")
        # libsndfile does not tell when closing a file on a full disk fails.
        if aside.stat().st_size < sound.size * 3:
            raise OSError(f"{aside} is shorter than what was written")
        aside.replace(target)
    except (OSError, AssertionError, soundfile.LibsndfileError) as error:
        aside.unlink(missing_ok=True)
        raise _unwritable(root, error) from error


def _write_audio(
    root: Path,
    recordings: tuple[Recording, ...],
    seed: int,
    workers: int,
    advance: Callable[[int, int], None] | None,
) -> None:
    # Threads: numpy and libsndfile let go of the interpreter's lock, and no worker has to import anything.
    # The longest first, so that no worker sits idle at the end.
    with ThreadPoolExecutor(workers) as pool:
        futures = [
            pool.submit(write_recording, root, recording, seed)
            for recording in sorted(recordings, key=lambda recording: -recording.duration_s)
        ]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                if advance is not None:
                    advance(done, len(recordings))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _claimable(root: Path, marker: Mapping[str, Any]) -> bool:
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
    for name in (*DATASETS, ANNOTATION_FOLDER, "meta"):
        if (root / name).exists():
            raise CorpusError(
                f"{root} holds {name}, but no {MARKER}: it looks like the real corpus, or a part of it. "
                "Choose another folder for the stand-in; nothing was written."
            )
    return False


def _is_whole(path: Path, recording: Recording) -> bool:
    try:
        info = audio_info(path)
    except AudioError:
        return False
    return round(info.duration_s * RATE_HZ) == samples(recording.duration_s)


def _write_annotations(root: Path, recordings: tuple[Recording, ...]) -> None:
    folder = root / ANNOTATION_FOLDER
    event_free: dict[str, list[str]] = {}
    for recording in recordings:
        if not recording.events:
            dataset, _, path = recording.path.partition("/")
            event_free.setdefault(dataset, []).append(f"{path}\t{recording.scene}")
    for dataset, lines in event_free.items():
        _replace(root / dataset / EVENT_FREE_LIST, "\n".join(lines) + "\n")
    folds = {recording.fold for recording in recordings if recording.fold is not None}
    for fold in FOLDS:
        if fold in folds:
            of_development = [r for r in recordings if r.split == "development"]
            tested = [r for r in of_development if r.fold == fold]
            trained = [r for r in of_development if r.fold != fold]
            _replace(folder / fold_file(fold, "development"), _lines(trained))
            _replace(folder / fold_file(fold, "evaluation"), _lines(tested))
    for split, name in SPLITS.items():
        _replace(folder / name, _lines(r for r in recordings if r.split == split))


def _lines(recordings: Iterable[Recording]) -> str:
    lines = [HEADER]
    for recording in recordings:
        lines += [_line(recording, event) for event in recording.events or ()]
    return "\n".join(lines) + "\n"


def _line(recording: Recording, event: Event) -> str:
    return f"{recording.path}\t{recording.scene}\t{event.onset_s:.6f}\t{event.offset_s:.6f}\t{event.label}"


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
