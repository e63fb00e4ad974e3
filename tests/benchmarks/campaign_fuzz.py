"""Fuzzed annotation files, every one of which must be read or end in an error for people; run by hand.

    python tests/benchmarks/campaign_fuzz.py [FILES] [SEED]

10,000 files by default: valid ones of every kind that the annotation formats and the corpora read, after one to five
edits each (see `tests/campaigns/fuzzing.py`). Prints every other exception with what led to it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from record import load_average, record

sys.path.insert(0, str(Path(__file__).parents[1] / "campaigns"))

from fuzzing import EDITS, FORMATS, Edit, mutated, outcome


def drawn(chance: random.Random) -> list[Edit]:
    """One to five edits."""
    n_edits = chance.randint(1, 5)
    return [(chance.randrange(len(EDITS)), chance.random(), chance.randrange(2**20)) for _ in range(n_edits)]


def main(n_files: int, seed: int) -> int:
    """Read the files; returns how many ended in an exception that nobody handles."""
    load_before = load_average()
    chance = random.Random(seed)
    read, refused, unhandled = Counter[str](), Counter[str](), Counter[str]()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        for number, (name, kind) in enumerate(FORMATS.items()):
            folder = Path(root, str(number))
            folder.mkdir()
            kind.lay(folder)
            for _ in range(n_files // len(FORMATS) + (number < n_files % len(FORMATS))):
                edits = drawn(chance)
                try:
                    said = outcome(kind, folder, mutated(kind.valid, edits))
                except Exception:
                    unhandled[name] += 1
                    print(f"{name}: {edits}\n{traceback.format_exc()}", file=sys.stderr)
                else:
                    (read if said is None else refused)[name] += 1
    figures = {
        "what": "fuzzed annotation files: read, refused with an error for people, or ended in any other exception",
        "files": n_files,
        "seed": seed,
        "read": read.total(),
        "refused": refused.total(),
        "unhandled": unhandled.total(),
        "reach_unhandled": 0,
        "by_kind": {name: {"read": read[name], "refused": refused[name]} for name in FORMATS},
        "seconds": round(time.perf_counter() - began, 1),
    }
    record("campaign_fuzz", figures, ("numpy", "pydantic"), load_before)
    return unhandled.total()


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(main(*(arguments + [10_000, 0][len(arguments) :]))))
