"""``earmark label pann``: events that a pretrained tagger hears in recordings, as a table of posteriors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli.options import Device, Engine, Scheduler, Stores, chosen_engine

if TYPE_CHECKING:
    from earmark.clip_tables import ClipTable
    from earmark.plugins import PluginManager
    from earmark.recordings import Dataset

USUAL_THRESHOLD = 0.2
PUBLISHED_PER_CLIP = 3.067
"""Labels a clip of the published pseudo labels of [relation_guided]."""
MOST_CLIPS = 40
"""Clips that are listed one by one; of more, the events are counted."""


def pann(
    audio: Annotated[
        list[Path] | None,
        typer.Argument(help="Recordings, or folders that are searched for recordings.", show_default=False),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Released weights, such as Cnn14_16k_mAP=0.438.pth (`earmark data fetch panns`), or the model bundle "
            "of a tagger of your own.",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Instead of recordings: the folder of a corpus.", show_default=False)
    ] = None,
    reader: Annotated[str, typer.Option(help="What reads the corpus, see `earmark data list`.")] = "tut2018",
    rate: Annotated[int, typer.Option(help="Rate of released weights in Hz: 16000 or 32000.")] = 16_000,
    clip_s: Annotated[float, typer.Option(help="Length of clips in seconds; a shorter rest is filled up.")] = 10.0,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Show the events from this posterior on. It is not part of the table.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Without --threshold: show so many events of each clip.")] = 5,
    per_clip: Annotated[
        float, typer.Option(help="Also say which threshold gives so many labels a clip on average.")
    ] = PUBLISHED_PER_CLIP,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips at a time; on a GPU, 64 are faster.")] = 8,
    to: Annotated[Path | None, typer.Option(help="Also write the table here, an NPZ.", show_default=False)] = None,
    stores: Stores = None,
    device: Device = "auto",
    engine: Engine = "auto",
    scheduler: Scheduler = None,
) -> None:
    """Tag recordings with the 527 events of AudioSet by a pretrained CNN14, or with those of a tagger of your own.

    The table holds posteriors; what an interrupted call has heard is kept. It is for the label source pann:
    sources = ["scene", { use = "pann", table = "TABLE.npz", threshold = 0.2 }].
    Example: earmark label pann --corpus DIR --reader tut2018 --checkpoint Cnn14_16k_mAP=0.438.pth --to table.npz
    Without weights, a stand-in: earmark train paper/relation_guided/tagger.toml --profile quick --to models/tagger
    """
    from earmark.clip_tables import read_clip_table
    from earmark.piecework import engine_for_pieces, with_engine
    from earmark.places import stores_root
    from earmark.plugins import plugins
    from earmark.progress import reporting

    manager = plugins()
    runner = engine_for_pieces(chosen_engine(engine, scheduler), manager)
    dataset = _dataset(audio or [], corpus, reader, manager)
    options = {
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "rate_hz": rate,
        "clip_s": clip_s,
        "batch_size": batch_size,
        "device": device,
    }
    labeller = manager.build("labeller", "pann", options, "earmark label pann")
    with reporting(manager) as reporter, reporter.counting("Listening, clips") as advance:
        write_table = with_engine(labeller.write_table, runner)
        path = write_table(dataset, stores_root(stores) / "labels" / "tagged", advance)
    table = read_clip_table(path)
    _print(table, threshold, top, per_clip)
    if to is not None:
        _copy(path, to)
    print(f"Table  {to or path}")


def _dataset(audio: list[Path], corpus: Path | None, reader: str, manager: PluginManager) -> Dataset:
    """The corpus, or recordings by hand as one."""
    if bool(audio) == (corpus is not None):
        raise typer.BadParameter("name either recordings, or a corpus with --corpus")
    import os

    from earmark.audio import audio_info
    from earmark.bundles.detections import find_recordings
    from earmark.experiment import PluginRef
    from earmark.recordings import Dataset, Recording
    from earmark.workspace import read_corpus

    if corpus is not None:
        return read_corpus(PluginRef(use=reader), corpus, manager)
    found = [path.absolute() for path in find_recordings(audio).values()]
    infos = {path: audio_info(path) for path in found}
    root = Path(os.path.commonpath([path.parent for path in found]))
    return Dataset(
        name="recordings by hand",
        root=root,
        synthetic=False,
        scenes=(),
        events=(),
        recordings=tuple(
            Recording(
                path=path.relative_to(root).as_posix(),
                duration_s=info.duration_s,
                rate_hz=info.rate_hz,
                channels=info.channels,
                split="",
            )
            for path, info in infos.items()
        ),
    )


def _print(table: ClipTable, threshold: float | None, top: int, per_clip: float) -> None:
    """What the table says: of each clip where they are few, else of each event; then what thresholds give."""
    import numpy as np
    from rich.console import Console
    from rich.table import Column, Table

    from earmark.clip_tables import calibrated_threshold, labels_per_clip

    tagger = str(table.about.get("tagger", "an unknown tagger"))
    print(f"{len(table.clips)} clips, {len(table.events)} events, by: {tagger}")
    shown = USUAL_THRESHOLD if threshold is None else threshold
    if len(table.clips) <= MOST_CLIPS:
        rows = Table(Column("clip", overflow="fold"), "events with their posteriors")
        for clip, values in zip(table.clips, table.values, strict=True):
            order = np.argsort(-values.astype(np.float32), kind="stable")
            chosen = order[:top] if threshold is None else order[values[order] >= threshold]
            rows.add_row(clip, ", ".join(f"{table.events[e]} {float(values[e]):.2f}" for e in chosen))
    else:
        rows = Table("event", f"clips at {shown:g} or more")
        counts = (table.values >= shown).sum(0)
        for event in [e for e in np.argsort(-counts, kind="stable")[: 4 * top] if counts[e]]:
            rows.add_row(table.events[event], str(int(counts[event])))
    Console().print(rows)
    print(f"Labels a clip at a threshold of {shown:g}: {labels_per_clip(table.values, shown):.3f}")
    if 0 < per_clip <= len(table.events):
        calibrated = calibrated_threshold(table.values, per_clip)
        print(f"Threshold for {per_clip:g} labels a clip: {calibrated:.4f}")


def _copy(path: Path, to: Path) -> None:
    import shutil

    from earmark.errors import StoreError

    try:
        shutil.copyfile(path, to)
    except OSError as error:
        raise StoreError(f"--to {to}: cannot be written ({error.strerror or error}). Name another file.") from None
