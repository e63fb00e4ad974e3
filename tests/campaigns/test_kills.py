"""What interrupts a study or spoils its store costs time and no number.

A sample of the kills of `tests/benchmarks/campaign_kill.py`; a full disk, a read-only store, a clock that jumps, and
bits that flip. Faults at every step of a single write are in `tests/stores/test_faults.py`.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_life import digests, lay, opened

from earmark.errors import StoreError
from earmark.pipeline import run_study
from earmark.study import Job, Study

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 5


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("life")
    lay(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder) -> tuple[Path, dict[str, str]]:
    """Stores of a study that nothing has disturbed, and what it has left there."""
    study = run(opened(folder, folder / "stores"))
    return folder / "stores", digests(study)


def run(study: Study) -> Study:
    return run_study(study, device="cpu", engine="local")


@pytest.fixture
def done(folder, undisturbed, tmp_path) -> Study:
    """A finished study in stores of its own."""
    shutil.copytree(undisturbed[0], tmp_path / "stores")
    return opened(folder, tmp_path / "stores")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="attempts are forks of a process that has imported everything")
def test_a_study_killed_at_random_moments_ends_with_the_numbers_of_an_undisturbed_one():
    script = REPOSITORY / "tests/benchmarks/campaign_kill.py"
    ran = subprocess.run(
        [sys.executable, str(script), str(KILLS), "1", "--quiet"], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert figures["kills"] == KILLS
    assert figures["different_from_undisturbed"] == []


@pytest.mark.parametrize("at", [3, 30])
def test_a_full_disk_stops_a_study_which_then_ends_with_the_same_numbers(
    at, folder, undisturbed, tmp_path, monkeypatch
):
    study, calls, sync = opened(folder, tmp_path), [], os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) >= at:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"the disk is full .*the same command then goes on where it stopped"):
            run(study)
    assert digests(run(opened(folder, tmp_path))) == undisturbed[1]


def test_a_finished_study_is_read_and_judged_in_a_store_that_cannot_be_written(folder, undisturbed, done, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("mkdir", "rename", "replace", "unlink", "touch", "write_bytes", "write_text"):
        monkeypatch.setattr(Path, name, refuse)
    assert digests(run(done)) == undisturbed[1]
    assert done.results()
    other = opened(folder, Path(done.store.root).with_name("other"))
    with pytest.raises(StoreError, match=r"cannot be written \(Read-only file system\).*--stores DIR"):
        run(other)


@pytest.mark.parametrize("jump_s", [-86_400.0, 864_000.0])
def test_a_clock_that_jumps_changes_no_number_and_no_time_is_negative(
    jump_s, folder, undisturbed, tmp_path, monkeypatch
):
    calls = 0

    def jumping(clock: Callable[[], float]) -> Callable[[], float]:
        def now() -> float:
            nonlocal calls
            calls += 1
            return clock() + calls // 3 * jump_s

        return now

    clock = SimpleNamespace(time=jumping(time.time), monotonic=jumping(time.monotonic), sleep=time.sleep)
    for module in ("earmark_stores.disk", "earmark.training", "earmark.workshop"):
        monkeypatch.setattr(f"{module}.time", clock)
    study = run(opened(folder, tmp_path))
    assert calls > 10
    assert digests(study) == undisturbed[1]
    for job in study.jobs():
        facts = study.shelf(job).facts()
        assert min(facts["wall_s"], facts["train_s"], *(epoch["wall_s"] for epoch in facts["history"])) >= 0


def flip(path: Path) -> None:
    """One bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def without(study: Study, stage: str) -> None:
    """Take a run away, so that it is made again."""
    study.store.remove(study.run_address(Job(stage, 0)))


def chunk(study: Study, pattern: str) -> Path:
    (found,) = (path for path in Path(study.store.root).glob(pattern) if path.is_file())
    return found


def test_features_in_which_a_bit_has_flipped_are_found_said_and_extracted_again(folder, undisturbed, done, caplog):
    shard = chunk(done, "features/*/features.zarr/features/c/0/0/0")
    flip(shard)
    without(done, "first"), without(done, "second")
    assert digests(run(done)) == undisturbed[1]
    assert f"{shard}: is not as it was written: its checksum does not match." in caplog.text
    assert "They are extracted again now." in caplog.text


@pytest.mark.parametrize("part", ["train", "test"])
def test_predictions_in_which_a_bit_has_flipped_are_found_said_and_predicted_again(part, undisturbed, done, caplog):
    stage = {"train": "first", "test": "second"}[part]  # which labels the second stage; which is evaluated
    run_folder = f"runs/{done.run_address(Job(stage, 0))}"
    spoilt = chunk(done, f"{run_folder}/predictions-{part}.zarr/event_frame_posterior/c/0/0/0")
    flip(spoilt)
    if part == "train":
        without(done, "second")
    else:
        shutil.rmtree(Path(done.store.root) / run_folder / "evaluations")
    assert digests(run(done)) == undisturbed[1]
    assert f"{spoilt}: is not as it was written" in caplog.text
    assert "They are predicted again now, from the run's weights." in caplog.text


def test_an_evaluation_in_which_a_bit_has_flipped_is_made_again(undisturbed, done, caplog):
    for spoilt in (Path(done.store.root) / "runs").glob("*/evaluations/*.zarr/*/c"):
        if spoilt.is_file():
            flip(spoilt)
    assert digests(run(done)) == undisturbed[1]
    assert "It is evaluated again now." in caplog.text


def test_weights_in_which_a_bit_has_flipped_are_refused_and_made_again_once_the_run_is_removed(undisturbed, done):
    without(done, "second")  # which starts from the weights of the first
    weights = chunk(done, f"runs/{done.run_address(Job('first', 0))}/weights.safetensors")
    flip(weights)
    with pytest.raises(StoreError, match=r"weights.safetensors: is not a.*`earmark runs clean`"):
        run(done)
    without(done, "first")
    assert digests(run(done)) == undisturbed[1]


def test_a_state_of_training_in_which_a_bit_has_flipped_begins_the_training_anew(
    undisturbed, done, caplog, monkeypatch
):
    without(done, "second")
    monkeypatch.setattr("earmark.training.SAVE_EVERY_S", -1.0)

    class Stop(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("earmark_stores.runs.LocalRun.save_weights", stop)
        with pytest.raises(Stop):
            run(done)
    flip(chunk(done, "runs/*.begun/state.safetensors"))
    assert digests(run(done)) == undisturbed[1]
    assert "The training begins anew." in caplog.text


def test_features_of_before_there_were_checksums_are_read(done, undisturbed, monkeypatch, tmp_path, folder):
    monkeypatch.setattr("earmark_stores.pieces.CODEC", None)
    monkeypatch.setattr("earmark_stores.features.file_checksums", lambda folder: {})
    monkeypatch.setattr("earmark_stores.datasets._encoding", lambda variable, clips_per_chunk: {})
    monkeypatch.setattr("earmark_stores.datasets._metadata_checksum", lambda path: None)
    monkeypatch.setattr("earmark_stores.disk._sealed", lambda fields: fields + b"\n}")
    old = run(opened(folder, tmp_path / "old"))
    monkeypatch.undo()
    found = digests(run(opened(folder, tmp_path / "old")))
    assert found == undisturbed[1]
    assert old.store.features(old.feature_address).whole
