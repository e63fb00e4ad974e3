"""Runs the contract of what an installed plugin gives, and explains what fails: which promise, where, what to do."""

from __future__ import annotations

import difflib
import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from earmark.errors import EarmarkError, OptionError, UnknownPluginError
from earmark.plugins import Given, PluginManager
from earmark.protocols import Factory
from earmark.testing import CHECKS, check_options, one_event_dataset, one_event_targets
from earmark.testing.advice import CALLS, HIDDEN_TYPES, advice_on

OTHER_DATA: Mapping[str, Callable[[], dict[str, Any]]] = {
    "loss": lambda: {"targets": one_event_targets(6)},
    "sampler": lambda: {"targets": one_event_targets()},
    "evaluator": lambda: {"dataset": one_event_dataset()},
}
"""What a contract is tried with where the plugin turns the usual small data away."""

ASK_ITSELF = (
    "It turns the check's small dataset away: {error}\n  Check it in its own tests with a dataset or options that it "
    "takes: earmark.testing.check_label_source(factory, dataset=..., table=...)."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a contract is not kept."""

    promise: str
    """What is wrong, in a sentence."""
    where: str
    """File and line in the plugin."""
    advice: str
    again: str
    """A command that raises the same, with its whole traceback."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came out of checking one thing that a plugin gives."""

    given: Given
    contract: str
    """What its kind promises, in a sentence."""
    problem: Problem | None = None
    unchecked: str = ""
    """Why the contract could not be tried; empty where it was."""

    @property
    def title(self) -> str:
        """Such as "loss 'focal' of earmark-focal 0.1.0"."""
        return f"{self.given.kind} {self.given.name!r} of {self.given.distribution} {self.given.version}"

    def __str__(self) -> str:
        if self.problem:
            said = {"promise": self.problem.promise, "where": self.problem.where}
            said |= {"what to do": self.problem.advice, "again": self.problem.again}
            return "\n".join(
                [f"{self.title}: BROKEN", *(f"  {what:<10}  {text}" for what, text in said.items() if text)]
            )
        if self.unchecked:
            return f"{self.title}: not checked\n  {self.unchecked}"
        return f"{self.title}: kept\n  {self.contract}"


def given_by(manager: PluginManager, name: str) -> list[Given]:
    """What a plugin gives, by the name of the plugin, of its distribution, or of one thing that it gives.

    Raises:
        BrokenPluginError: the plugin is installed and does not load.
        UnknownPluginError: nothing has this name.
    """
    found = [given for given in manager.given() if name in (given.plugin, given.distribution, given.name)]
    if not found:
        for plugin, error in manager.broken.items():
            if name in (plugin, f"earmark-{plugin}"):
                raise error
        given = manager.given()
        near = difflib.get_close_matches(name, {g.name for g in given}, n=1)  # a hundred names: no list to print
        known = {*near, *(g.plugin for g in given), *(g.distribution for g in given)}
        raise UnknownPluginError("plugin", name, known, "earmark plugins --check", manager.broken.values())
    return sorted(found, key=lambda given: (given.kind, given.name))


def check_given(given: Given) -> Verdict:
    """Try the contract of its kind on one thing that a plugin gives; what it raises is explained, not raised."""
    check = CHECKS.get(given.kind, check_options)
    contract = (inspect.getdoc(check) or "").splitlines()[0]
    if (error := _raised(check_options, given.factory)) is not None:
        return Verdict(given=given, contract=contract, problem=_problem(given, check_options, error))
    if given.kind not in CHECKS:
        without = (
            f"Its options are sound; the kind {given.kind!r} has no contract test, as it needs files or a network."
        )
        return Verdict(given=given, contract=contract, unchecked=without)
    if (error := _raised(check, given.factory)) is None:
        return Verdict(given=given, contract=contract)
    if _turns_away(given, error):
        if given.kind == "label source":
            return Verdict(given=given, contract=contract, unchecked=ASK_ITSELF.format(error=error))
        if given.kind in OTHER_DATA and _raised(check, given.factory, **OTHER_DATA[given.kind]()) is None:
            return Verdict(given=given, contract=f"{contract} Tried with clips of one event each.")
    return Verdict(given=given, contract=contract, problem=_problem(given, check, error))


def _raised(check: Callable[..., None], factory: Factory, **data: Any) -> Exception | None:
    try:
        check(factory, **data)
    except Exception as error:  # a stranger's code may raise anything
        return error
    return None


def _turns_away(given: Given, error: Exception) -> bool:
    """Whether a plugin itself says, on purpose, that it does not take the data; never where the core says so."""
    raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename).resolve()
    folder = _folder(given.factory)
    on_purpose = isinstance(error, EarmarkError) and not isinstance(error, OptionError)
    return on_purpose and folder is not None and raised_in.is_relative_to(folder)


def _problem(given: Given, check: Callable[..., None], error: Exception) -> Problem:
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    own = _frame_within(_folder(given.factory), error.__traceback__)
    if isinstance(error, AssertionError) and Path(innermost.filename).parent == Path(__file__).parent:
        promise = str(error) or innermost.line or "a promise is not kept"
        where, advice = _definition(given.factory), advice_on(promise)
    else:
        promise, where = f"it raised {type(error).__name__}: {error}", own or _definition(given.factory)
        advice = HIDDEN_TYPES if check is check_options else CALLS[given.kind]
    return Problem(promise=promise, where=where, advice=advice, again=_again(check, given.factory))


def _frame_within(folder: Path | None, raised: TracebackType | None) -> str | None:
    """The innermost place of the plugin's own code that a traceback went through."""
    for frame in reversed(traceback.extract_tb(raised)):
        if folder is not None and Path(frame.filename).resolve().is_relative_to(folder):
            return f"{frame.filename}, line {frame.lineno}, in {frame.name}: {frame.line}"
    return None


def _folder(factory: Factory) -> Path | None:
    """Folder of the package in which a factory is defined, or the file of its module."""
    try:
        source = Path(inspect.getsourcefile(inspect.unwrap(factory)) or "").resolve()
    except (TypeError, OSError):  # an object that can be called, or a class of a notebook's cell
        return None
    return source.parent if (source.parent / "__init__.py").exists() else source


def _definition(factory: Factory) -> str:
    """File and line of a factory."""
    name = getattr(factory, "__qualname__", type(factory).__name__)
    try:
        return f"{inspect.getsourcefile(factory)}, line {inspect.getsourcelines(factory)[1]}, {name}"
    except (TypeError, OSError):  # an object that can be called, or code without a file
        return f"{name} of the module {getattr(factory, '__module__', 'unknown')}"


def _again(check: Callable[..., None], factory: Factory) -> str:
    """A command that calls one contract; empty where the factory cannot be imported by name."""
    module, name = getattr(factory, "__module__", ""), getattr(factory, "__qualname__", "")
    if module in ("", "__main__") or not name.isidentifier():
        return ""
    calls = f"from earmark.testing import {check.__name__}; from {module} import {name}; {check.__name__}({name})"
    return f'python -c "{calls}"'
