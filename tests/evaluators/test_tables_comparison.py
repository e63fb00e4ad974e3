from __future__ import annotations

import numpy as np
import xarray as xr

from earmark_evaluators.tables_comparison import EVALUATORS, comparison_markdown, comparison_table


def result(found: list[int], missed: list[int]) -> xr.Dataset:
    """Counts of one event (or scene) in recordings."""
    dim = "event"
    counts = {"tp": found, "fp": [0] * len(found), "fn": missed}
    score = 2 * sum(found) / (2 * sum(found) + sum(missed))
    return xr.Dataset(
        {f"{name}_by_recording": (("recording", dim), np.array(values)[:, None]) for name, values in counts.items()}
        | {name: score for name in ("fscore_micro", "fscore_macro", "fscore_macro_all")},
        coords={dim: ["car"], "recording": [f"{number}.wav" for number in range(len(found))]},
        attrs={"criterion": "made up"},
    )


def method(found: list[int], missed: list[int]) -> dict[str, list[xr.Dataset]]:
    return {evaluator: [result(found, missed)] for evaluator in EVALUATORS}


def test_what_is_better_worse_and_unclear_is_said_plainly():
    results = {
        "ours": method([1, 1, 1, 1], [1, 1, 1, 1]),  # F = 2 / 3
        "good": method([2, 2, 2, 2], [0, 0, 0, 0]),  # F = 1
        "poor": method([0, 0, 0, 0], [2, 2, 2, 2]),  # F = 0
        "same": method([1, 1, 1, 1], [1, 1, 1, 1]),
    }
    table = comparison_table(results, "ours")
    markdown = comparison_markdown(table, "ours")
    assert "| ours | 66.67 | 66.67 | 66.67 |" in markdown
    assert "| good | 100.00 (+33.33 [+33.33, +33.33])" in markdown
    assert "- scene, against ours: better: good; worse: poor; no clear difference: same." in markdown
    assert "n = 1 repetitions" in markdown
