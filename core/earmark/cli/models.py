"""``earmark train`` and ``earmark predict``: from an experiment to a model bundle, and from a bundle to events."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import (
    CorpusFolder,
    Device,
    Engine,
    ExperimentFile,
    FileProfile,
    Scheduler,
    Stores,
    chosen_engine,
)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(train)
    app.command()(predict)


def train(
    experiment: ExperimentFile,
    stage: Annotated[
        str | None,
        typer.Option(help="Stage whose model is kept. [default: the only one with a title]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seeds weights, labels' draw and order.")] = 0,
    profile: FileProfile = None,
    corpus: CorpusFolder = "synthetic",
    to: Annotated[
        Path | None,
        typer.Option(help="Folder of the bundle. [default: models/EXPERIMENT-STAGE]", show_default=False),
    ] = None,
    stores: Stores = None,
    device: Device = "auto",
) -> None:
    """Train one model of an experiment, evaluate it, and keep it as a bundle for `earmark predict`.

    Example: earmark train paper/partial_labels/table5.toml --profile quick --stage strong --to models/strong
    """
    import dataclasses

    from earmark.bundles.export import export
    from earmark.errors import ExperimentError
    from earmark.pipeline import run_study
    from earmark.plugins import plugins
    from earmark.progress import reporting
    from earmark.study import Job
    from earmark.workspace import open_study

    with reporting(plugins()) as reporter:
        with reporter.counting("Synthesising recordings") as advance:
            study = open_study(experiment, profile=profile, corpus=corpus, stores=stores, advance=advance)
        methods = study.experiment.methods
        if stage is None and len(methods) != 1:
            raise ExperimentError(
                f"{experiment}: {len(methods)} stages have a title; say which one to keep with --stage: "
                f"{', '.join(methods) or ', '.join(study.experiment.stages)}."
            )
        for note in study.dataset.notes:
            reporter.say(f"Note: {note}")
        chosen = stage or next(iter(methods))
        study = dataclasses.replace(study, experiment=study.experiment.only(chosen, seed))
        reporter.expect(len(study.missing()))
        with reporter.counting("Extracting features, clips") as advance:
            run_study(study, device=device, advance=advance)
    folder = to or Path("models") / f"{study.experiment.name}-{chosen}"
    described = export(study, Job(chosen, seed), folder)
    for name, score in described.about["scores"].items():
        print(f"{name:40} {score}")
    print(f"Bundle  {folder}\nCard    {folder / 'README.md'}")


def predict(
    bundle: Annotated[Path, typer.Argument(help="Model bundle, as `earmark train` leaves it.")],
    audio: Annotated[list[Path], typer.Argument(help="Recordings, or folders that are searched for recordings.")],
    format: Annotated[
        str, typer.Option(help="tsv (one table), audacity, raven or jams (a file for each recording), or a plugin's.")
    ] = "tsv",
    to: Annotated[Path, typer.Option(help="Folder for the events and scenes.")] = Path("predictions"),
    scores: Annotated[
        Path | None,
        typer.Option(help="Also keep all posteriors here, a zarr store with a group a recording.", show_default=False),
    ] = None,
    device: Device = "auto",
    engine: Engine = "auto",
    scheduler: Scheduler = None,
) -> None:
    """Detect events and name the scene in recordings of any length, rate and number of channels.

    Recordings that cannot be read are named with the reason, the others are done; the exit code is then 1.
    With another engine than this process, each recording is a job, and an interrupted call goes on.
    Example: earmark predict models/strong recordings/ --format audacity --to labels
    """
    from rich.console import Console
    from rich.table import Column, Table

    from earmark.bundles.detections import Detections, find_recordings
    from earmark.bundles.listening import heard_by, heard_here
    from earmark.errors import AudioError
    from earmark.piecework import engine_for_pieces
    from earmark.plugins import plugins
    from earmark.progress import reporting

    manager = plugins()
    runner = engine_for_pieces(chosen_engine(engine, scheduler), manager)
    writer = Detections(to, manager.build("annotation format", format, {}, "--format"), scores)
    recordings = find_recordings(audio)
    table = Table(Column("recording", overflow="fold"), "minutes", "events", "scene", "posterior")
    failures: list[str] = []
    with reporting(manager) as reporter, reporter.counting("Recordings") as advance:
        if runner is None:
            heard = heard_here(bundle, recordings, device, advance)
        else:
            frames = scores is not None
            heard = heard_by(runner, bundle, recordings, device, advance, folder=to, frames=frames)
        for name, prediction in heard:
            if isinstance(prediction, AudioError):
                failures.append(str(prediction))
                continue
            writer.add(name, prediction)
            scene, posterior = prediction.scene or ("", 0.0)
            table.add_row(
                name,
                f"{prediction.duration_s / 60:.2f}",
                str(len(prediction.events)),
                scene,
                f"{posterior:.2f}" if scene else "",
            )
    written = writer.finish()
    if table.row_count:
        Console().print(table)
    for path in written:
        print(path)
    for failure in failures:
        print(f"earmark: not done: {failure}", file=sys.stderr)
    if failures:
        print(f"earmark: {len(failures)} of {len(recordings)} recordings could not be read.", file=sys.stderr)
        raise typer.Exit(1)
