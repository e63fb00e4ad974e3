"""What became of every annotated event, and which detections belong to none.

Within a clip, a detection and an annotated event of the same name *meet* where they share at least a microsecond. No
collar is needed, and no matching is made: as in the intersection criterion, a detection may meet several annotated
events and an event several detections. A one-to-one matching, optimal or greedy, would call the second piece of an
event that was found in pieces a false alarm, and the second of two events below one long detection missed, although
every frame of both is right. It also leaves nothing to chance or to the order of events.

Kinds of annotated events, by the onset of the first detection that they meet:

- ``found``: it begins within the tolerance of the annotated onset;
- ``late``, ``early``: it begins more than the tolerance after, or before, that onset;
- ``missed``: it meets no detection.

Kinds of detections that meet no annotated event of their name:

- ``confused``: it shares time with a missed event, of another name therefore; with that which it shares most of it;
- ``false alarm``: it does not.

Detections that meet an event of their name are no error and get no row of their own. A confusion is two errors, as it
is in counts of false positives and false negatives: the event is missed, and another one heard in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earmark.recordings import US_PER_S, to_us
from earmark.reference import Reference
from earmark.spans import IntArray, Spans, spans
from earmark_evaluators.alignment import check_positive_s
from earmark_evaluators.exploring.annotated import annotated_spans, polyphony

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("found", "late", "early", "missed", "confused", "false alarm")
ERRORS = KINDS[1:]
OF_REFERENCE = KINDS[:4]
"""Kinds of annotated events; the others are kinds of detections."""
TOLERANCE_S = 0.2
"""The onset collar that event-based evaluation is used to."""


def occurrences(
    reference: Reference, decision: npt.NDArray[np.bool_], tolerance_s: float = TOLERANCE_S
) -> pd.DataFrame:
    """Name what became of every annotated event, and of every detection that belongs to none.

    Args:
        reference: annotated clips; their times count, not their frames.
        decision: (clip, frame, event); a detection is a maximal stretch of active frames, frame i lasting from
            ``i * hop_s`` to ``(i + 1) * hop_s``.
        tolerance_s: how far the onset of a found event may be off; compared in whole microseconds.

    Returns:
        A row for each, by clip and time: ``clip`` (its id), ``scene``, ``event``, ``kind``, ``onset_s`` and
        ``offset_s`` from the start of the clip, ``off_by_s`` (onset of the first detection less the annotated one),
        ``covered`` (share of the event's time that detections cover), ``polyphony`` (see
        `earmark_evaluators.exploring.annotated.polyphony`) and ``other``: for a missed event the confused detection
        that shares most time with it, for a confused detection that missed event, else empty. ``off_by_s`` is NaN
        where nothing was found, ``covered`` and ``polyphony`` are NaN for detections.

    Raises:
        OptionError: the tolerance is not a positive time.
    """
    import pandas as pd

    check_positive_s("The error kinds", "tolerance_s", tolerance_s)
    annotated, detected = annotated_spans(reference), _detected(reference, decision)
    which, by = meeting(annotated, detected)
    shared_us = np.minimum(annotated.end[which], detected.end[by]) - np.maximum(
        annotated.first[which], detected.first[by]
    )
    covered_us = np.bincount(which, shared_us, len(annotated.clip))
    first = np.full(len(annotated.clip), -1)
    # Pairs are in time; written backwards, what stays is the first detection.
    first[which[::-1]] = by[::-1]
    found, met = first >= 0, np.isin(np.arange(len(detected.clip)), by)
    off_by_us = np.where(found, detected.first[first] if len(detected.first) else 0, 0) - annotated.first
    tolerance_us = to_us(tolerance_s)
    kind = np.select(
        [~found, off_by_us > tolerance_us, off_by_us < -tolerance_us], ["missed", "late", "early"], default="found"
    )
    missed, wrong = annotated.where(~found), detected.where(~met)
    heard_as, instead_of = heard_instead(missed, wrong)
    confused_with = np.full(len(annotated.clip), -1)
    confused_with[~found] = np.where(heard_as >= 0, wrong.event[heard_as] if len(wrong.event) else -1, -1)
    names = np.array([*reference.events, ""])  # the last one is that of index -1
    of_reference = pd.DataFrame(
        {
            **_placed(annotated, kind),
            "off_by_s": np.where(found, off_by_us / US_PER_S, np.nan),
            "covered": covered_us / (annotated.end - annotated.first),
            "polyphony": polyphony(annotated).astype(float),
            "other": names[confused_with],
        }
    )
    of_detections = pd.DataFrame(
        {
            **_placed(wrong, np.where(instead_of >= 0, "confused", "false alarm")),
            "off_by_s": np.nan,
            "covered": np.nan,
            "polyphony": np.nan,
            "other": names[np.where(instead_of >= 0, missed.event[instead_of] if len(missed.event) else -1, -1)],
        }
    )
    both = [side for side in (of_reference, of_detections) if len(side)] or [of_reference]
    table = pd.concat(both, ignore_index=True)
    table = table.sort_values(["clip", "onset_s", "offset_s", "event"], kind="stable", ignore_index=True)
    table.insert(1, "scene", np.array([clip.scene or "" for clip in reference.clips], dtype=object)[table["clip"]])
    table["clip"] = np.array(reference.clip_ids, dtype=object)[table["clip"]]
    table["event"] = names[table["event"]]
    return table


def meeting(annotated: Spans, detected: Spans) -> tuple[IntArray, IntArray]:
    """Pairs (pair,) of annotated events and detections of one clip and name that share time, in order of time.

    Args:
        annotated: sorted by clip, event and time; those of one clip and event do not overlap.
        detected: likewise.
    """
    last_us = max((int(side.end.max()) for side in (annotated, detected) if len(side.end)), default=0) + 1
    n_events = max((int(side.event.max()) for side in (annotated, detected) if len(side.event)), default=0) + 1
    # One line of time on which the events of all clips follow each other.
    begins, ends = ((side.clip * n_events + side.event) * last_us for side in (annotated, detected))
    low = np.searchsorted(ends + detected.end, begins + annotated.first, side="right")
    high = np.searchsorted(ends + detected.first, begins + annotated.end, side="left")
    n_met = np.maximum(high - low, 0)
    which = np.repeat(np.arange(len(n_met)), n_met)
    by = np.arange(len(which)) - np.repeat(np.cumsum(n_met) - n_met, n_met) + np.repeat(low, n_met)
    return which, by


def heard_instead(missed: Spans, wrong: Spans) -> tuple[IntArray, IntArray]:
    """For each missed event the false detection that shares most time with it, and the other way round; -1 for none.

    Of several that share equally much the first counts, by onset, offset and place in the vocabulary.
    """
    heard_as, instead_of = np.full(len(missed.clip), -1), np.full(len(wrong.clip), -1)
    for clip in np.intersect1d(missed.clip, wrong.clip):
        rows, columns = _in_time(missed, clip), _in_time(wrong, clip)
        shared = np.minimum(missed.end[rows][:, None], wrong.end[columns]) - np.maximum(
            missed.first[rows][:, None], wrong.first[columns]
        )
        heard_as[rows] = np.where(shared.max(axis=1) > 0, columns[shared.argmax(axis=1)], -1)
        instead_of[columns] = np.where(shared.max(axis=0) > 0, rows[shared.argmax(axis=0)], -1)
    return heard_as, instead_of


def _in_time(side: Spans, clip: int) -> IntArray:
    here = np.flatnonzero(side.clip == clip)
    return np.asarray(here[np.lexsort((side.event[here], side.end[here], side.first[here]))])


def _detected(reference: Reference, decision: npt.NDArray[np.bool_]) -> Spans:
    found, hop_us = spans(decision), to_us(reference.grid.hop_s)
    return found._replace(first=found.first * hop_us, end=found.end * hop_us)


def _placed(side: Spans, kind: npt.NDArray[np.str_]) -> dict[str, npt.NDArray[np.generic]]:
    return {
        "clip": side.clip,
        "event": side.event,
        "kind": kind.astype(object),
        "onset_s": side.first / US_PER_S,
        "offset_s": side.end / US_PER_S,
    }
