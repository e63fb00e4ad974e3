from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

import earmark
from earmark.errors import BrokenPluginError, OptionError, PluginConflictError, UnknownPluginError
from earmark.plugins import PluginManager


@dataclass(frozen=True, kw_only=True)
class Threshold:
    threshold: float = 0.2
    classes: tuple[str, ...] = ()

    def refine(self, targets, predictions):
        return targets


def plugin(**names):
    @earmark.hookimpl
    def earmark_refiners():
        return names

    return SimpleNamespace(earmark_refiners=earmark_refiners)


@pytest.fixture
def manager():
    manager = PluginManager()
    manager.register(plugin(**{"self-distillation": Threshold}), "mine", "earmark-mine", "1.2")
    return manager


def test_a_plugin_is_built_by_name_with_its_options_as_their_types(manager):
    built = manager.build("refiner", "self-distillation", {"threshold": 1, "classes": ["car"]}, "f.toml")
    assert built == Threshold(threshold=1.0, classes=("car",))


def test_an_unknown_name_says_what_was_meant_and_what_exists(manager):
    with pytest.raises(UnknownPluginError, match=r"f.toml: stages.a: no refiner named 'self-destillation'") as error:
        manager.find("refiner", "self-destillation", "f.toml: stages.a")
    assert "Did you mean 'self-distillation'?" in str(error.value)
    assert "Installed: self-distillation" in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"treshold": 0.3}, "no option 'treshold'. Did you mean 'threshold'? Options: threshold = 0.2, classes = ()"),
        ({"threshold": "high"}, "option 'threshold' is 'high': input should be a valid number"),
    ],
)
def test_a_wrong_option_says_what_exists(manager, options, said):
    with pytest.raises(OptionError) as error:
        manager.build("refiner", "self-distillation", options, "f.toml: stages.a")
    assert str(error.value).startswith("f.toml: stages.a: refiner 'self-distillation': ")
    assert said in str(error.value)


def test_two_owners_of_one_name_are_an_error_that_names_both(manager):
    manager.register(plugin(**{"self-distillation": Threshold}), "other", "earmark-other", "0.1")
    with pytest.raises(PluginConflictError, match=r"mine \(earmark-mine 1.2\) and by other \(earmark-other 0.1\)"):
        manager.find("refiner", "self-distillation", "f.toml")


def test_a_second_plugin_of_one_name_never_replaces_the_first(manager):
    with pytest.raises(PluginConflictError, match="'mine'"):
        manager.register(plugin(other=Threshold), "mine")
    assert manager.names("refiner") == ["self-distillation"]


def test_a_hook_with_a_wrong_argument_is_a_broken_plugin_and_leaves_nothing_behind(manager):
    @earmark.hookimpl
    def earmark_models(nonsense):
        return {}

    with pytest.raises(BrokenPluginError, match="nonsense"):
        manager.register(SimpleNamespace(earmark_models=earmark_models), "bad", "earmark-bad")
    manager.register(plugin(fine=Threshold), "bad")  # the name is free again


def test_a_misspelt_hook_is_a_broken_plugin(manager):
    @earmark.hookimpl
    def earmark_refinerz():
        return {}

    with pytest.raises(BrokenPluginError, match="earmark_refinerz"):
        manager.register(SimpleNamespace(earmark_refinerz=earmark_refinerz), "bad", "earmark-bad")


class FakeEntryPoint(SimpleNamespace):
    def load(self):
        return self.loader()


def entry_point(name, loader, dist="earmark-fake"):
    return FakeEntryPoint(name=name, loader=loader, dist=SimpleNamespace(name=dist, version="0.3"))


def test_a_plugin_that_does_not_import_leaves_the_others_at_work(monkeypatch):
    def fails():
        raise ModuleNotFoundError("No module named 'tensorfoo'")

    points = [entry_point("broken", fails), entry_point("mine", lambda: plugin(works=Threshold))]
    monkeypatch.setattr("earmark.plugins.entry_points", lambda group: points)
    manager = PluginManager.of_environment()
    assert manager.names("refiner") == ["works"]
    assert "No module named 'tensorfoo'" in str(manager.broken["broken"])
    assert "pip uninstall earmark-fake" in str(manager.broken["broken"])
    with pytest.raises(UnknownPluginError, match="tensorfoo"):
        manager.find("refiner", "of the broken one", "f.toml")


def test_two_entry_points_of_one_name_are_reported_as_broken_not_replaced(monkeypatch):
    points = [
        entry_point("mine", lambda: plugin(first=Threshold), "earmark-a"),
        entry_point("mine", lambda: plugin(second=Threshold), "earmark-b"),
    ]
    monkeypatch.setattr("earmark.plugins.entry_points", lambda group: points)
    manager = PluginManager.of_environment()
    assert manager.names("refiner") == ["first"]
    assert "earmark-b" in str(manager.broken["mine (earmark-b)"])
