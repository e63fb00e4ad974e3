"""Which recordings a stand-in holds and which events are heard in them, drawn from the statistics of the real ones."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from earmark.recordings import Event, Recording
from earmark_corpora.synthesis.chance import Rng, generator
from earmark_corpora.tut.layout import CHANNELS, DATASETS, FOLDS, RATE_HZ, location_of

Times = npt.NDArray[np.float64]

CLIP_S = 10.0
"""The papers cut recordings into clips of this length; shorter recordings would give none."""

LEAST_RECORDINGS = 2
"""Of each scene in each split, however few minutes are asked for."""

N_LOCATIONS = 10
"""Of the real office recordings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stratum:
    """The real recordings of one scene in one data set: how many, and how long."""

    dataset: str
    folder: str
    """Below ``audio/``; empty where the data set has none."""
    scene: str
    n_recordings: int
    min_s: float
    mean_s: float
    max_s: float
    style: str
    """Split whose statistics the annotations follow."""

    @property
    def fixed(self) -> bool:
        return self.min_s == self.max_s

    @property
    def total_s(self) -> float:
        return self.n_recordings * self.mean_s


STRATA = (
    Stratum(
        dataset="TUT-sound-events-2017-development",
        folder="street",
        scene="city_center",
        n_recordings=12,
        min_s=180.4,
        mean_s=242.8,
        max_s=301.0,
        style="development",
    ),
    Stratum(
        dataset="TUT-sound-events-2016-development",
        folder="home",
        scene="home",
        n_recordings=10,
        min_s=149.1,
        mean_s=203.4,
        max_s=301.1,
        style="development",
    ),
    Stratum(
        dataset="TUT-acoustic-scenes-2016-development",
        folder="",
        scene="office",
        n_recordings=78,
        min_s=30.0,
        mean_s=30.0,
        max_s=30.0,
        style="development",
    ),
    Stratum(
        dataset="TUT-sound-events-2016-development",
        folder="residential_area",
        scene="residential_area",
        n_recordings=12,
        min_s=156.1,
        mean_s=206.9,
        max_s=248.0,
        style="development",
    ),
    Stratum(
        # Annotated with the development set, not clip by clip as the rest of the city center evaluation.
        dataset="TUT-sound-events-2017-evaluation",
        folder="street",
        scene="city_center",
        n_recordings=2,
        min_s=205.0,
        mean_s=227.5,
        max_s=250.1,
        style="development",
    ),
    Stratum(
        dataset="TUT-acoustic-scenes-2017-evaluation",
        folder="",
        scene="city_center",
        n_recordings=98,
        min_s=10.0,
        mean_s=10.0,
        max_s=10.0,
        style="evaluation",
    ),
    Stratum(
        dataset="TUT-sound-events-2016-evaluation",
        folder="home",
        scene="home",
        n_recordings=5,
        min_s=177.3,
        mean_s=210.1,
        max_s=330.8,
        style="evaluation",
    ),
    Stratum(
        dataset="TUT-acoustic-scenes-2016-evaluation",
        folder="",
        scene="office",
        n_recordings=26,
        min_s=30.0,
        mean_s=30.0,
        max_s=30.0,
        style="evaluation",
    ),
    Stratum(
        dataset="TUT-sound-events-2016-evaluation",
        folder="residential_area",
        scene="residential_area",
        n_recordings=5,
        min_s=200.4,
        mean_s=212.3,
        max_s=228.1,
        style="evaluation",
    ),
)
"""Source: lengths of the published annotations' recordings (last offsets)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventStatistics:
    """How often one event is heard in one scene, for how long, and after what pause."""

    instances_per_minute: float
    share_of_recordings: float
    min_s: float
    p05_s: float
    median_s: float
    p95_s: float
    max_s: float
    gap_median_s: float
    gap_p95_s: float
    share_overlapping: float
    """Of consecutive instances in a recording, that begin before the earlier one has ended."""


def load_statistics() -> dict[tuple[str, str], dict[str, EventStatistics]]:
    """Statistics of the published annotations: by split and scene, then by event."""
    table: dict[tuple[str, str], dict[str, EventStatistics]] = {}
    text = resources.files(__package__).joinpath("tut_statistics.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        key, event = (row.pop("split"), row.pop("scene")), row.pop("event")
        table.setdefault(key, {})[event] = EventStatistics(**{name: float(value) for name, value in row.items()})
    return table


def sampled_recordings(minutes: dict[str, float], seed: int) -> tuple[Recording, ...]:
    """Draw recordings with their events, of about so many minutes in each split.

    The mix of scenes is that of the real corpus. Fewer minutes make recordings both fewer and shorter, so that a
    small stand-in still holds several places of each scene; more minutes make them more.
    """
    statistics = load_statistics()
    recordings: list[Recording] = []
    for split, wanted_min in minutes.items():
        strata = [s for s in STRATA if DATASETS[s.dataset].split == split]
        scale = 60 * wanted_min / sum(stratum.total_s for stratum in strata)
        for stratum in strata:
            rng = generator(seed, "plan", stratum.dataset, stratum.scene)
            lengths_s = _lengths(stratum, scale, rng)
            of_event = statistics[stratum.style, stratum.scene]
            heard = _events(of_event, lengths_s, rng)
            # No line means no recording in this format; the one set with another list of clips may have such.
            if stratum.dataset != "TUT-acoustic-scenes-2017-evaluation":
                _fill_empty(heard, of_event, lengths_s, rng)
            recordings += _named(stratum, lengths_s, heard)
    return tuple(recordings)


def least_minutes(split: str) -> float:
    """Fewest minutes in which every scene of a split has its recordings.

    >>> round(least_minutes("development"), 2)
    1.33
    """
    return len({s.scene for s in STRATA if DATASETS[s.dataset].split == split}) * LEAST_RECORDINGS * CLIP_S / 60


def _lengths(stratum: Stratum, scale: float, rng: Rng) -> list[float]:
    target_s = stratum.total_s * scale
    if stratum.fixed:
        count = max(LEAST_RECORDINGS, round(target_s / stratum.mean_s))
        fits = target_s > 0.75 * LEAST_RECORDINGS * stratum.mean_s
        return [stratum.mean_s if fits else max(CLIP_S, target_s / count // CLIP_S * CLIP_S)] * count
    if stratum.n_recordings <= LEAST_RECORDINGS and target_s < 3 * CLIP_S:
        return []  # a side dish of its scene, whose other data set is there
    count = round(stratum.n_recordings * (math.sqrt(scale) if scale < 1 else scale))
    # At least 20 s each, so that what the papers' cutting drops at the end stays the smaller part.
    count = max(min(count, int(target_s / (2 * CLIP_S))), min(LEAST_RECORDINGS, stratum.n_recordings))
    relative = rng.uniform(stratum.min_s, stratum.max_s, count)
    lengths = np.maximum(relative / relative.sum() * target_s, CLIP_S)
    return [round(float(length) / CLIP_S) * CLIP_S if length < 60 else round(float(length), 2) for length in lengths]


def _events(of_event: dict[str, EventStatistics], lengths_s: list[float], rng: Rng) -> list[list[Event]]:
    heard: list[list[Event]] = [[] for _ in lengths_s]
    for label, statistics in of_event.items():
        chosen = rng.permutation(len(lengths_s))[: max(1, round(statistics.share_of_recordings * len(lengths_s)))]
        if not len(chosen):
            continue
        chosen_min = sum(lengths_s[i] for i in chosen) / 60
        per_minute = statistics.instances_per_minute * sum(lengths_s) / 60 / chosen_min
        for index in chosen:
            expected = per_minute * lengths_s[index] / 60 * rng.lognormal(-0.08, 0.4)
            count = max(1, int(rng.poisson(expected)))
            if label == "fan":
                heard[index].append(Event(0.0, lengths_s[index], label))
            else:
                heard[index] += _instances(label, statistics, count, lengths_s[index], rng)
    return heard


def _fill_empty(
    heard: list[list[Event]], of_event: dict[str, EventStatistics], lengths_s: list[float], rng: Rng
) -> None:
    commonest = max(of_event, key=lambda label: of_event[label].instances_per_minute)
    for events, length_s in zip(heard, lengths_s, strict=True):
        if not events:
            events += _instances(commonest, of_event[commonest], 1, length_s, rng)


def _instances(label: str, statistics: EventStatistics, count: int, length_s: float, rng: Rng) -> list[Event]:
    """Instances of one event in one recording: a series with the event's own pauses, put anywhere it fits."""
    durations_s = _two_sided(rng, count, statistics.p05_s, statistics.median_s, statistics.p95_s)
    durations_s = np.clip(durations_s, statistics.min_s, min(statistics.max_s, 0.95 * length_s))
    while len(durations_s) > 1 and durations_s.sum() > 0.95 * length_s:
        durations_s = durations_s[:-1]
    gap_median_s = max(statistics.gap_median_s, 0.05)
    gap_p95_s = max(statistics.gap_p95_s, 2 * gap_median_s)
    gaps_s = _two_sided(rng, len(durations_s) - 1, gap_median_s**2 / gap_p95_s, gap_median_s, gap_p95_s)
    free_s = length_s - durations_s.sum()
    if gaps_s.sum() > free_s:
        # Long pauses give way first: shrinking all alike would turn a burst into a drone.
        gaps_s = np.minimum(gaps_s, _cap(gaps_s, free_s))
    overlaps = rng.random(len(gaps_s)) < statistics.share_overlapping
    gaps_s = np.where(
        overlaps, -np.minimum(durations_s[:-1], durations_s[1:]) * rng.uniform(0.1, 0.8, len(gaps_s)), gaps_s
    )
    onsets_s = np.concatenate([[0.0], np.cumsum(durations_s[:-1] + gaps_s)])
    onsets_s += rng.uniform(0, max(length_s - float((onsets_s + durations_s).max()), 0))
    return [
        Event(round(float(onset), 6), min(round(float(onset + duration), 6), length_s), label)
        for onset, duration in zip(onsets_s, durations_s, strict=True)
    ]


def _two_sided(rng: Rng, count: int, p05: float, median: float, p95: float) -> Times:
    """Values whose logarithm is normal below and above the median, each side with its own width."""
    z = rng.standard_normal(count)
    width = np.where(z > 0, math.log(p95 / median), math.log(median / p05)) / 1.645
    return median * np.exp(z * width)


def _cap(gaps_s: Times, total_s: float) -> float:
    """The cap at which the gaps add up to no more than a total."""
    ordered = np.sort(gaps_s)
    remaining = total_s
    for index, gap in enumerate(ordered):
        share = remaining / (len(ordered) - index)
        if gap > share:
            return float(share)
        remaining -= gap
    return float(ordered[-1])


def _named(stratum: Stratum, lengths_s: list[float], heard: list[list[Event]]) -> Iterator[Recording]:
    split = DATASETS[stratum.dataset].split
    paths = [_path(stratum, index, len(lengths_s)) for index in range(len(lengths_s))]
    units = list(dict.fromkeys(location_of(path) or path for path in paths))
    for path, length_s, events in zip(paths, lengths_s, heard, strict=True):
        yield Recording(
            path=path,
            duration_s=length_s,
            rate_hz=RATE_HZ,
            channels=CHANNELS,
            split=split,
            scene=stratum.scene,
            fold=FOLDS[units.index(location_of(path) or path) % len(FOLDS)] if split == "development" else None,
            group=location_of(path),
            events=tuple(sorted(events)),
        )


def _path(stratum: Stratum, index: int, count: int) -> str:
    """File names of the forms that the data sets use."""
    if stratum.dataset == "TUT-acoustic-scenes-2016-development":
        n_locations = min(count, max(len(FOLDS), round(count / 8)), N_LOCATIONS)
        start_s = 30 * (index // n_locations)
        return f"{stratum.dataset}/audio/s{index % n_locations + 1:03d}_{start_s}_{start_s + 30}.wav"
    if not stratum.folder:
        return f"{stratum.dataset}/audio/{index + 1}.wav"
    return f"{stratum.dataset}/audio/{stratum.folder}/s{index + 1:03d}.wav"
