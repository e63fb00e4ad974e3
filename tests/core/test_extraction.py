from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from earmark.errors import AudioError, CorpusError
from earmark.extraction import extract
from earmark.recordings import Clip, Dataset, Recording, cut

RATE_HZ = 8000


class Shelf:
    """Features in memory, in pieces of three clips."""

    address = "f"

    def __init__(self) -> None:
        self.whole = False
        self.features: np.ndarray | None = None
        self.written: list[range] = []

    def begin(self, clip_ids, n_frames, n_mels, description) -> None:
        self.clips = list(clip_ids)
        self.description = description
        if self.features is None:
            self.features = np.full((len(clip_ids), n_frames, n_mels), np.nan, np.float32)

    def missing(self) -> list[range]:
        pieces = [range(start, min(start + 3, len(self.clips))) for start in range(0, len(self.clips), 3)]
        return [piece for piece in pieces if piece not in self.written]

    def write(self, piece, features) -> None:
        self.features[piece.start : piece.stop] = features
        self.written.append(piece)

    def finish(self) -> None:
        assert not self.missing()
        self.whole = True


@dataclasses.dataclass
class MeanOfHops:
    """The mean of every 100 ms and the largest sample; counts its calls."""

    rate_hz: int = RATE_HZ
    hop_s: float = 0.1
    n_mels: int = 2
    calls: int = 0
    fail_at: int = 0
    failure: BaseException = dataclasses.field(default_factory=KeyboardInterrupt)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock, repr=False)

    def n_frames(self, duration_s: float) -> int:
        return round(duration_s / self.hop_s)

    def extract(self, waveform: torch.Tensor) -> torch.Tensor:
        with self.lock:
            self.calls += 1
            if self.calls == self.fail_at:
                raise self.failure
        hops = waveform.mean(0).reshape(-1, round(self.hop_s * self.rate_hz))
        return torch.stack([hops.mean(1), hops.amax(1)], dim=1)


def write_recording(root: Path, name: str, seconds: int, channels: int = 1, samples=None) -> Recording:
    if samples is None:
        # Each second has a value of its own.
        samples = np.repeat(np.arange(1, seconds + 1) / 100, RATE_HZ)[:, None].repeat(channels, axis=1)
    soundfile.write(root / name, samples, RATE_HZ, subtype="FLOAT")
    return Recording(path=name, duration_s=float(seconds), rate_hz=RATE_HZ, channels=channels, split="development")


def dataset_of(root: Path, *recordings: Recording) -> Dataset:
    return Dataset(name="tut", root=root, synthetic=True, scenes=(), events=(), recordings=recordings)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return dataset_of(tmp_path, write_recording(tmp_path, "a.wav", 5), write_recording(tmp_path, "b.wav", 6))


@pytest.fixture
def clips(dataset) -> tuple[Clip, ...]:
    return cut(dataset.recordings, 1.0)


@pytest.mark.parametrize("workers", [1, 3, None])
def test_every_clip_comes_to_its_own_place(dataset, clips, workers):
    shelf, progress = Shelf(), []
    extract(dataset, clips, MeanOfHops(), shelf, workers=workers, advance=lambda *step: progress.append(step))
    assert shelf.whole
    assert shelf.clips == [clip.id for clip in clips]
    expected = np.array([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]) / 100
    np.testing.assert_allclose(shelf.features, np.broadcast_to(expected[:, None, None], (11, 10, 2)), rtol=1e-5)
    assert progress == [(done, 11) for done in range(1, 12)]


def test_the_shelf_is_told_what_the_features_are_of(dataset, clips):
    shelf = Shelf()
    extract(dataset, clips, MeanOfHops(), shelf)
    assert shelf.description["corpus"] == "tut"
    assert shelf.description["synthetic"] is True
    assert shelf.description["hop_s"] == 0.1
    assert "MeanOfHops" in shelf.description["frontend"]


def test_a_whole_shelf_is_left_alone(dataset, clips):
    shelf, frontend = Shelf(), MeanOfHops()
    extract(dataset, clips, frontend, shelf)
    (dataset.root / "a.wav").unlink()
    extract(dataset, clips, frontend, shelf)
    assert frontend.calls == 11


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("out of memory")])
def test_an_interrupted_extraction_goes_on_with_the_missing_pieces(dataset, clips, failure):
    shelf, progress = Shelf(), []
    with pytest.raises(type(failure)):
        extract(dataset, clips, MeanOfHops(fail_at=8, failure=failure), shelf, workers=1)
    assert shelf.written == [range(0, 3), range(3, 6)]
    assert not shelf.whole
    frontend = MeanOfHops()
    extract(dataset, clips, frontend, shelf, advance=lambda *step: progress.append(step))
    assert frontend.calls == 5
    assert progress[0] == (7, 11)
    undisturbed = Shelf()
    extract(dataset, clips, MeanOfHops(), undisturbed)
    np.testing.assert_array_equal(shelf.features, undisturbed.features)


def test_after_an_interruption_no_thread_goes_on_and_the_rest_is_not_tried(tmp_path):
    dataset = dataset_of(tmp_path, write_recording(tmp_path, "a.wav", 3))
    frontend = MeanOfHops(fail_at=1)
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, cut(dataset.recordings, 0.1), frontend, Shelf(), workers=1)
    assert frontend.calls <= 6  # of 30: two pieces are under way
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("extraction")]


def test_a_callback_that_interrupts_loses_no_finished_piece(dataset, clips):
    shelf = Shelf()

    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(dataset, clips, MeanOfHops(), shelf, advance=interrupt)
    assert shelf.written == [range(0, 3)]


def test_the_number_of_torch_threads_is_as_before(dataset, clips):
    before = torch.get_num_threads()
    extract(dataset, clips, MeanOfHops(), Shelf(), workers=2)
    assert torch.get_num_threads() == before
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, clips, MeanOfHops(fail_at=2), Shelf(), workers=2)
    assert torch.get_num_threads() == before


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    """No more clips are under way than a piece and the workers hold."""
    dataset = dataset_of(tmp_path, write_recording(tmp_path, "a.wav", 4))
    shelf, frontend, lead = Shelf(), MeanOfHops(), []
    write = shelf.write

    def watched(piece, features) -> None:
        lead.append(frontend.calls - piece.stop)
        write(piece, features)

    shelf.write = watched
    extract(dataset, cut(dataset.recordings, 0.1), frontend, shelf, workers=2)
    assert len(lead) == 14
    assert max(lead) <= 3


def error_of(dataset: Dataset, clip_s: float = 1.0, frontend=None) -> str:
    with pytest.raises(AudioError) as caught:
        extract(dataset, cut(dataset.recordings, clip_s), frontend or MeanOfHops(), Shelf())
    return str(caught.value)


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif how == "no sound":
        path.write_bytes(b"RIFF, but not really" * 1000)
    elif how == "NaN":
        samples, _ = soundfile.read(path)
        samples[RATE_HZ] = np.nan
        soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    elif how == "another rate":
        soundfile.write(path, soundfile.read(path)[0], 16_000, subtype="FLOAT")
    elif how == "stereo":
        samples, _ = soundfile.read(path)
        soundfile.write(path, np.stack([samples, samples], axis=1), RATE_HZ, subtype="FLOAT")
    elif how == "silent":
        soundfile.write(path, np.zeros(6 * RATE_HZ), RATE_HZ, subtype="PCM_24")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "no such file"),
        ("empty", "the file is empty. Copy or download it again"),
        ("truncated", "truncated"),
        ("no sound", "not a readable sound file"),
        ("NaN", "NaN or infinite samples between 1 s and 2 s"),
        ("another rate", "1 channels at 16000 Hz, but the corpus announced 1 at 8000 Hz. Was the file exchanged"),
        ("stereo", "2 channels at 8000 Hz, but the corpus announced 1 at 8000 Hz. Was the file exchanged"),
        ("silent", "digital silence from beginning to end: every sample is 0. Copy or export"),
    ],
)
def test_a_recording_that_cannot_be_used_is_named(dataset, how, message):
    path = dataset.root / "b.wav"
    spoil(path, how)
    text = error_of(dataset)
    assert text.startswith(f"{path}: ")
    assert message in text


def test_a_silent_clip_of_a_sounding_recording_is_an_observation(tmp_path):
    samples = np.zeros(3 * RATE_HZ)
    samples[-1] = 2.0**-23  # the smallest step of 24 bits, in the very last sample
    dataset = dataset_of(tmp_path, write_recording(tmp_path, "a.wav", 3, samples=samples))
    shelf = Shelf()
    extract(dataset, cut(dataset.recordings, 1.0), MeanOfHops(), shelf)
    assert not shelf.features[:2].any()
    assert shelf.features[2].any()


def test_a_last_clip_is_filled_up_with_silence_where_that_is_wanted(tmp_path):
    dataset = dataset_of(tmp_path, write_recording(tmp_path, "a.wav", 3))
    clips = cut(dataset.recordings, 2.0, pad=True)
    shelf = Shelf()
    extract(dataset, clips, MeanOfHops(), shelf)
    assert len(shelf.features) == 2
    n_frames = shelf.features.shape[1]
    assert shelf.features[1, : n_frames // 2].all()
    assert not shelf.features[1, n_frames // 2 :].any()


def test_recordings_of_another_rate_than_the_front_ends_are_resampled(tmp_path):
    at_rate, other = (write_recording(tmp_path, f"{name}.wav", 2) for name in ("a", "b"))
    samples, _ = soundfile.read(tmp_path / "a.wav", always_2d=True)
    soundfile.write(tmp_path / "b.wav", np.repeat(samples, 2, axis=0), 2 * RATE_HZ, subtype="FLOAT")
    dataset = dataset_of(tmp_path, at_rate, dataclasses.replace(other, rate_hz=2 * RATE_HZ))
    shelf = Shelf()
    extract(dataset, cut(dataset.recordings, 2.0), MeanOfHops(), shelf)
    assert shelf.features.shape[0] == 2
    assert np.isfinite(shelf.features).all()


def test_what_the_front_end_refuses_is_told_with_the_file_and_time(dataset):
    text = error_of(dataset, frontend=MeanOfHops(fail_at=7, failure=AudioError("too quiet")))
    assert re.fullmatch(rf"{re.escape(str(dataset.root))}.[ab]\.wav, 1 s from \d s on: too quiet", text)


def test_a_front_end_that_does_not_keep_its_word_is_named(dataset):
    class Longer(MeanOfHops):
        def n_frames(self, duration_s: float) -> int:
            return super().n_frames(duration_s) + 1

    assert "gave features of shape (10, 2) after announcing (11, 2). This is a mistake in Longer" in error_of(
        dataset, frontend=Longer()
    )


def test_clips_of_several_lengths_are_refused(dataset):
    clips = cut(dataset.recordings, 1.0) + cut(dataset.recordings, 2.0)
    with pytest.raises(CorpusError, match="clips of 2 lengths, 1 to 2 s. Features are made of clips of one length"):
        extract(dataset, clips, MeanOfHops(), Shelf())


def test_no_clips_are_refused(dataset):
    with pytest.raises(CorpusError, match="no clips. Features are made"):
        extract(dataset, [], MeanOfHops(), Shelf())


def test_front_end_extraction_and_store_fit_together(tmp_path):
    from earmark_frontends.log_mel import LogMel
    from earmark_stores import LocalStore

    samples = np.random.default_rng(0).normal(0, 0.1, (7 * RATE_HZ, 2)).clip(-1, 1)
    dataset = dataset_of(tmp_path, write_recording(tmp_path, "a.wav", 7, channels=2, samples=samples))
    clips = cut(dataset.recordings, 0.1)  # 70: two pieces
    frontend, shelf = LogMel(rate_hz=RATE_HZ, n_fft=512), LocalStore(tmp_path / "stores").features("f")
    extract(dataset, clips, frontend, shelf)
    waveform = torch.from_numpy(soundfile.read(tmp_path / "a.wav", dtype="float32")[0].T.copy())
    expected = torch.stack([frontend.extract(part) for part in waveform.split(RATE_HZ // 10, dim=1)])
    np.testing.assert_allclose(shelf.read([clip.id for clip in clips]), expected, atol=1e-5)
    mean, std = shelf.statistics([clips[3].id, clips[66].id])
    np.testing.assert_allclose(mean, expected[[3, 66]].mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(std, expected[[3, 66]].flatten(0, 1).std(0, correction=0), rtol=1e-4)
