"""A cluster of two workers, started by the commands of the guide and shared by the tests of a module."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from earmark.plugins import plugins

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "guide" / "clusters.md"

# Workers are fresh processes, which find functions by import: not those of a test.
WORK = """
import itertools, os, signal, time
from pathlib import Path

import torch

from earmark import extraction
from earmark.errors import UnknownPluginError
from earmark.pipeline import ExtractionWork
from earmark.plugins import plugins


class Mortal(ExtractionWork):
    # Notes which pieces it begins; once, it is killed at the tenth clip of the third one.

    def __init__(self, study, folder):
        super().__init__(study)
        self.folder = folder

    def __call__(self, piece):
        with (self.folder / "begun").open("a") as file:
            file.write(f"{piece.start}\\n")
        if piece.start == 128 and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            heard, original = itertools.count(1), extraction.features_of

            def features_of(*clip):
                return os.kill(os.getpid(), signal.SIGKILL) if next(heard) == 10 else original(*clip)

            extraction.features_of = features_of
        super().__call__(piece)


def says_who_it_is(job):
    said = {"pid": os.getpid(), "threads": torch.get_num_threads(), "OMP": int(os.environ["OMP_NUM_THREADS"])}
    plugins().hook.earmark_run_evaluated(stage=job.stage, seed=job.seed, address="", scores=said)


def divides(job):
    return 1 / job.seed


def one_is_wrong(job):
    begun, ended = Path(job.stage) / "begun", Path(job.stage) / "ended"
    if job.seed == 1:
        while not begun.exists():
            time.sleep(0.01)
        raise UnknownPluginError("loss", "bcee", ["bce"], "stages.a")
    begun.touch()
    try:
        while True:
            plugins().hook.earmark_epoch_ended(stage="a", seed=0, epoch=0, n_epochs=1, losses={"total": 0.5})
            time.sleep(0.01)
    finally:
        ended.touch()
"""


class Cluster(NamedTuple):
    """A running cluster, and the command of the guide that gives it something to do."""

    scheduler: str
    command: str
    client: Any
    """Of the test, beside that of the engine."""


def _commands() -> tuple[str, str, str]:
    """The scheduler's, a worker's, and Earmark's."""
    section = PAGE.read_text().split("## A cluster by hand")[1].split("\n## ")[0]
    scheduler, worker, run, _ = re.findall(r"^    (\w.*)$", section, re.MULTILINE)
    return scheduler, worker, run


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Iterator[Any]:
    """Functions that workers find, too."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "work_for_dask.py").write_text(WORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
        import work_for_dask

        yield work_for_dask
        del sys.modules["work_for_dask"]


@pytest.fixture(scope="module")
def cluster(work, tmp_path_factory) -> Iterator[Cluster]:
    """The guide's cluster, at a port of its own, in a folder that is not that of the tests."""
    from distributed import Client

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scheduler, worker, run = (c.replace("8786", str(port)).replace("8787", "0") for c in _commands())
    folder = tmp_path_factory.mktemp("cluster")
    environment = {**os.environ, "EARMARK_SAVE_EVERY_S": "0"}
    environment.pop("OMP_NUM_THREADS", None)  # the workers see to it
    started = []
    with (folder / "output").open("wb") as output:
        for command in (scheduler, worker, worker):
            words = [sys.executable, "-m", *shlex.split(command)]
            started.append(
                subprocess.Popen(
                    words, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
                )
            )
    try:
        with Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=100)
            yield Cluster(f"tcp://127.0.0.1:{port}", run, client)
    finally:
        for process in reversed(started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def listening() -> Iterator[Any]:
    """Registers a plugin for the time of a test."""
    with contextlib.ExitStack() as stack:

        def listen(listener: Any) -> Any:
            plugins().register(listener, type(listener).__name__)
            stack.callback(plugins().unregister, type(listener).__name__)
            return listener

        yield listen
