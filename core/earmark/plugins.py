"""Finds plugins, holds them apart when they break, and builds what an experiment names."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Hashable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

import pluggy
import pydantic

from earmark import hookspecs
from earmark.errors import (
    BrokenPluginError,
    EarmarkError,
    OptionError,
    PluginConflictError,
    UnknownPluginError,
    suggestion,
)
from earmark.hookspecs import KINDS, PROJECT
from earmark.protocols import Factory

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")

BY_HAND = "this process"
"""Owner of what was registered by hand, as in a notebook; other processes do not have it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """One factory with its owner."""

    kind: str
    name: str
    factory: Factory
    plugin: str
    distribution: str
    version: str

    @property
    def stamp(self) -> str:
        """Who made it, in a form that goes into the address of a result."""
        return f"{self.kind}:{self.name}={self.distribution}@{self.version}"


class PluginManager:
    """The plugins of this process.

    Entry points are loaded one by one, as pluggy's own loader stops at the first one that does not import and lets
    a second plugin of a name replace the first without a word. A broken plugin is kept with its cause; it is
    raised only by those who ask for it.
    """

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._given: dict[str, dict[str, list[Given]]] = {kind: {} for kind in KINDS}
        self.broken: dict[str, BrokenPluginError] = {}
        """Plugins that did not load, by entry point name."""

    @classmethod
    def of_environment(cls) -> PluginManager:
        """Load every plugin installed beside Earmark (entry points of the group ``earmark``)."""
        manager = cls()
        for entry_point in entry_points(group=PROJECT):
            manager._load(entry_point)
        return manager

    @property
    def hook(self) -> pluggy.HookRelay:
        return self._pluggy.hook

    def register(self, plugin: object, name: str, distribution: str = BY_HAND, version: str = "0") -> None:
        """Add a plugin by hand, as a notebook or a test does.

        Raises:
            PluginConflictError: a plugin of this name is loaded already.
            BrokenPluginError: a hook is misspelt or asks for arguments that it does not get.
        """
        if self._pluggy.has_plugin(name):
            raise PluginConflictError("plugin", name, ["a loaded distribution", distribution])
        try:
            self._pluggy.register(plugin, name)
            self._pluggy.check_pending()
            given = [*self._collect(plugin, name, distribution, version)]
        except Exception as error:
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            raise BrokenPluginError(name, distribution, f"{type(error).__name__}: {error}") from error
        for item in given:
            self._given[item.kind].setdefault(item.name, []).append(item)

    def unregister(self, name: str) -> None:
        """Take a plugin out again."""
        self._pluggy.unregister(name=name)
        for names in self._given.values():
            for owners in names.values():
                owners[:] = [given for given in owners if given.plugin != name]

    def names(self, kind: str) -> list[str]:
        """Names of a kind, sorted, clashing ones included."""
        return sorted(name for name, owners in self._given[kind].items() if owners)

    def given(self) -> list[Given]:
        """Everything that the working plugins give."""
        return [given for names in self._given.values() for owners in names.values() for given in owners]

    def find(self, kind: str, name: str, asked_by: str) -> Given:
        """Return the one factory of this kind and name.

        Raises:
            UnknownPluginError: nobody gives it; the message says what is installed, and what is broken.
            PluginConflictError: two plugins give it.
        """
        owners = self._given[kind].get(name, [])
        if not owners:
            raise UnknownPluginError(kind, name, self.names(kind), asked_by, self.broken.values())
        if len(owners) > 1:
            raise PluginConflictError(kind, name, [f"{o.plugin} ({o.distribution} {o.version})" for o in owners])
        return owners[0]

    def build(self, kind: str, name: str, options: Mapping[str, Any], asked_by: str, *context: Any) -> Any:
        """Build what a description names, after checking its options by type.

        Raises:
            OptionError: an option is unknown, of a wrong type, or of a value that the plugin refuses; the message names
                the field and what exists.
        """
        given = self.find(kind, name, asked_by)
        checked = checked_options(given, options, asked_by)
        try:
            return given.factory(*context, **checked)
        except ValueError as error:
            if isinstance(error, EarmarkError):
                raise
            raise OptionError(f"{asked_by}: {given.kind} {given.name!r}: {error}") from error

    def _load(self, entry_point: EntryPoint) -> None:
        distribution = entry_point.dist.name if entry_point.dist else "an unknown distribution"
        version = entry_point.dist.version if entry_point.dist else "0"
        try:
            self.register(entry_point.load(), entry_point.name, distribution, version)
        except BrokenPluginError as error:
            self.broken[entry_point.name] = error
        except PluginConflictError as error:
            self.broken[f"{entry_point.name} ({distribution})"] = BrokenPluginError(
                entry_point.name, distribution, str(error)
            )
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything at import
            self.broken[entry_point.name] = BrokenPluginError(
                entry_point.name, distribution, f"it does not import ({type(error).__name__}: {error})"
            )

    def _collect(self, plugin: object, name: str, distribution: str, version: str) -> list[Given]:
        given = [
            Given(kind, key, factory, name, distribution, version)
            for kind, hook in KINDS.items()
            if hasattr(plugin, hook)
            for key, factory in dict(getattr(plugin, hook)()).items()
        ]
        for item in given:
            # Folders are named after corpora and downloads.
            if not isinstance(item.name, str) or not _NAME.fullmatch(item.name):
                raise ValueError(
                    f"it gives a {item.kind} named {item.name!r}; letters, digits, blanks, points, hyphens and "
                    "underscores make a name, which begins with a letter or digit"
                )
            if not callable(item.factory):
                raise TypeError(f"what it gives for the {item.kind} {item.name!r} cannot be called: {item.factory!r}")
        return given


def options_model(factory: Factory) -> type[pydantic.BaseModel]:
    """Keyword-only arguments of a factory as a pydantic model: its options, their types and defaults."""
    return _kept_model(factory) if isinstance(factory, Hashable) else _options_model(factory)


def _options_model(factory: Factory) -> type[pydantic.BaseModel]:
    target = factory.__init__ if inspect.isclass(factory) else factory
    hints = get_type_hints(target)
    # In the signature of a dataclass, a default that is made anew for each object is a placeholder.
    made = {
        field.name: field.default_factory()
        for field in (dataclasses.fields(factory) if dataclasses.is_dataclass(factory) else ())
        if field.default_factory is not dataclasses.MISSING
    }
    fields: dict[str, Any] = {
        parameter.name: (
            hints.get(parameter.name, Any),
            ... if parameter.default is inspect.Parameter.empty else made.get(parameter.name, parameter.default),
        )
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    return pydantic.create_model(f"{getattr(factory, '__name__', 'factory')} options", __config__=config, **fields)


_kept_model = functools.cache(_options_model)  # an experiment of fifty runs asks a thousand times


def checked_options(given: Given, options: Mapping[str, Any], asked_by: str) -> dict[str, Any]:
    """Options as their factory wants them, converted from what TOML and JSON can say.

    Raises:
        OptionError: unknown, missing or of a wrong type.
        BrokenPluginError: the factory does not say which options it has.
    """
    try:
        model = options_model(given.factory)
    except Exception as error:  # a stranger's annotations may be anything
        raise BrokenPluginError(
            given.plugin,
            given.distribution,
            f"the options of the {given.kind} {given.name!r} cannot be told ({type(error).__name__}: {error})",
        ) from error
    try:
        checked = model.model_validate(dict(options))
    except pydantic.ValidationError as error:
        known = list(model.model_fields)
        problems = []
        for item in error.errors():
            field = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden":
                problems.append(f"no option {field!r}. {suggestion(field, known)}".strip())
            elif item["type"] == "missing":
                problems.append(f"option {field!r} is missing.")
            else:
                problems.append(f"option {field!r} is {item['input']!r}: {item['msg'].lower()}.")
        raise OptionError(
            f"{asked_by}: {given.kind} {given.name!r}: {' '.join(problems)} Options: {describe_options(model)}."
        ) from None
    return {name: getattr(checked, name) for name in model.model_fields}


def describe_options(model: type[pydantic.BaseModel]) -> str:
    """Options of a model in one line, with their defaults."""
    described = [
        name if field.is_required() else f"{name} = {field.default!r}" for name, field in model.model_fields.items()
    ]
    return ", ".join(described) or "none"


_manager: PluginManager | None = None


def plugins() -> PluginManager:
    """The plugin manager of this process, loaded at the first call."""
    global _manager
    if _manager is None:
        _manager = PluginManager.of_environment()
    return _manager
