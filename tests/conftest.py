"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import math
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from earmark.study import Study

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What tests write need not outlive a power cut, and waiting for the disk was a good part of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Nets as small as those of tests gain nothing from threads, and wait for them where tests run side by side."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Elsewhere:
    """An engine that works as those in other processes do: with copies, in an order of its own."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []
        """What it was given and has done."""
        self.most: float = math.inf
        """After so many jobs it breaks down."""

    def execute(self, jobs: Sequence[Any], work: Callable[[Any], None]) -> None:
        from earmark.processes import EngineError

        work = pickle.loads(pickle.dumps(work))
        for job in reversed(jobs):
            if len(self.jobs) >= self.most:
                raise EngineError("no more")
            work(pickle.loads(pickle.dumps(job)))
            self.jobs.append(job)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """An engine, which has its name `elsewhere` as long as a test lasts."""
    from earmark import hookimpl
    from earmark.plugins import plugins

    engine = Elsewhere()
    plugins().register(SimpleNamespace(earmark_engines=hookimpl(lambda: {"elsewhere": lambda: engine})), "elsewhere")
    yield engine
    plugins().unregister("elsewhere")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real annotations, which are other people's and never part of the repository."""
    folder = Path(os.environ.get("EARMARK_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not (folder / "tut_metadata").is_dir():
        pytest.skip(f"real annotations are not at {folder}; set EARMARK_SHARED to the folder that holds data/")
    return folder


@pytest.fixture(scope="session")
def small_stores(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Root of stores that all tests share; what one of them has synthesised or trained, the others find done."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "stores"


@pytest.fixture(scope="session")
def small_study(small_stores: Path) -> Study:
    """The five methods of partial_labels at the smoke profile, on the smallest synthetic corpus, all done."""
    from earmark.pipeline import run_study
    from earmark.workspace import open_study

    small_stores.mkdir(parents=True, exist_ok=True)
    with FileLock(small_stores / "conftest.lock"):  # two workers would synthesise the same corpus side by side
        study = open_study(REPOSITORY / "paper/partial_labels/table5.toml", profile="smoke", stores=small_stores)
        return run_study(study, device="cpu", engine="local")  # no time for starting workers


@pytest.fixture(scope="session")
def copy_small_study(small_study: Study) -> Callable[..., Path]:
    """Copies the corpus, the features or the runs of `small_study` into another root of stores.

    Only what is its own and done: beside it, other tests write into the same stores at this moment.
    """
    store = small_study.store.root
    corpus = small_study.dataset.root
    parts = {
        "corpora": [corpus, corpus.with_suffix(".whole")],
        "features": [store / "features" / small_study.feature_address],
        "runs": [store / "runs" / small_study.run_address(job) for job in small_study.jobs()],
    }

    def copy(root: Path, *kinds: str) -> Path:
        for part in (part for kind in kinds for part in parts[kind]):
            there = root / part.relative_to(store)
            there.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if part.is_dir() else shutil.copy2)(part, there)
        return root

    return copy
