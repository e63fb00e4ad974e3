from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from earmark.audio import read_clip
from earmark.bundles.bundle import load_bundle, save_bundle
from earmark.cli import app
from earmark.clip_tables import ClipTableError, read_clip_table
from earmark.errors import AudioError, OptionError
from earmark.frames import FrameGrid
from earmark.plugins import plugins
from earmark.processes import EngineError
from earmark.protocols import Labeller, Task
from earmark.recordings import Dataset, Recording, cut
from earmark.testing import check_options
from earmark_pann import checkpoint, tagger
from earmark_pann.checkpoint import Release
from earmark_pann.classes import audioset_events
from earmark_pann.cnn14 import Cnn14
from earmark_pann.errors import CheckpointError
from earmark_pann.labeller import PIECE, PannLabeller
from earmark_pann.models import Cnn14Tagger, TaggerScene

NARROW = (4, 4, 4, 8, 8, 8)
RATE_HZ = 48_000
TASK = Task(n_frames=101, n_mels=64, n_events=3, n_scenes=0)


def written_dataset(root: Path, durations_s: dict[str, float]) -> Dataset:
    """Stereo noise, of which every recording has its own."""
    recordings = []
    for number, (path, duration_s) in enumerate(durations_s.items()):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).normal(0, 0.02 * (1 + number), (round(duration_s * RATE_HZ), 2))
        soundfile.write(root / path, noise, RATE_HZ, subtype="PCM_24")
        recordings.append(
            Recording(path=path, duration_s=duration_s, rate_hz=RATE_HZ, channels=2, split="development", scene="park")
        )
    return Dataset(name="tut2018", root=root, synthetic=True, scenes=("park",), events=(), recordings=tuple(recordings))


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return written_dataset(tmp_path / "corpus", {"audio/park-a.wav": 1.0, "audio/park-b.wav": 0.6, "c.wav": 2.5})


@pytest.fixture
def bundle(tmp_path) -> Path:
    return stand_in(tmp_path / "bundle")


def stand_in(folder: Path, model: str = "cnn14", **about) -> Path:
    """An untrained narrow tagger as `earmark train` exports it."""
    torch.manual_seed(0)
    options = {"channels": list(NARROW)}
    task = TASK if model == "cnn14" else Task(n_frames=101, n_mels=64, n_events=0, n_scenes=2)
    made = plugins().build("model", model, options, "test", task)
    save_bundle(
        folder,
        made.state_dict(),
        {
            "name": "stand_in_tagger-tagger",
            "title": "t",
            "model": {"use": model, **options},
            "task": task,
            "frontend": {"use": "log-mel-pann"},
            "clip_s": 1.0,
            "events": ["Speech", "Vehicle", "Car"] if model == "cnn14" else [],
            "scenes": [] if model == "cnn14" else ["park", "tram"],
            "normalisation": {"mean": [0.0] * 64, "std": [1.0] * 64},
            "postprocessing": [],
            "about": {"synthetic": True, **about},
        },
        "",
    )
    return folder


@pytest.fixture
def narrow_checkpoint(tmp_path, monkeypatch):
    """A checkpoint with all 527 classes of a narrow net, and a loader that takes it for CNN14."""

    def narrow(n_events: int) -> Cnn14:
        return Cnn14(n_events, channels=NARROW)

    monkeypatch.setattr(checkpoint, "Cnn14", narrow)
    monkeypatch.setattr(tagger, "Cnn14", narrow)
    torch.manual_seed(0)
    path = tmp_path / "mine.pth"
    torch.save({"model": narrow(527).state_dict()}, path)
    return path


def test_a_clip_gets_the_posteriors_of_its_net_in_evaluation_mode(dataset, narrow_checkpoint, tmp_path):
    labeller = PannLabeller(checkpoint=narrow_checkpoint, clip_s=1.0, device="cpu")
    assert isinstance(labeller, Labeller)
    table = read_clip_table(labeller.write_table(dataset, tmp_path / "stores"))
    assert table.clips == ("park-a", "park-b", "c.wav@0", "c.wav@1000", "c.wav@2000")
    assert table.events == audioset_events()
    assert table.values.dtype == np.float16
    net = Cnn14(527, channels=NARROW)
    net.load_state_dict(torch.load(narrow_checkpoint, weights_only=True)["model"])
    net.eval()
    frontend = plugins().build("frontend", "log-mel-pann", {}, "test")
    for row, clip in enumerate(cut(dataset.recordings, 1.0, pad=True)):
        sound = read_clip(dataset.root / clip.recording.path, clip.start_s, clip.sounding_s, 16_000)
        features = frontend.extract(torch.from_numpy(np.pad(sound, ((0, 0), (0, 16_000 - sound.shape[1])))))
        with torch.no_grad():
            expected = net(features[None])[0][0].sigmoid()
        np.testing.assert_allclose(table.values[row], expected, atol=6e-4)


def test_weights_that_nobody_published_are_not_called_pann(dataset, narrow_checkpoint, tmp_path, monkeypatch):
    labeller = PannLabeller(checkpoint=narrow_checkpoint, clip_s=1.0, device="cpu")
    path = labeller.write_table(dataset, tmp_path / "stores")
    about = read_clip_table(path).about
    assert about["tagger"] == "CNN14 with weights that nobody published (mine.pth)"
    assert path.name.startswith("tagger-")
    assert about["weights"] == checkpoint.identified(narrow_checkpoint)[0]
    assert {"earmark", "torch", "soundfile"} <= about["versions"].keys()
    assert about["resampler"].startswith("soxr ")
    here = Release(name="PANN CNN14, 16 kHz", file="x", rate_hz=16_000, n_bytes=1, sha256=about["weights"])
    monkeypatch.setattr(checkpoint, "RELEASES", (here,))
    path = labeller.write_table(dataset, tmp_path / "stores")
    assert read_clip_table(path).about["tagger"] == "PANN CNN14, 16 kHz"
    assert path.name.startswith("pann-")


def test_the_table_of_a_stand_in_says_so_and_never_pann(dataset, bundle, tmp_path):
    path = PannLabeller(checkpoint=bundle, clip_s=1.0, device="cpu").write_table(dataset, tmp_path / "stores")
    table = read_clip_table(path)
    assert table.about["tagger"] == "stand-in tagger stand_in_tagger-tagger"
    assert table.about["stand_in"] is True
    assert table.about["corpus"] == "tut2018 (synthetic)"
    assert table.events == ("Speech", "Vehicle", "Car")
    assert path.name.startswith("stand-in-tagger-")
    assert "pann" not in (path.name + json.dumps(dict(table.about))).lower()


def test_labels_of_a_corpus_are_read_back_by_the_label_source(dataset, bundle, tmp_path):
    path = PannLabeller(checkpoint=bundle, clip_s=1.0, device="cpu").write_table(dataset, tmp_path / "stores")
    source = plugins().build("label source", "pann", {"table": str(path), "threshold": 0.5}, "test")
    clips = cut(dataset.recordings, 1.0)
    targets = source.label(dataset, clips, FrameGrid(n_frames=101, hop_s=0.01))
    table = read_clip_table(path)
    rows = [table.clips.index(name) for name in ("park-a", "c.wav@0", "c.wav@1000")]
    assert np.array_equal(targets.clip_event.numpy(), table.values[rows] >= 0.5)
    assert targets.events == ("Speech", "Vehicle", "Car")


def test_an_interrupted_labelling_goes_on_and_ends_with_the_same_table(tmp_path, bundle, monkeypatch):
    names = {f"{number:03d}.wav": 0.5 for number in range(PIECE + 2)}
    data = written_dataset(tmp_path / "corpus", names)
    labeller = PannLabeller(checkpoint=bundle, clip_s=0.5, device="cpu", batch_size=16)
    whole = labeller.write_table(data, tmp_path / "undisturbed").read_bytes()

    def interrupt(done: int, total: int) -> None:
        if done > PIECE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        labeller.write_table(data, tmp_path / "stores", interrupt)
    assert len(list((tmp_path / "stores").rglob("*.npz"))) == 1
    heard, told = [], []
    original = tagger.Tagger.posteriors
    monkeypatch.setattr(
        tagger.Tagger,
        "posteriors",
        lambda self, root, clips, tell: heard.extend(clips) or original(self, root, clips, tell),
    )
    path = labeller.write_table(data, tmp_path / "stores", lambda done, total: told.append((done, total)))
    assert path.read_bytes() == whole
    assert len(heard) == 2
    assert told[0] == (PIECE, PIECE + 2)
    assert [p.name for p in (tmp_path / "stores").rglob("*.npz")] == [path.name]
    labeller.write_table(data, tmp_path / "stores", lambda done, total: told.append((done, total)))
    assert len(heard) == 2
    assert told[-1] == (PIECE + 2, PIECE + 2)


def test_an_engine_labels_piece_by_piece_goes_on_where_it_stopped_and_makes_the_same_table(tmp_path, bundle, elsewhere):
    data = written_dataset(tmp_path / "corpus", {f"{number:03d}.wav": 0.5 for number in range(2 * PIECE + 2)})
    labeller = PannLabeller(checkpoint=bundle, clip_s=0.5, device="cpu", batch_size=16)
    whole = labeller.write_table(data, tmp_path / "undisturbed").read_bytes()
    elsewhere.most = 2
    with pytest.raises(EngineError, match="no more"):
        labeller.write_table(data, tmp_path / "stores", engine=elsewhere)
    elsewhere.most, told = 3, []
    path = labeller.write_table(data, tmp_path / "stores", lambda *step: told.append(step), engine=elsewhere)
    assert path.read_bytes() == whole
    assert [str(job) for job in elsewhere.jobs] == [
        "labels of tut2018 (synthetic), 129 to 130",
        "labels of tut2018 (synthetic), 65 to 128",
        "labels of tut2018 (synthetic), 1 to 64",
    ]
    assert told == [(130, 130)]


def test_a_piece_of_other_clips_is_refused(tmp_path, bundle):
    data = written_dataset(tmp_path / "corpus", {f"{number:03d}.wav": 0.5 for number in range(2)})
    labeller = PannLabeller(checkpoint=bundle, clip_s=0.5, device="cpu")
    path = labeller.write_table(data, tmp_path / "stores")
    table = read_clip_table(path)
    path.unlink()
    pieces = path.with_suffix(".pieces")
    pieces.mkdir()
    from dataclasses import replace

    (pieces / "000000.npz").write_bytes(replace(table, clips=("x", "y")).to_bytes())
    with pytest.raises(ClipTableError, match="000000.npz: this piece is of other clips. Delete the folder"):
        labeller.write_table(data, tmp_path / "stores")


def test_memory_is_that_of_a_batch_whatever_the_number_of_clips(dataset, bundle):
    """No more clips are read ahead than one batch."""
    opened = tagger.open_tagger(bundle, 16_000, plugins(), torch.device("cpu"), batch_size=2)
    ahead, most = 0, 0
    original = tagger.Tagger._of_clip

    class Counting(tagger.Tagger):
        def _of_clip(self, path, clip):
            nonlocal ahead, most
            ahead += 1
            most = max(most, ahead)
            return original(self, path, clip)

        def heard(self, features):
            nonlocal ahead
            ahead -= len(features)
            return super().heard(features)

    counting = Counting(**{name: getattr(opened, name) for name in tagger.Tagger.__dataclass_fields__})
    clips = cut(dataset.recordings, 0.35, pad=True)
    assert counting.posteriors(dataset.root, clips).shape == (len(clips), 3)
    assert len(clips) == 13
    assert most <= 4


def test_without_a_checkpoint_it_says_both_ways(dataset, tmp_path):
    check_options(PannLabeller)
    with pytest.raises(
        CheckpointError,
        match="No checkpoint is named. Fetch it with `earmark data fetch panns .* train the stand-in",
    ):
        PannLabeller(clip_s=1.0).write_table(dataset, tmp_path)


def test_a_bundle_without_events_is_no_tagger(dataset, tmp_path):
    folder = stand_in(tmp_path / "scenes", "tagger-scene")
    with pytest.raises(CheckpointError, match="the model 'tagger-scene' gives no events of whole clips"):
        PannLabeller(checkpoint=folder, clip_s=1.0, device="cpu").write_table(dataset, tmp_path)


def test_clips_that_are_too_short_or_not_there_are_refused(dataset, bundle, tmp_path):
    with pytest.raises(AudioError, match="clips of 0.2 s are too short for the tagger; give at least 0.31 s"):
        PannLabeller(checkpoint=bundle, clip_s=0.2, device="cpu").write_table(dataset, tmp_path)
    empty = Dataset(name="e", root=tmp_path, synthetic=False, scenes=(), events=(), recordings=())
    with pytest.raises(ClipTableError, match="there are no recordings to label"):
        PannLabeller(checkpoint=bundle).write_table(empty, tmp_path)
    with pytest.raises(OptionError, match="batch_size = 0 and clip_s = 10 must be positive"):
        PannLabeller(batch_size=0)


def test_a_recording_that_cannot_be_read_is_named(dataset, bundle, tmp_path):
    (dataset.root / "c.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match="c.wav: not a readable sound file"):
        PannLabeller(checkpoint=bundle, clip_s=1.0, device="cpu").write_table(dataset, tmp_path)


def test_a_scene_model_takes_the_weights_of_a_bundle_or_of_a_checkpoint(bundle, narrow_checkpoint, monkeypatch):
    task = Task(n_frames=101, n_mels=64, n_events=0, n_scenes=2)
    scene = TaggerScene(task, checkpoint=bundle / "bundle.json")
    weights = load_bundle(bundle).weights
    assert all(torch.equal(scene.state_dict()[name], weights[name]) for name in weights)
    assert scene.scene.in_features == NARROW[-1]
    assert TaggerScene(task, checkpoint=bundle / "bundle.json", hears="probabilities").scene.in_features == 3
    assert TaggerScene(task, checkpoint=narrow_checkpoint, hears="probabilities").scene.in_features == 527
    with pytest.raises(CheckpointError, match="bundle: a folder. Name the bundle.json in it, or a released"):
        TaggerScene(task, checkpoint=bundle)
    with pytest.raises(CheckpointError, match="a bundle of the model 'cnn14' at 16000 Hz; needed is a cnn14 at 32000"):
        TaggerScene(task, checkpoint=bundle / "bundle.json", rate_hz=32_000)
    assert isinstance(Cnn14Tagger(TASK, channels=NARROW), Cnn14)


# The command


def earmark(*arguments: object):
    return CliRunner().invoke(app, ["label", "pann", *map(str, arguments)], env={"COLUMNS": "200"})


def test_recordings_are_tagged_from_the_command_line(dataset, bundle, tmp_path):
    table = tmp_path / "mine.npz"
    ran = earmark(
        dataset.root, "--checkpoint", bundle, "--clip-s", 1, "--top", 2, "--stores", tmp_path / "s", "--to", table,
        "--per-clip", 1.4, "--device", "cpu",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert "5 clips, 3 events, by: stand-in tagger stand_in_tagger-tagger" in ran.stdout
    assert "Listening, clips: 5 of 5" in ran.stdout
    found = read_clip_table(table)
    assert found.clips == ("park-a", "park-b", "c.wav@0", "c.wav@1000", "c.wav@2000")
    best = found.events[int(found.values[0].astype(np.float32).argmax())]
    assert f"{best} {float(found.values[0].max()):.2f}, " in ran.stdout
    assert "Threshold for 1.4 labels a clip: 0." in ran.stdout
    assert f"Table  {table}" in ran.stdout
    assert next((tmp_path / "s" / "labels" / "tagged").glob("*.npz")).read_bytes() == table.read_bytes()


def test_a_threshold_is_shown_and_not_kept(dataset, bundle, tmp_path):
    ran = earmark(
        dataset.root / "c.wav", "--checkpoint", bundle, "--clip-s", 1, "--threshold", 1, "--stores", tmp_path / "s",
        "--to", tmp_path / "t.npz", "--device", "cpu",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert "Labels a clip at a threshold of 1: 0.000" in ran.stdout
    assert not read_clip_table(tmp_path / "t.npz").decided


def test_problems_are_one_sentence(dataset, bundle, tmp_path):
    ran = earmark(dataset.root, "--stores", tmp_path / "s")
    assert (ran.exit_code, "earmark: No checkpoint is named. Fetch it with" in ran.stderr) == (1, True)
    ran = earmark("--checkpoint", bundle)
    assert (ran.exit_code, "name either recordings, or a corpus with --corpus" in ran.stderr) == (2, True)
    truncated = tmp_path / "Cnn14_16k_mAP=0.438.pth"
    truncated.write_bytes(b"PK")
    ran = earmark(dataset.root, "--checkpoint", truncated, "--stores", tmp_path / "s")
    assert (ran.exit_code, "truncated or changed (2 bytes instead of 358,668,570" in ran.stderr) == (1, True)
    ran = earmark(
        dataset.root, "--checkpoint", bundle, "--clip-s", 1, "--stores", tmp_path, "--to", tmp_path / "no" / "t.npz"
    )
    assert (ran.exit_code, "t.npz: cannot be written (No such file or directory)" in ran.stderr) == (1, True)
