"""Worst clips, confusion, recall and comparisons on a run whose frames can be counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from earmark.errors import OptionError
from earmark.reference import Reference
from earmark.study import Job
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.exploring import figures
from earmark_evaluators.exploring.clips import clips_worst_first, occurrences_of_clip
from earmark_evaluators.exploring.confusion import NOTHING, confusion_in_time
from earmark_evaluators.exploring.recall import ALL, recall_by_duration, recall_by_polyphony
from earmark_evaluators.exploring.runs import ExploredRun
from earmark_evaluators.exploring.two_runs import compared, largest

EVENTS = ("bird", "car", "dog")


def activity(*clips: dict[str, str]) -> np.ndarray:
    """Activity (clip, frame, event) from rows of 10 frames such as ``{"car": "..##......"}``."""
    active = np.zeros((len(clips), 10, 3), dtype=bool)
    for index, rows in enumerate(clips):
        for event, row in rows.items():
            active[index, :, EVENTS.index(event)] = [sign == "#" for sign in row]
    return active


ANNOTATED = activity(
    {"car": "####......", "bird": "##########"},  # home
    {"dog": "..######.."},  # office
    {},  # home
    {"car": "########.."},  # office
)
DECIDED = activity(
    {"car": "####......", "bird": "##########"},  # all right
    {"car": "..####....", "bird": "....####.."},  # the dog is missed, two others heard in its place
    {},  # rightly nothing
    {"car": "....####.."},  # half of the car, late
)


@pytest.fixture
def make_run(make_reference: Callable[..., Reference]) -> Callable[..., ExploredRun]:
    reference = make_reference(ANNOTATED, events=EVENTS, hop_s=0.1)

    def run(decision: np.ndarray = DECIDED, title: str = "first", reference: Reference = reference) -> ExploredRun:
        return ExploredRun(title=title, job=Job(title, 0), reference=reference, decision=decision)

    return run


def test_the_clip_with_the_lowest_frame_f_stands_first_and_one_without_f_last(make_run) -> None:
    table = clips_worst_first(make_run())
    assert table["clip"].tolist() == ["audio/1.wav@0", "audio/3.wav@0", "audio/0.wav@0", "audio/2.wav@0"]
    assert table["fscore"].tolist()[:3] == [0.0, pytest.approx(8 / 12), 1.0]  # 2·4 / (2·4 + 0 + 4)
    assert math.isnan(table["fscore"][3])
    assert table["n_errors"].tolist() == [3, 1, 0, 0]  # a miss and two confusions; a late one
    assert table["n_reference"].tolist() == [1, 1, 2, 0]


def test_clips_are_chosen_by_scene_event_and_error_kind(make_run) -> None:
    run = make_run()
    assert clips_worst_first(run, scene="office")["clip"].tolist() == ["audio/1.wav@0", "audio/3.wav@0"]
    assert clips_worst_first(run, kind="late")["clip"].tolist() == ["audio/3.wav@0"]
    assert clips_worst_first(run, kind="confused", scene="home").empty
    car = clips_worst_first(run, event="car")  # neither annotated nor decided in clip 2
    assert car["clip"].tolist() == ["audio/1.wav@0", "audio/3.wav@0", "audio/0.wav@0"]
    assert car["confused"].tolist() == [1, 0, 0]
    assert clips_worst_first(run, by="number of errors")["n_errors"].is_monotonic_decreasing


def test_a_choice_that_does_not_exist_is_refused_with_those_that_do(make_run) -> None:
    run = make_run()
    with pytest.raises(
        OptionError, match="There is no event 'cat'. Did you mean 'car'\\? Choose one of bird, car, dog."
    ):
        clips_worst_first(run, event="cat")
    with pytest.raises(OptionError, match="no error kind 'wrong'. Choose one of found, late, early, missed"):
        clips_worst_first(run, kind="wrong")
    with pytest.raises(OptionError, match="no order 'F'"):
        clips_worst_first(run, by="F")
    with pytest.raises(OptionError, match="no scene 'hone'. Did you mean 'home'"):
        clips_worst_first(run, scene="hone")


def test_what_a_run_made_of_a_clip_is_in_order_of_time(make_run) -> None:
    table = occurrences_of_clip(make_run(), "audio/1.wav@0")
    assert table[["event", "kind", "other"]].to_numpy().tolist() == [
        ["car", "confused", "dog"],
        ["dog", "missed", "car"],  # 0.4 s of car and 0.4 s of bird: the first
        ["bird", "confused", "dog"],
    ]


def test_confusion_is_the_share_of_the_missed_frames_in_which_another_event_is_falsely_active(make_run) -> None:
    found = confusion_in_time(make_run())
    dog = found["share"].sel(event="dog")
    assert float(dog.sel(heard="car")) == pytest.approx(4 / 6)
    assert float(dog.sel(heard="bird")) == pytest.approx(4 / 6)  # two at once: the row sums to more than 1
    assert float(dog.sel(heard=NOTHING)) == 0.0
    assert found["n_frames"].values.tolist() == [0, 0, 6]
    assert np.isnan(found["share"].sel(event="car").values).all()  # never missed
    assert int(confusion_in_time(make_run(), scene="home")["n_frames"].sum()) == 0


def test_what_is_annotated_too_is_not_falsely_active(make_run) -> None:
    decision = activity({"bird": "##########"}, {}, {}, {})  # the car of clip 0 is missed below an annotated bird
    car = confusion_in_time(make_run(decision))["share"].sel(event="car")
    assert car.sel(heard="bird") == 0.0
    assert car.sel(heard=NOTHING) == 1.0


def test_recall_by_duration_counts_each_event_in_its_bin(make_run) -> None:
    table = recall_by_duration(make_run().occurrences, edges_s=(0.5, 0.8)).set_index(["event", "bin"])
    assert list(dict.fromkeys(table.index.get_level_values("bin"))) == ["< 0.5 s", "0.5-0.8 s", ">= 0.8 s"]
    whole = table.loc[ALL]
    assert whole["n_reference"].tolist() == [1, 1, 2]  # car 0.4; dog 0.6; car 0.8 and bird 1.0: a border belongs above
    assert whole["recall"].tolist() == [1.0, 0.0, 1.0]
    assert whole["covered"].tolist() == [1.0, 0.0, pytest.approx((0.4 + 1.0) / 1.8)]
    assert table.loc[("car", ">= 0.8 s"), "n_found"] == 1  # late, but found
    assert math.isnan(table.loc[("bird", "< 0.5 s"), "recall"])


def test_recall_by_polyphony_counts_events_that_sound_at_once(make_run) -> None:
    whole = recall_by_polyphony(make_run().occurrences).set_index(["event", "bin"]).loc[ALL]
    assert whole["n_reference"].to_dict() == {"alone": 2, "2 at once": 2, "3 at once": 0, "4 or more": 0}
    assert whole["recall"].tolist()[:2] == [0.5, 1.0]


def test_edges_of_bins_must_ascend(make_run) -> None:
    with pytest.raises(OptionError, match="edges_s must be ascending positive seconds, got \\[1.0, 0.5\\]"):
        recall_by_duration(make_run().occurrences, edges_s=(1.0, 0.5))


def test_two_runs_are_compared_by_what_the_second_gains_in_each_clip(make_run) -> None:
    better = DECIDED.copy()
    better[1], better[0, :4] = ANNOTATED[1], False
    table = compared(make_run(), make_run(better, "second"))
    assert table["clip"].tolist() == ["audio/1.wav@0", "audio/3.wav@0", "audio/0.wav@0", "audio/2.wav@0"]
    # Clip 0 keeps 6 of 14 annotated cells: 2·6 / (2·6 + 8).
    assert table["gain"].tolist()[:3] == [1.0, 0.0, pytest.approx(0.6 - 1.0)]
    assert math.isnan(table["gain"][3])
    assert table.attrs == {"first": "first", "second": "second"}
    short = largest(table)
    assert short["clip"].tolist() == ["audio/1.wav@0", "audio/0.wav@0"]


def test_runs_that_share_no_clip_cannot_be_compared(make_run, make_reference) -> None:
    other = make_reference(ANNOTATED[:1], events=EVENTS, hop_s=0.1)
    shared = compared(make_run(), make_run(DECIDED[:1], "second", other))
    assert shared["clip"].tolist() == ["audio/0.wav@0"]
    from dataclasses import replace

    (clip,) = other.clips
    moved = replace(other, clips=(replace(clip, recording=replace(clip.recording, path="elsewhere.wav")),))
    with pytest.raises(EvaluationError, match="first and second share no clip"):
        compared(make_run(), make_run(DECIDED[:1], "second", moved))


def test_figures_hold_what_their_tables_say(make_run) -> None:
    run = make_run()
    confusion = figures.confusion(confusion_in_time(run), "run · corpus (synthetic)")
    assert [text.get_text() for text in confusion.axes[0].texts] == ["67", "67", "0"]
    assert confusion.legends[0].get_title().get_text() == "run · corpus (synthetic)"
    table = run.occurrences
    recall = figures.recall(recall_by_duration(table), recall_by_polyphony(table), "run")
    assert [label.get_text() for label in recall.axes[0].get_yticklabels()] == [ALL, "car", "bird", "dog"]
    both = figures.two_runs(compared(run, make_run(ANNOTATED, "second")), "corpus")
    assert len(both.axes[1].patches) == 3  # clips with an F in both
    assert [text.get_text() for text in both.legends[0].get_texts()] == [
        "second better in 2 clips",
        "first better in 0 clips",
    ]


def test_a_figure_of_nothing_says_so(make_run) -> None:
    run = make_run(ANNOTATED)
    assert [text.get_text() for text in figures.confusion(confusion_in_time(run), "run").axes[0].texts] == [
        "no event was missed"
    ]
    nothing = compared(run, run).assign(gain=math.nan)
    assert "no clip has an F" in figures.two_runs(nothing, "corpus").axes[0].texts[0].get_text()
