"""Kills a small study at random moments over its whole life, and compares what it ends with; run by hand.

    python tests/benchmarks/campaign_kill.py [KILLS] [SEED]

A process that has imported everything forks for each attempt: the fork runs the study as `earmark run --engine local`
does, from nothing, until a SIGKILL takes it at a moment drawn over the life of an undisturbed one. The next fork goes
on from what is left; half of them are killed as well, at any moment of what is left of their life. The one that ends
must leave the numbers of the undisturbed study, bit by bit, and no run that was only begun.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["EARMARK_SAVE_EVERY_S"] = "0"  # a state after each epoch, read when earmark.training is imported
os.environ["OMP_NUM_THREADS"] = "1"  # no thread of the parent may be missing in a fork

from record import load_average, record

sys.path.insert(0, str(Path(__file__).parents[1] / "campaigns"))

from small_life import digests, lay, opened

from earmark.pipeline import run_study


def live(folder: Path, stores: Path, result: Path) -> None:
    """Run the study from wherever it is, and write the digests of what it leaves."""
    study = run_study(opened(folder, stores), device="cpu", engine="local")
    result.write_text(json.dumps(digests(study)))


def in_fork(work: Callable[[], object], kill_after_s: float | None = None) -> int:
    """Exit status of a fork: 0, 1 after an error, or minus the number of the signal."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def how_far(stores: Path) -> str:
    """What a killed study has left, in words."""
    features = list((stores / "features").glob("*")) if (stores / "features").is_dir() else []
    if not any(path.suffix != ".begun" for path in features):
        return "features begun" if features else "nothing"
    runs = [path.name for path in (stores / "runs").iterdir()] if (stores / "runs").is_dir() else []
    whole = sum(not name.endswith(".begun") for name in runs)
    return f"{whole} runs whole{', one begun' if whole < len(runs) else ''}"


def disturbed(folder: Path, number: int, life_s: float, chance: random.Random, most: int) -> tuple[list[str], Path]:
    """Live once, killed once or more often on the way; returns what there was at each kill, and the digests' file."""
    work = partial(live, folder, folder / f"stores-{number}", folder / f"{number}.json")
    kills: list[str] = []
    while len(kills) < most and in_fork(work, chance.uniform(0, life_s)) < 0:
        kills.append(how_far(folder / f"stores-{number}"))
        life_s /= 2
        if chance.random() < 0.5:
            break
    if not (folder / f"{number}.json").is_file():
        in_fork(work)
    return kills, folder / f"{number}.json"


def main(n_kills: int, seed: int) -> dict[str, Any]:
    """Kill, go on, compare; returns the figures."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads; torch's are idle
    chance, kills, n_studies, different = random.Random(seed), Counter[str](), 0, []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        lay(folder)

        def first() -> None:
            live(folder, folder / "first", folder / "first.json")
            (folder / "modules").write_text("\n".join(sys.modules))

        # What the first life imports, the parent imports too: later forks begin at once.
        assert in_fork(first) == 0
        for name in (folder / "modules").read_text().splitlines():
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        start = time.perf_counter()
        assert in_fork(partial(live, folder, folder / "second", folder / "undisturbed.json")) == 0
        life_s = time.perf_counter() - start
        undisturbed = json.loads((folder / "undisturbed.json").read_text())
        while kills.total() < n_kills:
            said, result = disturbed(folder, n_studies, life_s, chance, n_kills - kills.total())
            kills.update(said)
            found = json.loads(result.read_text()) if result.is_file() else {}
            names = [name for name in undisturbed | found if found.get(name) != undisturbed.get(name)]
            if names:
                different.append(f"study {n_studies}, killed at {' and '.join(said)}: {', '.join(names)}")
            shutil.rmtree(folder / f"stores-{n_studies}")
            n_studies += 1
    return {
        "what": "a small study killed at random moments of its life, which goes on and ends; beside one undisturbed",
        "kills": kills.total(),
        "studies": n_studies,
        "different_from_undisturbed": different,
        "reach_different": 0,
        "killed_when_there_was": dict(kills.most_common()),
        "undisturbed_life_s": round(life_s, 2),
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
    }


if __name__ == "__main__":
    load_before = load_average()
    quiet = "--quiet" in sys.argv
    if quiet:  # in the suite; a killed process loses nothing of what it has written, only a power cut does
        os.fsync = lambda descriptor: None
    arguments = [int(argument) for argument in sys.argv[1:] if argument != "--quiet"]
    figures = main(*(arguments + [200, 0][len(arguments) :]))
    if quiet:
        print(json.dumps(figures))
    else:
        record("campaign_kill", figures, ("torch", "zarr", "xarray"), load_before)
    sys.exit(bool(figures["different_from_undisturbed"]))
