"""The way from a file name to a study: store, corpus, or the synthetic stand-in of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from earmark.addressing import address_of
from earmark.errors import CorpusError
from earmark.experiment import Experiment, PluginRef, read_experiment
from earmark.places import SYNTHETIC, stores_root
from earmark.plugins import PluginManager, plugins
from earmark.protocols import Corpus, Synthesizer
from earmark.recordings import Dataset
from earmark.storage import Store
from earmark.study import Study, check_plugins

Advance = Callable[[int, int], None]


def open_store(root: Path, manager: PluginManager | None = None) -> Store:
    """The local store under a root."""
    store: Store = (manager or plugins()).build("store", "local", {}, "--stores", root)
    return store


def synthesized(
    root: Path,
    corpus: PluginRef,
    options: Mapping[str, Any],
    seed: int = 0,
    advance: Advance | None = None,
    manager: PluginManager | None = None,
) -> Path:
    """Make sure that a synthetic stand-in is there and whole; return its folder, named by all that decides it.

    A finished stand-in is marked by an empty file, so that asking for it again costs nothing.
    """
    synthesizer: Synthesizer = (manager or plugins()).build(
        "synthesizer", corpus.use, options, f"synthetic {corpus.use}"
    )
    folder = root / "corpora" / f"{corpus.use}-synthetic-{address_of(dict(synthesizer.identity(seed)))[:12]}"
    done = folder.with_suffix(".whole")
    if not (done.exists() and folder.is_dir()):
        folder.mkdir(parents=True, exist_ok=True)
        synthesizer.synthesize(folder, seed=seed, advance=advance)
        done.touch()
    return folder


def read_corpus(corpus: PluginRef, folder: Path, manager: PluginManager | None = None) -> Dataset:
    """Read a copy of a corpus.

    Raises:
        CorpusError: the folder does not exist, or is not what the reader expects.
    """
    reader: Corpus = (manager or plugins()).build("corpus", corpus.use, corpus.options, "corpus")
    if not folder.is_dir():
        raise CorpusError(
            f"{folder}: no such folder. Name the folder that holds the corpus {corpus.use!r}, or say "
            f"--corpus {SYNTHETIC} for a synthesised stand-in."
        )
    return reader.read(folder)


def open_study(
    experiment: Path | Experiment,
    *,
    profile: str | None = None,
    corpus: str = SYNTHETIC,
    stores: Path | None = None,
    n_seeds: int | None = None,
    advance: Advance | None = None,
    manager: PluginManager | None = None,
) -> Study:
    """Open an experiment on a corpus: the one call with which notebooks and commands begin.

    Args:
        experiment: a file, or a description made in Python.
        profile: one of the file's profiles.
        corpus: a folder, or "synthetic" for the stand-in, which is synthesised where it is missing.
        stores: root of the stores; see `earmark.places.stores_root`.
        n_seeds: repetitions, seeds 0 to n_seeds - 1; the experiment's own seeds where None.
        advance: called with (done, total) recordings while a stand-in is synthesised.
        manager: plugins; those of this process where None.

    Raises:
        EarmarkError: with what is wrong, where, and what to do.
    """
    manager = manager or plugins()
    changes = {} if n_seeds is None else {"seeds": list(range(n_seeds))}
    if isinstance(experiment, Path):
        described = read_experiment(experiment, profile, changes)
        check_plugins(described, manager, str(experiment))
    else:
        described = experiment.model_copy(update=changes)
        check_plugins(described, manager, described.name)
    root = stores_root(stores)
    if corpus == SYNTHETIC:
        folder = synthesized(root, described.corpus, described.synthetic, advance=advance, manager=manager)
    else:
        folder = Path(corpus)
    dataset = read_corpus(described.corpus, folder, manager)
    return Study(experiment=described, dataset=dataset, store=open_store(root, manager), manager=manager)
