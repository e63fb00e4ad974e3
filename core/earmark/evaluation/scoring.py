"""Judges lists of events by several criteria: scores with intervals, and differences between systems.

Everything is counted by recording first; one bootstrap over recordings then serves all criteria and all systems, so
that systems are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from earmark.annotations import EventLists
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
    counts: IntArray
    """(recording, 3, class): true positives, false positives and false negatives."""
    errors: IntArray | None
    """(recording, 3): substitutions, deletions and insertions, where the criterion knows them."""

    @property
    def total(self) -> Counts:
        """Counts (class,) of all recordings."""
        return Counts(*self.counts.sum(axis=0))


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
    by_system: dict[str, list[Counted]] = {}
    for system, lists in estimated.items():
        by_system[system] = []
        for criterion in criteria:
            found = criterion.count(reference, lists)
            counts = [found[name].transpose("recording", "event").values for name in Counts._fields]
            errors = [found[name].values for name in _ERRORS if name in found]
            by_system[system].append(
                Counted(
                    criterion=str(found.attrs["criterion"]),
                    recordings=reference.recordings,
                    classes=reference.vocabulary,
                    counts=np.stack(counts, axis=1),
                    errors=np.stack(errors, axis=1) if len(errors) == len(_ERRORS) else None,
                )
            )
    return by_system


def count_scenes(reference: Mapping[str, str], estimated: Mapping[str, str | None]) -> Counted:
    """Count one system's scenes by recording; any other scene than the reference's, or none, is a miss.

    Args:
        reference: scene of each recording whose scene is known.
        estimated: scene of recordings, others than the reference's too.
    """
    classes = tuple(sorted(set(reference.values())))
    column = {scene: index for index, scene in enumerate(classes)}
    counts = np.zeros((len(reference), 3, len(classes)), dtype=np.int64)
    for row, (name, scene) in enumerate(reference.items()):
        found = estimated.get(name)
        counts[row, 0 if found == scene else 2, column[scene]] = 1
        if found != scene and found in column:
            counts[row, 1, column[found]] = 1
    return Counted(criterion="scene", recordings=tuple(reference), classes=classes, counts=counts, errors=None)


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
    of_recordings: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for system, some in by_system.items():
        for index, counted in enumerate(some):
            of_recordings.setdefault(counted.recordings, []).append((system, index))
    scored = {}
    for keys in of_recordings.values():
        matrices = [_matrix(by_system[system][index]) for system, index in keys]
        sums = resampled_sums(np.hstack(matrices), n_resamples, generator)
        ends = np.cumsum([matrix.shape[1] for matrix in matrices])
        for (system, index), matrix, part in zip(keys, matrices, np.split(sums, ends[:-1], axis=1), strict=True):
            counted = by_system[system][index]
            both = np.vstack([matrix.sum(axis=0, keepdims=True), part])  # all recordings once, then the resamples
            scored[system, index] = list(_scores(counted, both))
    return scored


def _matrix(counted: Counted) -> IntArray:
    """Counts, then errors where they are known (recording, column)."""
    flat = counted.counts.reshape(len(counted.counts), -1)
    return flat if counted.errors is None else np.hstack([flat, counted.errors])


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
    if counted.errors is not None:
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
