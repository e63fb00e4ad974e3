"""``earmark label``: labels that cost something to make, made once; and candidate sets compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import label_audio
from earmark.cli.options import Stores, listed_names, named_paths

if TYPE_CHECKING:
    from earmark.candidates.sets import Sets
    from earmark.plugins import PluginManager
    from earmark.progress import Reporter
    from earmark.recordings import Dataset

Corpus = Annotated[
    str | None,
    typer.Option(
        help="Folder of the corpus whose scenes and events are meant, or 'synthetic' for its stand-in.",
        show_default=False,
    ),
]
Reader = Annotated[str, typer.Option(help="What reads the corpus, see `earmark data list`.")]
Scenes = Annotated[
    str | None,
    typer.Option(help="Instead of a corpus: names between commas, or a file with one a line.", show_default=False),
]
Events = Annotated[str | None, typer.Option(help="Likewise, the events.", show_default=False)]

PUBLISHED = "published"
"""Name of the candidate sets that the label source ``partial`` has by itself."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    label = typer.Typer(
        help="Make labels for recordings: candidate sets of events, from scenes, with a language model; or events of "
        "each clip, with a pretrained tagger.",
        no_args_is_help=True,
    )
    label.command()(partial)
    label.command()(compare)
    label.command()(label_audio.pann)
    app.add_typer(label, name="label")


def partial(
    model: Annotated[str, typer.Option(help="Name of the language model at the server.", show_default=False)],
    base_url: Annotated[
        str, typer.Option(help="OpenAI-compatible server: OpenAI, Ollama, vLLM, llama.cpp and others.")
    ] = "https://api.openai.com/v1",
    corpus: Corpus = None,
    reader: Reader = "tut",
    scenes: Scenes = None,
    events: Events = None,
    key_variable: Annotated[
        str,
        typer.Option(help="Environment variable that holds the key; the key itself is written nowhere. '' sends none."),
    ] = "OPENAI_API_KEY",
    to: Annotated[Path | None, typer.Option(help="Also write the table here, a CSV.", show_default=False)] = None,
    stores: Stores = None,
) -> None:
    """Ask a language model, once per scene, which events are likely to be heard there.

    Every answer is kept in the store, so that a second call asks nothing and an interrupted one goes on. The table is
    for the label source partial: sources = [{ use = "partial", table = "TABLE.csv" }].
    Example: earmark label partial --corpus DIR --model qwen3:8b --base-url http://localhost:11434/v1 --to mine.csv
    """
    from rich.markup import escape

    from earmark.places import stores_root
    from earmark.plugins import plugins
    from earmark.progress import reporting

    manager = plugins()
    options = {"model": model, "base_url": base_url, "key_variable": key_variable}
    labeller = manager.build("labeller", "partial", options, "earmark label partial")
    with reporting(manager) as reporter:
        dataset = _dataset(corpus, reader, scenes, events, stores, manager, reporter)
        with reporter.counting(escape(f"Asking {model}, scenes")) as advance:
            table = labeller.write_table(dataset, stores_root(stores) / "labels" / "partial", advance)
    from earmark.candidates.sets import candidate_sets

    sets = candidate_sets(manager.build("label source", "partial", {"table": str(table)}, str(table)), dataset)
    for scene in dataset.scenes:
        print(f"{scene}: {len(sets[scene])} of {len(dataset.events)} events")
    if to is not None:
        _write(to, table.read_bytes(), "--to")
    print(f"Table  {to or table}")


def compare(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]TABLE...",
            help="Candidate tables, CSV with the columns scene and event. The published one is always compared, where "
            "the corpus has its scenes and events.",
            show_default=False,
        ),
    ] = None,
    corpus: Corpus = None,
    reader: Reader = "tut",
    split: Annotated[str, typer.Option(help="Split whose annotated events are the truth.")] = "development",
    scenes: Scenes = None,
    events: Events = None,
    output: Annotated[Path | None, typer.Option(help="Also write all numbers here, a CSV.", show_default=False)] = None,
    stores: Stores = None,
) -> None:
    """Compare candidate sets: size, coverage of the annotated events, precision, agreement between tables.

    With --scenes and --events instead of a corpus nothing is known to be true: sizes and agreement remain.
    Example: earmark label compare mine.csv other=theirs.csv --corpus DIR --output sets.csv
    """
    from earmark.candidates.report import csv_text, print_report, report_rows
    from earmark.candidates.sets import annotated_events
    from earmark.errors import CorpusError
    from earmark.plugins import plugins
    from earmark.progress import reporting

    manager = plugins()
    named = named_paths(tables or [], "tables", [PUBLISHED])
    with reporting(manager) as reporter:
        dataset = _dataset(corpus, reader, scenes, events, stores, manager, reporter)
    splits = list(dict.fromkeys(recording.split for recording in dataset.recordings))
    if splits and split not in splits:
        raise CorpusError(f"--split {split}: {dataset.root} has no such split; it has {', '.join(splits)}.")
    sets, notes = _all_sets(named, dataset, manager)
    truth = annotated_events(dataset, split)
    rows = report_rows(sets, truth, dataset.scenes)
    if output is not None:
        _write(output, csv_text(rows).encode(), "--output")
    print_report(rows, sets, truth, dataset, notes)


def _dataset(
    corpus: str | None,
    reader: str,
    scenes: str | None,
    events: str | None,
    stores: Path | None,
    manager: PluginManager,
    reporter: Reporter,
) -> Dataset:
    """The corpus, or scenes and events by hand as a corpus without recordings."""
    by_hand = scenes is not None or events is not None
    if by_hand == (corpus is not None) or (scenes is None) != (events is None):
        raise typer.BadParameter("say either --corpus, or both --scenes and --events")
    from earmark.experiment import PluginRef
    from earmark.places import SYNTHETIC, stores_root
    from earmark.recordings import Dataset
    from earmark.workspace import read_corpus, synthesized

    if scenes is not None and events is not None:
        return Dataset(
            name="scenes by hand",
            root=Path(),
            synthetic=False,
            scenes=listed_names(scenes, "--scenes"),
            events=listed_names(events, "--events"),
            recordings=(),
        )
    assert corpus is not None
    ref = PluginRef(use=manager.find("corpus", reader, "--reader").name)
    if corpus != SYNTHETIC:
        return read_corpus(ref, Path(corpus), manager)
    # Any stand-in of the corpus has its scenes and events; a new one would take minutes for a few names.
    whole = sorted((stores_root(stores) / "corpora").glob(f"{reader}-synthetic-*.whole"))
    folder = next((mark.with_suffix("") for mark in whole if mark.with_suffix("").is_dir()), None)
    if folder is None:
        with reporter.counting("Synthesising recordings") as advance:
            folder = synthesized(stores_root(stores), ref, {}, advance=advance, manager=manager)
    return read_corpus(ref, folder, manager)


def _all_sets(named: Mapping[str, Path], dataset: Dataset, manager: PluginManager) -> tuple[dict[str, Sets], list[str]]:
    """Sets of all tables, the published ones first where they fit; and a sentence where they do not."""
    from earmark.candidates.sets import candidate_sets
    from earmark.errors import AnnotationError

    sets: dict[str, Sets] = {}
    notes = []
    try:
        sets[PUBLISHED] = candidate_sets(manager.build("label source", "partial", {}, PUBLISHED), dataset)
    except AnnotationError:
        if not named:
            raise
        notes.append("The published candidate sets are left out: they are for other scenes or events.")
    for name, path in named.items():
        source = manager.build("label source", "partial", {"table": str(path)}, str(path))
        sets[name] = candidate_sets(source, dataset)
    return sets, notes


def _write(path: Path, content: bytes, option: str) -> None:
    from earmark.errors import StoreError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"{option} {path}: cannot be written ({error.strerror or error}). Name another file."
        ) from None
