"""What every store does, wherever it lies."""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import DamageError, StoreError
from earmark.storage import Store
from earmark.workspace import open_store

N_CLIPS, N_FRAMES, N_MELS = 66, 3, 2  # two pieces, the last one of two clips
CLIPS = [f"home/ä{number:03}.wav@0" for number in range(N_CLIPS)]
FEATURES = np.random.default_rng(0).normal(-5, 3, (N_CLIPS, N_FRAMES, N_MELS)).astype(np.float32)
PREDICTIONS = xr.Dataset(
    {
        "event_frame_posterior": (
            ("clip", "frame", "event"),
            np.random.default_rng(0).random((N_CLIPS, 4, 2), np.float32),
        ),
        "scene_posterior": (("clip", "scene"), np.zeros((N_CLIPS, 2), np.float32)),  # zarr writes no chunk of zeros
    },
    coords={"clip": CLIPS, "frame": np.arange(4) * 0.02, "event": ["car", "bird singing"], "scene": ["home", "office"]},
    attrs={"corpus": "tut", "threshold": 0.5},
)
SCORES = xr.Dataset({"micro_f": 0.25, "f of each": ("event", [np.nan, 1.0])}, coords={"event": ["car", "bird singing"]})


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path, monkeypatch) -> Store:
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    if request.param == "local":
        return open_store(tmp_path / "stores")
    return open_store(request.getfixturevalue("address"))


def whole_run(store: Store, address: str = "5eed-0"):
    run = store.run(address)
    run.begin({"stage": "strong", "seed": 0})
    run.save_state({"w": torch.ones(2)}, {"epoch": 1})
    run.save_weights({"w": torch.arange(2.0)}, {"events": ["car"]})
    run.save_predictions("test", PREDICTIONS)
    run.finish({"history": [{"total": float("nan")}], "wall_s": 1.5})
    return run


def whole_features(store: Store, address: str = "f"):
    shelf = store.features(address)
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {"hop_s": 0.02})
    for piece in shelf.missing():
        shelf.write(piece, FEATURES[piece.start : piece.stop])
    shelf.finish()
    return shelf


def test_it_is_a_store_that_is_empty_at_first(store):
    assert isinstance(store, Store)
    assert list(store.runs()) == []
    assert not store.run("a").whole
    assert not store.features("f").whole
    assert not store.held("a")


def test_a_run_comes_back_as_it_was(store):
    whole_run(store)
    run = store.run("5eed-0")
    assert run.whole
    assert run.description() == {"stage": "strong", "seed": 0}
    assert run.facts()["wall_s"] == 1.5
    assert np.isnan(run.facts()["history"][0]["total"])
    weights, facts = run.load_weights()
    assert (weights["w"].tolist(), facts) == ([0.0, 1.0], {"events": ["car"]})
    opened = run.open_predictions("test")
    assert not opened.event_frame_posterior.variable._in_memory
    assert opened.load().identical(PREDICTIONS)
    assert run.load_state() is None


def test_a_run_is_whole_only_once_finished(store):
    run = store.run("a")
    run.begin({})
    assert not store.run("a").whole
    with pytest.raises(StoreError, match=r"this run is not finished. Run its experiment again"):
        store.run("a").facts()
    with pytest.raises(StoreError, match="only a finished run can be evaluated"):
        run.save_evaluation("e", SCORES)
    run.finish({})
    assert store.run("a").whole


def test_an_interrupted_run_goes_on_from_its_last_state(store):
    run = store.run("a")
    run.begin({"seed": 3})
    assert run.load_state() is None
    for epoch in (1, 2):
        run.save_state({"w": torch.tensor(float(epoch))}, {"epoch": epoch})
    again = store.run("a")
    assert again.description() == {"seed": 3}
    again.begin({"seed": 3})
    tensors, facts = again.load_state()
    assert (tensors["w"].item(), facts) == (2.0, {"epoch": 2})


def test_evaluations_and_predictions_can_be_added_and_replaced(store):
    run = whole_run(store)
    assert run.open_evaluation("e") is None
    for score in (0.25, 0.75):
        run.save_evaluation("e", SCORES.assign(micro_f=score))
        assert store.run("5eed-0").open_evaluation("e").load().identical(SCORES.assign(micro_f=score))
    fewer = PREDICTIONS.isel(clip=slice(0, 3))
    run.save_predictions("test", fewer)
    run.save_predictions("train", PREDICTIONS)
    assert store.run("5eed-0").open_predictions("test").load().identical(fewer)
    assert store.run("5eed-0").open_predictions("train").load().identical(PREDICTIONS)


def test_a_whole_run_stays_as_it_is(store):
    run = whole_run(store)
    for change in (run.save_state, run.save_weights):
        with pytest.raises(StoreError, match="whole already and stays as it is"):
            change({"w": torch.zeros(1)}, {})
    with pytest.raises(StoreError, match="whole already and stays as it is"):
        run.finish({})
    with pytest.raises(StoreError, match=r"whole already. Read it, or remove it"):
        run.begin({})


@pytest.mark.parametrize(
    "use",
    [
        lambda run: run.save_state({}, {}),
        lambda run: run.save_weights({}, {}),
        lambda run: run.load_weights(),
        lambda run: run.save_predictions("test", PREDICTIONS),
        lambda run: run.open_predictions("test"),
        lambda run: run.open_evaluation("e"),
        lambda run: run.finish({}),
        lambda run: run.description(),
        lambda run: run.facts(),
    ],
)
def test_a_run_that_nobody_began_is_named(store, use):
    with pytest.raises(StoreError, match=r"runs.none: no such run in this store. `earmark runs list`"):
        use(store.run("none"))


def test_predictions_that_are_not_there_are_named_with_those_that_are(store):
    run = whole_run(store)
    run.save_predictions("validation", PREDICTIONS)
    assert not run.has_predictions("train")
    assert run.has_predictions("validation")
    with pytest.raises(StoreError, match="no predictions for 'train'; there are some for: test, validation"):
        store.run("5eed-0").open_predictions("train")


def test_features_are_read_in_any_order(store):
    whole_features(store)
    shelf = store.features("f")
    rows = [65, 0, 64, 0]
    read = shelf.read([CLIPS[row] for row in rows])
    np.testing.assert_array_equal(read, FEATURES[rows])
    assert read.flags.writeable
    assert shelf.clip_ids() == tuple(CLIPS)
    np.testing.assert_allclose(shelf.statistics(CLIPS)[0], FEATURES.mean(axis=(0, 1)), rtol=1e-5)


def test_pieces_can_be_written_from_several_threads(store):
    shelf = store.features("f")
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {})
    with ThreadPoolExecutor(3) as executor:
        list(executor.map(lambda piece: shelf.write(piece, FEATURES[piece.start : piece.stop]), shelf.missing()))
    shelf.finish()
    np.testing.assert_array_equal(store.features("f").read(CLIPS), FEATURES)


def test_an_interrupted_shelf_goes_on_with_the_pieces_that_are_missing(store):
    shelf = store.features("f")
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {})
    for piece in shelf.missing()[:1]:
        shelf.write(piece, FEATURES[piece.start : piece.stop])
    with pytest.raises(StoreError, match=r"1 pieces are not written yet, the first from clip 64 on\. Extract"):
        shelf.finish()
    again = store.features("f")
    assert not again.whole
    with pytest.raises(StoreError, match="these features are not in the store, or were never finished"):
        again.read(CLIPS[:1])
    again.begin(CLIPS, N_FRAMES, N_MELS, {})
    assert again.missing() == [range(64, 66)]


def test_features_are_kept_for_one_choice_of_clips(store):
    with pytest.raises(StoreError, match="no clips at all"):
        store.features("f").begin([], N_FRAMES, N_MELS, {})
    shelf = store.features("f")
    with pytest.raises(StoreError, match=r"nothing is begun here. Call begin\(\) first"):
        shelf.missing()
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {})
    with pytest.raises(StoreError, match=r"begun for other clips or sizes.*Delete"):
        store.features("f").begin(CLIPS[:-1], N_FRAMES, N_MELS, {})
    with pytest.raises(StoreError, match=r"are no piece of these features"):
        shelf.write(range(1, 65), np.zeros((64, N_FRAMES, N_MELS), np.float32))


def test_whole_features_are_not_begun_again(store):
    shelf = whole_features(store)
    with pytest.raises(StoreError, match="whole already"):
        shelf.begin(CLIPS, N_FRAMES, N_MELS, {})
    with pytest.raises(StoreError, match=r"no features of the clip 'b.wav@0' among 66 clips"):
        shelf.read(["b.wav@0"])


def test_what_is_removed_is_gone_and_can_be_made_again(store):
    whole_run(store, "a")
    store.run("b").begin({})
    whole_features(store)
    assert [(run.address, run.whole) for run in store.runs()] == [("a", True), ("b", False)]
    for address in ("a", "b", "f"):
        store.remove(address)
        with pytest.raises(StoreError, match=f"neither a run nor features at '{address}'"):
            store.remove(address)
    assert list(store.runs()) == []
    assert not store.features("f").whole
    whole_run(store, "a")
    np.testing.assert_array_equal(whole_features(store).read(CLIPS), FEATURES)


@pytest.mark.parametrize("address", ["", "..", "../a", "a/b", "a.begun", "A", "a\n", "ä", "/etc"])
def test_an_address_that_could_lead_elsewhere_is_refused(store, address):
    for use in (store.run, store.features, store.remove):
        with pytest.raises(StoreError, match="is no address: only digits, small letters and hyphens"):
            use(address)
    with pytest.raises(StoreError, match="is no address"), store.lock(address):
        pass


def test_parts_and_evaluations_have_addresses_too(store):
    run = whole_run(store)
    for use in (run.has_predictions, run.open_predictions, run.open_evaluation):
        with pytest.raises(StoreError, match="is no address"):
            use("../../a")
    for save in (run.save_predictions, run.save_evaluation):
        with pytest.raises(StoreError, match="is no address"):
            save("../../a", SCORES)


def test_a_lock_is_held_by_one_at_a_time(store):
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with store.lock("a"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.02)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    with store.lock("a"), store.lock("b"):
        assert store.held("a")
    assert not store.held("a")


def test_an_error_under_a_lock_is_passed_on_and_lets_go(store):
    with pytest.raises(OSError, match="mine"), store.lock("a"):
        raise OSError("mine")
    assert not store.held("a")


def test_it_travels_to_other_processes(store):
    run = whole_run(store)
    there = pickle.loads(pickle.dumps(store))
    assert there.run(run.address).open_predictions("test").load().identical(PREDICTIONS)


def test_damage_on_this_machine_is_found_or_mended(store):
    """A local store tells it; one that lies elsewhere has the right bytes there."""
    whole_run(store)
    whole_features(store)
    for pattern in ("runs/5eed-0/**/c/*/0/0", "features/f/features.zarr/features/c/1/0/0"):
        (path, *_) = sorted(store.root.glob(pattern))
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    for read in (
        lambda: store.run("5eed-0").open_predictions("test").load().identical(PREDICTIONS),
        lambda: (store.features("f").read(CLIPS) == FEATURES).all(),
    ):
        if hasattr(store, "address"):
            assert read()
        else:
            with pytest.raises(DamageError, match="its checksum does not match"), contextlib.nullcontext():
                read()
