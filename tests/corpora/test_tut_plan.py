"""The sampled stand-in follows the statistics of the real annotations."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from earmark.frames import recording_activity
from earmark_corpora.synthesis.plan import STRATA, least_minutes, load_statistics, sampled_recordings
from earmark_corpora.tut.layout import DATASETS, EVENTS, SCENES, path_problem

REAL = {"development": 163.0, "evaluation": 72.0}


@pytest.fixture(scope="module")
def real_size():
    """Three stand-ins of the real amount."""
    return [sampled_recordings(REAL, seed) for seed in (1, 2, 3)]


def minutes(recordings):
    return sum(r.duration_s for r in recordings) / 60


def test_statistics_cover_each_scene_in_both_splits_and_each_event():
    statistics = load_statistics()
    assert set(statistics) == {(split, scene) for split in REAL for scene in SCENES}
    for split in REAL:
        assert {event for scene in SCENES for event in statistics[split, scene]} == set(EVENTS)


def test_the_strata_add_up_to_the_real_amounts():
    # Source: minutes and recordings of the published annotations.
    of_split = {s: [x for x in STRATA if DATASETS[x.dataset].split == s] for s in REAL}
    assert sum(x.total_s for x in of_split["development"]) / 60 == pytest.approx(162.83, abs=0.1)
    assert sum(x.total_s for x in of_split["evaluation"]) / 60 == pytest.approx(72.11, abs=0.1)
    assert [sum(x.n_recordings for x in of_split[s]) for s in REAL] == [112, 136]


@pytest.mark.parametrize(("development_min", "evaluation_min"), [(163, 72), (36, 18), (6, 4), (300, 100)])
def test_there_are_about_as_many_minutes_as_asked_for(development_min, evaluation_min):
    recordings = sampled_recordings({"development": development_min, "evaluation": evaluation_min}, 5)
    for split, wanted in (("development", development_min), ("evaluation", evaluation_min)):
        assert minutes(r for r in recordings if r.split == split) == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize("wanted", ["least", 6.0, 36.0])
def test_every_scene_and_every_event_is_in_both_splits_however_few_minutes(wanted):
    amounts = {split: least_minutes(split) if wanted == "least" else wanted for split in REAL}
    recordings = sampled_recordings(amounts, 7)
    for split in REAL:
        of_split = [r for r in recordings if r.split == split]
        scenes = Counter(r.scene for r in of_split)
        assert set(scenes) == set(SCENES)
        assert min(scenes.values()) >= 2
        assert min(r.duration_s for r in of_split) >= 10.0
        assert {event.label for r in of_split for event in r.events} == set(EVENTS)


def test_folds_test_each_development_recording_once_and_keep_locations_together():
    development = [r for r in sampled_recordings({"development": 40.0, "evaluation": 2.0}, 3) if r.fold is not None]
    assert {r.fold for r in development} == {1, 2, 3, 4}
    locations = {(r.group, r.fold) for r in development if r.scene == "office"}
    assert len(locations) == len({group for group, _ in locations}) >= 4
    assert {r.split for r in development} == {"development"}


def test_paths_are_unique_and_of_the_official_layouts(real_size):
    recordings = real_size[0]
    assert len({r.path for r in recordings}) == len(recordings)
    for recording in recordings:
        assert path_problem(recording.path, recording.split, recording.scene) is None


def test_events_lie_within_their_recordings(real_size):
    for recording in (r for recordings in real_size for r in recordings):
        for event in recording.events:
            assert 0 <= event.onset_s < event.offset_s <= recording.duration_s


def test_office_recordings_hold_a_fan_from_end_to_end(real_size):
    for recording in (r for r in real_size[0] if r.scene == "office"):
        fans = [event for event in recording.events if event.label == "fan"]
        assert [(event.onset_s, event.offset_s) for event in fans] == [(0.0, recording.duration_s)]


@pytest.mark.parametrize("split", ["development", "evaluation"])
@pytest.mark.parametrize("scene", SCENES)
def test_rates_and_durations_follow_the_statistics(real_size, split, scene):
    chosen = [r for recordings in real_size for r in recordings if (r.split, r.scene) == (split, scene)]
    if (split, scene) == ("evaluation", "city_center"):
        chosen = [r for r in chosen if r.duration_s == 10.0]  # the long ones are annotated as the development set
    heard = [event for r in chosen for event in r.events]
    for label, statistics in load_statistics()[split, scene].items():
        durations_s = [event.offset_s - event.onset_s for event in heard if event.label == label]
        if label == "fan" or len(durations_s) < 60:
            continue
        assert len(durations_s) / minutes(chosen) == pytest.approx(statistics.instances_per_minute, rel=0.45), label
        # What does not fit into 10 s is cut short, so the long end is not compared.
        assert np.median(durations_s) == pytest.approx(statistics.median_s, rel=0.35), label
        assert np.quantile(durations_s, 0.05) >= 0.5 * statistics.p05_s, label


@pytest.mark.parametrize(
    ("scene", "polyphony"), [("city_center", 1.250), ("home", 0.512), ("office", 1.271), ("residential_area", 0.884)]
)
def test_polyphony_is_near_that_of_the_development_set(real_size, scene, polyphony):
    # Source: mean number of classes active at a time in the published annotations.
    chosen = [r for recordings in real_size for r in recordings if (r.split, r.scene) == ("development", scene)]
    active = np.concatenate([recording_activity(r, EVENTS, 0.1, "outer").sum(1) for r in chosen])
    assert active.mean() == pytest.approx(polyphony, rel=0.25)


def test_typing_comes_in_bursts(real_size):
    # Real gaps: median 0.19 s, mean 0.78 s; evenly spread strokes would have a median of two thirds of the mean.
    gaps_s = []
    for recording in (r for recordings in real_size for r in recordings if r.split == "development"):
        typing = [event for event in recording.events if event.label == "keyboard typing"]
        gaps_s += [b.onset_s - a.offset_s for a, b in itertools.pairwise(typing)]
    assert np.median(gaps_s) < 0.35
    assert np.mean(gaps_s) > 2 * np.median(gaps_s)


def test_steps_are_single_where_the_real_annotations_count_them(real_size):
    def median_s(scene, length_s):
        walks = [e for r in real_size[0] if (r.scene, r.duration_s) == (scene, length_s) for e in r.events]
        return np.median([e.offset_s - e.onset_s for e in walks if e.label == "people walking"])

    assert median_s("city_center", 10.0) < 0.3
    assert median_s("office", 30.0) < 0.3
    home = [e for r in real_size[0] if r.scene == "home" for e in r.events if e.label == "people walking"]
    assert np.median([e.offset_s - e.onset_s for e in home]) > 1.0


def test_only_ten_second_clips_may_be_without_events(real_size):
    empty = [r for recordings in real_size for r in recordings if not r.events]
    assert {r.path.partition("/")[0] for r in empty} <= {"TUT-acoustic-scenes-2017-evaluation"}


def test_another_seed_draws_other_events():
    amounts = {"development": 6.0, "evaluation": 4.0}
    assert sampled_recordings(amounts, 1) == sampled_recordings(amounts, 1)
    assert sampled_recordings(amounts, 1) != sampled_recordings(amounts, 2)
