"""Training curves of stages, as points of a drawing 100 wide and 100 high."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from earmark_lab.report.finished import StageRuns

MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Curves:
    """Loss of a stage over its epochs, a line a run."""

    title: str
    lines: list[str]
    """Points as SVG writes them; a line ends where the loss is no number."""
    highest: str
    lowest: str
    n_epochs: int


def curves_of(stages: Sequence[StageRuns]) -> list[Curves]:
    """The total loss of every stage; stages whose runs hold no history are left out."""
    made = []
    for stage in stages:
        losses = [[float(epoch.get("total", math.nan)) for epoch in run.facts.get("history", ())] for run in stage.runs]
        known = [loss for line in losses for loss in line if math.isfinite(loss)]
        if not known:
            continue
        low, high, longest = min(known), max(known), max(map(len, losses))
        lines = [_points(line, low, high, longest) for line in losses if len(line) > 1]
        made.append(Curves(stage.title, [line for line in lines if line], f"{high:.3g}", f"{low:.3g}", longest))
    return made


def _points(line: Sequence[float], low: float, high: float, longest: int) -> str:
    step = max(1, len(line) // MOST_POINTS)
    chosen = [*range(0, len(line) - 1, step), len(line) - 1]
    reach = high - low or 1.0
    points = [
        f"{100 * epoch / max(1, longest - 1):.2f},{96 - 92 * (line[epoch] - low) / reach:.2f}"
        for epoch in chosen
        if math.isfinite(line[epoch])
    ]
    return " ".join(points)
