"""Event-based evaluation: an event is found where one of its name begins and ends within a tolerance of it.

Times are whole microseconds: on floats, 1.1 - 0.9 is more than a collar of 0.2.
"""

from __future__ import annotations

import numpy as np

from earmark.evaluation.scores import Counts, Errors, IntArray
from earmark.spans import Spans
from earmark_evaluators.intersection import tally


def criterion_name(collar_s: float, length_share: float | None) -> str:
    """Name of the criterion with all its parameters; without a share, offsets do not matter."""
    offset = "" if length_share is None else f", off=max({collar_s:g} s, {length_share:.0%})"
    return f"event_based[on={collar_s:g} s{offset}]"


def event_counts(
    annotated: Spans, estimated: Spans, shape: tuple[int, int], *, collar_us: int, length_share: float | None
) -> tuple[Counts, Errors]:
    """Match events one to one, as many as can be; counts (clip, event) and errors (clip,).

    Source: Mesaros et al., "Metrics for polyphonic sound event detection", 2016; the matching is optimal as in sed_eval
    (`event_matching_type="optimal"`), and so is what it calls a substitution: in order of time, an annotated event
    that is left over takes the first detection of another name that is left over and within the tolerances.

    Args:
        annotated: references in microseconds.
        estimated: detections in microseconds.
        shape: number of clips and of events.
        collar_us: tolerance of the onset, and the least tolerance of the offset.
        length_share: the offset may also be wrong by this share of the annotated length; None: offsets do not matter.
    """
    annotated, estimated = _in_time(annotated), _in_time(estimated)
    pairs = _agreeing(annotated, estimated, collar_us, length_share)
    same = annotated.event[pairs[0]] == estimated.event[pairs[1]]
    matching = matched(pairs[0][same], pairs[1][same])
    hit = np.zeros(len(annotated.clip), dtype=np.bool_)
    used = np.zeros(len(estimated.clip), dtype=np.bool_)
    hit[list(matching)], used[list(matching.values())] = True, True
    chosen = annotated.where(hit), estimated.where(~used), annotated.where(~hit)
    counts = Counts(*(tally(side, shape) for side in chosen))
    substitutions = np.zeros(shape[0], dtype=np.int64)
    left_over = ~hit[pairs[0]] & ~used[pairs[1]]
    for reference, detection in zip(*(side[left_over].tolist() for side in pairs), strict=True):
        if not hit[reference] and not used[detection]:
            hit[reference] = used[detection] = True
            substitutions[annotated.clip[reference]] += 1
    return counts, Errors(substitutions, counts.fn.sum(axis=1) - substitutions, counts.fp.sum(axis=1) - substitutions)


def matched(references: IntArray, detections: IntArray) -> dict[int, int]:
    """A matching of the greatest size in a graph of pairs (pair,): the detection of each matched reference.

    Augmenting paths (Kuhn 1955). Detections take what is free first, so that paths are rare.

    >>> matched(np.array([0, 0, 1]), np.array([0, 1, 0]))
    {0: 1, 1: 0}
    """
    neighbours: dict[int, list[int]] = {}
    for reference, detection in zip(references.tolist(), detections.tolist(), strict=True):
        neighbours.setdefault(detection, []).append(reference)
    detection_of: dict[int, int] = {}
    reference_of: dict[int, int] = {}
    waiting: list[int] = []
    for detection, near in neighbours.items():
        free = next((reference for reference in near if reference not in detection_of), None)
        if free is None:
            waiting.append(detection)
        else:
            detection_of[free], reference_of[detection] = detection, free
    for detection in waiting:
        _augment(detection, neighbours, detection_of, reference_of)
    return detection_of


def _augment(
    start: int, neighbours: dict[int, list[int]], detection_of: dict[int, int], reference_of: dict[int, int]
) -> None:
    """Match one detection more, where a path of exchanges leads from it to a free reference."""
    reached_from: dict[int, int] = {}
    queue = [start]
    for detection in queue:
        for reference in neighbours[detection]:
            if reference in reached_from:
                continue
            reached_from[reference] = detection
            if reference in detection_of:
                queue.append(detection_of[reference])
                continue
            given: int | None = reference
            while given is not None:
                taker = reached_from[given]
                had = reference_of.get(taker)
                detection_of[given], reference_of[taker] = taker, given
                given = had
            return


def _in_time(side: Spans) -> Spans:
    """Sorted by clip, then as events are: by onset, offset and name."""
    order = np.lexsort((side.event, side.end, side.first, side.clip))
    return Spans(*(field[order] for field in side))


def _agreeing(
    annotated: Spans, estimated: Spans, collar_us: int, length_share: float | None
) -> tuple[IntArray, IntArray]:
    """Pairs (pair,) of one clip whose times agree, whatever their names, in the order of the annotated ones."""
    last_us = max((int(side.end.max()) for side in (annotated, estimated) if len(side.end)), default=0)
    # One line of time on which all clips follow each other, further apart than the collar.
    n_times = 1 + 2 * collar_us + last_us
    line = estimated.clip * n_times + estimated.first + collar_us
    onset = annotated.clip * n_times + annotated.first
    low, high = np.searchsorted(line, onset), np.searchsorted(line, onset + 2 * collar_us, side="right")
    n_near = high - low
    reference = np.repeat(np.arange(len(onset)), n_near)
    detection = np.arange(len(reference)) - np.repeat(np.cumsum(n_near) - n_near, n_near) + np.repeat(low, n_near)
    if length_share is None:
        return reference, detection
    tolerance_us = np.maximum(collar_us, np.rint(length_share * (annotated.end - annotated.first)))
    agree = np.abs(annotated.end[reference] - estimated.end[detection]) <= tolerance_us[reference]
    return reference[agree], detection[agree]
