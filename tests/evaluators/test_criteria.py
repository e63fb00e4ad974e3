from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.annotations import EventLists
from earmark.errors import OptionError
from earmark.plugins import plugins
from earmark.protocols import Criterion
from earmark.recordings import Event
from earmark_evaluators.criteria import ClipBased, EventBased, IntersectionBased, SegmentBased
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.event_based import matched


def lists(*events: list[Event], durations_s=None, vocabulary=("bird", "car")) -> EventLists:
    return EventLists(
        recordings=tuple(f"{index}.wav" for index in range(len(events))),
        durations_s=tuple(durations_s or [10.0] * len(events)),
        vocabulary=vocabulary,
        events=tuple(tuple(some) for some in events),
    )


def totals(counted) -> list[int]:
    return [int(counted[name].sum()) for name in ("tp", "fp", "fn")]


def errors(counted) -> list[int]:
    return [int(counted[name].sum()) for name in ("substitutions", "deletions", "insertions")]


@pytest.mark.parametrize(
    ("name", "criterion"),
    [
        ("segment", "segment_based[1 s, touched]"),
        ("event", "event_based[on=0.2 s, off=max(0.2 s, 20%)]"),
        ("intersection", "intersection_based[dtc=0.5, gtc=0.5, no cross-triggers]"),
        ("clip", "clip_based[present anywhere]"),
    ],
)
def test_a_reference_against_itself_has_only_hits_and_the_name_holds_all_parameters(name, criterion) -> None:
    judge = plugins().build("criterion", name, {}, "test")
    assert isinstance(judge, Criterion)
    side = lists([Event(0.5, 1.5, "car"), Event(1.0, 9.0, "bird")], [], [Event(0, 10, "car")])
    counted = judge.count(side, side)
    assert counted.tp.dims == ("recording", "event")
    assert counted.sizes == {"recording": 3, "event": 2}
    assert totals(counted)[1:] == [0, 0]
    assert totals(counted)[0] > 0
    assert counted.attrs["criterion"] == criterion


def test_segments_of_recordings_of_different_lengths_are_counted_each_to_its_end() -> None:
    reference = lists([Event(0.0, 2.5, "car")], [Event(3599, 3600, "car")], [], durations_s=[2.5, 3600, 0.4])
    estimated = lists(
        [Event(2.4, 2.5, "car")], [Event(0, 2, "car")], [Event(0, 0.4, "bird")], durations_s=[2.5, 3600, 0.4]
    )
    counted = SegmentBased().count(reference, estimated)
    assert counted.tp.values.tolist() == [[0, 1], [0, 0], [0, 0]]
    assert counted.fp.values.tolist() == [[0, 0], [0, 2], [1, 0]]
    assert counted.fn.values.tolist() == [[0, 2], [0, 1], [0, 0]]
    assert counted.insertions.values.tolist() == [0, 2, 1]


def test_two_events_under_exchanged_names_are_two_substitutions() -> None:
    reference = lists([Event(0, 1, "car"), Event(5, 6, "bird")])
    estimated = lists([Event(0, 1, "bird"), Event(5, 6, "car")])
    for criterion in (SegmentBased(), EventBased()):
        counted = criterion.count(reference, estimated)
        assert totals(counted) == [0, 2, 2]
        assert errors(counted) == [2, 0, 0]


def test_a_difference_of_exactly_the_collar_is_a_hit() -> None:
    # On floats, 1.1 - 0.9 is more than 0.2, and sed_eval misses it.
    counted = EventBased().count(lists([Event(0.9, 2.0, "car")]), lists([Event(1.1, 2.0, "car")]))
    assert totals(counted) == [1, 0, 0]
    counted = EventBased().count(lists([Event(0.9, 2.0, "car")]), lists([Event(1.100001, 2.0, "car")]))
    assert totals(counted) == [0, 1, 1]


def test_matching_is_optimal_where_taking_the_first_would_miss_one() -> None:
    # The first detection fits both references, the second one only the first reference.
    reference = lists([Event(1.0, 1.1, "car"), Event(1.15, 1.3, "car")])
    estimated = lists([Event(0.85, 1.0, "car"), Event(1.05, 1.2, "car")])
    assert totals(EventBased().count(reference, estimated)) == [2, 0, 0]
    assert matched(np.array([0, 0, 1]), np.array([0, 1, 1])) == {0: 0, 1: 1}


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30, unique=True))
@settings(deadline=None)
def test_no_matching_is_larger(pairs) -> None:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    graph = np.zeros((8, 8), dtype=bool)
    for pair in pairs:
        graph[pair] = True
    found = matched(*np.nonzero(graph))
    assert all(graph[reference, detection] for reference, detection in found.items())
    assert len(set(found.values())) == len(found)
    assert len(found) == (maximum_bipartite_matching(csr_array(graph)) >= 0).sum()


def test_offsets_may_be_left_out() -> None:
    sides = lists([Event(1.0, 2.0, "car")]), lists([Event(1.0, 9.0, "car")])
    onset = EventBased(compare="onset").count(*sides)
    assert (totals(EventBased().count(*sides)), totals(onset)) == ([0, 1, 1], [1, 0, 0])
    assert onset.attrs["criterion"] == "event_based[on=0.2 s]"


def test_events_of_neighbouring_recordings_are_not_compared() -> None:
    # Recordings stand on one line of time inside: the end of one must not touch the beginning of the next.
    reference, estimated = lists([Event(9.9, 10, "car")], []), lists([], [Event(0, 0.1, "car")])
    for criterion in (EventBased(), IntersectionBased(), ClipBased(), SegmentBased()):
        assert totals(criterion.count(reference, estimated)) == [0, 1, 1]


def test_a_share_of_exactly_the_criterion_is_enough() -> None:
    sides = lists([Event(0.3, 1.0, "car")]), lists([Event(0.65, 1.35, "car")])
    assert totals(IntersectionBased().count(*sides)) == [1, 0, 0]
    assert totals(IntersectionBased(rho_dtc=0.51).count(*sides)) == [0, 1, 1]


def test_presence_in_a_recording_does_not_ask_when() -> None:
    reference = lists([Event(0, 1, "car")], [Event(0, 1, "car")], [], durations_s=[10, 3, 10])
    estimated = lists([Event(8, 9, "car"), Event(2, 3, "car")], [], [Event(1, 2, "bird")], durations_s=[10, 3, 10])
    counted = ClipBased().count(reference, estimated)
    assert totals(counted) == [1, 1, 1]
    assert errors(counted) == [0, 1, 1]


@pytest.mark.parametrize("criterion", [SegmentBased(), EventBased(), IntersectionBased(), ClipBased()])
def test_empty_sides_count_nothing(criterion) -> None:
    assert totals(criterion.count(lists([], []), lists([], []))) == [0, 0, 0]


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (Event(1, 2, "cat"), "has a name outside the vocabulary"),
        (Event(2, 1, "car"), "does not end after it begins"),
        (Event(9, 11, "car"), "does not lie in its recording"),
        (Event(0, 2, "car"), "overlaps the next one of its name"),
    ],
)
def test_lists_that_would_falsify_the_counts_are_refused(event, what) -> None:
    wrong = lists([], [event, Event(1.5, 3, "car")])
    with pytest.raises(
        EvaluationError, match=f"1.wav: an event .* {what}. Make lists with earmark.evaluation.event_lists.gathered"
    ):
        SegmentBased().count(lists([], []), wrong)


def test_sides_with_different_recordings_are_refused() -> None:
    with pytest.raises(EvaluationError, match="Reference and estimate have different recordings"):
        ClipBased().count(lists([]), lists([], []))


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(OptionError, match=r"The criterion 'intersection': rho_gtc = 0 must lie above 0"):
        IntersectionBased(rho_gtc=0)
    with pytest.raises(OptionError, match=r"The criterion 'event': length_share = 2 is not in \[0, 1\]"):
        EventBased(length_share=2)
    with pytest.raises(OptionError, match=r"The criterion 'segment': segment_s = 0 must be a positive time"):
        SegmentBased(segment_s=0)
