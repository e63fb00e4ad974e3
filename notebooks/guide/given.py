"""Fills the pages of the reference that list what Earmark's own plugins give."""

from __future__ import annotations

import inspect
from typing import Any

from earmark.hookspecs import KINDS
from earmark.plugins import Given, PluginManager, plugins


def listed(app: Any, docname: str, source: list[str]) -> None:
    """Put the names of a kind, each with its documentation, in the place of ``<!-- given: KIND -->``."""
    if docname.startswith("guide/reference/"):
        for kind in KINDS:
            mark = f"<!-- given: {kind} -->"
            if mark in source[0]:
                source[0] = source[0].replace(mark, sections(plugins(), kind))


def sections(manager: PluginManager, kind: str) -> str:
    """A section for each name of a kind; plugins of others that are installed here are none of the site's."""
    own = [given for given in manager.given() if (given.kind, given.distribution) == (kind, "earmark")]
    return "\n\n".join(section(given) for given in sorted(own, key=lambda given: given.name))


def section(given: Given) -> str:
    """The name in experiments, and the documentation of its class, whose fields are the options."""
    directive = "autoclass" if inspect.isclass(given.factory) else "autofunction"
    target = f"{given.factory.__module__}.{given.factory.__qualname__}"
    return f"### `{given.name}`\n\n```{{eval-rst}}\n.. {directive}:: {target}\n   :members:\n```"
