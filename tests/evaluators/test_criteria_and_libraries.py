"""The criteria beside sed_eval and psds_eval: equal counts, and the reasons where the printed scores differ."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from earmark.annotations import Annotated, EventLists
from earmark.evaluation.event_lists import gathered
from earmark.evaluation.scoring import count_events, score_rows
from earmark.recordings import Event
from earmark_evaluators.criteria import EventBased, IntersectionBased, SegmentBased
from earmark_evaluators.through_sed_eval import _as_dicts, _sed_eval

NAMES = ("bell", "car", "cat", "dog")


def random_sides(seed: int, n_recordings: int = 40) -> tuple[EventLists, EventLists]:
    """Annotations, and detections that resemble them; times in microseconds, lengths of recordings differ."""
    rng = np.random.default_rng(seed)
    annotated, detected, durations_s = {}, {}, {}
    for index in range(n_recordings):
        name, length_s = f"{index}.wav", round(rng.uniform(3, 14), 3)
        durations_s[name] = length_s
        events = [random_event(rng, length_s) for _ in range(rng.poisson(5))]
        found = [jittered(rng, event, length_s) for event in events if rng.random() < 0.8]
        found += [random_event(rng, length_s) for _ in range(rng.poisson(1.5))]
        annotated[name], detected[name] = Annotated(events=tuple(events)), Annotated(events=tuple(found))
    return tuple(gathered(side, durations_s, NAMES, "a side").lists for side in (annotated, detected))


def random_event(rng: np.random.Generator, length_s: float) -> Event:
    onset, length = rng.uniform(0, length_s - 1), rng.exponential(1.0) + 0.05
    return Event(round(onset, 6), round(min(onset + length, length_s), 6), NAMES[rng.integers(len(NAMES))])


def jittered(rng: np.random.Generator, event: Event, length_s: float) -> Event:
    onset = float(np.clip(event.onset_s + rng.normal(0, 0.15), 0, length_s - 0.2))
    offset = float(np.clip(event.offset_s + rng.normal(0, 0.2), onset + 0.05, length_s))
    label = event.label if rng.random() < 0.9 else NAMES[rng.integers(len(NAMES))]
    return Event(round(onset, 6), round(offset, 6), label)


def values(reference: EventLists, estimated: EventLists, criterion) -> dict[tuple[str, str], float]:
    """Scores by name and average or class."""
    counted = count_events(reference, {"system": estimated}, [criterion])
    rows = score_rows(counted, n_resamples=1, confidence=0.95, generator=np.random.default_rng(0))
    return {(row.score, row.label or row.average): row.value for row in rows}


def fed(metric, reference: EventLists, estimated: EventLists):
    """A metric of sed_eval that has seen all recordings."""
    sides = zip(reference.events, estimated.events, reference.durations_s, strict=True)
    for annotated, found, duration_s in sides:
        both = _as_dicts(annotated), _as_dicts(found)
        if hasattr(metric, "time_resolution"):
            metric.evaluate(*both, evaluated_length_seconds=duration_s)
        else:
            metric.evaluate(*both)
    return metric


def segment_metric(segment_s: float = 1.0):
    return _sed_eval().sound_event.SegmentBasedMetrics(event_label_list=list(NAMES), time_resolution=segment_s)


def event_metric():
    return _sed_eval().sound_event.EventBasedMetrics(
        event_label_list=list(NAMES), t_collar=0.2, percentage_of_length=0.2, event_matching_type="optimal"
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("criterion", "metric"), [(SegmentBased(), segment_metric), (EventBased(), event_metric)])
def test_scores_are_those_of_sed_eval(seed, criterion, metric) -> None:
    sides = random_sides(seed)
    ours, theirs = values(*sides, criterion), fed(metric(), *sides)
    overall, by_class = theirs.results_overall_metrics(), theirs.results_class_wise_metrics()
    assert 0 < ours["fscore", "micro"] < 1
    assert ours["fscore", "micro"] == pytest.approx(overall["f_measure"]["f_measure"], rel=1e-12)
    assert ours["precision", "micro"] == pytest.approx(overall["f_measure"]["precision"], rel=1e-12)
    assert ours["recall", "micro"] == pytest.approx(overall["f_measure"]["recall"], rel=1e-12)
    for name in ("error", "substitution", "deletion", "insertion"):
        assert ours[f"{name}_rate", "micro"] == pytest.approx(overall["error_rate"][f"{name}_rate"], rel=1e-12)
    for label in NAMES:
        assert ours["fscore", label] == pytest.approx(by_class[label]["f_measure"]["f_measure"], rel=1e-12)
    average = theirs.results_class_wise_average_metrics()["f_measure"]["f_measure"]
    assert ours["fscore", "macro"] == pytest.approx(average, rel=1e-12)


def psds_eval_macro(reference: EventLists, estimated: EventLists, rho: float) -> tuple[float, dict[str, float]]:
    import pandas as pd
    import psds_eval

    def table(side: EventLists) -> pd.DataFrame:
        rows = [
            (name, event.onset_s, event.offset_s, event.label)
            for name, events in zip(side.recordings, side.events, strict=True)
            for event in events
        ]
        return pd.DataFrame(rows, columns=["filename", "onset", "offset", "event_label"])

    lengths = pd.DataFrame({"filename": reference.recordings, "duration": reference.durations_s})
    library = psds_eval.PSDSEval(
        dtc_threshold=rho, gtc_threshold=rho, cttc_threshold=0.3, ground_truth=table(reference), metadata=lengths
    )
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore")
        return library.compute_macro_f_score(table(estimated))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rho", [0.1, 0.5, 0.7])
def test_intersections_are_those_of_psds_eval(seed, rho) -> None:
    sides = random_sides(seed)
    average, by_class = psds_eval_macro(*sides, rho)
    ours = values(*sides, IntersectionBased(rho_dtc=rho, rho_gtc=rho))
    assert 0 < average < 1
    assert ours["fscore", "macro"] == pytest.approx(average, rel=1e-12)
    for label in NAMES:
        assert ours["fscore", label] == pytest.approx(by_class[label], rel=1e-12)


def without(side: EventLists, label: str) -> EventLists:
    events = tuple(tuple(event for event in some if event.label != label) for some in side.events)
    return EventLists(
        recordings=side.recordings, durations_s=side.durations_s, vocabulary=side.vocabulary, events=events
    )


def test_a_class_that_is_never_detected_counts_zero_where_the_libraries_leave_it_out() -> None:
    reference, estimated = random_sides(5)
    estimated = without(estimated, "dog")
    average, _ = psds_eval_macro(reference, estimated, 0.5)
    assert values(reference, estimated, IntersectionBased())["fscore", "macro"] == pytest.approx(average * 3 / 4)
    for criterion, metric in ((SegmentBased(), segment_metric()), (EventBased(), event_metric())):
        theirs = fed(metric, reference, estimated).results_class_wise_average_metrics()["f_measure"]["f_measure"]
        assert values(reference, estimated, criterion)["fscore", "macro"] == pytest.approx(theirs * 3 / 4)


def test_a_class_absent_from_the_reference_is_left_out_as_in_the_libraries() -> None:
    reference, estimated = random_sides(6)
    reference = without(reference, "dog")
    theirs = fed(segment_metric(), reference, estimated).results_class_wise_average_metrics()["f_measure"]["f_measure"]
    ours = values(reference, estimated, SegmentBased())
    assert ours["fscore", "macro"] == pytest.approx(theirs)
    assert ours["fscore", "dog"] == 0  # false alarms only


def test_on_a_decimal_grid_sed_eval_gives_events_segments_that_they_do_not_touch() -> None:
    events = [Annotated(events=(Event(0.3, 0.6, "car"),))]
    reference = gathered({"a": events[0]}, {"a": 3.0}, NAMES, "a").lists
    nothing = gathered({}, {"a": 3.0}, NAMES, "a").lists
    assert int(SegmentBased(segment_s=0.1).count(reference, nothing).fn.sum()) == 3
    assert fed(segment_metric(0.1), reference, nothing).overall["Nfn"] == 4


def test_real_annotations_against_themselves_are_perfect(shared_data) -> None:
    from earmark.evaluation.compared_sets import compared_sets
    from earmark.evaluation.files import read_set
    from earmark.plugins import plugins

    annotated = read_set(shared_data / "desed_metadata" / "validation.tsv", None, "test")
    sets = compared_sets(annotated, {"same": annotated}, durations_s=10.0, vocabulary=None, by_stem=False)
    assert len(sets.reference.lists.recordings) == 1168
    assert len(sets.reference.lists.vocabulary) == 10
    assert (sets.reference.without_events, sets.reference.n_cut) == (15, 4)
    names = ("segment", "event", "intersection", "clip")
    criteria = [plugins().build("criterion", name, {}, "test") for name in names]
    counted = count_events(sets.reference.lists, {"same": sets.estimated["same"].lists}, criteria)
    assert [int(one.total.tp.sum()) for one in counted["same"][1:3]] == [4224 - sets.reference.n_merged] * 2
    rows = score_rows(counted, n_resamples=20, confidence=0.9, generator=np.random.default_rng(0))
    perfect = [row for row in rows if row.score in ("fscore", "precision", "recall")]
    assert all((row.value, row.low, row.high) == (1, 1, 1) for row in perfect)
    assert all((row.value, row.low, row.high) == (0, 0, 0) for row in rows if row.score.endswith("_rate"))
