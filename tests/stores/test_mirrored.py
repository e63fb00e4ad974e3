"""Stores at an address: several machines, faults of the network, damage, and what they say."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import DamageError, StoreError
from earmark.places import mirror_folder
from earmark.workspace import open_store
from earmark_stores import leases
from earmark_stores.disk import to_json
from earmark_stores.mirrored import MirroredStore
from earmark_stores.objects import Objects

CLIPS = [f"c{number}" for number in range(66)]  # two pieces
STRIDE = 11
"""Every how manieth request is the first one that fails."""

ALL = 10_000
"""Requests that no work needs."""

FEATURES = np.random.default_rng(0).normal(-5, 3, (66, 3, 2)).astype(np.float32)
PREDICTIONS = xr.Dataset({"event_posterior": (("clip", "event"), np.random.default_rng(1).random((66, 4)))})


def write_run(store, value: float = 1.0, before_finish=lambda: None):
    run = store.run("a")
    if not run.whole:
        run.begin({"seed": 0})
        run.save_state({"w": torch.tensor(value)}, {"epoch": 1})
        run.save_weights({"w": torch.tensor(value)}, {})
        run.save_predictions("test", PREDICTIONS + value)
        before_finish()
        run.finish({"value": value})
    if run.open_evaluation("e") is None:
        run.save_evaluation("e", xr.Dataset({"f": value}))
    return run


def check_run(store) -> float | None:
    """The value of a run that is whole, all of which belongs together."""
    run = store.run("a")
    if not run.whole:
        return None
    value = run.facts()["value"]
    assert run.load_weights()[0]["w"].item() == value
    assert run.open_predictions("test").load().equals(PREDICTIONS + value)
    return value


def write_features(store, value: float = 1.0):
    shelf = store.features("f")
    if not shelf.whole:
        shelf.begin(CLIPS, 3, 2, {})
        for piece in shelf.missing():
            shelf.write(piece, FEATURES[piece.start : piece.stop] + np.float32(value))
        shelf.finish()
    return shelf


def check_features(store) -> float | None:
    """What was added to features that are whole."""
    shelf = store.features("f")
    if not shelf.whole:
        return None
    added = shelf.read(CLIPS) - FEATURES
    np.testing.assert_allclose(added, added[0, 0, 0], atol=1e-5)
    return round(float(added[0, 0, 0]), 3)


def check(store) -> float | None:
    return check_run(store) or check_features(store)


# Several machines.


def test_another_machine_sees_all_and_fetches_only_what_it_reads(machine, address, server):
    first = machine("first", address)
    write_run(first)
    write_features(first)
    second = machine("second", address)
    assert second.root != first.root
    before = len(server.requests)
    assert check_run(second) == 1.0
    assert second.run("a").open_evaluation("e").f == 1.0
    np.testing.assert_array_equal(second.features("f").read(CLIPS[:3]), FEATURES[:3] + np.float32(1))
    assert not [request for request in server.requests[before:] if not request.startswith("GET")]
    shards = sorted(path.parts[-3] for path in second.root.glob("features/f/features.zarr/features/c/*/0/0"))
    assert shards == ["0"]


def test_what_was_fetched_is_not_fetched_again(machine, address, server):
    write_run(machine("first", address))
    second = machine("second", address)
    check_run(second)
    before = len(server.requests)
    check_run(second)
    assert not [request for request in server.requests[before:] if "/parcels/" in request]


def test_a_mirror_of_a_run_that_was_made_anew_is_not_believed(machine, address):
    first, second = machine("first", address), machine("second", address)
    write_run(first, 1.0)
    write_features(first, 1.0)
    assert check_run(second) == check_features(second) == 1.0
    first.remove("a")
    first.remove("f")
    assert not second.run("a").whole
    write_run(first, 2.0)
    write_features(first, 2.0)
    assert check_run(second) == check_features(second) == 2.0
    assert second.run("a").open_evaluation("e").f == 2.0


def test_a_chunk_that_the_new_predictions_do_not_have_is_not_left_from_the_old(machine, address):
    first, second = machine("first", address), machine("second", address)
    run = write_run(first)
    second.run("a").open_predictions("test").load()
    run.save_predictions("test", PREDICTIONS * 0)  # zarr writes no chunk of zeros
    assert not second.run("a").open_predictions("test").load().event_posterior.any()


def test_a_run_goes_on_from_its_last_state_on_another_machine(machine, address):
    first = machine("first", address).run("a")
    first.begin({"seed": 0})
    first.save_state({"w": torch.ones(3)}, {"epoch": 7})
    second = machine("second", address).run("a")
    assert second.description() == {"seed": 0}
    second.begin({"seed": 0})
    assert second.load_state()[1] == {"epoch": 7}
    second.save_weights({"w": torch.ones(3)}, {})
    second.finish({"value": 1})
    assert machine("third", address).run("a").facts() == {"value": 1}


def test_several_machines_extract_and_none_does_what_is_done(machine, address):
    shelves = [machine(name, address).features("f") for name in ("first", "second")]
    for shelf in shelves:
        shelf.begin(CLIPS, 3, 2, {})
    pieces = shelves[0].missing()
    shelves[0].write(pieces[1], FEATURES[pieces[1].start : pieces[1].stop])
    assert shelves[1].missing() == [pieces[0]]
    for piece in shelves[1].missing():
        shelves[1].write(piece, FEATURES[piece.start : piece.stop])
    shelves[0].finish()
    for name in ("first", "second", "third"):
        np.testing.assert_array_equal(machine(name, address).features("f").read(CLIPS), FEATURES)


def test_of_two_who_finish_a_run_at_once_one_wins_and_both_go_on(machine, address, bucket):
    stores = {float(number): machine(f"machine-{number}", address) for number in range(3)}
    together, failed = threading.Barrier(len(stores)), []

    def work(value: float) -> None:
        try:
            write_run(stores[value], value, before_finish=together.wait)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(value,)) for value in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    winners = {check_run(store) for store in stores.values()}
    assert len(winners) == 1
    assert winners < set(stores)
    weights = [key for key in bucket.find(bucket.below("runs")) if key.endswith("weights.safetensors")]
    assert len(weights) == 1  # of the others nothing is left
    assert not [key for key in bucket.find(bucket.below("runs/a")) if "/begun/" in key]


def test_of_two_who_write_a_piece_at_once_one_is_kept_whole(machine, address):
    stores = [machine(f"machine-{number}", address) for number in range(2)]
    shelves = [store.features("f") for store in stores]
    for shelf in shelves:
        shelf.begin(CLIPS, 3, 2, {})
    together = threading.Barrier(2)

    def work(number: int) -> None:
        for piece in [range(0, 64), range(64, 66)]:
            together.wait()
            shelves[number].write(piece, np.full((len(piece), 3, 2), number, np.float32))
        shelves[number].finish()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = [store.features("f").read(CLIPS) for store in stores]
    np.testing.assert_array_equal(*read)
    means, _ = stores[0].features("f").statistics(CLIPS)
    np.testing.assert_allclose(means, read[1].mean(axis=(0, 1)), rtol=1e-6)


def test_whoever_trains_what_another_has_finished_meanwhile_sees_it_in_the_end(machine, address):
    late = machine("late", address)
    write_run(late, 2.0, before_finish=lambda: write_run(machine("early", address), 1.0))
    assert check_run(late) == 1.0


# Locks between machines.


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(leases, "RENEW_S", 0.05)
    monkeypatch.setattr(leases, "LOOK_S", 0.02)
    monkeypatch.setattr(leases, "LEASE_S", 2.0)


def test_a_lock_holds_between_machines_as_long_as_its_owner_lives(machine, address, short, caplog):
    caplog.set_level(logging.INFO, logger="earmark_stores.leases")
    first, second = machine("first", address), machine("second", address)
    order = []

    def wait() -> None:
        with second.lock("a"):
            order.append("second")

    with first.lock("a"):
        assert second.held("a")
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(2.5)  # longer than a lease that nobody renews
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert f"Waiting for another machine that works at {address}/a" in caplog.text
    assert "taken over" not in caplog.text


def test_the_lock_of_a_machine_that_died_is_taken_over_after_a_while(machine, address, short, caplog):
    first, second = machine("first", address), machine("second", address)
    Objects(address).create("locks/a.json", leases._content(f"{first._mirror}-dead", 3))
    began = time.monotonic()
    with second.lock("a"):
        pass
    assert time.monotonic() - began >= 2.0
    assert f"{address}/a: whoever worked there has given no sign of life for 2 s; taken over." in caplog.text


def test_a_process_that_died_on_this_machine_is_not_waited_for(machine, address):
    store = machine("first", address)
    Objects(address).create("locks/a.json", leases._content(f"{store._mirror}-dead", 3))
    assert not store.held("a")
    began = time.monotonic()
    with store.lock("a"):
        pass
    assert time.monotonic() - began < leases.LEASE_S / 2


def test_a_lease_that_rests_is_not_held(machine, address, monkeypatch):
    store = machine("first", address)
    Objects(address).create("locks/a.json", leases._content("elsewhere-dead", 3))
    assert store.held("a")
    monkeypatch.setattr(leases, "LEASE_S", -5.0)  # the clock of S3 has whole seconds
    assert not store.held("a")


# Faults.


@pytest.fixture
def filled(machine) -> str:
    """Address of a store in the memory that has a run and features, which no test changes for long."""
    address = "memory://filled/stores"
    if not fsspec.filesystem("memory").exists(address):
        write_run(machine("filled", address))
        write_features(machine("filled", address))
    return address


@contextlib.contextmanager
def changed(address: str, content: bytes | None):
    """An object in the memory with another content, or gone, for a while."""
    memory = fsspec.filesystem("memory")
    before = memory.cat_file(address)
    memory.rm_file(address) if content is None else memory.pipe_file(address, bytes(content))
    yield
    memory.pipe_file(address, before)


@pytest.mark.parametrize("work", [write_run, write_features])
def test_when_the_network_goes_at_any_moment_nothing_is_half_and_the_next_call_completes_it(machine, reached, work):
    said = r"the store does not answer, or fails .* the same command goes on where it stopped"

    def disturbed(at: int) -> int:
        """Requests of the work that is broken off at one of them; those of all where it is not."""
        address, left = f"s3://earmark/fault-{work.__name__}-{at}", at

        def refuse(request: str) -> str | None:
            nonlocal left
            left -= 1
            return "500 Internal Error" if left < 0 else None

        first, other = machine("first", address), machine("second", address)
        reached.refuse = refuse
        with pytest.raises(StoreError, match=said) if at < ALL else contextlib.nullcontext():
            work(first)
        reached.refuse = lambda request: None
        check(other)
        work(other)
        assert check(other) == check(first) == 1.0
        return at - left

    n_requests = disturbed(ALL)
    assert n_requests > 20
    for at in range(3, n_requests, STRIDE):
        disturbed(at)


def test_a_server_that_is_gone_is_told_and_waited_for_by_nobody(machine, address, reached):
    store = machine("first", address)
    run = write_run(store)
    reached.stop()
    try:
        with pytest.raises(StoreError, match=r"s3://.*the store does not answer, or fails \(EndpointConnectionError"):
            store.run("b").begin({})
    finally:
        reached.start()
    store.run("b").begin({})
    assert run.facts() == {"value": 1.0}


@pytest.mark.parametrize(
    ("pattern", "read"),
    [
        ("*/weights.safetensors", lambda store: store.run("a").load_weights()),
        ("*/run.json", lambda store: store.run("a").description()),
        ("*/predictions-test.zarr/*/c/0/0", lambda store: store.run("a").open_predictions("test")),
        ("*/evaluations/e.zarr/f/zarr.json", lambda store: store.run("a").open_evaluation("e")),
        ("*/features/c/1/0/0", lambda store: store.features("f").read(CLIPS)),
        ("*/total/c/1/0", lambda store: store.features("f").statistics(CLIPS)),
        ("runs/a/whole.json", lambda store: store.run("a").facts()),
        ("features/f/whole.json", lambda store: store.features("f").read(CLIPS)),
    ],
)
@pytest.mark.parametrize("damage", ["a flipped bit", "gone"])
def test_a_damaged_object_is_named(machine, filled, pattern, read, damage):
    memory = fsspec.filesystem("memory")
    (key, *_) = [key for key in memory.find(filled) if Path(key).match(pattern)]
    spoilt, error, message = None, DamageError, "is missing"
    if damage == "a flipped bit":
        spoilt = bytearray(memory.cat_file(key))
        spoilt[len(spoilt) // 2] ^= 1
        message = "is not"
    elif "whole.json" in key:  # a run or features without their record were never finished
        error, message = StoreError, None
    with changed(key, spoilt), pytest.raises(error, match=message) as caught:
        read(machine("second", filled))
    if error is DamageError:
        assert f"memory:/{key}" in str(caught.value)
        assert "earmark runs clean" in str(caught.value)


def test_a_damaged_run_does_not_hide_the_others(machine, address, bucket):
    store = machine("first", address)
    write_run(store)
    store.run("b").begin({})
    bucket.pipe_file(bucket.below("runs/a/whole.json"), b"{")
    damaged, begun = machine("second", address).runs()
    assert (damaged.address, begun.address, begun.whole) == ("a", "b", False)
    with pytest.raises(DamageError, match=r"runs/a/whole\.json: is not valid JSON"):
        damaged.description()
    store.remove("a")
    assert [run.address for run in store.runs()] == ["b"]


@pytest.mark.parametrize("name", ["../../../escaped", "/escaped", "a/../../b", "C:\\x", "a//b", ""])
def test_a_record_that_names_what_lies_outside_its_shelf_is_refused(machine, filled, tmp_path, name):
    key = f"{filled}/runs/a/whole.json"
    record = json.loads(fsspec.filesystem("memory").cat_file(key))
    record["files"] = {name: record["files"]["run.json"]}
    del record["crc32c"]
    with changed(key, to_json(record)):
        with pytest.raises(DamageError, match="does not name files of a shelf"):
            machine("second", filled).run("a").description()
    assert not list(tmp_path.rglob("escaped"))


def test_features_begun_for_other_clips_by_another_machine_are_not_mixed(machine, address):
    machine("first", address).features("f").begin(CLIPS, 3, 2, {})
    with pytest.raises(StoreError, match=rf"{address}/features/f: was begun for other clips or sizes.*Delete what"):
        machine("second", address).features("f").begin(CLIPS[:-1], 3, 2, {})


# What is said where a store cannot be used.


def test_a_bucket_that_is_not_there_is_told(machine, reached):
    store = machine("first", "s3://nobody-made-this/stores")
    for use in (store.runs, store.run("a").facts, lambda: store.run("a").begin({}), lambda: store.remove("a")):
        with pytest.raises(StoreError, match=r"s3://nobody-made-this/stores: there is no such bucket .*Make it"):
            use()


def test_a_refusal_says_what_must_be_allowed(machine, address, reached):
    store = machine("first", address)
    reached.refuse = lambda request: "403 Access Denied" if request.startswith("PUT") else None
    with pytest.raises(StoreError, match=r"the store refuses \(.*must be allowed to list, read, write and delete"):
        store.run("a").begin({})
    assert store.runs() == []


def test_missing_credentials_are_told_without_the_others(machine, address, monkeypatch, tmp_path):
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(StoreError, match=r"no credentials were found .*AWS_ACCESS_KEY_ID.*~/\.aws"):
            machine("first", address).run("a").begin({})
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


def test_a_store_that_lets_two_create_one_object_is_refused(machine, address, reached, bucket):
    store = machine("first", address)
    create = Objects._created
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objects, "_created", lambda self, key, content: create(self, f"{key}-{content.hex()}", content))
        with pytest.raises(StoreError, match=r"replaces an object that was to be created only where there is none"):
            with store.lock("a"):
                pass


def test_an_answer_that_was_lost_is_no_defeat(address):
    """The library asks again where an answer was lost, and is told that the object is there: it is the own one."""
    objects = Objects(address)
    assert objects.create("a", b"mine")
    assert objects.create("a", b"mine")
    assert not objects.create("a", b"another's")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nonsense", "fsspec does not know addresses of this kind .*s3://.*--stores DIR"),
        ("s3", r"need a package that is not installed.*pip install 'earmark\[s3\]'"),
        ("gs", "need a package that is not installed.*gcsfs"),
    ],
)
def test_a_kind_of_address_that_cannot_be_opened_says_what_is_missing(machine, monkeypatch, kind, message):
    for module in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, module.removesuffix("fs"), raising=False)
    with pytest.raises(StoreError, match=message):
        machine("first", f"{kind}://bucket/stores").runs()


def test_credentials_are_in_no_file_and_no_message(machine, address, tmp_path, bucket, reached, caplog):
    caplog.set_level(logging.DEBUG, logger="earmark_stores")
    store = machine("first", address)
    with store.lock("a"):
        write_run(store)
    reached.refuse = lambda request: "403 Signature Does Not Match"
    with pytest.raises(StoreError) as caught:
        store.run("b").begin({})
    reached.refuse = lambda request: None
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    kept += [bucket.cat_file(key) for key in bucket.find(bucket.below(""))]
    assert len(kept) > 20
    for secret in (b"key-of-the-tests", b"secret-of-the-tests"):
        assert not [content for content in kept if secret in content]
        assert secret.decode() not in f"{caught.value} {caplog.text} {store!r}"


def test_a_folder_that_is_no_mirror_is_told(tmp_path):
    with pytest.raises(StoreError, match=r"mirrors no store elsewhere.*--stores s3://bucket/folder"):
        MirroredStore(tmp_path)


def test_a_mirror_is_a_folder_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path))
    store = open_store("memory://bucket/My stores/")
    assert store.root == mirror_folder("memory://bucket/My stores")
    assert store.root.parent == tmp_path / "stores"
    assert store.root.name.startswith("memory-bucket-my-stores-")
    assert open_store(store.root).address == "memory://bucket/My stores"
