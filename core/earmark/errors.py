"""Every error that Earmark raises on purpose: what, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'x'? " with a trailing space, or nothing where no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


class EarmarkError(Exception):
    """Base of all errors whose message is written for the person at the screen."""


class UnknownPluginError(EarmarkError, LookupError):
    """A description names a plugin that is not installed."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], asked_by: str, broken: Iterable[Exception] = ()
    ) -> None:
        names = sorted(known)
        super().__init__(
            f"{asked_by}: no {kind} named {name!r}. {suggestion(name, names)}"
            f"Installed: {', '.join(names) or 'none'}. `earmark plugins` lists what each plugin gives."
            + "".join(f"\nPerhaps it belongs to this one: {error}" for error in broken)
        )


class PluginConflictError(EarmarkError):
    """Two plugins give one name."""

    def __init__(self, kind: str, name: str, owners: Iterable[str]) -> None:
        super().__init__(
            f"The {kind} {name!r} is given by {' and by '.join(sorted(owners))}. "
            "Uninstall one of them, or ask its author to rename it; Earmark never picks for you."
        )


class BrokenPluginError(EarmarkError):
    """A plugin is installed but does not work."""

    def __init__(self, plugin: str, distribution: str, cause: str) -> None:
        super().__init__(
            f"The plugin {plugin!r} of {distribution} is broken: {cause}. "
            f"Mend or uninstall it (`pip uninstall {distribution}`); everything else keeps working."
        )


class OptionError(EarmarkError, ValueError):
    """An option of a plugin is unknown, missing or of a wrong type."""


class ExperimentError(EarmarkError, ValueError):
    """An experiment file does not describe an experiment."""


class AudioError(EarmarkError):
    """A recording cannot be used as it is."""


class AnnotationError(EarmarkError, ValueError):
    """An annotation contradicts itself, its recording or the vocabulary."""


class CorpusError(EarmarkError):
    """A corpus folder is not what its reader expects."""


class StoreError(EarmarkError):
    """A store is of another version, half written, damaged or cannot be written."""


class DamageError(StoreError):
    """What a store holds is not as it was written: it can be made again."""


class TargetsError(EarmarkError, ValueError):
    """Targets do not fit each other, or hold no label where one is needed."""


class FetchError(EarmarkError):
    """A published file could not be fetched, or is not what was published."""


class ArchiveError(FetchError):
    """An archive is damaged, or would write where it must not."""
