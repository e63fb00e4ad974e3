from __future__ import annotations

import math

import pytest
import xarray as xr

from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.fold_pooling import pooled


def fold(tp, fp, fn, events=("car", "bird")) -> xr.Dataset:
    counts = {name: (("event",), count) for name, count in (("tp", tp), ("fp", fp), ("fn", fn))}
    return xr.Dataset(counts, {"event": list(events)}, {"criterion": "frame_based[0.02 s]"})


def test_an_event_that_one_fold_lacks_has_the_score_of_the_other() -> None:
    result = pooled([fold([1, 0], [0, 0], [1, 0]), fold([2, 3], [0, 1], [0, 1])])
    assert [result[name].values.tolist() for name in ("tp", "fp", "fn")] == [[3, 3], [0, 1], [1, 1]]
    assert result.fscore.values == pytest.approx([6 / 7, 6 / 8])  # a mean over folds would give bird 3/8
    assert result.error_rate_of_all.values == pytest.approx([1 / 8, 2 / 8])
    assert result.error_rate_of_own.values == pytest.approx([1 / 4, 2 / 4])
    assert result.attrs == {"n_folds": 2, "criterion": "frame_based[0.02 s]"}


def test_an_undetected_events_error_rate_is_its_share_of_all_reference_frames() -> None:
    # [soft_scene_labels], Table 4: (object) banging, F = 0, error rate 0.0011
    result = pooled([fold([500, 0], [0, 0], [498, 1]), fold([0, 0], [0, 0], [0, 1])])
    assert float(result.fscore[1]) == 0
    assert float(result.error_rate_of_all[1]) == pytest.approx(2 / 1000)


def test_an_event_that_no_fold_has_scores_nothing() -> None:
    result = pooled([fold([1, 0], [0, 0], [0, 0])])
    assert math.isnan(result.fscore[1])
    assert math.isnan(result.error_rate_of_own[1])


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no folds to pool"):
        pooled([])
    with pytest.raises(EvaluationError, match=r"Result 2 of the folds has no tp, fp, fn over events"):
        pooled([fold([1, 0], [0, 0], [0, 0]), xr.Dataset({"fscore_micro": 0.5})])
    with pytest.raises(EvaluationError, match="Result 2 of the folds is over other events"):
        pooled([fold([1, 0], [0, 0], [0, 0]), fold([1, 0], [0, 0], [0, 0], ("bird", "car"))])
    with pytest.raises(EvaluationError, match="Result 1 of the folds has no tp"):
        pooled([xr.Dataset({"fscore_micro": 0.5})])
