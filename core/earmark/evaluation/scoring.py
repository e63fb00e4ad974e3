"""Judges lists of events by several criteria: scores with intervals, and differences between systems.

Everything is counted by recording first; one bootstrap over recordings then serves all criteria and all systems, so
that systems are compared on the same draws. Of a large vocabulary, hardly any event occurs in a recording: counts are
kept sparse, so that memory grows with what occurs, not with recordings times classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from earmark.annotations import EventLists
from earmark.blocks import blocks
from earmark.evaluation.resampling import Interval, paired_difference, percentile_interval, resampled_sums
from earmark.evaluation.scores import (
    Counts,
    FloatArray,
    IntArray,
    class_fscore,
    class_precision,
    class_recall,
    fscore_macro,
    fscore_micro,
    macro,
    rate,
)
from earmark.protocols import Criterion

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LEAST_RECORDINGS = 2
"""Of a bootstrap: resamples of one recording are all alike, and an interval of no width would be a lie."""

_ERRORS = ("substitutions", "deletions", "insertions")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Counts of one system by one criterion."""

    criterion: str
    """Its name with all parameters."""
    recordings: tuple[str, ...]
    classes: tuple[str, ...]
    cells: csr_array
    """(recording, column): true positives of all classes, false positives, false negatives and, where the criterion
    knows them, substitutions, deletions and insertions."""

    @property
    def knows_errors(self) -> bool:
        """Whether there are substitutions, deletions and insertions."""
        return bool(self.cells.shape[1] > 3 * len(self.classes))

    @property
    def sums(self) -> IntArray:
        """Cells of all recordings together (column,)."""
        return np.asarray(self.cells.sum(axis=0), dtype=np.int64)

    @property
    def total(self) -> Counts:
        """Counts (class,) of all recordings."""
        return Counts(*self.sums[: 3 * len(self.classes)].reshape(3, -1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One score with its interval, or one difference."""

    system: str
    compared_with: str = ""
    """System whose score is subtracted; empty in a row of scores."""
    criterion: str
    score: str
    """fscore, precision, recall, error_rate, substitution_rate, deletion_rate, insertion_rate or accuracy."""
    average: str
    """micro, macro, or class."""
    label: str = ""
    """The class, where the row is of one."""
    value: float
    low: float
    high: float
    sign_flips: float | None = None
    """Of a difference: share of resamples in which it is 0 or has the other sign."""
    n_reference: int
    """Units of the criterion (events, segments, recordings) that the reference holds."""


class Scored(NamedTuple):
    """One score on all recordings and on resamples."""

    score: str
    average: str
    value: FloatArray
    """() or (class,)."""
    samples: FloatArray
    """(resample,) or (resample, class)."""


def count_events(
    reference: EventLists, estimated: Mapping[str, EventLists], criteria: Sequence[Criterion]
) -> dict[str, list[Counted]]:
    """Count every system by every criterion."""
    return {
        system: [_counted(reference, lists, criterion) for criterion in criteria] for system, lists in estimated.items()
    }


def _counted(reference: EventLists, estimated: EventLists, criterion: Criterion) -> Counted:
    """Count some recordings at a time."""
    from scipy.sparse import csr_array, vstack  # late, as it takes a moment

    parts = []
    name = ""
    for rows in blocks(len(reference.recordings), 8 * len(Counts._fields) * len(reference.vocabulary)):
        found = criterion.count(_some(reference, rows), _some(estimated, rows))
        name = str(found.attrs["criterion"])
        columns = [found[field].transpose("recording", "event").values for field in Counts._fields]
        if all(field in found for field in _ERRORS):
            columns += [found[field].values[:, None] for field in _ERRORS]
        parts.append(csr_array(np.hstack(columns)))
    return Counted(
        criterion=name,
        recordings=reference.recordings,
        classes=reference.vocabulary,
        cells=vstack(parts, format="csr"),
    )


def _some(lists: EventLists, rows: slice) -> EventLists:
    """Lists of some of the recordings."""
    return replace(
        lists, recordings=lists.recordings[rows], durations_s=lists.durations_s[rows], events=lists.events[rows]
    )


def count_scenes(reference: Mapping[str, str], estimated: Mapping[str, str | None]) -> Counted:
    """Count one system's scenes by recording; any other scene than the reference's, or none, is a miss.

    Args:
        reference: scene of each recording whose scene is known.
        estimated: scene of recordings, others than the reference's too.
    """
    from scipy.sparse import csr_array  # late, as it takes a moment

    classes = tuple(sorted(set(reference.values())))
    column = {scene: index for index, scene in enumerate(classes)}
    counts = np.zeros((len(reference), 3, len(classes)), dtype=np.int64)
    for row, (name, scene) in enumerate(reference.items()):
        found = estimated.get(name)
        counts[row, 0 if found == scene else 2, column[scene]] = 1
        if found != scene and found in column:
            counts[row, 1, column[found]] = 1
    cells = csr_array(counts.reshape(len(counts), -1))
    return Counted(criterion="scene", recordings=tuple(reference), classes=classes, cells=cells)


def score_rows(
    by_system: Mapping[str, Sequence[Counted]], *, n_resamples: int, confidence: float, generator: np.random.Generator
) -> list[Row]:
    """Scores of all systems with intervals, then differences of the others from the first.

    Args:
        by_system: the same criteria in the same order, on the same recordings.
        n_resamples: of the bootstrap.
        confidence: of its intervals, such as 0.95.
        generator: decides the draws.
    """
    rows: list[Row] = []
    differences: list[Row] = []
    first_system = next(iter(by_system))
    scored = _scored(by_system, n_resamples, generator)
    for (system, index), scores in scored.items():
        counted, of_first = by_system[system][index], by_system[first_system][index]
        for place, one in enumerate(scores):
            if len(counted.recordings) < LEAST_RECORDINGS:
                one = one._replace(samples=np.full_like(one.samples, np.nan))
            interval = percentile_interval(one.samples, confidence)
            rows += _rows(counted, one, interval, system)
            if system != first_system:
                other = scored[first_system, index][place]
                difference = paired_difference(other.value, one.value, other.samples, one.samples, confidence)
                difference_of = one._replace(value=difference.value)
                ends = Interval(difference.low, difference.high)
                differences += _rows(of_first, difference_of, ends, system, first_system, difference.sign_flips)
    return rows + differences


def _scored(
    by_system: Mapping[str, Sequence[Counted]], n_resamples: int, generator: np.random.Generator
) -> dict[tuple[str, int], list[Scored]]:
    """Scores by system and place of the criterion; those over the same recordings share one matrix, and its draws."""
    from scipy.sparse import hstack  # late, as it takes a moment

    of_recordings: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for system, some in by_system.items():
        for index, counted in enumerate(some):
            of_recordings.setdefault(counted.recordings, []).append((system, index))
    scored = {}
    for keys in of_recordings.values():
        sides = [by_system[system][index] for system, index in keys]
        sums = resampled_sums(hstack([counted.cells for counted in sides], format="csr"), n_resamples, generator)
        ends = np.cumsum([counted.cells.shape[1] for counted in sides])
        for key, counted, part in zip(keys, sides, np.split(sums, ends[:-1], axis=1), strict=True):
            both = np.vstack([counted.sums, part])  # all recordings once, then the resamples
            scored[key] = list(_scores(counted, both))
    return scored


def _scores(counted: Counted, sums: IntArray) -> Iterator[Scored]:
    """Scores of sums (1 + resample, column), the first of all recordings."""
    n_classes = len(counted.classes)
    counts = Counts(*np.moveaxis(sums[:, : 3 * n_classes].reshape(len(sums), 3, n_classes), 1, 0))
    if counted.criterion == "scene":
        recall = class_recall(counts)
        by_class: dict[str, FloatArray] = {"accuracy": recall}
        averages = {"accuracy": (class_recall(counts.pooled())[:, 0], macro(recall, counts))}
    else:
        by_class = {name: score(counts) for name, score in _CLASS_SCORES.items()}
        averages = {
            "fscore": (fscore_micro(counts), fscore_macro(counts)),
            **{
                name: (_CLASS_SCORES[name](counts.pooled())[:, 0], macro(by_class[name], counts))
                for name in ("precision", "recall")
            },
        }
    for name, (micro_average, macro_average) in averages.items():
        yield Scored(name, "micro", micro_average[0], micro_average[1:])
        yield Scored(name, "macro", macro_average[0], macro_average[1:])
    if counted.knows_errors:
        errors, n_reference = sums[:, 3 * n_classes :], (counts.tp + counts.fn).sum(axis=1)
        for name, n_errors in {"error": errors.sum(axis=1), **dict(zip(_ERRORS, errors.T, strict=True))}.items():
            rates = rate(n_errors, n_reference)
            yield Scored(f"{name.removesuffix('s')}_rate", "micro", rates[0], rates[1:])
    for name, score in by_class.items():
        # A resample without the class in its reference says nothing of it, be there false alarms or not.
        samples = np.where(counts.present[1:], score[1:], np.nan)
        yield Scored(name, "class", score[0], samples)


_CLASS_SCORES: Mapping[str, Callable[[Counts], FloatArray]] = {
    "fscore": class_fscore,
    "precision": class_precision,
    "recall": class_recall,
}


def _rows(
    counted: Counted,
    scored: Scored,
    interval: Interval,
    system: str,
    compared_with: str = "",
    sign_flips: FloatArray | None = None,
) -> list[Row]:
    """Rows of one score: one, or one a class."""
    total = counted.total
    n_reference = total.tp + total.fn
    per_class = scored.average == "class"
    labels, numbers = (counted.classes, n_reference.tolist()) if per_class else (("",), [int(n_reference.sum())])
    columns = [np.atleast_1d(array).tolist() for array in (scored.value, interval.low, interval.high)]
    flips = [None] * len(labels) if sign_flips is None else np.atleast_1d(sign_flips).tolist()
    return [
        Row(
            system=system,
            compared_with=compared_with,
            criterion=counted.criterion,
            score=scored.score,
            average=scored.average,
            label=label,
            value=value,
            low=low,
            high=high,
            sign_flips=flip,
            n_reference=n,
        )
        for label, value, low, high, flip, n in zip(labels, *columns, flips, numbers, strict=True)
    ]
