"""Writes a shelf or a run again and again, each time with a fault at a later step, and checks what is left.

Not a test itself: `test_faults.py` runs it as a process of its own, as faults are injected through audit hooks,
which cannot be removed, and as SIGKILL takes the process. Each attempt is a fork of a process that has imported
everything and written nothing.

    python faulty_writes.py FOLDER STRIDE
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import filelock
import numpy as np
import torch
import xarray as xr

from earmark.errors import StoreError
from earmark_stores import LocalStore

CLIPS = [f"home/a{number:03}.wav@0" for number in range(70)]  # two pieces, the second one not full
FEATURES = np.arange(70 * 3 * 2, dtype=np.float32).reshape(70, 3, 2)
WEIGHTS = {"conv": torch.arange(6.0).reshape(2, 3)}
PREDICTIONS = xr.Dataset({"scene_posterior": (("clip", "scene"), np.eye(2))}, coords={"scene": ["home", "office"]})
SCORES = xr.Dataset({"micro_f": 0.5})


def write_features(root: Path) -> None:
    shelf = LocalStore(root).features("f")
    if shelf.whole:
        return
    shelf.begin(CLIPS, 3, 2, {})
    for piece in shelf.missing():
        shelf.write(piece, FEATURES[piece.start : piece.stop])
    shelf.finish()


def check_features(root: Path) -> None:
    shelf = LocalStore(root).features("f")
    if shelf.whole:
        np.testing.assert_array_equal(shelf.read(CLIPS), FEATURES)
        np.testing.assert_allclose(shelf.statistics(CLIPS)[0], FEATURES.mean(axis=(0, 1)), rtol=1e-6)
    else:
        try:
            shelf.read(CLIPS[:1])
        except StoreError:
            return
        raise AssertionError("features that are not whole were read")


def write_run(root: Path) -> None:
    run = LocalStore(root).run("r")
    if not run.whole:
        run.begin({"seed": 0})
        saved = run.load_state()
        done = 0 if saved is None else saved[1]["epoch"]
        if saved is not None:
            assert saved[0]["weight"].item() == saved[1]["epoch"], (
                "a state whose tensors and facts do not belong together"
            )
        for epoch in range(done + 1, 4):
            run.save_state({"weight": torch.tensor(float(epoch))}, {"epoch": epoch})
        run.save_weights(WEIGHTS, {"events": ["car"]})
        run.save_predictions("test", PREDICTIONS)
        run.finish({"wall_s": 1.0})
    if run.open_evaluation("e") is None:
        run.save_evaluation("e", SCORES)


def check_run(root: Path) -> None:
    run = LocalStore(root).run("r")
    if run.whole:
        assert run.facts() == {"wall_s": 1.0}
        assert torch.equal(run.load_weights()[0]["conv"], WEIGHTS["conv"])
        assert run.open_predictions("test").load().equals(PREDICTIONS)
        scores = run.open_evaluation("e")
        assert scores is None or scores.load().equals(SCORES)


def inject(root: Path, at: int, fault: Callable[[str], None]) -> list[str]:
    """Let a fault happen at the nth change of a file below root; return the list of changes, which grows."""
    changes: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (writes or event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir")):
            return
        path = arguments[0]
        if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(str(root)):
            changes.append(event)
            if len(changes) == at:
                fault(event)

    sys.addaudithook(hook)
    return changes


def kill(event: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill_disk(event: str) -> None:
    if event != "os.remove":  # a full disk lets files go
        raise OSError(errno.ENOSPC, "No space left on device")


def in_fork(work: Callable[[], None]) -> int:
    """Exit status of work done in a fork: 0, 1 after an error, 2 after a StoreError, or minus the signal's number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except StoreError as error:
            # The only fault that is injected here.
            os._exit(2 if "disk is full" in str(error) else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def disturb(what: str, fault: str, folder: Path, stride: int) -> str:
    """Write with a fault at every stride-th change; return how many changes there are, and how many attempts failed."""
    write, check = {"features": (write_features, check_features), "run": (write_run, check_run)}[what]
    injected, allowed = {"kill": (kill, {-signal.SIGKILL}), "full": (fill_disk, {0, 2})}[fault]
    folder.mkdir()

    def count() -> None:
        changes = inject(folder / "undisturbed", 0, kill)
        write(folder / "undisturbed")
        (folder / "count").write_text(str(len(changes)))

    def attempt(root: Path, at: int) -> None:
        inject(root, at, injected)
        write(root)

    def go_on(root: Path) -> None:
        check(root)
        write(root)
        check(root)

    assert in_fork(count) == 0
    n_changes = int((folder / "count").read_text())
    n_failed = 0
    for at in range(1, n_changes + 1, stride):
        root = folder / f"store-{at}"
        status = in_fork(partial(attempt, root, at))
        if status not in allowed:
            return f"ended with {status} after {fault} at change {at}"
        n_failed += status != 0
        if in_fork(partial(go_on, root)) != 0:
            return f"not right after {fault} at change {at}"
    return f"{n_changes} {n_failed}"


def kill_holder(root: Path) -> str:
    """Kill a process that holds a lock; say what the lock is before and after."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with LocalStore(root).lock("a"):
            os.write(writing, b"held")
            signal.pause()
    os.read(reading, 4)
    lock = filelock.FileLock(root / "locks" / "a.lock")
    try:
        lock.acquire(timeout=0)
        before = "free"
    except filelock.Timeout:
        before = "held"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lock.acquire(timeout=5)
    return f"{before}, then free"


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # a killed process loses nothing of what it has written; only a power cut does
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads; torch's are idle
    for what in ("features", "run"):
        for fault in ("kill", "full"):
            report = disturb(what, fault, Path(sys.argv[1]) / f"{what}-{fault}", int(sys.argv[2]))
            print(f"{what} {fault}: {report}")
    print(f"lock: {kill_holder(Path(sys.argv[1]))}")
