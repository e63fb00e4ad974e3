"""A bit that flips in a record or in zarr's metadata is found, as one in features, weights and predictions is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from earmark.errors import DamageError, StoreError
from earmark_stores import LocalStore, disk

CLIPS = ["ä@0", "b@0"]
SPOILT = r"is not as it was written: its checksum does not match\. .* Remove what is damaged"
PREDICTIONS = xr.Dataset(
    {"p": (("clip", "scene"), np.eye(2))}, coords={"clip": CLIPS, "scene": ["home", "office"]}, attrs={"corpus": "tut"}
)


@pytest.fixture
def root(tmp_path) -> Path:
    """A store with a whole run and whole features."""
    store = LocalStore(tmp_path)
    run, shelf = store.run("a"), store.features("f")
    run.begin({"seed": 0})
    run.save_predictions("test", PREDICTIONS)
    run.finish({"loss": float("nan")})
    shelf.begin(CLIPS, 1, 3, {"hop_s": 0.02})
    shelf.write(range(2), np.ones((2, 1, 3), np.float32))
    shelf.finish()
    return tmp_path


def flips(path: Path, stride: int) -> Iterator[int]:
    """Puts the file there with one bit changed, every stride-th one in turn, and at last as it was."""
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), stride):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        yield bit
    path.write_bytes(content)


def known(record: dict) -> dict:
    """What Earmark looks at: a flip in the name of the checksum makes a field that nobody knows."""
    return {name: value for name, value in record.items() if name in ("format", "loss", "title")}


def test_no_flipped_bit_of_a_record_changes_what_is_read(tmp_path):
    record, path = {"format": 1, "loss": -1e-9, "title": 'ä "crc32c"'}, tmp_path / "record.json"
    path.write_bytes(disk.to_json(record))
    found = tried = 0
    for bit in flips(path, stride=3):
        tried += 1
        try:
            assert known(disk.read_json(path, list(record))) == record, bit
        except StoreError:
            found += 1
    assert found > 0.8 * tried  # what is left is the name of the checksum, and blanks about it
    assert disk.read_json(path, ()) == record


@pytest.mark.parametrize("file", ["zarr.json", "p/zarr.json", "scene/zarr.json"])
def test_no_flipped_bit_of_the_metadata_of_predictions_changes_what_is_read(root, file):
    found = tried = 0
    for bit in flips(root / "runs/a/predictions-test.zarr" / file, stride=101):
        tried += 1
        try:
            assert LocalStore(root).run("a").open_predictions("test").load().identical(PREDICTIONS), bit
        except StoreError:
            found += 1
    assert tried > 20
    assert found == tried if "/" in file else found > 0.5 * tried  # blanks of the root are not looked at


def read_run(root: Path) -> object:
    return LocalStore(root).run("a").facts()


def read_features(root: Path) -> object:
    return LocalStore(root).features("f").statistics(CLIPS)


RECORDS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "a run's record": ("runs/a/run.json", '"seed"', read_run),
    "a shelf's record": ("features/f/shelf.json", '"b@0"', read_features),
    "a ledger": ("features/f/pieces/000000.json", '"files"', read_features),
    "what zarr says of sums": ("features/f/features.zarr/total/zarr.json", '"/"', read_features),
    "what zarr says of features": ("features/f/features.zarr/zarr.json", "0.02", read_features),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_with_another_letter_is_named_with_the_way_out(what, root):
    file, said, read = RECORDS[what]
    path = root / file
    content = path.read_text()
    assert content.count(said) >= 1
    path.write_text(content.replace(said, f"{said[:-2]}{chr(ord(said[-2]) ^ 1)}{said[-1]}", 1))
    with pytest.raises(DamageError, match=r"is not as it was written|does not say files") as caught:
        read(root)
    assert str(path) in str(caught.value)


def test_the_names_of_the_clips_beside_the_features_are_covered_too(root):
    (names,) = (path for path in (root / "features/f/features.zarr/clip/c").rglob("*") if path.is_file())
    names.unlink()
    with pytest.raises(DamageError, match="clip/c/0: is missing"):
        read_features(root)


def test_a_variable_that_somebody_has_added_is_not_read_as_ours(root):
    folder = root / "runs/a/predictions-test.zarr"
    zarr.open_group(folder, mode="r+").create_array("q", shape=(2,), dtype="float64", dimension_names=("scene",))
    with pytest.raises(DamageError, match=f"predictions-test.zarr: {SPOILT}"):
        LocalStore(root).run("a").open_predictions("test")


def test_a_record_that_was_laid_out_anew_is_refused_as_nobody_knows_what_else_was_changed(root):
    path = root / "runs/a/run.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    with pytest.raises(DamageError, match=f"run.json: {SPOILT}"):
        read_run(root)


def test_a_record_is_sealed_anew_each_time_that_it_is_written(root):
    record = json.loads((root / "runs/a/run.json").read_text(), object_pairs_hook=list)
    assert [name for name, _ in record].count("crc32c") == 1
    assert record[-1][0] == "crc32c"


def test_records_and_metadata_of_before_there_were_checksums_are_read(root):
    for path in [*root.rglob("run.json"), *root.rglob("shelf.json"), *root.rglob("pieces/*.json")]:
        content = json.loads(path.read_text())
        content.pop("crc32c")
        content.pop("checksums", None)
        path.write_text(json.dumps(content))
    sealed = root / "runs/a/predictions-test.zarr/zarr.json"
    content, n_removed = re.subn(r',\s*"crc32c": \d+', "", sealed.read_text())
    assert n_removed == 1
    sealed.write_text(content)
    assert LocalStore(root).run("a").description() == {"seed": 0}
    assert LocalStore(root).run("a").open_predictions("test").load().identical(PREDICTIONS)
    assert read_features(root)[0].tolist() == [1.0] * 3
