"""The documentation site builds without a warning, is complete, and loads nothing from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from guide_pages import GUIDE, PLUGIN_PAGES, REPOSITORY

from earmark.plugins import plugins

NOTEBOOKS = sorted(path.stem for path in REPOSITORY.glob("notebooks/*.ipynb"))
EXECUTED = "mutual_benefit"
"""The notebook of which the site finds an executed copy in these tests."""


class Page(HTMLParser):
    """Links, anchors and what is loaded."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.loads = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        elif tag == "link" and attributes.get("rel") not in ("index", "search", "next", "prev"):
            self.loads.append(attributes.get("href", ""))
        elif tag in ("script", "img", "iframe", "audio", "video", "source", "object", "embed"):
            self.loads += [attributes[key] for key in ("src", "data", "srcset") if attributes.get(key)]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site as `make docs` builds it, warnings as errors; one notebook was executed before."""
    stores, folder = tmp_path_factory.mktemp("stores"), tmp_path_factory.mktemp("site")
    notebook = json.loads((REPOSITORY / "notebooks" / f"{EXECUTED}.ipynb").read_text())
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    shown = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/markdown": "| scene |\n| --- |\n| a shore |"},
    }
    widget = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/html": "<p>a still picture</p>"},
    }
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"1": {}}}}
    cell["outputs"] = [widget, {"output_type": "stream", "name": "stdout", "text": ["trained by the sea\n"]}, shown]
    for profile in ("quick", "smoke"):  # the larger profile is shown
        path = stores / "papers" / EXECUTED / f"{profile}-synthetic" / f"{EXECUTED}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook if profile == "quick" else {}))
    (arguments,) = re.findall(r"-m sphinx (.*) notebooks \S+$", _recipe(), re.MULTILINE)
    command = [sys.executable, "-m", "sphinx", *arguments.split(), "notebooks", str(folder)]
    environment = {**os.environ, "EARMARK_STORES": str(stores), "OMP_NUM_THREADS": "1"}
    built = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=350)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[str, Page]:
    return {path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")}


def _recipe() -> str:
    makefile = (REPOSITORY / "Makefile").read_text()
    return makefile.split("\ndocs: setup")[1].split("\n\n")[0]


def test_make_docs_makes_every_warning_an_error_and_looks_for_missing_references():
    assert {"-W", "--keep-going", "-n"} <= set(_recipe().split())


def test_every_page_of_the_guide_and_every_notebook_is_there(pages):
    wanted = {f"guide/{path.relative_to(GUIDE).with_suffix('.html').as_posix()}" for path in GUIDE.rglob("*.md")}
    wanted |= {f"{name}.html" for name in NOTEBOOKS} | {"index.html", "search.html", "genindex.html"}
    assert wanted <= pages.keys()
    assert len(PLUGIN_PAGES) >= 21


def test_every_link_within_the_site_leads_somewhere(pages, site):
    for name, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(link)
            if re.match(r"(https?|mailto):", target):
                continue
            path = (site / name).parent / unquote(target) if target else site / name
            assert path.is_file(), f"{name} links to {link}"
            found = path.resolve().relative_to(site.resolve()).as_posix()
            if anchor and found in pages and found != "genindex.html":
                assert unquote(anchor) in pages[found].ids, f"{name} links to {link}"


def test_nothing_is_loaded_from_elsewhere(pages, site):
    for name, page in pages.items():
        for load in page.loads:
            assert not re.match(r"(https?:)?//", load), f"{name} loads {load}"
            if not load.startswith("data:"):
                assert ((site / name).parent / load.split("?")[0]).is_file(), f"{name} loads {load}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", style.read_text()), style
    for script in site.rglob("*.js"):
        assert not re.search(r"(import|importScripts|fetch)\(\s*[\"'](https?:)?//", script.read_text()), script


def test_the_front_page_leads_to_the_guide_and_names_all_readers_first_steps(site):
    assert "url=guide/index.html" in (site / "index.html").read_text()
    front = (site / "guide/index.html").read_text()
    for page in ("../partial_labels.html", "../tour.html", "plugins/index.html", "own-recordings.html"):
        assert f'href="{page}' in front


def test_every_name_of_earmarks_own_plugins_is_in_the_reference_with_its_class(site):
    text = "".join(path.read_text() for path in (site / "guide/reference").glob("given-*.html"))
    text += (site / "guide/reference/experiments.html").read_text()
    for given in plugins().given():
        if given.distribution == "earmark" and given.kind not in ("download", "store"):
            assert f'<span class="pre">{given.name}</span>' in text, given.name
            assert f'id="{given.factory.__module__}.{given.factory.__qualname__}"' in text, given.name


def test_a_notebook_that_was_executed_is_shown_with_its_outputs_and_says_so(site):
    page = (site / f"{EXECUTED}.html").read_text()
    assert "trained by the sea" in page
    assert "<td><p>a shore</p></td>" in page
    assert "a still picture" in page
    assert "jupyter.widget" not in page
    assert f"papers/{EXECUTED}/quick-synthetic" in page


def test_a_notebook_that_was_not_executed_says_how_to_run_it(site):
    page, tour, explore = (
        re.sub(r"<[^>]+>", "", (site / f"{name}.html").read_text()) for name in ("partial_labels", "tour", "explore")
    )
    assert "Not executed on this machine" in page
    assert "earmark paper partial_labels runs it" in page
    assert "earmark paper tour runs it" in tour
    assert "Run it in JupyterLab (make lab)" in explore


def test_names_are_found_by_the_search_without_a_server(site):
    index = (site / "searchindex.js").read_text()
    assert index.startswith("Search.setIndex(")
    for word in ("refin", "earmark.protocols", "troubleshoot"):
        assert word in index
    assert "SHOW_SEARCH_SUMMARY: false" in (site / "_static/documentation_options.js").read_text()
