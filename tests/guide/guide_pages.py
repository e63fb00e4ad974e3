"""The guide's pages as data: their Python, their TOML, their links."""

from __future__ import annotations

import re
import sys
import types
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = REPOSITORY / "notebooks" / "guide"
PLUGIN_PAGES = sorted(path for path in (GUIDE / "plugins").glob("*.md") if path.stem != "index")


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of a language, in order; each is shifted to its line, so that a traceback names the page's own."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return ["\n" * text[: match.start(1)].count("\n") + match.group(1) for match in found]


@contextmanager
def executed(page: Path):
    """The page's Python, run from top to bottom in one module, as a reader would in a notebook."""
    module = types.ModuleType(f"guide_{page.stem.replace('-', '_')}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        for source in blocks(page, "python"):
            exec(compile(source, str(page), "exec"), module.__dict__)
        yield module
    finally:
        del sys.modules[module.__name__]
