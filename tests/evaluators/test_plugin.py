from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import earmark_evaluators.plugin as plugin
from earmark.errors import OptionError
from earmark.plugins import PluginManager
from earmark.protocols import Evaluator


@pytest.fixture
def manager() -> PluginManager:
    manager = PluginManager()
    manager.register(plugin, "evaluators")
    return manager


@pytest.mark.parametrize("name", plugin.earmark_evaluators())
def test_every_evaluator_is_built_by_name_without_options(name, manager) -> None:
    assert isinstance(manager.build("evaluator", name, {}, "a test"), Evaluator)


def test_options_come_as_an_experiment_file_says_them(manager) -> None:
    built = manager.build("evaluator", "event-sed-eval", {"collar_s": 1, "compare": "onset"}, "a test")
    assert (built.collar_s, built.compare) == (1.0, "onset")


def test_a_misspelt_option_or_choice_is_named(manager) -> None:
    with pytest.raises(OptionError, match=r"no option 'segment'. Did you mean 'segment_s'\?"):
        manager.build("evaluator", "segment", {"segment": 1.0}, "a test")
    with pytest.raises(OptionError, match=r"option 'compare' is 'offset'"):
        manager.build("evaluator", "event-sed-eval", {"compare": "offset"}, "a test")


@pytest.mark.parametrize("name", plugin.earmark_evaluators())
def test_a_result_comes_back_from_a_zarr_store_as_it_went(
    name, manager, tmp_path, make_reference, make_predictions, make_activity
) -> None:
    activity = make_activity((3, 50, 3), seed=0)
    activity[:, :, 2] = False
    if name == "nearest-centre":  # of clips of one event
        activity = np.eye(3, dtype=bool)[[0, 1, 1], None].repeat(50, axis=1)
    reference = make_reference(activity)
    posterior = make_activity((3, 50, 3), seed=1)
    predictions = make_predictions(reference, posterior, np.eye(2)[[0, 1, 1]])
    predictions = predictions.assign(
        event_clip_posterior=(("clip", "event"), posterior.mean(axis=1)), embedding=(("clip", "dim"), np.eye(3))
    )
    evaluator = manager.build("evaluator", name, {}, "a test")
    if hasattr(evaluator, "of_training"):
        evaluator = evaluator.of_training(reference, predictions)
    result = evaluator.evaluate(reference, predictions)
    # Names of variable length: NumPy's fixed-length strings have no settled form in zarr.
    result = result.assign_coords({key: value.astype(object) for key, value in result.coords.items()})
    result.to_zarr(tmp_path / "result.zarr", consolidated=False, zarr_format=3)
    with xr.open_zarr(tmp_path / "result.zarr", consolidated=False) as again:
        assert again.attrs == result.attrs
        for variable in result:
            np.testing.assert_array_equal(again[variable].values, result[variable].values)


def test_the_plugin_imports_none_of_the_slow_libraries() -> None:
    slow = ("sed_eval", "psds_eval", "seaborn", "matplotlib", "sklearn", "librosa", "torchaudio")
    code = f"import sys, earmark_evaluators.plugin; print([m for m in {slow!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
