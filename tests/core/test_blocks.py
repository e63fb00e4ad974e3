from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from earmark import blocks
from earmark.blocks import block_length, made_in_batches, made_variable
from earmark.frames import FrameGrid
from earmark.hearing import Hearing
from earmark.outputs import Outputs
from earmark.predicting import BATCH
from earmark.recordings import Clip, Recording

N_CLIPS, N_FRAMES, N_MELS = 150, 6, 5


@pytest.fixture
def dataset() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "event_frame_posterior": (("clip", "frame", "event"), rng.random((N_CLIPS, 4, 3), np.float32)),
            "scene_posterior": (("clip", "scene"), rng.random((N_CLIPS, 2), np.float32)),
        },
        {"clip": [f"{index}.wav@0" for index in range(N_CLIPS)], "event": list("abc"), "scene": ["home", "office"]},
    )


@pytest.fixture
def asked() -> list[slice]:
    return []


@pytest.fixture
def lazy(dataset, asked) -> xr.Dataset:
    def make(rows: slice) -> xr.Dataset:
        asked.append(rows)
        return dataset.isel(clip=rows)

    return made_in_batches(make, list(dataset["clip"].values), 32)


def test_a_dataset_made_in_batches_is_the_one_made_at_once(lazy, dataset, asked) -> None:
    assert asked == [slice(0, 32)]  # what tells names and shapes
    assert lazy.identical(dataset)
    assert asked == [slice(0, 32), slice(32, 64), slice(64, 96), slice(96, 128), slice(128, 150)]


def test_in_order_each_batch_is_made_once_for_all_variables(lazy, dataset, asked) -> None:
    for start in range(0, N_CLIPS, 50):  # blocks and batches do not fall together
        rows = slice(start, start + 50)
        assert lazy.isel(clip=rows).load().identical(dataset.isel(clip=rows))
    assert asked == [slice(0, 32), slice(32, 64), slice(64, 96), slice(96, 128), slice(128, 150)]


@pytest.mark.parametrize(
    "key",
    [
        np.s_[3],
        np.s_[5:70:3],
        np.s_[[1, 5, 90]],
        np.s_[[90, 1]],
        np.s_[::-1],
        np.s_[10:10],
        np.s_[-5:, 3],
        np.s_[4, :, [2, 1]],
    ],
)
def test_any_part_of_a_lazy_variable_is_that_of_the_array(key, dataset) -> None:
    array = dataset["event_frame_posterior"]
    made = made_variable(array.dims, array.shape, array.dtype, lambda rows: array.values[rows])
    assert not made._in_memory
    assert np.array_equal(made[key].values, array.variable[key].values)


def test_a_block_is_a_power_of_two_within_its_bytes() -> None:
    assert [block_length(n) for n in (1, 1 << 15, (1 << 15) + 1, 1 << 24, 1 << 30)] == [512, 512, 256, 1, 1]


class Net(nn.Module):
    """Means of the features as logits; remembers the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.batches: list[int] = []

    def forward(self, features):
        self.batches.append(len(features))
        return Outputs(event_frame_logit=features[:, :, :2] * self.weight, scene_logit=features.mean(dim=1)[:, :3])


@pytest.fixture
def hearing() -> Hearing:
    study = SimpleNamespace(
        dataset=SimpleNamespace(scenes=("home", "office", "street")), grid=FrameGrid(n_frames=N_FRAMES, hop_s=0.5)
    )
    rng = torch.Generator().manual_seed(0)
    return Hearing(Net(), torch.randn(N_MELS, generator=rng), torch.rand(N_MELS, generator=rng) + 1, ("a", "b"), study)


@pytest.fixture
def clips() -> list[Clip]:
    def recording(index: int) -> Recording:
        return Recording(
            path=f"{index}.wav", duration_s=2.0 if index == 40 else 3.0, rate_hz=8000, channels=1, split="x"
        )

    return [Clip(recording=recording(index), start_s=0.0, duration_s=3.0) for index in range(N_CLIPS)]


def test_predictions_made_while_they_are_read_are_bit_by_bit_those_made_at_once(hearing, clips) -> None:
    features = torch.randn(N_CLIPS, N_FRAMES, N_MELS, generator=torch.Generator().manual_seed(1))
    at_once = hearing.predictions(hearing.prepared(features), clips)
    sizes = list(hearing.model.batches)
    read: list[int] = []

    def some(rows):
        read.append(len(rows))
        return features[rows]

    lazily = hearing.predictions_of(some, clips)
    assert read == [BATCH]
    assert lazily.load().identical(at_once)
    assert hearing.model.batches == 2 * sizes  # the same batches, each once
    assert max(read) == BATCH
    assert (at_once["event_frame_posterior"].values[40, 4:] == 0).all()  # after the end of its recording


def test_small_is_what_is_held_in_memory(lazy, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "HELD_BYTES", 100)
    assert not blocks.held(lazy)["scene_posterior"].variable._in_memory
    monkeypatch.setattr(blocks, "HELD_BYTES", 1 << 20)
    assert blocks.held(lazy)["scene_posterior"].variable._in_memory
