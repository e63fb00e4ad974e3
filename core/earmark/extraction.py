"""From audio files to a whole shelf of features, in parallel and with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from torch import Tensor

from earmark.audio import audio_info, read_filled
from earmark.errors import AudioError, CorpusError
from earmark.protocols import Frontend
from earmark.recordings import Clip, Dataset
from earmark.storage import Features, FeatureShelf


def extract(
    dataset: Dataset,
    clips: Sequence[Clip],
    frontend: Frontend,
    shelf: FeatureShelf,
    *,
    workers: int | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> None:
    """Fill a shelf with the features of clips, and finish it.

    What an interrupted call has written is kept, and a shelf that is whole stays as it is. Memory holds two pieces
    of the shelf and a clip for each worker, however long the corpus is. Hold the lock of the shelf's address.

    Args:
        dataset: names the folder in which the recordings lie.
        clips: all of one length, in the order in which they will lie on the shelf.
        frontend: makes the features; called from several threads at once.
        shelf: where they go.
        workers: threads; one for each processor where None. Reading, decoding and transforming release the
            interpreter's lock, so that threads do here what processes would.
        advance: called with (done, total) clips, from this thread.

    Raises:
        AudioError: a recording is missing, truncated, entirely silent, of another rate or number of channels than
            announced, or has samples that are not finite; the message names the file.
        CorpusError: no clips, or clips of several lengths.
        StoreError: the shelf cannot be written.
    """
    if shelf.whole:
        return
    begin(dataset, clips, frontend, shelf)
    missing = shelf.missing()
    total = len(clips)
    done = total - sum(len(piece) for piece in missing)
    with _threads(workers) as executor:
        # The next piece is under way while one is written, and no more: this bounds the memory.
        ahead = ((piece, *_submitted(executor, dataset.root, clips, piece, frontend)) for piece in missing)
        current = next(ahead, None)
        while current is not None:
            piece, features, jobs = current
            current = next(ahead, None)
            for job in jobs:
                job.result()
                done += 1
                if advance is not None:
                    advance(done, total)
            shelf.write(piece, features)
        shelf.finish()


def begin(dataset: Dataset, clips: Sequence[Clip], frontend: Frontend, shelf: FeatureShelf) -> None:
    """Prepare the shelf of these features, or pick it up where it was begun already; errors as `extract`."""
    description = {
        "corpus": dataset.name,
        "synthetic": dataset.synthetic,
        "frontend": repr(frontend),
        "hop_s": frontend.hop_s,
    }
    n_frames = frontend.n_frames(_shared_length_s(clips, dataset))
    shelf.begin([clip.id for clip in clips], n_frames, frontend.n_mels, description)


def extract_piece(
    dataset: Dataset, clips: Sequence[Clip], frontend: Frontend, shelf: FeatureShelf, piece: range
) -> None:
    """Write one missing piece of a shelf that is begun, beside others who write theirs; errors as `extract`.

    Args:
        dataset: names the folder in which the recordings lie.
        clips: all clips of the shelf.
        frontend: makes the features.
        shelf: where they go.
        piece: rows of the clips.
    """
    with _threads() as executor:
        features, jobs = _submitted(executor, dataset.root, clips, piece, frontend)
        for job in jobs:
            job.result()
    shelf.write(piece, features)


@contextmanager
def _threads(workers: int | None = None) -> Iterator[ThreadPoolExecutor]:
    n_threads = torch.get_num_threads()
    # Each worker with one thread within torch: teams of threads for each would stand in one another's way.
    executor = ThreadPoolExecutor(workers or n_threads, "extraction", initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield executor
    finally:
        # After an error or Ctrl-C, the clips that nobody has started on are not waited for.
        executor.shutdown(cancel_futures=True)
        torch.set_num_threads(n_threads)


def _submitted(
    executor: ThreadPoolExecutor, root: Path, clips: Sequence[Clip], piece: range, frontend: Frontend
) -> tuple[Features, list[Future[None]]]:
    """Features (clip, frame, mel) of a piece, and the jobs that fill them."""
    shape = (len(piece), frontend.n_frames(clips[piece.start].duration_s), frontend.n_mels)
    features = np.empty(shape, dtype=np.float32)
    jobs = [
        executor.submit(_extract_one, root, clips[index], frontend, row)
        for index, row in zip(piece, features, strict=True)
    ]
    return features, jobs


def features_of(
    waveform: npt.NDArray[np.float32], frontend: Frontend, path: Path, start_s: float, duration_s: float
) -> Tensor:
    """Features (frame, mel) of a waveform (channel, sample).

    Raises:
        AudioError: the front end cannot use it; the message names the file and the place.
    """
    try:
        return frontend.extract(torch.from_numpy(waveform))
    except AudioError as error:
        raise AudioError(f"{path}, {duration_s:g} s from {start_s:g} s on: {error}") from error


def _shared_length_s(clips: Sequence[Clip], dataset: Dataset) -> float:
    lengths_s = sorted({clip.duration_s for clip in clips})
    if len(lengths_s) != 1:
        found = f"clips of {len(lengths_s)} lengths, {lengths_s[0]:g} to {lengths_s[-1]:g} s" if clips else "no clips"
        raise CorpusError(
            f"{dataset.root}: {found}. Features are made of clips of one length; cut the recordings with one clip_s "
            "that is not longer than they are."
        )
    return lengths_s[0]


def _extract_one(root: Path, clip: Clip, frontend: Frontend, row: Features) -> None:
    """Write the features of one clip to its row (frame, mel), after a look at what only the samples tell."""
    path, recording = root / clip.recording.path, clip.recording
    info = audio_info(path)
    if (info.channels, info.rate_hz) != (recording.channels, recording.rate_hz):
        raise AudioError(
            f"{path}: {info.channels} channels at {info.rate_hz} Hz, but the corpus announced {recording.channels} at "
            f"{recording.rate_hz} Hz. Was the file exchanged? Read the corpus again, or restore the file."
        )
    waveform = read_filled(path, clip.start_s, clip.sounding_s, clip.duration_s, frontend.rate_hz)
    if not waveform.any() and _is_silent(path):
        raise AudioError(
            f"{path}: digital silence from beginning to end: every sample is 0. Copy or export the recording again, "
            "or take it out of the corpus."
        )
    features = features_of(waveform, frontend, path, clip.start_s, clip.duration_s)
    if features.shape != row.shape:
        raise AudioError(
            f"{path}, {clip.duration_s:g} s from {clip.start_s:g} s on: the front end gave features of shape "
            f"{tuple(features.shape)} after announcing {row.shape}. This is a mistake in "
            f"{type(frontend).__name__}: n_frames() and extract() have to agree."
        )
    row[:] = features.numpy()


def _is_silent(path: Path, block_samples: int = 1 << 18) -> bool:
    """True where a whole recording is digital silence; a silent clip within a sounding recording is an observation."""
    with soundfile.SoundFile(str(path)) as file:
        return not any(block.any() for block in file.blocks(block_samples, dtype="float32"))
