"""A model bundle, written by one run, hears recordings anywhere: same numbers, no seams, clear errors."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
import xarray as xr
from torch import nn

from earmark import hookimpl
from earmark.bundles.bundle import BundleError, load_bundle, save_bundle
from earmark.bundles.detections import Detections, DetectionsError, find_recordings
from earmark.bundles.detector import Detector, window_starts, window_weight
from earmark.bundles.export import export
from earmark.errors import AudioError, UnknownPluginError
from earmark.outputs import Outputs
from earmark.pipeline import run_study
from earmark.plugins import PluginManager, plugins
from earmark.protocols import Task
from earmark.study import Job
from earmark.workspace import open_store

RATE_HZ = 8_000


class Loudness(nn.Module):
    """Event posterior of each frame: the sigmoid of its first band; the scene: the mean over all frames."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, features):
        level = self.gain * features[..., :1]
        return Outputs(event_frame_logit=level, scene_logit=torch.cat([level.mean(1), -level.mean(1)], dim=1))


class RootMeanSquare:
    rate_hz, hop_s, n_mels = RATE_HZ, 0.1, 1

    def n_frames(self, duration_s: float) -> int:
        return round(duration_s * self.rate_hz) // 800

    def extract(self, waveform):
        frames = waveform.mean(0).reshape(-1, 800)
        return frames.square().mean(1, keepdim=True).sqrt()


class Nervous(Loudness):
    """Takes the first and the last frame of every window for loud."""

    def forward(self, features):
        features = features.clone()
        features[:, [0, -1]] = 5.0
        return super().forward(features)


class Plugin:
    @staticmethod
    @hookimpl
    def earmark_models():
        return {"loudness": Loudness, "nervous": Nervous}

    @staticmethod
    @hookimpl
    def earmark_frontends():
        return {"rms": RootMeanSquare}


@pytest.fixture
def manager():
    found = PluginManager.of_environment()
    found.register(Plugin, "loudness")
    return found


def described(**changes):
    return {
        "name": "loudness",
        "title": "Loudness",
        "model": {"use": "loudness"},
        "task": {"n_frames": 10, "n_mels": 1, "n_events": 1, "n_scenes": 2},
        "frontend": {"use": "rms"},
        "clip_s": 1.0,
        "events": ["loud"],
        "scenes": ["near", "far"],
        "normalisation": {"mean": [0.25], "std": [0.01]},
        "postprocessing": [],
        "about": {},
    } | changes


def write_bundle(folder, **changes):
    save_bundle(folder, {"gain": torch.ones(())}, described(**changes), "a card\n")
    return folder


def write_steps(path, seconds, levels, rate_hz=RATE_HZ):
    """A recording whose every tenth of a second has its own constant level."""
    frames = np.repeat(np.asarray(levels), rate_hz // 10)[: round(seconds * rate_hz)]
    soundfile.write(path, frames, rate_hz, subtype="FLOAT")
    return path


def test_every_frame_of_a_long_recording_is_heard_once_and_in_its_place(tmp_path, manager):
    rng = np.random.default_rng(0)
    levels = rng.uniform(0.2, 0.3, 57)
    path = write_steps(tmp_path / "a.wav", 5.7, levels)
    heard = Detector(load_bundle(write_bundle(tmp_path / "b")), manager).predict(path)
    expected = 1 / (1 + np.exp(-(levels - 0.25) / 0.01))
    assert heard.posterior["event_frame_posterior"].dims == ("frame", "event")
    # This model's frames do not depend on their window: any seam, shift or weight that is off would show.
    assert np.abs(heard.posterior["event_frame_posterior"].values[:, 0] - expected).max() < 1e-4
    assert heard.posterior["frame"].values[-1] == 5.6
    runs = np.flatnonzero(np.diff(np.concatenate([[0], levels > 0.25, [0]]).astype(int)))
    assert [(e.onset_s, e.offset_s) for e in heard.events] == [
        (pytest.approx(a / 10), pytest.approx(b / 10)) for a, b in zip(runs[::2], runs[1::2], strict=True)
    ]


def test_a_model_that_hears_borders_wrong_leaves_no_seam(tmp_path, manager):
    path = write_steps(tmp_path / "a.wav", 5.0, np.full(50, 0.22))
    heard = Detector(load_bundle(write_bundle(tmp_path / "b", model={"use": "nervous"})), manager).predict(path)
    posterior = heard.posterior["event_frame_posterior"].values[:, 0]
    assert posterior[0] > 0.99
    assert posterior[-1] > 0.99  # the recording's own ends have no other window
    # Within, the wrong frame of a window weighs a third against its neighbour's two thirds.
    assert posterior[1:-1].max() < 0.5
    assert len(heard.events) == 2


def test_windows_cover_a_recording_and_the_last_one_ends_with_it():
    for n_total in range(1, 60):
        firsts = window_starts(n_total, 10)
        covered = {frame for first in firsts for frame in range(first, min(first + 10, n_total))}
        assert covered == set(range(n_total))
        assert firsts[-1] == max(n_total - 10, 0)
        assert sorted(set(firsts)) == firsts
        weights = np.zeros((n_total, 1))
        for first in firsts:
            length = min(10, n_total - first)
            weight = window_weight(length, 10, first, n_total)
            assert (weight > 0).all()
            weights[first : first + length] += weight
        assert (weights > 0.3).all()


def test_a_recording_shorter_than_a_window_is_heard_to_its_end_and_no_further(tmp_path, manager):
    path = write_steps(tmp_path / "a.wav", 0.45, [0.3] * 5)
    heard = Detector(load_bundle(write_bundle(tmp_path / "b")), manager).predict(path)
    assert heard.posterior.sizes["frame"] == 4
    assert [(e.onset_s, e.offset_s) for e in heard.events] == [(0.0, 0.4)]
    with pytest.raises(AudioError, match=r"0\.050 s are shorter than one frame of 0\.1 s"):
        Detector(load_bundle(tmp_path / "b"), manager).predict(write_steps(tmp_path / "c.wav", 0.05, [0.3]))


def test_another_rate_and_more_channels_give_the_same_events(tmp_path, manager):
    levels = [0.2] * 8 + [0.3] * 9 + [0.2] * 13
    mono = write_steps(tmp_path / "mono.wav", 3.0, levels)
    samples = np.repeat(levels, 4_800)
    soundfile.write(tmp_path / "stereo.wav", np.stack([samples, samples], 1), 48_000, subtype="FLOAT")
    detector = Detector(load_bundle(write_bundle(tmp_path / "b")), manager)
    assert detector.predict(tmp_path / "stereo.wav").events == detector.predict(mono).events


def test_the_scene_is_the_mean_of_all_windows(tmp_path, manager):
    path = write_steps(tmp_path / "a.wav", 1.0, [0.26] * 10)
    heard = Detector(load_bundle(write_bundle(tmp_path / "b")), manager).predict(path)
    scene, posterior = heard.scene
    assert scene == "near"
    assert posterior == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-4)  # logits 1 and -1


def test_post_processing_of_the_bundle_sees_the_whole_recording(tmp_path, manager):
    levels = [0.2] * 9 + [0.3, 0.3, 0.2, 0.3] + [0.2] * 9 + [0.3] + [0.2] * 2
    path = write_steps(tmp_path / "a.wav", 2.5, levels)
    steps = [{"use": "minimum-gap", "gap_s": 0.15}, {"use": "minimum-duration", "duration_s": 0.2}]
    heard = Detector(load_bundle(write_bundle(tmp_path / "b", postprocessing=steps)), manager).predict(path)
    assert [(e.onset_s, e.offset_s) for e in heard.events] == [(0.9, 1.3)]  # across the border of two windows


# Bundles


def test_a_bundle_predicts_what_its_run_predicted(small_study, tmp_path):
    job = Job("strong", 0)
    export(small_study, job, tmp_path / "b")
    detector = Detector(load_bundle(tmp_path / "b"), plugins())
    clip = next(c for c in small_study.clips["test"] if c.recording.duration_s == c.duration_s)
    kept = small_study.predictions("strong", 0).sel(clip=clip.id).load()
    heard = detector.predict(small_study.dataset.root / clip.recording.path).posterior
    for name in ("event_frame_posterior", "scene_posterior"):
        assert np.abs(heard[name].values - kept[name].values).max() < 1e-5
    assert heard["event"].values.tolist() == kept["event"].values.tolist()


def test_a_bundle_carries_thresholds_that_were_chosen_on_the_validation_split(small_study, tmp_path):
    recordings = small_study.dataset.of_split("evaluation")
    moved = {recording.path for recording in recordings[::2]}
    dataset = replace(
        small_study.dataset,
        recordings=tuple(
            replace(r, split="validation") if r.path in moved else r for r in small_study.dataset.recordings
        ),
    )
    experiment = small_study.experiment.model_validate(
        small_study.experiment.only("strong", 0).model_dump()
        | {
            "validation_split": "validation",
            "postprocessing": [{"use": "median-filter"}, {"use": "class-thresholds"}],
            "evaluators": {
                "decided": "frame",
                "raw": {"use": "frame", "on": "posteriors"},
            },
        }
    )
    study = replace(small_study, experiment=experiment, dataset=dataset, store=open_store(tmp_path / "stores"))
    run_study(study, device="cpu", engine="local")
    job = Job("strong", 0)
    decided, raw = (study.results()["Strong MTL"][name][0] for name in ("decided", "raw"))
    export(study, job, tmp_path / "b")
    description = load_bundle(tmp_path / "b").description
    first, second = description.postprocessing
    assert first.use == "median-filter"
    chosen = second.options["of_event"]
    heard = {event.label for clip in study.clips["validation"] for event in clip.events}
    assert set(chosen) <= heard
    assert json.loads(decided.attrs["postprocessing"])[1]["of_event"] == chosen
    assert "postprocessing" not in raw.attrs
    assert float(decided["fscore_micro"]) != float(raw["fscore_micro"])
    card = (tmp_path / "b" / "README.md").read_text()
    assert "Trained on synthetic sound" in card
    assert "class-thresholds" in card
    validated = {clip.recording.path for clip in study.clips["validation"]}
    assert not validated & {clip.recording.path for part in ("train", "test") for clip in study.clips[part]}


def test_a_bundle_is_replaced_whole_and_nothing_else_is(tmp_path):
    write_bundle(tmp_path / "b")
    write_bundle(tmp_path / "b", title="Second")
    assert load_bundle(tmp_path / "b").description.title == "Second"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    (tmp_path / "mine").mkdir()
    with pytest.raises(BundleError, match="exists and is not a model bundle. Name another folder with --to"):
        write_bundle(tmp_path / "mine")


def spoil(folder, how):
    description = folder / "bundle.json"
    found = json.loads(description.read_text())
    if how == "absent":
        description.unlink()
    elif how == "cut off":
        description.write_text(description.read_text()[:100])
    elif how == "later version":
        description.write_text(json.dumps(found | {"format": 2}))
    elif how == "a misspelt field":
        description.write_text(json.dumps(found | {"clips_s": 3}))
    elif how == "other weights":
        (folder / "weights.safetensors").write_bytes(b"1234")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("absent", "not a model bundle .* `earmark train EXPERIMENT.toml` ends with one"),
        ("cut off", "damaged .* Copy the bundle again"),
        ("later version", "a bundle of format 2; this Earmark reads 1"),
        ("a misspelt field", "damaged .*clips_s"),
        ("other weights", "these are not the weights that bundle.json describes. Copy the whole bundle again"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused(tmp_path, how, message):
    spoil(write_bundle(tmp_path / "b"), how)
    with pytest.raises(BundleError, match=f"(?s){message}"):
        load_bundle(tmp_path / "b")


def test_a_bundle_that_does_not_fit_what_is_installed_says_what_made_it(tmp_path, manager):
    about = {"plugins": {"model": "model:loudness=mine@1.2", "frontend": "frontend:rms=mine@1.2"}}
    save_bundle(tmp_path / "b", {"other": torch.ones(())}, described(about=about), "")
    with pytest.raises(
        BundleError, match="do not fit the model 'loudness' that is installed; they were made by .*@1.2"
    ):
        Detector(load_bundle(tmp_path / "b"), manager)
    write_bundle(tmp_path / "c", clip_s=2.0, about=about)
    with pytest.raises(BundleError, match=r"gives features of \(20, 1\) .* the model takes \(10, 1\).*mine@1.2"):
        Detector(load_bundle(tmp_path / "c"), manager)
    write_bundle(tmp_path / "d", model={"use": "gone"})
    with pytest.raises(UnknownPluginError, match="no model named 'gone'"):
        Detector(load_bundle(tmp_path / "d"), manager)


# What is written


def prediction(tmp_path, manager):
    path = write_steps(tmp_path / "a.wav", 2.0, [0.3] * 10 + [0.2] * 10)
    return Detector(load_bundle(write_bundle(tmp_path / "b")), manager).predict(path)


def test_tables_name_their_recordings_and_other_formats_have_a_file_for_each(tmp_path, manager):
    heard = prediction(tmp_path, manager)
    for format, files in (("tsv", {"events.tsv", "scenes.tsv"}), ("audacity", {"x/a.txt", "c.txt", "scenes.tsv"})):
        writer = Detections(tmp_path / format, manager.build("annotation format", format, {}, "test"), None)
        writer.add("x/a.wav", heard)
        writer.add("c.flac", heard)
        written = writer.finish()
        assert {path.relative_to(tmp_path / format).as_posix() for path in written} == files
        on_disk = {p.relative_to(tmp_path / format).as_posix() for p in (tmp_path / format).rglob("*") if p.is_file()}
        assert on_disk == files
    read = manager.build("annotation format", "tsv", {}, "test").read(tmp_path / "tsv" / "events.tsv")
    assert [(a.recording, a.events, a.scene) for a in read] == [
        (name, heard.events, heard.scene[0]) for name in ("x/a.wav", "c.flac")
    ]
    assert (tmp_path / "tsv" / "scenes.tsv").read_text().splitlines()[1].split("\t")[:2] == ["x/a.wav", heard.scene[0]]


def test_posteriors_are_kept_in_a_group_for_each_recording_and_replace_older_ones(tmp_path, manager):
    heard = prediction(tmp_path, manager)
    for _ in range(2):
        format = manager.build("annotation format", "tsv", {}, "test")
        writer = Detections(tmp_path / "out", format, tmp_path / "scores.zarr")
        writer.add("x/a.wav", heard)
        writer.finish()
    kept = xr.open_zarr(tmp_path / "scores.zarr", group="x/a.wav", consolidated=False)
    assert kept["event_frame_posterior"].values.tolist() == heard.posterior["event_frame_posterior"].values.tolist()
    assert kept["event"].values.tolist() == ["loud"]
    assert kept.attrs["duration_s"] == 2.0
    (tmp_path / "mine").mkdir()
    with pytest.raises(DetectionsError, match="exists and is not a zarr store"):
        Detections(tmp_path / "out", format, tmp_path / "mine")


def test_recordings_are_found_in_folders_and_named_so_that_none_hides_another(tmp_path):
    for name in ("one/a.wav", "one/deep/b.FLAC", "two/a.wav", "one/.hidden/c.wav", "one/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(find_recordings([tmp_path / "one"])) == ["a.wav", "deep/b.FLAC"]
    both = find_recordings([tmp_path / "one", tmp_path / "two"])
    assert len(both) == 3
    assert "a.wav" not in both
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no recording found. Name files, or folders with files that end in"):
        find_recordings([tmp_path / "empty"])
