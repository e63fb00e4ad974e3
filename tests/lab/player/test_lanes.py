"""Lanes, and what is sent of them."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.recordings import Event
from earmark_lab.player import Lane, PlayerError, Track
from earmark_lab.player.lanes import as_sent, last_s, notes_on, occurring, quantised, reference_of, vocabulary_of

CAR = Event(1.0, 2.0, "car")


def track(*columns: list[float], events: tuple[str, ...] = ("car", "bird")) -> Track:
    return Track(np.array(columns).T, events, 0.5)


def test_a_posterior_reaches_a_256th_exactly_where_its_byte_does() -> None:
    posterior = np.random.default_rng(0).random(1000)
    posterior[:256] = np.arange(256) / 256
    for k in range(256):
        np.testing.assert_array_equal(quantised(posterior) >= k, posterior >= k / 256)


def test_posteriors_are_sent_event_after_event() -> None:
    sent = as_sent(Lane("net", track=track([0.5, 1.0, 0.0], [0.25, 0.25, 0.25])))["track"]
    assert list(sent["data"]) == [128, 255, 0, 64, 64, 64]
    assert (sent["n_frames"], sent["hop_s"], sent["events"]) == (3, 0.5, ["car", "bird"])


def test_spans_are_sent_in_order_of_time() -> None:
    assert as_sent(Lane("annotated", (CAR, Event(0.0, 0.5, "bird"))))["spans"] == [[0, 0.5, "bird"], [1, 2, "car"]]


def test_the_reference_is_the_first_lane_without_posteriors() -> None:
    net = Lane("net", track=track([0.5], [0.5]))
    assert reference_of([net, Lane("annotated"), Lane("other")]) == 1
    assert reference_of([net]) is None


def test_decisions_are_a_lanes_spans_or_what_reaches_its_threshold() -> None:
    posteriors = track([0.2, 0.5, 0.6], [0.0, 0.0, 0.0])
    assert Lane("net", track=posteriors).decisions() == (Event(0.5, 1.5, "car"),)
    assert Lane("net", (CAR,), posteriors).decisions() == (CAR,)


def test_decisions_are_counted_as_they_are_made():
    rng = np.random.default_rng(0)
    for n_frames in (0, 1, 50):
        lane = Lane("net", track=Track(rng.random((n_frames, 3)), ("bird", "car", "dog"), 0.5), threshold=0.6)
        assert lane.n_decisions() == len(lane.decisions())
    assert Lane("a", (CAR,)).n_decisions() == 1


def test_an_event_occurs_where_it_has_a_span_or_a_posterior_near_a_decision() -> None:
    lanes = [Lane("annotated", (CAR,)), Lane("net", track=track([0.0], [0.3], [0.1], events=("car", "bird", "dog")))]
    assert occurring(lanes) == ("car", "bird")
    assert vocabulary_of(lanes) == ("car", "bird", "dog")
    assert last_s(lanes) == 2.0


def test_a_vocabulary_that_lacks_what_is_annotated_is_named() -> None:
    lanes = [Lane("annotated", (CAR, Event(0.0, 1.0, "dog"))), Lane("net", track=track([0.1], [0.1]))]
    assert notes_on(lanes) == ["net: another vocabulary, which lacks dog; its counts leave these out."]


def test_posteriors_that_are_no_numbers_are_named_and_sent_as_0() -> None:
    lane = Lane("net", track=track([np.nan, 0.5], [0.0, 0.0]))
    assert notes_on([lane]) == ["net: some posteriors are NaN and shown as 0. Did its training diverge?"]
    assert list(as_sent(lane)["track"]["data"]) == [0, 128, 0, 0]


def test_posteriors_of_another_shape_are_refused() -> None:
    with pytest.raises(PlayerError, match=r"posteriors of shape \(3, 2\) for 1 events.*\.isel\(seed=0\)"):
        Track(np.zeros((3, 2)), ("car",), 0.02)
    with pytest.raises(PlayerError, match="hop_s = 0 must be positive"):
        Track(np.zeros((3, 1)), ("car",), 0.0)
