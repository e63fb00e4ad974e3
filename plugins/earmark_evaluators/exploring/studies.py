"""Which studies a store holds runs of, so that a person can choose one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earmark.errors import EarmarkError, StoreError
from earmark.experiment import document_of, read_experiment
from earmark.places import SYNTHETIC, checkout, stores_root
from earmark.plugins import PluginManager, plugins
from earmark.storage import RunShelf
from earmark.workspace import is_synthesized, open_store, open_studies
from earmark_evaluators.exploring.exploration import Exploration, exploration


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """An experiment file with the profile and the corpus that make a study of it."""

    experiment: Path
    profile: str | None
    corpus: str = SYNTHETIC
    """Folder, or "synthetic"."""

    @property
    def title(self) -> str:
        """File, profile and corpus, such as "partial_labels/table5 · quick · synthetic"."""
        named = f"{self.experiment.parent.name}/{self.experiment.stem}"
        corpus = self.corpus if self.corpus == SYNTHETIC else Path(self.corpus).resolve().name
        return " · ".join(part for part in (named, self.profile, corpus) if part)


def study_file(experiment: str, profile: str = "", corpus: str = SYNTHETIC) -> StudyFile:
    """A study by the parameters of a notebook; a relative path is taken from the checkout where it exists there."""
    home, path = checkout(), Path(experiment)
    if home is not None and not path.is_absolute() and (home / path).is_file():
        path = home / path
    return StudyFile(experiment=path, profile=profile or None, corpus=corpus)


def studies_in_store(stores: Path | None = None, manager: PluginManager | None = None) -> list[StudyFile]:
    """The papers' experiments of which the store holds a run on a synthetic corpus that is there as well.

    Nothing is synthesised, opened or trained. A profile whose runs are missing may be among them, where another one of
    the same experiment has run; opening it says so.

    Args:
        stores: root of the stores; see `earmark.places.stores_root`.
        manager: plugins; those of this process where None.
    """
    manager, root, home = manager or plugins(), stores_root(stores), checkout()
    if home is None or not root.is_dir():
        return []
    there = {name for name in map(_experiment_of, open_store(root, manager).runs()) if name}
    found: list[StudyFile] = []
    for path in sorted(home.glob("paper/*/*.toml")):
        for profile in _profiles(path):
            try:
                described = read_experiment(path, profile)
                whole = described.name in there and is_synthesized(
                    root, described.corpus, described.synthetic, manager=manager
                )
            except EarmarkError:  # a broken file keeps no other one from being chosen, and `earmark run` explains it
                continue
            if whole:
                found.append(StudyFile(experiment=path, profile=profile))
    return found


def open_exploration(
    file: StudyFile,
    stores: Path | None = None,
    methods: tuple[str, ...] = (),
    manager: PluginManager | None = None,
) -> Exploration:
    """Open what can be explored of a study; of one with folds, its first. Nothing is synthesised or trained.

    Raises:
        StoreError: its synthetic corpus is not there; the message says what makes it.
        EarmarkError: the experiment or the corpus cannot be read.
    """
    manager, root = manager or plugins(), stores_root(stores)
    described = read_experiment(file.experiment, file.profile)
    if file.corpus == SYNTHETIC and not is_synthesized(root, described.corpus, described.synthetic, manager=manager):
        profile = f" --profile {file.profile}" if file.profile else ""
        raise StoreError(
            f"{file.title}: nothing of it is under {root} yet. Say `make demo` (or `earmark demo`) in a terminal for "
            f"partial_labels at the profile quick; any experiment runs with `earmark run {file.experiment}{profile}`."
        )
    (study, *_) = open_studies(
        file.experiment, profile=file.profile, corpus=file.corpus, stores=stores, manager=manager
    )
    return exploration(study, methods)


def openers(
    first: StudyFile, stores: Path | None = None, methods: Iterable[str] = ()
) -> dict[str, Callable[[], Exploration]]:
    """For each study that can be chosen, by title, what opens it: a given one first, then those of the store.

    Args:
        first: stands first, whether the store holds it or not.
        stores: root of the stores.
        methods: titles of the methods that are wanted of the given one; all of them where empty.
    """
    # By what they are, not by how their paths were written.
    others = [file for file in studies_in_store(stores) if file.title != first.title]
    return {
        first.title: partial(open_exploration, first, stores, tuple(methods)),
        **{file.title: partial(open_exploration, file, stores) for file in others},
    }


def _experiment_of(shelf: RunShelf) -> str | None:
    """Name of the experiment that a run was made for; None where the run is damaged."""
    try:
        description = shelf.description()
    except StoreError:
        return None
    name = description.get("experiment")
    return name if isinstance(name, str) else None


def _profiles(path: Path) -> list[str | None]:
    try:
        return [None, *document_of(path).get("profiles", {})]
    except EarmarkError:
        return []
