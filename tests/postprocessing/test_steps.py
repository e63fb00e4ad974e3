from __future__ import annotations

import numpy as np
import pytest

from earmark.errors import OptionError
from earmark.experiment import PluginRef
from earmark.plugins import plugins
from earmark.postprocessing import processed
from earmark_postprocessing.durations import MinimumDuration, MinimumGap
from earmark_postprocessing.median import MedianFilter
from earmark_postprocessing.thresholds import ClassThresholds, Hysteresis, best_threshold

EVENTS = ("bird", "car")
HOP_S = 0.1


def activity(*rows: str) -> np.ndarray:
    """One clip (1, frame, event) from a string a event: "." is 0, "#" is 1, a digit a tenth of it."""
    value = {".": 0.0, "#": 1.0, **{str(digit): digit / 10 for digit in range(10)}}
    return np.array([[[value[c] for c in row] for row in rows]], dtype=np.float32).transpose(0, 2, 1)


def drawn(result: np.ndarray) -> tuple[str, ...]:
    return tuple("".join("#" if v >= 0.5 else "." for v in row) for row in result[0].T)


def test_a_median_filter_takes_out_blips_and_fills_dropouts():
    noisy = activity("..#....###.###..", "................")
    assert drawn(MedianFilter(length_s=0.3).process(noisy, EVENTS, HOP_S)) == (".......#######..", "................")


def test_a_median_filter_has_a_length_for_each_event():
    noisy = activity("..##....", "..##....")
    step = MedianFilter(length_s=0.1, of_event={"car": 0.5})
    assert drawn(step.process(noisy, EVENTS, HOP_S)) == ("..##....", "........")


def test_a_median_filter_does_not_look_into_the_next_clip():
    clips = np.concatenate([activity("...#", "...."), activity("####", "....")])
    ended = MedianFilter(length_s=0.3).process(clips, EVENTS, HOP_S)
    assert ended[0, :, 0].tolist() == [0, 0, 0, 1]  # the last frame goes on beyond the end
    assert ended[1, :, 0].tolist() == [1, 1, 1, 1]


def test_gaps_shorter_than_the_least_are_filled_and_edges_are_no_gaps():
    decided = activity(".##.##...##.", "............")
    assert drawn(MinimumGap(gap_s=0.3).process(decided, EVENTS, HOP_S))[0] == ".#####...##."
    assert drawn(MinimumGap(gap_s=0.301).process(decided, EVENTS, HOP_S))[0] == ".##########."


def test_instances_shorter_than_the_least_are_dropped_per_event():
    decided = activity("#.##.###....", "#.##.###....")
    step = MinimumDuration(duration_s=0.2, of_event={"car": 0.3})
    assert drawn(step.process(decided, EVENTS, HOP_S)) == ("..##.###....", ".....###....")


def test_three_frames_of_a_tenth_are_three_tenths():
    # 3 * 0.1 > 0.3 on floats: times are compared as whole microseconds.
    assert drawn(MinimumDuration(duration_s=0.3).process(activity("###.", "...."), EVENTS, HOP_S))[0] == "###."


def test_hysteresis_keeps_what_reaches_the_high_threshold_from_low_to_low():
    posterior = activity("0344730334443000", "0000000000000000")
    assert drawn(Hysteresis(high=0.6, low=0.3).process(posterior, EVENTS, HOP_S))[0] == ".#####.........."


@pytest.mark.parametrize(
    ("posterior", "active", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.8], [0, 0, 1, 1], 0.25),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1], 0.85),  # the first alone: F = 2 / 3, as for all four; the surer one wins
        ([0.5, 0.5, 0.5], [1, 0, 0], 0.25),  # equal posteriors cannot be told apart
    ],
)
def test_the_best_threshold_lies_half_way_to_the_next_posterior(posterior, active, expected):
    assert best_threshold(np.array(posterior, np.float32), np.array(active, bool)) == pytest.approx(expected)


def test_no_threshold_on_a_fine_grid_is_better_than_the_best():
    rng = np.random.default_rng(0)
    active = rng.random(400) < 0.2
    posterior = np.clip(rng.normal(0.3 + 0.3 * active, 0.2), 0, 1).astype(np.float32)
    found = fscore(posterior >= best_threshold(posterior, active), active)
    assert found >= max(fscore(posterior >= threshold, active) for threshold in np.linspace(0, 1, 1001))


def fscore(decided, active):
    return 2 * (decided & active).sum() / max(decided.sum() + active.sum(), 1)


def test_thresholds_are_chosen_for_each_event_and_an_absent_one_keeps_the_usual():
    posterior = activity("1234", "1111")
    options = ClassThresholds().fit(posterior, activity("..##", "....") > 0, EVENTS, HOP_S)
    assert options == {"threshold": 0.5, "of_event": {"bird": pytest.approx(0.25)}}
    decided = ClassThresholds(**options).process(posterior, EVENTS, HOP_S)
    assert drawn(decided) == ("..##", "....")


def test_given_thresholds_are_not_chosen_anew():
    given = ClassThresholds(of_event={"car": 0.9})
    options = given.fit(activity("9999", "9999"), activity("####", "####") > 0, EVENTS, HOP_S)
    assert options["of_event"] == {"car": 0.9}


def test_a_chain_runs_in_its_order():
    steps = [
        PluginRef.model_validate({"use": "minimum-gap", "gap_s": 0.2}),
        PluginRef.model_validate({"use": "minimum-duration", "duration_s": 0.3}),
    ]
    decided = activity("#.#...#.....", "............")
    forth = processed(steps, decided, EVENTS, HOP_S, plugins())
    back = processed(steps[::-1], decided, EVENTS, HOP_S, plugins())
    assert drawn(forth)[0] == "###........."
    assert not back.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MedianFilter(length_s=-1), r"median-filter: length_s = -1 must be a time in seconds, 0 or more"),
        (lambda: MinimumGap(of_event={"car": np.nan}), r"minimum-gap: gap_s = nan must be a time"),
        (lambda: MinimumDuration(duration_s=np.inf), r"minimum-duration: duration_s = inf must be a time"),
        (lambda: Hysteresis(high=0.3, low=0.6), r"hysteresis: low = 0.6 must not be above high = 0.3"),
        (lambda: Hysteresis(high=1.5), r"hysteresis: high = 1.5 must be a posterior in \[0, 1\]"),
        (lambda: ClassThresholds(of_event={"car": 2.0}), r"class-thresholds: car = 2 must be a posterior in \[0, 1\]"),
        (
            lambda: ClassThresholds().process(activity("#", "#"), EVENTS, HOP_S),
            r"nobody has chosen thresholds. Name a validation_split in the experiment, or give them",
        ),
        (
            lambda: MedianFilter(of_event={"cra": 1.0}).process(activity("#", "#"), EVENTS, HOP_S),
            r"length_s is given for 'cra', which is not among the events. Did you mean 'car'\? Events: bird, car",
        ),
    ],
)
def test_options_that_make_no_sense_are_named(make, message):
    with pytest.raises(OptionError, match=message):
        make()
