"""Nothing can be forgotten: folders, entry points, layers and the lock say the same."""

from __future__ import annotations

import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PACKAGES = {path.parent.name for path in REPOSITORY.glob("plugins/*/__init__.py")}
ENTRY_POINTS = PROJECT["project"]["entry-points"]["earmark"]


def test_every_plugin_folder_has_an_entry_point_and_every_entry_point_a_folder():
    modules = {module.split(".")[0] for module in ENTRY_POINTS.values()}
    assert modules == PACKAGES | {"earmark_stores", "earmark"}


def test_every_entry_point_imports_and_is_found_as_a_strangers_would_be():
    installed = {point.name: point.value for point in entry_points(group="earmark")}
    assert ENTRY_POINTS.items() <= installed.items()
    for module in ENTRY_POINTS.values():
        import_module(module)


def test_the_import_contract_names_every_package_and_sets_plugins_side_by_side():
    contract = PROJECT["tool"]["importlinter"]
    assert set(contract["root_packages"]) == PACKAGES | {"earmark_stores", "earmark"}
    plugins, stores, core = contract["contracts"][0]["layers"]
    assert set(plugins.split(" | ")) == PACKAGES
    assert (stores, core) == ("earmark_stores", "earmark")


def test_every_package_says_that_it_is_typed():
    packages = [
        *REPOSITORY.glob("plugins/*/"),
        REPOSITORY / "stores" / "earmark_stores",
        REPOSITORY / "core" / "earmark",
    ]
    assert [str(package) for package in packages if not (package / "py.typed").exists()] == []


def test_tests_mirror_the_packages():
    expected = {package.removeprefix("earmark_") for package in PACKAGES} | {"core", "stores", "benchmarks"}
    assert expected <= {path.name for path in (REPOSITORY / "tests").iterdir() if path.is_dir()}
