"""Criteria by which lists of events are compared, whoever made them, on a time base of whole microseconds.

Each says its name with all its parameters in the attribute ``criterion`` of what it counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from earmark.annotations import EventLists
from earmark.errors import OptionError
from earmark.evaluation.scores import Counts, Errors, IntArray
from earmark.recordings import to_us
from earmark.spans import Spans
from earmark_evaluators import event_based, intersection, segment
from earmark_evaluators.alignment import check_positive_s, check_share
from earmark_evaluators.errors import EvaluationError


@dataclass(frozen=True, kw_only=True)
class SegmentBased:
    """Segments of fixed length, active where an event touches them; sed_eval counts the same.

    Except where segment_s is no binary fraction: sed_eval then computes on floats, and gives some events on the grid a
    segment that they do not touch.
    """

    segment_s: float = 1.0
    """Length of a segment."""

    def __post_init__(self) -> None:
        check_positive_s("The criterion 'segment'", "segment_s", self.segment_s)

    def count(self, reference: EventLists, estimated: EventLists) -> xr.Dataset:
        """See `earmark.protocols.Criterion`.

        Raises:
            EvaluationError: the lists cannot be compared.
        """
        annotated, detected = both_spans(reference, estimated)
        n_events = len(reference.vocabulary)
        counted = segment.segment_counts(annotated, detected, _durations_us(reference), n_events, to_us(self.segment_s))
        return _dataset(reference, *counted, criterion=segment.criterion_name(self.segment_s))


@dataclass(frozen=True, kw_only=True)
class EventBased:
    """Events found within tolerances of onset and offset, matched one to one; sed_eval counts the same.

    Except where a difference is exactly the tolerance, which is a hit here and a matter of rounding there.
    """

    collar_s: float = 0.2
    """Tolerance of the onset, and the least tolerance of the offset."""
    length_share: float = 0.2
    """The offset may also be wrong by this share of the annotated event's length, as in DCASE; 0 leaves the collar
    alone. sed_eval itself would take 0.5."""
    compare: Literal["onset", "onset and offset"] = "onset and offset"
    """What must agree."""

    def __post_init__(self) -> None:
        check_positive_s("The criterion 'event'", "collar_s", self.collar_s)
        if not 0 <= self.length_share <= 1:
            raise OptionError(f"The criterion 'event': length_share = {self.length_share:g} is not in [0, 1].")

    def count(self, reference: EventLists, estimated: EventLists) -> xr.Dataset:
        """See `earmark.protocols.Criterion`.

        Raises:
            EvaluationError: the lists cannot be compared.
        """
        with_offset = self.compare == "onset and offset"
        counted = event_based.event_counts(
            *both_spans(reference, estimated),
            _shape(reference),
            collar_us=to_us(self.collar_s),
            length_share=self.length_share if with_offset else None,
        )
        name = event_based.criterion_name(self.collar_s, self.length_share if with_offset else None)
        return _dataset(reference, *counted, criterion=name)


@dataclass(frozen=True, kw_only=True)
class IntersectionBased:
    """Detections that lie on references, and references that those cover; psds_eval counts the same.

    The defaults are those at which DCASE's task 4 printed F-scores; PSDS 1 takes 0.7 and PSDS 2 takes 0.1 for both.
    """

    rho_dtc: float = 0.5
    """Detection tolerance criterion: least share of a detection that lies on references of its event."""
    rho_gtc: float = 0.5
    """Ground truth intersection criterion: least share of a reference that passing detections cover."""

    def __post_init__(self) -> None:
        for option in ("rho_dtc", "rho_gtc"):
            check_share("The criterion 'intersection'", option, getattr(self, option))

    def count(self, reference: EventLists, estimated: EventLists) -> xr.Dataset:
        """See `earmark.protocols.Criterion`; without substitutions, which the criterion does not know.

        Raises:
            EvaluationError: the lists cannot be compared.
        """
        annotated, detected = both_spans(reference, estimated)
        counts = intersection.intersection_counts(
            annotated, detected, _shape(reference), rho_dtc=self.rho_dtc, rho_gtc=self.rho_gtc
        )
        return _dataset(reference, counts, criterion=intersection.criterion_name(self.rho_dtc, self.rho_gtc))


@dataclass(frozen=True, kw_only=True)
class ClipBased:
    """Events present anywhere in a recording, as in audio tagging."""

    def count(self, reference: EventLists, estimated: EventLists) -> xr.Dataset:
        """See `earmark.protocols.Criterion`.

        Raises:
            EvaluationError: the lists cannot be compared.
        """
        annotated, detected = both_spans(reference, estimated)
        durations_us = _durations_us(reference)
        longest_us = int(durations_us.max(initial=1))
        counted = segment.segment_counts(annotated, detected, durations_us, len(reference.vocabulary), longest_us)
        return _dataset(reference, *counted, criterion="clip_based[present anywhere]")


def both_spans(reference: EventLists, estimated: EventLists) -> tuple[Spans, Spans]:
    """Spans of both sides in microseconds, sorted by recording, event and time.

    Raises:
        EvaluationError: the sides do not have the same recordings, durations and vocabulary, or `spans_of` refuses one.
    """
    for field in ("recordings", "durations_s", "vocabulary"):
        if getattr(reference, field) != getattr(estimated, field):
            raise EvaluationError(
                f"Reference and estimate have different {field.removesuffix('_s')}. "
                "Gather both with earmark.evaluation.event_lists.gathered for the same recordings and vocabulary."
            )
    return spans_of(reference), spans_of(estimated)


def spans_of(lists: EventLists) -> Spans:
    """Spans of event lists in microseconds; the clip is the recording.

    Raises:
        EvaluationError: a name outside the vocabulary, an event that does not lie in its recording, or two of one name
            that overlap. `earmark.evaluation.event_lists.gathered` mends or names them.
    """
    column = {name: index for index, name in enumerate(lists.vocabulary)}
    rows = [
        (index, column.get(event.label, -1), to_us(event.onset_s), to_us(event.offset_s))
        for index, events in enumerate(lists.events)
        for event in events
    ]
    found = Spans(*np.array(sorted(rows), dtype=np.int64).reshape(-1, 4).T)
    ends_us = _durations_us(lists)[found.clip]
    follows = (found.clip[1:] == found.clip[:-1]) & (found.event[1:] == found.event[:-1])
    overlaps = np.append(follows & (found.first[1:] < found.end[:-1]), [False] * min(len(rows), 1))
    wrong = {
        "has a name outside the vocabulary": found.event < 0,
        "does not end after it begins": found.end <= found.first,
        "does not lie in its recording": (found.first < 0) | (found.end > ends_us),
        "overlaps the next one of its name": overlaps,
    }
    for what, where in wrong.items():
        if where.any():
            place = int(where.argmax())
            raise EvaluationError(
                f"{lists.recordings[found.clip[place]]}: an event from {found.first[place] / 1e6:g} s to "
                f"{found.end[place] / 1e6:g} s {what}. "
                "Make lists with earmark.evaluation.event_lists.gathered, which says more."
            )
    return found


def _shape(lists: EventLists) -> tuple[int, int]:
    return len(lists.recordings), len(lists.vocabulary)


def _durations_us(lists: EventLists) -> IntArray:
    return np.array([to_us(duration_s) for duration_s in lists.durations_s], dtype=np.int64)


def _dataset(lists: EventLists, counts: Counts, errors: Errors | None = None, *, criterion: str) -> xr.Dataset:
    variables = {name: (("recording", "event"), count) for name, count in counts._asdict().items()}
    by_recording = {name: (("recording",), count) for name, count in (errors._asdict() if errors else {}).items()}
    coords = {"recording": list(lists.recordings), "event": list(lists.vocabulary)}
    return xr.Dataset({**variables, **by_recording}, coords, {"criterion": criterion})
