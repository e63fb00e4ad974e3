"""Segment-based and event-based evaluation through sed_eval, with explicit settings and guarded input."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from earmark.errors import OptionError
from earmark.evaluation.event_lists import Checked, checked
from earmark.evaluation.scores import Counts, Errors
from earmark.frames import events_of
from earmark.recordings import Event
from earmark.reference import Reference
from earmark_evaluators import event_based, segment
from earmark_evaluators.alignment import check_durations, check_positive_s, check_share, event_posteriors
from earmark_evaluators.results import Tally, event_result, versions


@dataclass(frozen=True, kw_only=True)
class SegmentSedEval:
    """Segment-based scores by sed_eval against the annotated times, cut at the clips' borders.

    sed_eval finds segments by floor(onset * 1 / segment_s) on floats; where segment_s is not a binary fraction, events
    on the grid may gain a segment that the evaluator ``segment`` does not give them.
    """

    segment_s: float = 1.0
    """Length of a segment."""
    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""

    def __post_init__(self) -> None:
        check_positive_s("The evaluator 'segment-sed-eval'", "segment_s", self.segment_s)
        check_share("The evaluator 'segment-sed-eval'", "threshold", self.threshold)

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """See `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Adds ``fscore_macro_sed_eval``, the library's own class average.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        metric = _sed_eval().sound_event.SegmentBasedMetrics(
            event_label_list=list(reference.events), time_resolution=float(self.segment_s)
        )
        return _evaluated(
            metric,
            reference,
            predictions,
            self.threshold,
            misses="D",
            alarms="I",
            substitutions="S",
            criterion=segment.criterion_name(self.segment_s),
            segment_s=self.segment_s,
        )


@dataclass(frozen=True, kw_only=True)
class EventSedEval:
    """Event-based scores by sed_eval against the annotated times, cut at the clips' borders; optimal matching."""

    collar_s: float = 0.2
    """Tolerance of the onset, and the least tolerance of the offset."""
    length_share: float = 0.2
    """The offset may also be wrong by this share of the annotated event's length; 0 leaves the collar alone. DCASE
    takes 0.2, where sed_eval itself would take 0.5."""
    compare: Literal["onset", "onset and offset"] = "onset and offset"
    """What must agree."""
    threshold: float = 0.5
    """An event is decided to sound where its posterior is at least this."""

    def __post_init__(self) -> None:
        check_positive_s("The evaluator 'event-sed-eval'", "collar_s", self.collar_s)
        check_share("The evaluator 'event-sed-eval'", "threshold", self.threshold)
        if not 0 <= self.length_share <= 1:
            raise OptionError(f"The evaluator 'event-sed-eval': length_share = {self.length_share:g} is not in [0, 1].")

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """See `earmark.protocols.Evaluator` and `earmark_evaluators.results.event_result`.

        Adds ``fscore_macro_sed_eval``, the library's own class average.

        Raises:
            EvaluationError: the predictions do not fit the reference.
        """
        with_offset = self.compare == "onset and offset"
        metric = _sed_eval().sound_event.EventBasedMetrics(
            event_label_list=list(reference.events),
            evaluate_onset=True,
            evaluate_offset=with_offset,
            t_collar=float(self.collar_s),
            percentage_of_length=float(self.length_share),
            event_matching_type="optimal",
        )
        return _evaluated(
            metric,
            reference,
            predictions,
            self.threshold,
            misses="Nfn",
            alarms="Nfp",
            substitutions="Nsubs",
            criterion=event_based.criterion_name(self.collar_s, self.length_share if with_offset else None),
            collar_s=self.collar_s,
            length_share=self.length_share,
            compare=self.compare,
        )


def _evaluated(
    metric: Any,
    reference: Reference,
    predictions: xr.Dataset,
    threshold: float,
    *,
    misses: str,
    alarms: str,
    substitutions: str,
    **settings: Any,
) -> xr.Dataset:
    """Feed a metric clip by clip, and read its counters after each; their names differ between metrics."""
    check_durations(reference)
    tally = Tally(reference)
    n_merged = n_cut = 0
    so_far = np.zeros((3, len(reference.events)), dtype=np.int64)
    errors_so_far = np.zeros(3, dtype=np.int64)
    for rows, posterior in event_posteriors(reference, predictions):
        class_wise, overall = [so_far], [errors_so_far]
        for clip, decision in zip(reference.clips[rows], posterior >= threshold, strict=True):
            annotated, estimated = (
                checked(
                    events,
                    reference.events,
                    duration_s=clip.duration_s,
                    tolerance_s=1.5 * reference.grid.hop_s,
                    where=f"{clip.id} ({side})",
                )
                for side, events in (
                    ("reference", clip.events),
                    ("estimate", events_of(decision, reference.events, reference.grid.hop_s)),
                )
            )
            _feed(metric, annotated, estimated, clip.duration_s)
            n_merged, n_cut = n_merged + annotated.n_merged, n_cut + estimated.n_cut
            of_event = [metric.class_wise[event] for event in reference.events]
            class_wise.append(np.array([[round(one[n]) for one in of_event] for n in ("Ntp", "Nfp", "Nfn")]))
            overall.append(np.array([round(metric.overall[n]) for n in (substitutions, misses, alarms)]))
        so_far, errors_so_far = class_wise[-1], overall[-1]
        tp, fp, fn = np.diff(class_wise, axis=0).transpose(1, 0, 2)
        tally.add(rows, Counts(tp, fp, fn), Errors(*np.diff(overall, axis=0).T))
    result = event_result(
        tally,
        **settings,
        threshold=threshold,
        n_merged_reference_events=n_merged,
        n_cut_estimated_events=n_cut,
        sed_eval="fscore_macro_sed_eval leaves out classes that are never detected, so it can only be higher or equal",
        versions=versions("earmark", "sed_eval"),
    )
    with warnings.catch_warnings():
        # The library averages over the classes whose F-score is a number; it warns where there is none.
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        average = metric.results_class_wise_average_metrics()["f_measure"]["f_measure"]
    return result.assign(fscore_macro_sed_eval=average)


def _feed(metric: Any, annotated: Checked, estimated: Checked, duration_s: float) -> None:
    lists = [_as_dicts(side.events) for side in (annotated, estimated)]
    if hasattr(metric, "time_resolution"):
        # Without the length, sed_eval takes the last offset, and true negatives depend on the labels.
        metric.evaluate(*lists, evaluated_length_seconds=float(duration_s))
    else:
        metric.evaluate(*lists)


def _as_dicts(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [{"event_onset": e.onset_s, "event_offset": e.offset_s, "event_label": e.label} for e in events]


def _sed_eval() -> Any:
    with warnings.catch_warnings():
        # dcase_util, which sed_eval imports, asks for pkg_resources and has strings with stray backslashes.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")
        warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources")
        warnings.filterwarnings("ignore", r"(\"\\.\" is an )?invalid escape sequence")
        import sed_eval
    return sed_eval
