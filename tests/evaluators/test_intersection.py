from __future__ import annotations

import numpy as np
import pytest

from earmark.spans import spans
from earmark_evaluators.intersection import IntersectionEvaluator, intersection_counts


def counted(reference: np.ndarray, estimated: np.ndarray, rho_dtc: float, rho_gtc: float):
    shape = (reference.shape[0], reference.shape[2])
    return intersection_counts(spans(reference), spans(estimated), shape, rho_dtc=rho_dtc, rho_gtc=rho_gtc)


def by_definition(reference: np.ndarray, estimated: np.ndarray, rho_dtc: float, rho_gtc: float) -> np.ndarray:
    """The four steps of the paper, one after the other with sets of frames; (3, event) of one clip."""
    table = np.zeros((3, reference.shape[1]), dtype=int)
    for event in range(reference.shape[1]):
        annotated, detected = (frames_of_runs(side[:, event]) for side in (reference, estimated))
        passing = [d for d in detected if sum(len(d & g) for g in annotated) / len(d) >= rho_dtc]
        found = [g for g in annotated if sum(len(d & g) for d in passing) / len(g) >= rho_gtc]
        table[:, event] = len(found), len(detected) - len(passing), len(annotated) - len(found)
    return table


def frames_of_runs(active: np.ndarray) -> list[set[int]]:
    groups: list[set[int]] = []
    for frame in np.flatnonzero(active).tolist():
        if groups and frame - 1 in groups[-1]:
            groups[-1].add(frame)
        else:
            groups.append({frame})
    return groups


@pytest.mark.parametrize("rho", [(0.1, 0.1), (0.7, 0.7), (0.5, 0.2), (1.0, 1.0)])
def test_counts_follow_the_definition_on_random_data(make_activity, rho) -> None:
    shape = (8, 120, 4)
    reference, estimated = make_activity(shape, seed=5, mean_frames=9), make_activity(shape, seed=6, mean_frames=9)
    counts = counted(reference, estimated, *rho)
    for clip in range(shape[0]):
        expected = by_definition(reference[clip], estimated[clip], *rho)
        assert np.array_equal(np.stack([count[clip] for count in counts]), expected)


def test_a_share_of_exactly_rho_passes() -> None:
    # 0.1 * 70 is more than 7 on floats; 7 / 70 is 0.1.
    reference, estimated = np.zeros((1, 200, 1), dtype=bool), np.zeros((1, 200, 1), dtype=bool)
    reference[0, 0:70], estimated[0, 63:133] = True, True
    counts = counted(reference, estimated, 0.1, 0.1)
    assert [int(count.sum()) for count in counts] == [
        1,
        0,
        0,
    ]


def test_a_failing_detection_does_not_help_to_find_a_reference() -> None:
    reference, estimated = np.zeros((1, 100, 1), dtype=bool), np.zeros((1, 100, 1), dtype=bool)
    reference[0, 0:4], estimated[0, 2:50] = True, True  # half of the reference is covered, by a detection that fails
    counts = counted(reference, estimated, 0.1, 0.1)
    assert [int(count.sum()) for count in counts] == [
        0,
        1,
        1,
    ]


def test_one_detection_may_find_many_references_and_many_detections_one() -> None:
    reference, estimated = np.zeros((2, 40, 1), dtype=bool), np.zeros((2, 40, 1), dtype=bool)
    reference[0, [5, 6, 15, 16, 25, 26]], estimated[0, 0:30] = True, True
    reference[1, 0:30], estimated[1, [5, 6, 15, 16]] = True, True
    tp, fp, fn = counted(reference, estimated, 0.1, 0.1)
    assert (tp[:, 0].tolist(), fp[:, 0].tolist(), fn[:, 0].tolist()) == ([3, 1], [0, 0], [0, 0])


def test_clips_are_judged_apart() -> None:
    # The last frame of one clip and the first of the next are not one run.
    activity = np.zeros((2, 10, 1), dtype=bool)
    activity[0, 9], activity[1, 0] = True, True
    assert len(spans(activity).clip) == 2
    assert int(counted(activity, activity, 0.1, 0.1).tp.sum()) == 2


def test_spans_and_activity_undo_each_other(make_activity) -> None:
    activity = make_activity((3, 50, 4), seed=7, mean_frames=3)
    assert np.array_equal(spans(activity).activity(activity.shape), activity)


def test_micro_and_macro_and_settings_stand_in_the_result(make_reference, make_predictions) -> None:
    activity = np.zeros((1, 50, 3), dtype=bool)
    activity[0, 0:10, 0] = activity[0, 20:30, 0] = activity[0, 40:45, 1] = True
    estimated = np.zeros((1, 50, 3), dtype=bool)
    estimated[0, 0:10, 0] = True
    reference = make_reference(activity)
    result = IntersectionEvaluator(rho_dtc=0.3).evaluate(reference, make_predictions(reference, estimated))
    assert float(result.fscore_micro) == pytest.approx(1 / 2)  # one found, two missed
    assert float(result.fscore_macro) == pytest.approx((2 / 3 + 0) / 2)
    assert float(result.fscore_macro_all) == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert result.attrs["absent_events"] == ["event 2"]
    assert result.attrs["criterion"] == "intersection_based[dtc=0.3, gtc=0.1, no cross-triggers]"
    assert (result.attrs["rho_dtc"], result.attrs["rho_gtc"]) == (0.3, 0.1)
