from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from earmark.errors import StoreError
from earmark_stores import LocalStore, open_predictions_of

N_CLIPS = 5


def predictions(value: float, clips: str = "c", scene: bool = True) -> xr.Dataset:
    rng = np.random.default_rng(int(value * 100))
    data = {"event_frame_posterior": (("clip", "frame", "event"), rng.random((N_CLIPS, 3, 2), np.float32))}
    if scene:
        data["scene_posterior"] = (("clip", "scene"), rng.random((N_CLIPS, 4), np.float32))
    coords = {"clip": [f"{clips}{number}" for number in range(N_CLIPS)], "event": ["car", "bird"]}
    return xr.Dataset(data, coords=coords)


@pytest.fixture
def store(tmp_path) -> LocalStore:
    store = LocalStore(tmp_path)
    for address, dataset in {
        "s0": predictions(0.0),
        "s1": predictions(0.1),
        "w0": predictions(0.2),
        "events-only": predictions(0.3, scene=False),
        "other-clips": predictions(0.4, clips="d"),
        "fewer-frames": predictions(0.5).isel(frame=slice(0, 2)),
    }.items():
        run = store.run(address)
        run.begin({})
        run.save_predictions("test", dataset)
        run.finish({})
    return store


def test_runs_open_as_one_lazy_dataset(store):
    opened = open_predictions_of(store, {"strong": {0: "s0", 1: "s1"}, "weak": {0: "w0", 1: "events-only"}}, "test")
    assert opened.event_frame_posterior.dims == ("method", "seed", "clip", "frame", "event")
    assert not opened.event_frame_posterior.variable._in_memory
    assert opened.event_frame_posterior.dtype == np.float32
    chosen = opened.event_frame_posterior.sel({"method": "strong", "seed": 1, "event": "bird"})
    np.testing.assert_array_equal(chosen.values, predictions(0.1).event_frame_posterior.sel(event="bird").values)
    np.testing.assert_array_equal(
        opened.event_frame_posterior.values,
        np.stack([[predictions(v).event_frame_posterior.values for v in row] for row in ((0.0, 0.1), (0.2, 0.3))]),
    )


@pytest.mark.parametrize(
    "key",
    [
        {"seed": 1},
        {"method": [1, 0], "clip": [4, 0, 2]},
        {"method": 0, "seed": slice(None, None, -1), "clip": slice(1, 4), "frame": -1},
        {"clip": 2, "event": [1]},
        {"seed": [0], "clip": np.array([], dtype=int)},
    ],
)
def test_any_choice_is_that_of_the_values(store, key):
    addresses = {"strong": {0: "s0", 1: "s1"}, "weak": {0: "w0", 1: "s0"}}
    lazy = open_predictions_of(store, addresses, "test").event_frame_posterior
    loaded = open_predictions_of(store, addresses, "test").load().event_frame_posterior
    assert lazy.isel(key).load().identical(loaded.isel(key))


def test_a_choice_reads_only_its_runs(store, tmp_path):
    opened = open_predictions_of(store, {"strong": {0: "s0", 1: "s1"}}, "test")
    for chunk in (tmp_path / "runs/s1/predictions-test.zarr/event_frame_posterior/c").rglob("0"):
        if chunk.is_file():
            chunk.write_bytes(b"junk")
    assert np.isfinite(opened.event_frame_posterior.sel(seed=0).values).all()


def test_gaps_are_nan(store):
    opened = open_predictions_of(store, {"strong": {0: "s0", 1: "s1"}, "events": {1: "events-only"}}, "test")
    assert opened.seed.values.tolist() == [0, 1]
    missing = opened.event_frame_posterior.isnull().all(("clip", "frame", "event"))
    assert missing.values.tolist() == [[False, False], [True, False]]
    assert opened.scene_posterior.isnull().all(("clip", "scene")).values.tolist() == [[False, False], [True, True]]
    assert opened.scene_posterior.dtype == np.float32


def test_runs_of_different_clips_are_not_stacked(store):
    with pytest.raises(StoreError, match=r"strong \(seed 0\) and odd \(seed 0\) have predictions for a different clip"):
        open_predictions_of(store, {"strong": {0: "s0"}, "odd": {0: "other-clips"}}, "test")


def test_runs_of_different_frames_are_not_stacked(store):
    with pytest.raises(StoreError, match="event_frame_posterior has different dims or sizes in the runs"):
        open_predictions_of(store, {"strong": {0: "s0"}, "odd": {0: "fewer-frames"}}, "test")


def test_nothing_is_not_stacked(store):
    with pytest.raises(StoreError, match="No runs are named"):
        open_predictions_of(store, {}, "test")
    with pytest.raises(StoreError, match="no predictions for 'train'"):
        open_predictions_of(store, {"strong": {0: "s0"}}, "train")
