"""Facts of the papers that the published annotations reproduce; skipped where these are absent."""

from __future__ import annotations

import numpy as np
import pytest

from earmark.frames import FrameGrid, clip_activity
from earmark.recordings import cut
from earmark_corpora.tut.annotations import annotated_recordings
from earmark_corpora.tut.layout import EVENTS


@pytest.fixture(scope="module")
def recordings(shared_data):
    return annotated_recordings(shared_data / "tut_metadata")[0]


@pytest.fixture(scope="module")
def evaluation_frames(recordings):
    clips = cut([r for r in recordings if r.split == "evaluation"], 10.0)
    counts = clip_activity(clips, EVENTS, FrameGrid(n_frames=500, hop_s=0.02), "inner").sum((0, 1))
    return dict(zip(EVENTS, counts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("event", "frames"),
    [
        ("cutlery", 945),
        ("dishes", 3466),
        ("fan", 38_948),
        ("glass jingling", 270),
        ("keyboard typing", 2224),
        ("mouse clicking", 805),
        ("people walking", 12_517),
        ("washing dishes", 6541),
    ],
)
def test_reference_frames_are_those_of_table_8(evaluation_frames, event, frames):
    # [partial_labels], Table 8: TP + FN; its fan is two frames lower.
    assert evaluation_frames[event] == frames


@pytest.mark.parametrize(
    ("event", "mean_s", "sd_s"),
    [
        ("cutlery", 0.74, 0.53),
        ("dishes", 1.24, 1.12),
        ("fan", 29.99, 0.01),
        ("glass jingling", 0.80, 0.46),
        ("keyboard typing", 0.21, 0.22),
        ("mouse clicking", 0.14, 0.08),
        ("washing dishes", 4.15, 3.75),
    ],
)
def test_durations_are_those_of_table_7(recordings, event, mean_s, sd_s):
    # [partial_labels], Table 7: development set, uncut, population sd; printed rounded or truncated.
    durations_s = [
        e.offset_s - e.onset_s for r in recordings if r.split == "development" for e in r.events if e.label == event
    ]
    assert np.mean(durations_s) == pytest.approx(mean_s, abs=0.015)
    assert np.std(durations_s) == pytest.approx(sd_s, abs=0.015)


@pytest.mark.parametrize(
    ("split", "scene", "n_recordings", "n_instances"),
    [
        ("development", "city_center", 12, 475),  # 476 lines, one of zero length
        ("development", "home", 10, 585),
        ("development", "office", 78, 3245),
        ("development", "residential_area", 12, 369),
        ("evaluation", "city_center", 100, 428),
        ("evaluation", "home", 5, 321),
        ("evaluation", "office", 26, 695),
        ("evaluation", "residential_area", 5, 190),
    ],
)
def test_every_instance_of_every_scene_is_read(recordings, split, scene, n_recordings, n_instances):
    chosen = [r for r in recordings if (r.split, r.scene) == (split, scene)]
    assert (len(chosen), sum(len(r.events) for r in chosen)) == (n_recordings, n_instances)


def test_folds_partition_the_development_set(recordings):
    development = [r for r in recordings if r.split == "development"]
    assert [sum(r.fold == fold for r in development) for fold in (1, 2, 3, 4)] == [26, 28, 28, 30]
    assert all(r.fold is None for r in recordings if r.split == "evaluation")


def test_no_location_is_on_both_sides_of_a_fold(recordings):
    folds_of = {}
    for recording in recordings:
        if recording.group is not None:
            folds_of.setdefault(recording.group, set()).add(recording.fold)
    assert len(folds_of) == 10
    assert all(len(folds) == 1 for folds in folds_of.values())


def test_lengths_by_rule_hold_what_the_frame_counts_show(recordings):
    lengths_s = {r.path.removeprefix("TUT-sound-events-2016-evaluation/audio/"): r.duration_s for r in recordings}
    assert lengths_s["home/a033.wav"] >= 180.0
    assert lengths_s["home/a037.wav"] < 190.0


def test_what_is_mended_is_said(shared_data):
    notes = " ".join(annotated_recordings(shared_data / "tut_metadata")[1])
    assert "line 445 (car at 224.691 s of TUT-sound-events-2017-development/audio/street/b099.wav)" in notes
    assert "Clamped 36 offsets in 35 recordings" in notes
