"""The documentation site: `make docs` builds it from this folder and the notebooks beside it.

The sources are ``notebooks/``: the guide's pages, and the notebooks as tutorials. Of a notebook that somebody has run,
the executed copy under the stores' root is shown. Nothing is fetched, neither here nor by whoever reads the site.
"""

from __future__ import annotations

import inspect
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pydantic
import traitlets
from sphinx.application import Sphinx

# First: autodoc writes into the annotations of pydantic's base class, after which no further model can be made of it.
import earmark_corpora.folder.description  # noqa: F401

sys.path.insert(0, str(Path(__file__).parent))

import executed
import given

project = "Earmark"
author = "Earmark's authors"
version = release = version_of("earmark")
root_doc = "guide/index"
html_title = "Earmark"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
exclude_patterns = ["**.ipynb_checkpoints", "guide/__pycache__"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# Excerpts are fetched, which a browser refuses to a page from disk; titles are found without.
html_show_search_summary = False
html_additional_pages = {"index": "to_the_guide.html"}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["guide.css"]

nb_execution_mode = "off"
nb_render_markdown_format = "myst"  # tables in outputs
nb_merge_streams = True
nb_ipywidgets_js: dict[str, Any] = {}  # these would be fetched; a widget's picture stands in its place
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_heading_anchors = 3

default_role = "py:obj"
add_module_names = False
toc_object_entries = False  # a thousand names in the sidebar of every page help nobody
python_use_unqualified_type_names = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
maximum_signature_line_length = 150
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False
nitpick_ignore_regex = [
    (r"py:.*", r"(?!earmark).*"),  # other libraries: their inventories would have to be fetched
    (r"py:class", r"earmark.*\.\w+T"),  # type variables have no documentation
    # Parts of one plugin, which nobody else is given.
    (r"py:class", r"earmark_corpora\.desed\.soundbank\.(Foreground|Background)"),
    (r"py:class", r"earmark_rgasc\.baselines\.Conditioned(Outputs|Loss)"),
]


def signature(app: Sphinx, what: str, name: str, thing: Any, options: Any, given: str, returned: str) -> Any:
    """The arguments that are shown of a class; None leaves them as they are."""
    if what != "class":
        return None
    if getattr(thing, "_is_protocol", False) or issubclass(thing, pydantic.BaseModel):
        return "", None  # nobody calls a protocol, or what is read from TOML
    if issubclass(thing, traitlets.HasTraits):  # whose __new__ takes anything
        own = inspect.signature(thing.__init__)
        bare = [p.replace(annotation=p.empty) for name, p in own.parameters.items() if name != "self"]
        return str(inspect.Signature(bare)), None
    return None


def setup(app: Sphinx) -> None:
    """Show executed notebooks, and list what comes with Earmark."""
    app.connect("autodoc-process-signature", signature)
    app.connect("source-read", executed.show)
    app.connect("env-get-outdated", executed.outdated)
    app.connect("source-read", given.listed)
