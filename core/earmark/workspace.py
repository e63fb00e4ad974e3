"""The way from a file name to a study: store, corpus, or the synthetic stand-in of one."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.addressing import address_of
from earmark.errors import CorpusError, ExperimentError
from earmark.experiment import Description, Experiment, PluginRef, experiment_of, merged, read_experiment
from earmark.folds import with_fold
from earmark.piecework import Advance, engine_for_pieces, with_engine
from earmark.places import SYNTHETIC, own_origin_of, stores_root
from earmark.plugins import PluginManager, options_model, plugins
from earmark.protocols import Corpus, Synthesizer
from earmark.recordings import Dataset
from earmark.storage import Store
from earmark.study import Study, check_plugins


def open_store(root: Path | str, manager: PluginManager | None = None) -> Store:
    """The store at a root: a folder, or an address such as ``s3://bucket/folder``; see `earmark.places.stores_root`.

    Raises:
        StoreError: the address is none, or the root a mirror that cannot be used.
    """
    folder = stores_root(root)
    use = "local" if own_origin_of(folder) is None else "fsspec"
    store: Store = (manager or plugins()).build("store", use, {}, "--stores", folder)
    return store


def synthesized(
    root: Path,
    corpus: PluginRef,
    options: Mapping[str, Any],
    seed: int = 0,
    advance: Advance | None = None,
    manager: PluginManager | None = None,
    engine: str = "auto",
) -> Path:
    """Make sure that a synthetic stand-in is there and whole; return its folder, named by all that decides it.

    A finished stand-in is marked by an empty file, so that asking for it again costs nothing. The engine is the one of
    `earmark.piecework.engine_for_pieces`.
    """
    synthesizer, folder = _stand_in(root, corpus, options, seed, manager)
    if not _whole(folder):
        folder.mkdir(parents=True, exist_ok=True)
        runner = engine_for_pieces(engine, manager or plugins())
        with_engine(synthesizer.synthesize, runner)(folder, seed=seed, advance=advance)
        folder.with_suffix(".whole").touch()
    return folder


def is_synthesized(
    root: Path, corpus: PluginRef, options: Mapping[str, Any], seed: int = 0, manager: PluginManager | None = None
) -> bool:
    """Whether a synthetic stand-in is there and whole; nothing is made."""
    return _whole(_stand_in(root, corpus, options, seed, manager)[1])


def _stand_in(
    root: Path, corpus: PluginRef, options: Mapping[str, Any], seed: int, manager: PluginManager | None
) -> tuple[Synthesizer, Path]:
    """What makes a stand-in, and its folder."""
    synthesizer: Synthesizer = (manager or plugins()).build(
        "synthesizer", corpus.use, options, f"synthetic {corpus.use}"
    )
    return synthesizer, root / "corpora" / f"{corpus.use}-synthetic-{address_of(dict(synthesizer.identity(seed)))[:12]}"


def _whole(folder: Path) -> bool:
    return folder.with_suffix(".whole").exists() and folder.is_dir()


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


def beside(experiment: Experiment, folder: Path, manager: PluginManager) -> Experiment:
    """The experiment with the relative paths among its plugins' options taken from a folder: that of its file."""
    kinds = {id(ref): kind for _, kind, ref in experiment.references()}

    def taken(value: Any) -> Any:
        if isinstance(value, PluginRef):
            fields = options_model(manager.find(kinds[id(value)], value.use, experiment.name).factory).model_fields
            paths = {
                name: str(folder / path)
                for name, path in value.options.items()
                if isinstance(path, str) and name in fields and _is_path(fields[name].annotation)
            }
            return value.model_copy(update=paths) if paths else value
        if isinstance(value, tuple):
            return tuple(map(taken, value))
        if isinstance(value, dict):
            return {key: taken(item) for key, item in value.items()}
        if isinstance(value, Description):
            return value.model_copy(update={name: taken(getattr(value, name)) for name in type(value).model_fields})
        return value

    whole: Experiment = taken(experiment)
    return whole


def _is_path(annotation: Any) -> bool:
    return annotation is Path or Path in typing.get_args(annotation)


def open_study(
    experiment: Path | Experiment,
    *,
    profile: str | None = None,
    corpus: str = SYNTHETIC,
    stores: Path | str | None = None,
    n_seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    advance: Advance | None = None,
    manager: PluginManager | None = None,
    engine: str = "auto",
) -> Study:
    """Open an experiment on a corpus: the one call with which notebooks and commands begin.

    Args:
        experiment: a file, or a description made in Python.
        profile: one of the file's profiles.
        corpus: a folder, or "synthetic" for the stand-in, which is synthesised where it is missing.
        stores: root of the stores; see `earmark.places.stores_root`.
        n_seeds: repetitions, seeds 0 to n_seeds - 1; the experiment's own seeds where None.
        changes: tables merged over those of the file, such as ``{"corpus": {"segment_s": 1.0}}``.
        advance: called with (done, total) recordings while a stand-in is synthesised.
        manager: plugins; those of this process where None.
        engine: synthesises a stand-in; "auto" takes that in ``EARMARK_ENGINE``, else the threads of this process.

    Raises:
        EarmarkError: with what is wrong, where, and what to do; also where the experiment has several folds.
    """
    studies = open_studies(
        experiment,
        profile=profile,
        corpus=corpus,
        stores=stores,
        n_seeds=n_seeds,
        changes=changes,
        advance=advance,
        manager=manager,
        engine=engine,
    )
    if len(studies) > 1:
        raise ExperimentError(
            f"{experiment if isinstance(experiment, Path) else experiment.name}: {len(studies)} folds are a study "
            "each. `earmark run` runs them all; in Python, use earmark.workspace.open_studies and "
            "earmark.folds.run_studies."
        )
    return studies[0]


def open_studies(
    experiment: Path | Experiment,
    *,
    profile: str | None = None,
    corpus: str = SYNTHETIC,
    stores: Path | str | None = None,
    n_seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    advance: Advance | None = None,
    manager: PluginManager | None = None,
    engine: str = "auto",
) -> list[Study]:
    """Open an experiment as one study for each of its folds, or as a single one where it has none.

    Arguments and errors are those of `open_study`.
    """
    manager = manager or plugins()
    changed = {**(changes or {}), **({} if n_seeds is None else {"seeds": list(range(n_seeds))})}
    if isinstance(experiment, Path):
        described = read_experiment(experiment, profile, changed)
        check_plugins(described, manager, str(experiment))
        described = beside(described, experiment.parent, manager)
    else:
        document = merged(experiment.model_dump(exclude_unset=True), changed)
        described = experiment_of(document, experiment.name)
        check_plugins(described, manager, described.name)
    root = stores_root(stores)
    if corpus == SYNTHETIC:
        folder = synthesized(root, described.corpus, described.synthetic, 0, advance, manager, engine)
    else:
        folder = Path(corpus)
    dataset = read_corpus(described.corpus, folder, manager)
    store = open_store(root, manager)
    if not described.folds:
        return [Study(experiment=described, dataset=dataset, store=store, manager=manager)]
    return [
        Study(
            experiment=described.model_copy(update={"folds": (fold,)}),
            dataset=with_fold(dataset, fold, train_split=described.train_split, test_split=described.test_split),
            store=store,
            manager=manager,
        )
        for fold in described.folds
    ]
