"""A small installable project with one plugin, its contract tests, an experiment and a README.

The templates under ``templates/`` hold ``${name}`` and the like; a test generates every kind, checks its style, runs
its tests and trains its experiment.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template

from earmark.errors import EarmarkError
from earmark.plugins import PluginManager

PROTOCOLS = {
    "refiner": "Refiner",
    "model": "Model",
    "loss": "Loss",
    "label source": "LabelSource",
    "evaluator": "Evaluator",
}
"""Plugin kinds of which there is an example, with the protocol of each."""


MOST_LETTERS = 60
"""Length of a name, which becomes one of a folder and a package."""


class NewPluginError(EarmarkError, ValueError):
    """A plugin cannot have this name, or its project cannot be written there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewPlugin:
    """A plugin that is to be written."""

    name: str
    """Of the plugin in experiments, such as "crisp-labels"."""
    kind: str
    """One of `PROTOCOLS`."""

    def __post_init__(self) -> None:
        if self.kind not in PROTOCOLS:
            raise NewPluginError(f"No example of the kind {self.kind!r}. There is one of: {', '.join(PROTOCOLS)}.")
        fits = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.name) and len(self.name) <= MOST_LETTERS
        if not fits or self.name.startswith("earmark-"):
            words = "-".join(re.findall(r"[a-z0-9]+", self.name.lower())).removeprefix("earmark-").lstrip("0123456789-")
            words = words[:MOST_LETTERS].rstrip("-")
            raise NewPluginError(
                f"A plugin cannot be named {self.name!r}: a name is made of lower-case letters, digits and single "
                f"dashes, {MOST_LETTERS} at most, and begins with a letter, as a Python package is named after it, "
                "behind earmark-." + (f" Did you mean {words!r}?" if words else "")
            )

    @property
    def a_kind(self) -> str:
        """The kind with its article."""
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"

    @property
    def distribution(self) -> str:
        """Name of the project and of its folder, such as "earmark-crisp-labels"."""
        return f"earmark-{self.name}"

    @property
    def package(self) -> str:
        """Name of its Python package, such as "earmark_crisp_labels"."""
        return self.distribution.replace("-", "_")

    def check_free(self, manager: PluginManager) -> None:
        """Raise where the name would clash with what is installed.

        Raises:
            NewPluginError: with the owner of the name.
        """
        owners = [given for given in manager.given() if (given.kind, given.name) == (self.kind, self.name)]
        if owners:
            raise NewPluginError(
                f"There is a {self.kind} {self.name!r} already, of {owners[0].distribution}. Choose another name: "
                "two plugins of one kind and name are an error wherever the name is used."
            )
        if find_spec(self.package) is not None:
            raise NewPluginError(
                f"There is a Python package {self.package} already, which one for {self.name!r} would hide. "
                "Choose another name."
            )


def write_project(plugin: NewPlugin, parent: Path) -> Path:
    """Write the project as a new folder below a parent, whole or not at all, and return the folder.

    Raises:
        NewPluginError: the folder is there already, or cannot be written.
    """
    folder = parent / plugin.distribution
    if folder.exists() or folder.is_symlink():
        raise NewPluginError(f"{folder} is there already, and nothing is overwritten. Remove it, or say --to DIR.")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{plugin.distribution}-", dir=parent) as aside:
            whole = Path(aside) / plugin.distribution
            for path, text in project_files(plugin):
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_text(text, encoding="utf-8")
            whole.rename(folder)
    except OSError as error:
        raise NewPluginError(f"{folder} cannot be written ({error}). Name a folder of yours: --to DIR.") from error
    return folder


def project_files(plugin: NewPlugin) -> Iterator[tuple[str, str]]:
    """Paths within the project, with forward slashes, and what is written there."""
    shared = files("earmark.scaffold") / "templates"
    own = shared / plugin.kind.replace(" ", "_")
    words = {
        "name": plugin.name,
        "kind": plugin.kind,
        "a_kind": plugin.a_kind,
        "package": plugin.package,
        "protocol": PROTOCOLS[plugin.kind],
    }
    source = _filled(own / "plugin.py.template", words)
    words["sentence"] = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    words |= {part: _filled(own / f"{part}.md.template", words).strip() for part in ("use", "change")}
    yield "pyproject.toml", _filled(shared / "pyproject.toml.template", words)
    yield "README.md", _filled(shared / "README.md.template", words)
    yield f"src/{plugin.package}/__init__.py", _filled(shared / "__init__.py.template", words)
    yield f"src/{plugin.package}/plugin.py", source
    yield f"src/{plugin.package}/py.typed", ""
    yield "tests/test_contract.py", _filled(own / "test_contract.py.template", words)
    yield "experiment.toml", _filled(own / "experiment.toml.template", words)


def _filled(template: Traversable, words: dict[str, str]) -> str:
    return Template(template.read_text(encoding="utf-8")).substitute(words)
