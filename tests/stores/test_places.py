"""From what a person says to the folder that is meant: of an address, its mirror."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app
from earmark.errors import StoreError
from earmark.places import ORIGIN, mirror_folder, origin_of, stores_root
from earmark.workspace import open_store
from earmark_stores import LocalStore


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EARMARK_STORES", raising=False)
    return tmp_path / "cache"


def test_a_folder_is_itself(tmp_path):
    assert stores_root(tmp_path) == stores_root(str(tmp_path)) == tmp_path
    assert stores_root("relative/s3") == Path("relative/s3")
    assert stores_root("C:/stores") == Path("C:/stores")
    assert isinstance(open_store(str(tmp_path)), LocalStore)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spelt", ["s3://bucket/my stores", "s3://bucket/my stores//", "S3://bucket/my stores/"])
def test_one_address_has_one_mirror_however_it_is_spelt(cache, spelt):
    folder = stores_root(spelt)
    assert folder == stores_root("s3://bucket/my stores")
    assert folder.parent == cache / "stores"
    assert origin_of(folder).address == "s3://bucket/my stores"


def test_a_path_that_was_made_of_an_address_is_understood():
    assert str(Path("s3://bucket/stores")) == "s3:/bucket/stores"
    assert stores_root(Path("s3://bucket/stores")) == stores_root("s3://bucket/stores")


def test_different_addresses_have_different_mirrors():
    spelt = ["s3://bucket/a-b", "s3://bucket/a/b", "s3://bucket/A/b", "gs://bucket/a/b", "s3://" + 100 * "b" + "/x"]
    assert len({stores_root(address) for address in spelt}) == len(spelt)


def test_the_variable_may_hold_an_address(monkeypatch):
    monkeypatch.setenv("EARMARK_STORES", "s3://bucket/stores")
    assert stores_root() == stores_root("s3://bucket/stores")
    assert stores_root(Path("here")) == Path("here")


def test_the_mirror_lies_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("EARMARK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert mirror_folder("s3://b/x").parent == tmp_path / "xdg/earmark/stores"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert mirror_folder("s3://b/x").parent == tmp_path / ".cache/earmark/stores"


def test_an_address_of_a_file_system_is_its_folder(tmp_path):
    for address in (f"file://{tmp_path}", Path(f"file://{tmp_path}"), f"local://{tmp_path}"):
        assert stores_root(address) == tmp_path
    with pytest.raises(StoreError, match="three slashes, as in file:///data/stores"):
        stores_root("file://data/stores")


SECRET = "hush-hush"


@pytest.mark.parametrize(
    "address",
    [
        f"s3://key:{SECRET}@bucket/stores",
        f"s3://key:{SECRET}/with/slashes@bucket/stores",
        f"abfs://container@account.dfs.core.windows.net/x?sig={SECRET}",
        f"sftp://me:{SECRET}@host:22/stores",
        f"s3://bucket/stores#{SECRET}",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(address, cache, monkeypatch):
    with pytest.raises(StoreError, match=r"://\.\.\.: the address holds a password, a query or a fragment") as caught:
        stores_root(address)
    assert SECRET not in str(caught.value)
    ran = CliRunner().invoke(app, ["runs", "list", "--stores", address])
    assert ran.exit_code == 1
    assert SECRET not in ran.output
    monkeypatch.setenv("EARMARK_STORES", address)
    assert SECRET not in CliRunner().invoke(app, ["runs", "list"]).output
    assert not cache.exists()


def test_a_user_or_a_port_is_no_secret():
    assert origin_of(stores_root("sftp://me@host:22/stores")).address == "sftp://me@host:22/stores"


@pytest.mark.parametrize("address", ["s3://", "s3:///", "s3://bucket/../x", "s3://bucket//x", "s3://bucket/./x"])
def test_an_address_that_names_no_place_is_refused(address):
    with pytest.raises(StoreError, match="no address of a store. Say a bucket and a folder in it"):
        stores_root(address)


def test_a_mirror_that_lies_elsewhere_leads_nowhere(tmp_path):
    """A folder of stores may come from a stranger; it must not name the machine that is talked to."""
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / ORIGIN).write_text(json.dumps({"address": "s3://strangers/bucket", "mirror": 32 * "0"}))
    with pytest.raises(StoreError, match=r"a copy of a mirror of s3://strangers/bucket. Say `--stores s3://"):
        open_store(strange)


@pytest.mark.parametrize("note", ["{", "[]", "{}", '{"address": "here", "mirror": "x"}', '{"address": 1, "mirror": 2}'])
def test_a_note_that_is_damaged_is_told(note):
    folder = stores_root("s3://bucket/stores")
    (folder / ORIGIN).write_text(note)
    with pytest.raises(StoreError, match="does not say of which store this folder is the mirror"):
        open_store(folder)


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="the mirror of s3://bucket/x cannot be made here .*EARMARK_CACHE"):
        stores_root("s3://bucket/x")


def test_the_option_takes_an_address_as_text():
    ran = CliRunner().invoke(app, ["runs", "list", "--stores", "memory://of-the-option/stores"])
    assert ran.exit_code == 0, ran.output
    shown = CliRunner().invoke(app, ["runs", "list", "--help"], env={"COLUMNS": "200"})
    assert "DIR|ADDRESS" in shown.stdout
    assert "s3://bucket/folder" in shown.stdout
