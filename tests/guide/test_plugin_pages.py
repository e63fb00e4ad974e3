"""Every plugin kind and every hook has a page, and the plugin on it does what the page says."""

from __future__ import annotations

import inspect
import re
import tomllib

import pytest
from guide_pages import GUIDE, PLUGIN_PAGES, blocks, executed

from earmark import hookspecs, protocols
from earmark.plugins import PluginManager
from earmark.testing import CHECKS, check_plugin

KIND_OF_PAGE = {kind.replace(" ", "-"): kind for kind in hookspecs.KINDS}
LIFECYCLE = {
    name.removeprefix("earmark_").replace("_", "-"): name
    for name, function in vars(hookspecs).items()
    if hasattr(function, "earmark_spec") and name not in hookspecs.KINDS.values()
}


def test_every_kind_and_every_hook_has_a_page_and_every_page_a_kind_or_hook():
    assert len(LIFECYCLE) >= 5
    assert {page.stem for page in PLUGIN_PAGES} == {*KIND_OF_PAGE, *LIFECYCLE}


@pytest.mark.parametrize("page", PLUGIN_PAGES, ids=lambda page: page.stem)
def test_the_plugin_of_a_page_works_and_keeps_its_contract(page, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with executed(page) as module:
        plugin = getattr(module, "plugin", module)
        if page.stem in KIND_OF_PAGE:
            kind = KIND_OF_PAGE[page.stem]
            checked = check_plugin(plugin)
            assert len(checked) == 1
            assert checked[0].startswith(f"{kind} '")
        else:
            manager = PluginManager()
            manager.register(plugin, page.stem)
            assert len(getattr(manager.hook, LIFECYCLE[page.stem]).get_hookimpls()) == 1


@pytest.mark.parametrize("page", PLUGIN_PAGES, ids=lambda page: page.stem)
def test_a_page_shows_a_plugin_and_tries_it(page):
    shown, tried = blocks(page, "python")
    assert "@earmark.hookimpl" in shown
    assert "assert" in tried


@pytest.mark.parametrize("page", [p for p in PLUGIN_PAGES if p.stem in KIND_OF_PAGE], ids=lambda page: page.stem)
def test_a_page_names_its_hook_and_contract_and_its_experiment_is_valid_toml(page):
    kind, text = KIND_OF_PAGE[page.stem], page.read_text()
    assert f"| hook | `{hookspecs.KINDS[kind]}` |" in text
    contract = text.split("| contract | ")[1].splitlines()[0]
    assert (f"check_{kind.replace('-', '_').replace(' ', '_')}`" in contract) == (kind in CHECKS)
    for source in blocks(page, "toml"):
        tomllib.loads(source)


@pytest.mark.parametrize("page", LIFECYCLE)
def test_a_page_gives_all_arguments_of_its_hook(page):
    arguments = inspect.signature(getattr(hookspecs, LIFECYCLE[page])).parameters
    assert f"`{LIFECYCLE[page]}({', '.join(arguments)})`" in (GUIDE / "plugins" / f"{page}.md").read_text()


def test_every_optional_convention_of_the_protocols_is_on_the_page_of_its_kind():
    conventions = {
        (kind, name)
        for kind in KIND_OF_PAGE
        if (protocol := getattr(protocols, kind.title().replace("-", ""), None)) is not None
        for name in re.findall(r"``(\w+)\(", inspect.getdoc(protocol) or "")
    }
    assert {("model", "prepared"), ("loss", "of_targets"), ("label-source", "of_run")} <= conventions
    for kind, name in conventions:
        assert f"- `{name}(" in _conventions(kind) or f"convention: `{name}(" in _conventions(kind), (kind, name)


def _conventions(kind: str) -> str:
    return (GUIDE / "plugins" / f"{kind}.md").read_text().split("## Example")[0]
