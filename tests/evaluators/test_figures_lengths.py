from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from earmark.frames import FrameGrid
from earmark.recordings import Clip, Recording
from earmark.reference import Reference
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_durations import duration_densities, durations
from earmark_evaluators.figures_embeddings_by_length import class_map, embeddings_by_length

EVENTS = ("cat", "dog")


def reference_of(n_clips: int) -> Reference:
    recordings = [
        Recording(
            path=f"{index}.wav",
            duration_s=1.0,
            rate_hz=44_100,
            channels=1,
            split="eval",
            events=None,
            tags=(EVENTS[index % 2],),
        )
        for index in range(n_clips)
    ]
    clips = tuple(Clip(recording=recording, start_s=0.0, duration_s=1.0) for recording in recordings)
    return Reference(clips=clips, events=EVENTS, scenes=(), grid=FrameGrid(n_frames=100, hop_s=0.01))


def placed(reference: Reference, embedding: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {"embedding": (("clip", "dim"), embedding.astype(np.float32))}, {"clip": list(reference.clip_ids)}
    )


def test_a_density_is_that_of_gaussians_of_scotts_width() -> None:
    values = [4.0, 6.0]
    densities = duration_densities({"cat": values, "dog": [1.0, 2.0, 9.0]})
    cat = densities[densities["class"] == "cat"]
    assert cat["duration_s"].tolist() == [round(0.05 * index, 6) for index in range(241)]
    width = np.std(values, ddof=1) * 2 ** (-1 / 5)
    expected = np.mean([np.exp(-(((5 - v) / width) ** 2) / 2) / width / np.sqrt(2 * np.pi) for v in values])
    assert cat.set_index("duration_s").loc[5.0, "density"] == pytest.approx(expected)
    assert (0.05 * cat["density"]).sum() == pytest.approx(1, abs=0.01)


def test_classes_without_two_durations_have_no_density() -> None:
    with pytest.raises(EvaluationError, match="'cat' has 2 durations, of which 1 differ; a density needs two"):
        duration_densities({"cat": [1.0, 1.0]})
    with pytest.raises(EvaluationError, match="no durations to draw"):
        duration_densities({})


def test_a_figure_of_durations_has_a_line_for_each_class() -> None:
    figure = durations(duration_densities({"Running_water": [4.0, 6.0], "Dog": [1.0, 2.0]}))
    (axes,) = figure.axes
    assert len(axes.lines) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Running water", "Dog"]


def test_clips_of_two_far_classes_are_apart_in_the_plane() -> None:
    reference = reference_of(24)
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(24, 8)) + 50 * (np.arange(24) % 2)[:, None]
    one = class_map(reference, placed(reference, embedding))
    assert one["class"].tolist() == ["cat", "dog"] * 12
    points = one[["x", "y"]].to_numpy()
    nearest = [
        np.delete(np.arange(24), i)[np.linalg.norm(np.delete(points, i, 0) - points[i], axis=1).argmin()]
        for i in range(24)
    ]
    assert all(int(near) % 2 == index % 2 for index, near in enumerate(nearest))


def test_a_map_needs_some_clips_and_bears_that_all_lie_at_one_point() -> None:
    with pytest.raises(EvaluationError, match="t-SNE of 2 clips says nothing"):
        class_map(reference_of(2), placed(reference_of(2), np.eye(2)))
    assert len(class_map(reference_of(8), placed(reference_of(8), np.ones((8, 3))))) == 8


def test_a_figure_of_maps_has_a_row_for_each_method_and_a_column_for_each_length() -> None:
    reference = reference_of(8)
    one = class_map(reference, placed(reference, np.random.default_rng(0).normal(size=(8, 3))))
    figure = embeddings_by_length({("triplets", 1.0): one, ("triplets", 0.2): one, ("classifier", 0.2): one})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["trained on 0.2 s", "trained on 1 s", "", ""]
    assert [len(axes.collections) for axes in figure.axes] == [2, 2, 2, 0]
    with pytest.raises(EvaluationError, match="no map of clips to draw"):
        embeddings_by_length({})
