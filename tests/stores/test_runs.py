from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import StoreError
from earmark_stores import LocalStore
from earmark_stores.runs import LocalRun

PREDICTIONS = xr.Dataset(
    {
        "event_frame_posterior": (("clip", "frame", "event"), np.random.default_rng(0).random((130, 4, 2), np.float32)),
        "scene_posterior": (("clip", "scene"), np.zeros((130, 2), np.float32)),  # zarr writes no chunk of zeros
    },
    coords={
        "clip": [f"é{number}.wav@0" for number in range(130)],
        "frame": np.arange(4) * 0.02,
        "event": ["car", "bird singing"],
        "scene": ["home", "office"],
    },
    attrs={"corpus": "tut", "threshold": 0.5},
)
SCORES = xr.Dataset(
    {"micro_f": 0.25, "f": ("event", [np.nan, 1.0]), "tp": ("event", [0, 7]), "occurs": ("event", [False, True])},
    coords={"event": ["car", "bird singing"], "criterion": "segment-based"},
)


@pytest.fixture
def begun(tmp_path) -> LocalRun:
    run = LocalStore(tmp_path).run("5eed-0")
    run.begin({"stage": "strong", "seed": 0})
    return run


@pytest.fixture
def whole(begun) -> LocalRun:
    begun.save_state({"w": torch.ones(2)}, {"epoch": 1})
    begun.save_weights({"w": torch.ones(2)}, {"events": ["car"]})
    begun.save_predictions("test", PREDICTIONS)
    begun.finish({"history": [{"total": float("nan")}]})
    return begun


def test_weights_come_back_with_their_facts_whatever_their_layout(begun):
    tied = torch.arange(6.0).reshape(2, 3)
    weights = {
        "transposed": tied.T,
        "tied": tied,
        "half": torch.tensor([0.1], dtype=torch.bfloat16),
        "count": torch.tensor(7),
        "none": torch.zeros(0, 3),
        "generator": torch.Generator().manual_seed(3).get_state(),
    }
    facts = {"events": ["car", "Vögel"], "normalisation": {"mean": [0.1, -1e-17]}, "threshold": None}
    begun.save_weights(weights, facts)
    loaded, loaded_facts = begun.load_weights()
    assert loaded_facts == facts
    assert loaded.keys() == weights.keys()
    for name, tensor in weights.items():
        assert torch.equal(loaded[name], tensor), name
        assert loaded[name].dtype == tensor.dtype


def test_the_last_state_wins(begun):
    assert begun.load_state() is None
    for epoch in (1, 2):
        begun.save_state({"w": torch.tensor(float(epoch))}, {"epoch": epoch})
    tensors, facts = begun.load_state()
    assert (tensors["w"].item(), facts) == (2.0, {"epoch": 2})


def test_an_interrupted_run_goes_on_where_it_was(begun, tmp_path):
    begun.save_state({"w": torch.ones(1)}, {"epoch": 3})
    again = LocalStore(tmp_path).run("5eed-0")
    again.begin({"stage": "strong", "seed": 0})
    assert again.load_state()[1] == {"epoch": 3}


def test_a_begun_run_that_is_damaged_is_not_taken_up(begun, tmp_path):
    (tmp_path / "runs/5eed-0.begun/run.json").write_text("{")
    with pytest.raises(StoreError, match="is not valid JSON"):
        begun.begin({})


def test_predictions_come_back_identical_and_only_when_asked_for(whole):
    opened = whole.open_predictions("test")
    assert not opened.event_frame_posterior.variable._in_memory
    assert opened.load().identical(PREDICTIONS)
    assert opened.event.dtype == PREDICTIONS.event.dtype


def test_predictions_of_a_few_clips_read_only_their_chunk(whole, tmp_path):
    opened = whole.open_predictions("test")
    (tmp_path / "runs/5eed-0/predictions-test.zarr/event_frame_posterior/c/1/0/0").write_bytes(b"junk")
    np.testing.assert_array_equal(opened.event_frame_posterior[:3].values, PREDICTIONS.event_frame_posterior[:3].values)


def test_predictions_that_were_opened_can_be_saved_again(whole):
    whole.save_predictions("train", whole.open_predictions("test").isel(clip=slice(0, 3)))
    assert whole.open_predictions("train").sizes["clip"] == 3


def test_a_run_is_whole_only_once_finished(begun, tmp_path):
    assert not begun.whole
    with pytest.raises(StoreError, match=r"this run is not finished. Run its experiment again"):
        begun.facts()
    begun.finish({"wall_s": 1.5})
    assert begun.whole
    assert begun.facts() == {"wall_s": 1.5}
    assert begun.description() == {"stage": "strong", "seed": 0}
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["5eed-0"]


def test_run_json_tells_versions_and_times(whole, tmp_path):
    record = json.loads((tmp_path / "runs/5eed-0/run.json").read_text())
    assert record["versions"]["torch"].startswith("2")
    assert record["begun"] <= record["finished"]


def test_the_losses_of_a_diverged_training_are_kept(whole):
    assert np.isnan(whole.facts()["history"][0]["total"])


def test_a_whole_run_has_no_training_state(whole, tmp_path):
    assert not list(tmp_path.rglob("state.safetensors"))


def test_an_evaluation_comes_back_identical(whole):
    assert whole.open_evaluation("e1") is None
    whole.save_evaluation("e1", SCORES)
    assert whole.open_evaluation("e1").load().identical(SCORES)


def test_an_evaluation_can_be_replaced(whole):
    whole.save_evaluation("e1", SCORES)
    whole.save_evaluation("e1", SCORES.assign(micro_f=0.75))
    assert whole.open_evaluation("e1").micro_f == 0.75


def test_a_run_that_is_not_whole_takes_no_evaluation(begun):
    with pytest.raises(StoreError, match="only a finished run can be evaluated"):
        begun.save_evaluation("e1", SCORES)


@pytest.mark.parametrize("change", ["save_state", "save_weights"])
def test_a_whole_run_keeps_its_weights(whole, change):
    with pytest.raises(StoreError, match="whole already and stays as it is"):
        getattr(whole, change)({"w": torch.zeros(1)}, {})
    with pytest.raises(StoreError, match=r"whole already. Read it, or remove it"):
        whole.begin({})


@pytest.mark.parametrize(
    "use",
    [
        lambda run: run.save_state({}, {}),
        lambda run: run.load_weights(),
        lambda run: run.open_predictions("test"),
        lambda run: run.finish({}),
        lambda run: run.description(),
        lambda run: run.facts(),
    ],
)
def test_a_run_that_nobody_began_is_named(tmp_path, use):
    with pytest.raises(StoreError, match=r"runs.none: no such run in this store. `earmark runs list`"):
        use(LocalStore(tmp_path).run("none"))


def test_predictions_that_are_not_there_are_named_with_those_that_are(whole):
    with pytest.raises(StoreError, match="no predictions for 'train'; there are some for: test"):
        whole.open_predictions("train")
    assert not whole.has_predictions("train")


def test_facts_that_are_no_json_leave_the_old_state(begun):
    begun.save_state({"w": torch.ones(1)}, {"epoch": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        begun.save_state({"w": torch.zeros(1)}, {"epoch": object()})
    assert begun.load_state()[1] == {"epoch": 1}


@pytest.mark.parametrize(
    ("path", "keep", "message"),
    [
        ("run.json", 20, "is not valid JSON"),
        ("weights.safetensors", 4, "is not a whole safetensors file"),
        ("weights.safetensors", -1, "is not a whole safetensors file"),
        ("weights.safetensors", None, "cannot be read"),
        ("predictions-test.zarr/zarr.json", 30, "is not a readable zarr group"),
        ("predictions-test.zarr/zarr.json", None, "is not a readable zarr group"),
        ("predictions-test.zarr/event_frame_posterior/c/1/0/0", -1, "bytes instead of"),
        ("predictions-test.zarr/event_frame_posterior/c/1/0/0", None, "is missing"),
        ("predictions-test.zarr/scene_posterior/zarr.json", None, "is missing"),
    ],
)
def test_a_damaged_run_is_named_with_the_way_out(whole, tmp_path, path, keep, message):
    spoilt = tmp_path / "runs/5eed-0" / path
    if keep is None:
        spoilt.unlink()
    else:
        spoilt.write_bytes(spoilt.read_bytes()[:keep])

    def use():
        run = LocalStore(tmp_path).run("5eed-0")
        run.facts(), run.load_weights(), run.open_predictions("test")

    with pytest.raises(StoreError, match=message) as caught:
        use()
    assert str(tmp_path / "runs/5eed-0") in str(caught.value)
    assert "earmark runs clean" in str(caught.value)


def test_a_dataset_without_its_seal_is_not_trusted(whole, tmp_path):
    path = tmp_path / "runs/5eed-0/predictions-test.zarr/zarr.json"
    record = json.loads(path.read_text())
    del record["attributes"]["earmark"]
    path.write_text(json.dumps(record))
    with pytest.raises(StoreError, match="does not say which files it consists of"):
        whole.open_predictions("test")


def test_a_dataset_whose_sealed_metadata_is_damaged_is_named(whole, tmp_path):
    path = tmp_path / "runs/5eed-0/predictions-test.zarr/scene_posterior/zarr.json"
    path.write_bytes(b"{" * path.stat().st_size)
    with pytest.raises(StoreError, match="is not as it was written"):
        whole.open_predictions("test")


def test_labels_that_are_damaged_are_found_when_opened(whole, tmp_path):
    path = tmp_path / "runs/5eed-0/predictions-test.zarr/event/c/0"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(StoreError, match="event/c/0: is not as it was written: its checksum does not match"):
        whole.open_predictions("test")


@pytest.mark.parametrize("record", ["run.json", "predictions-test.zarr/zarr.json"])
def test_a_run_of_another_format_version_is_refused(whole, tmp_path, record):
    path = tmp_path / "runs/5eed-0" / record
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(StoreError, match="written in store format 2, this version of Earmark reads format 1"):
        whole.facts(), whole.open_predictions("test")


def test_weights_of_another_format_version_are_refused(whole, tmp_path):
    import safetensors.torch

    path = tmp_path / "runs/5eed-0/weights.safetensors"
    path.write_bytes(safetensors.torch.save({"w": torch.ones(1)}))
    with pytest.raises(StoreError, match="written in store format None"):
        whole.load_weights()


def test_run_json_that_is_no_object_is_refused(whole, tmp_path):
    (tmp_path / "runs/5eed-0/run.json").write_text("[]")
    with pytest.raises(StoreError, match="is not a JSON object"):
        whole.facts()


def test_a_pickle_is_never_loaded(whole, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / "runs/5eed-0/weights.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(StoreError, match="is not a whole safetensors file"):
        whole.load_weights()
    assert not (tmp_path / "sprung").exists()
