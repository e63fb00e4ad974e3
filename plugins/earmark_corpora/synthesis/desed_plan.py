"""Which events a stand-in of DESED holds, and when: drawn from the statistics of the real annotations."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from earmark.recordings import Event, to_us
from earmark_corpora.synthesis.chance import Rng

CLIP_S = 10.0

CLASSES_PER_CLIP = (0.008, 0.502, 0.417, 0.073)
"""Share of clips with none to three classes; the 0.3 % with four are counted among those with three."""

LEAST_S = 0.25
"""No annotated event is shorter."""

MERGED_S = 0.15
"""Events of one class that are less than this apart would have been annotated as one."""

WHOLE_S = 9.5
"""Durations from here on mean: as long as the clip, or longer."""

MOST_EVENTS = 20
"""Of one class in one clip."""

TRIES = 20
"""Draws of a place for an event before the clip is taken to be full."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventStatistics:
    """One class in both annotated sets together."""

    clips_pct: float
    events_per_clip: float
    """In clips that hold the class."""
    starts_at_start_pct: float
    ends_at_end_pct: float
    below_200ms: float
    """Share of isolated recordings below 200 ms, which annotations of clips cannot show [weak_label_limits]."""
    quantiles: tuple[float, ...]
    durations_s: tuple[float, ...]


@cache
def statistics() -> dict[str, EventStatistics]:
    """By class, in the order of the vocabulary."""
    text = resources.files(__package__).joinpath("desed_statistics.csv").read_text(encoding="utf-8")
    table = {}
    for row in csv.DictReader(text.splitlines()):
        quantiles = [name for name in row if name.startswith("q")]
        table[row["event"]] = EventStatistics(
            clips_pct=float(row["clips_pct"]),
            events_per_clip=float(row["events_per_clip"]),
            starts_at_start_pct=float(row["starts_at_start_pct"]),
            ends_at_end_pct=float(row["ends_at_end_pct"]),
            below_200ms=float(row["below_200ms"]),
            quantiles=tuple(float(name[1:]) for name in quantiles),
            durations_s=tuple(float(row[name]) for name in quantiles),
        )
    return table


def drawn_duration(of_event: EventStatistics, rng: Rng) -> float:
    """A duration of an annotated event, by its quantiles."""
    return float(np.interp(rng.random(), of_event.quantiles, of_event.durations_s))


def isolated_duration(label: str, rng: Rng) -> float:
    """A duration of an isolated recording: some are shorter than annotations show, some longer than a clip."""
    of_event = statistics()[label]
    if rng.random() < of_event.below_200ms:
        return float(rng.uniform(0.05, 0.20))
    duration_s = drawn_duration(of_event, rng)
    return float(rng.uniform(CLIP_S, 30.0)) if duration_s >= WHOLE_S else duration_s


def clip_events(rng: Rng) -> tuple[Event, ...]:
    """Events of one clip of 10 s, those of one class apart from each other."""
    table = statistics()
    n_classes = int(rng.choice(len(CLASSES_PER_CLIP), p=CLASSES_PER_CLIP))
    weights = np.array([of_event.clips_pct for of_event in table.values()])
    labels = rng.choice(list(table), n_classes, replace=False, p=weights / weights.sum())
    return tuple(sorted(event for label in labels for event in _of_class(str(label), table[str(label)], rng)))


def _of_class(label: str, of_event: EventStatistics, rng: Rng) -> list[Event]:
    count = min(int(rng.geometric(1 / of_event.events_per_clip)), MOST_EVENTS)
    taken: list[tuple[float, float]] = []
    for _ in range(count):
        for _ in range(TRIES):
            onset_s, offset_s = _placed(of_event, rng)
            if all(offset_s + MERGED_S <= start or end + MERGED_S <= onset_s for start, end in taken):
                taken.append((onset_s, offset_s))
                break
    return [Event(round(onset_s, 3), round(offset_s, 3), label) for onset_s, offset_s in taken]


def _placed(of_event: EventStatistics, rng: Rng) -> tuple[float, float]:
    duration_s = max(LEAST_S, drawn_duration(of_event, rng))
    if duration_s >= WHOLE_S:
        return 0.0, CLIP_S
    start = rng.random() * 100
    if start < of_event.starts_at_start_pct:
        onset_s = 0.0
    elif start < of_event.starts_at_start_pct + of_event.ends_at_end_pct:
        onset_s = CLIP_S - duration_s
    else:
        onset_s = float(rng.uniform(0, CLIP_S - duration_s))
    return onset_s, min(onset_s + duration_s, CLIP_S)


def polyphony(events: tuple[Event, ...]) -> int:
    """Most events at once."""
    changes = sorted((to_us(time), step) for e in events for time, step in ((e.onset_s, 1), (e.offset_s, -1)))
    return int(np.max(np.cumsum([0, *(step for _, step in changes)])))
