from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.errors import StoreError
from earmark_stores import LocalStore
from earmark_stores.features import CLIPS_PER_PIECE, LocalFeatures

N_FRAMES, N_MELS = 5, 3
CLIPS = [f"audio/home/ä{number:03}.wav@0" for number in range(2 * CLIPS_PER_PIECE + 1)]  # the last piece is one clip
FEATURES = np.random.default_rng(0).normal(-5, 3, (len(CLIPS), N_FRAMES, N_MELS)).astype(np.float32)


def written(root: Path, features=FEATURES, pieces=None) -> LocalFeatures:
    shelf = LocalStore(root).features("f")
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {"hop_s": 0.02})
    for piece in shelf.missing()[:pieces]:
        shelf.write(piece, features[piece.start : piece.stop])
    return shelf


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A store with whole features, which no test changes."""
    root = tmp_path_factory.mktemp("store")
    written(root).finish()
    return root


@pytest.fixture
def own_root(tmp_path) -> Path:
    """A store with whole features to be spoilt."""
    written(tmp_path).finish()
    return tmp_path


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.integers(0, len(CLIPS) - 1), max_size=20))
def test_any_clips_are_read_in_the_order_asked_for(root, rows):
    read = LocalStore(root).features("f").read([CLIPS[row] for row in rows])
    np.testing.assert_array_equal(read, FEATURES[rows])
    assert read.dtype == np.float32
    assert read.flags.writeable


def test_xarray_opens_the_features_with_names(root):
    opened = xr.open_zarr(root / "features/f/features.zarr", consolidated=False, chunks=None)
    assert opened.features.dims == ("clip", "frame", "mel")
    assert list(opened["clip"].values) == CLIPS
    assert opened.attrs["hop_s"] == 0.02
    np.testing.assert_array_equal(opened.features.sel(clip=CLIPS[70]).values, FEATURES[70])


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.integers(0, len(CLIPS) - 1), min_size=1, max_size=20, unique=True))
def test_statistics_are_those_of_the_features(root, rows):
    mean, std = LocalStore(root).features("f").statistics([CLIPS[row] for row in rows])
    np.testing.assert_allclose(mean, FEATURES[rows].astype(np.float64).mean(axis=(0, 1)), rtol=1e-6)
    np.testing.assert_allclose(std, FEATURES[rows].astype(np.float64).std(axis=(0, 1)), rtol=1e-5)


def test_statistics_read_no_features(own_root):
    shelf = LocalStore(own_root).features("f")
    shelf.clip_ids()  # the look at every file is over
    for shard in (own_root / "features/f/features.zarr/features/c").rglob("0"):
        if shard.is_file():
            shard.unlink()
    assert shelf.statistics(CLIPS)[0].shape == (N_MELS,)
    with pytest.raises(StoreError):
        shelf.read(CLIPS[:1])


def test_a_constant_band_has_a_deviation_of_exactly_0(tmp_path):
    shelf = written(tmp_path, np.full_like(FEATURES, -23.025850))
    shelf.finish()
    assert shelf.statistics(CLIPS)[1].tolist() == [0.0] * N_MELS


def test_features_of_zeros_are_as_whole_as_others(tmp_path):
    shelf = written(tmp_path, np.zeros_like(FEATURES))
    shelf.finish()
    assert not shelf.read(CLIPS).any()


def test_pieces_can_be_written_from_several_threads(tmp_path):
    shelf = LocalStore(tmp_path).features("f")
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {})
    with ThreadPoolExecutor(3) as executor:
        list(executor.map(lambda piece: shelf.write(piece, FEATURES[piece.start : piece.stop]), shelf.missing()))
    shelf.finish()
    np.testing.assert_array_equal(shelf.read(CLIPS), FEATURES)


def test_an_interrupted_shelf_goes_on_with_the_pieces_that_are_missing(tmp_path):
    written(tmp_path, pieces=2)
    shelf = LocalStore(tmp_path).features("f")
    assert not shelf.whole
    shelf.begin(CLIPS, N_FRAMES, N_MELS, {})
    assert shelf.missing() == [range(128, 129)]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("spoil", ["truncated data", "no data", "truncated ledger"])
def test_a_piece_that_is_not_as_the_ledger_says_is_missing(tmp_path, spoil, number):
    shelf = written(tmp_path)
    folder = tmp_path / "features/f.begun"
    shard, ledger = folder / f"features.zarr/features/c/{number}/0/0", folder / f"pieces/00000{number}.json"
    if spoil == "no data":
        shard.unlink()
    else:
        path = shard if spoil == "truncated data" else ledger
        path.write_bytes(path.read_bytes()[:-5])
    (piece,) = shelf.missing()
    assert piece.start == 64 * number
    # Written again over what is left, it is right.
    shelf.write(piece, FEATURES[piece.start : piece.stop])
    shelf.finish()
    np.testing.assert_array_equal(shelf.read(CLIPS), FEATURES)


def test_features_are_not_finished_with_a_piece_missing(tmp_path):
    shelf = written(tmp_path, pieces=1)
    with pytest.raises(StoreError, match=r"2 pieces are not written yet, the first from clip 64 on\. Extract"):
        shelf.finish()
    assert not shelf.whole


def test_begun_features_cannot_be_read(tmp_path):
    shelf = written(tmp_path)
    with pytest.raises(StoreError, match=r"features.f: these features are not in the store, or were never finished"):
        shelf.read(CLIPS[:1])


def test_whole_features_are_not_begun_again(root):
    with pytest.raises(StoreError, match="whole already"):
        LocalStore(root).features("f").begin(CLIPS, N_FRAMES, N_MELS, {})


def test_features_begun_for_other_clips_are_not_mixed(tmp_path):
    shelf = written(tmp_path, pieces=1)
    with pytest.raises(StoreError, match=r"begun for other clips or sizes. Delete this folder"):
        shelf.begin(CLIPS[:-1], N_FRAMES, N_MELS, {})


@pytest.mark.parametrize(("clips", "message"), [([], "no clips at all"), (["a@0", "b@0", "a@0"], "'a@0' comes twice")])
def test_a_choice_of_clips_that_makes_no_sense_is_refused(tmp_path, clips, message):
    with pytest.raises(StoreError, match=message):
        LocalStore(tmp_path).features("f").begin(clips, N_FRAMES, N_MELS, {})


@pytest.mark.parametrize(("piece", "shape"), [(range(0, 64), (64, 5, 4)), (range(1, 65), (64, 5, 3))])
def test_only_whole_aligned_pieces_are_written(tmp_path, piece, shape):
    shelf = written(tmp_path, pieces=0)
    with pytest.raises(StoreError, match=r"are no piece of these features; write one of `missing\(\)`"):
        shelf.write(piece, np.zeros(shape, np.float32))


def test_writing_needs_begin(tmp_path):
    with pytest.raises(StoreError, match=r"nothing is begun here. Call begin\(\) first"):
        LocalStore(tmp_path).features("f").missing()


def test_an_unknown_clip_is_named(root):
    with pytest.raises(StoreError, match=r"no features of the clip 'b.wav@0' among 129 clips"):
        LocalStore(root).features("f").read([CLIPS[0], "b.wav@0"])


def test_statistics_of_nothing_are_refused(root):
    with pytest.raises(StoreError, match="mean over no clips"):
        LocalStore(root).features("f").statistics([])


@pytest.mark.parametrize(
    ("path", "cut", "message"),
    [
        ("shelf.json", 10, "is not valid JSON"),
        ("shelf.json", None, "cannot be read"),
        ("pieces/000001.json", None, "cannot be read"),
        ("features.zarr/features/c/1/0/0", 10, "bytes instead of"),
        ("features.zarr/features/c/1/0/0", None, "is missing"),
        ("features.zarr/total/c/2/0", None, "is missing"),
    ],
)
def test_damaged_features_are_named_with_the_way_out(own_root, path, cut, message):
    spoilt = own_root / "features/f" / path
    if cut is None:
        spoilt.unlink()
    else:
        spoilt.write_bytes(spoilt.read_bytes()[:-cut])
    with pytest.raises(StoreError, match=message) as caught:
        LocalStore(own_root).features("f").read(CLIPS)
    assert str(spoilt) in str(caught.value)
    assert "delete the folder" in str(caught.value)


def test_a_shard_with_another_content_of_the_same_size_is_not_read(own_root):
    shard = own_root / "features/f/features.zarr/features/c/0/0/0"
    shard.write_bytes(b"\xff" * shard.stat().st_size)
    with pytest.raises(StoreError, match="does not hold 64 clips of 5 x 3 values"):
        LocalStore(own_root).features("f").read(CLIPS[:1])


def test_damaged_array_metadata_is_named(own_root):
    (own_root / "features/f/features.zarr/total/zarr.json").write_text("{")
    with pytest.raises(StoreError, match="total/zarr.json: is not as it was written"):
        LocalStore(own_root).features("f").statistics(CLIPS)


def test_features_of_another_format_version_are_refused(own_root):
    path = own_root / "features/f/shelf.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(StoreError, match="written in store format 99, this version of Earmark reads format 1"):
        LocalStore(own_root).features("f").read(CLIPS)
