from __future__ import annotations

import errno
import logging
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from earmark.errors import StoreError
from earmark.plugins import PluginManager
from earmark.storage import Store
from earmark_stores import LocalStore, disk, plugin


def begun_and_whole(root: Path) -> LocalStore:
    store = LocalStore(root)
    store.run("b").begin({})
    store.run("a").begin({})
    store.run("a").finish({})
    shelf = store.features("f")
    shelf.begin(["c@0"], 1, 1, {})
    shelf.write(range(1), np.zeros((1, 1, 1), np.float32))
    shelf.finish()
    return store


def test_the_plugin_gives_the_local_store(tmp_path):
    manager = PluginManager()
    manager.register(plugin, "stores")
    store = manager.build("store", "local", {}, "here", tmp_path)
    assert isinstance(store, Store)


def test_looking_into_a_store_that_is_not_there_makes_nothing(tmp_path):
    store = LocalStore(tmp_path / "store")
    assert store.runs() == []
    assert not store.run("a").whole
    assert not store.features("f").whole
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("root", ["s3://bucket/stores", Path("s3://bucket/stores"), "https://example.org/x"])
def test_a_root_elsewhere_is_refused(root):
    with pytest.raises(
        StoreError, match=r"an address, not a folder of this machine.*--stores ADDRESS.*open_store\(ADDRESS\)"
    ):
        LocalStore(root)


@pytest.mark.parametrize("address", ["", "..", "../a", "a/b", "a.begun", "A", "a\n", "ä", "/etc"])
def test_an_address_that_could_lead_elsewhere_is_refused(tmp_path, address):
    store = LocalStore(tmp_path)
    run = begun_and_whole(tmp_path).run("a")
    for use in (store.run, store.features, store.remove, run.has_predictions, run.open_evaluation):
        with pytest.raises(StoreError, match="is no address: only digits, small letters and hyphens"):
            use(address)
    with pytest.raises(StoreError, match="is no address"), store.lock(address):
        pass


def test_runs_lists_begun_and_whole_ones(tmp_path):
    assert [(run.address, run.whole) for run in begun_and_whole(tmp_path).runs()] == [("a", True), ("b", False)]


@pytest.mark.parametrize("address", ["a", "b", "f"])
def test_what_is_removed_is_gone(tmp_path, address):
    store = begun_and_whole(tmp_path)
    store.remove(address)
    left = [path.name for kind in ("runs", "features", "aside") for path in (tmp_path / kind).iterdir()]
    assert sorted(left) == sorted({"a", "b.begun", "f"} - {address, f"{address}.begun"})
    with pytest.raises(StoreError, match=f"neither a run nor features at '{address}'"):
        store.remove(address)


def test_a_lock_is_held_by_one_at_a_time(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="earmark_stores.local")
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with LocalStore(tmp_path).lock("a"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.05)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert "Waiting for another process that works at a." in caplog.text


def test_locks_of_different_addresses_do_not_wait_for_each_other(tmp_path):
    with LocalStore(tmp_path).lock("a"), LocalStore(tmp_path).lock("b"):
        pass


def test_an_error_under_a_lock_is_passed_on_as_it_is(tmp_path):
    with pytest.raises(OSError, match="mine"), LocalStore(tmp_path).lock("a"):
        raise OSError("mine")


WRITES = {
    "a begun run": lambda store: store.run("new").begin({}),
    "a state": lambda store: store.run("b").save_state({"w": torch.zeros(1)}, {}),
    "a finished run": lambda store: store.run("b").finish({}),
    "an evaluation": lambda store: store.run("a").save_evaluation("e", xr.Dataset({"f": 0.5})),
    "features": lambda store: store.features("new").begin(["c@0"], 1, 1, {}),
    "a removal": lambda store: store.remove("a"),
    "a lock": lambda store: store.lock("a").__enter__(),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_read_only_store_says_so_and_can_still_be_read(tmp_path, monkeypatch, what):
    store = begun_and_whole(tmp_path)

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("mkdir", "rename", "replace", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    with pytest.raises(StoreError, match=r"cannot be written \(Read-only file system\).*--stores DIR.*EARMARK_STORES"):
        WRITES[what](store)
    assert store.run("a").facts() == {}
    assert store.features("f").read(["c@0"]).shape == (1, 1, 1)


def test_a_full_disk_leaves_the_old_state(tmp_path, monkeypatch):
    store = begun_and_whole(tmp_path)
    run = store.run("b")
    run.save_state({"w": torch.ones(1)}, {"epoch": 1})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"state.safetensors: the disk is full .*earmark runs clean.*goes on"):
        run.save_state({"w": torch.zeros(1)}, {"epoch": 2})
    assert run.load_state()[1] == {"epoch": 1}
    assert not list((tmp_path / "aside").iterdir())


def test_another_refusal_of_the_disk_is_told_as_it_is(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match=r"writing failed .*Input/output error.*Check the disk"):
        LocalStore(tmp_path).run("a").begin({})


def test_a_root_that_is_a_file_is_told(tmp_path):
    (tmp_path / "store").touch()
    with pytest.raises(StoreError, match="writing failed"):
        LocalStore(tmp_path / "store").run("a").begin({})


def test_what_a_killed_process_left_aside_is_swept_after_a_day(tmp_path):
    folder = tmp_path / "aside"
    (folder / "old").mkdir(parents=True)
    (folder / "fresh").touch()
    os.utime(folder / "old", (0, 0))
    LocalStore(tmp_path).run("a").begin({})
    assert [path.name for path in folder.iterdir()] == ["fresh"]


def test_a_file_is_either_old_or_new(tmp_path):
    target = tmp_path / "f"
    disk.replace_file(tmp_path, target, b"old")
    disk.replace_file(tmp_path, target, b"new")
    assert target.read_bytes() == b"new"
