"""``earmark evaluate``: scores of anybody's output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli.options import listed_names, named_paths, option_value

if TYPE_CHECKING:
    from earmark.evaluation.compared_sets import ComparedSets

CRITERIA = ("segment", "event", "intersection", "clip")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(evaluate)


def evaluate(
    reference: Annotated[Path, typer.Option(help="Annotated events: a table, or a folder with a file a recording.")],
    estimated: Annotated[
        list[str],
        typer.Option(
            metavar="[NAME=]PATH",
            help="Detected events, likewise. Repeat it to compare systems: the others with the first.",
        ),
    ],
    durations: Annotated[
        Path | None,
        typer.Option(
            help="Table of filename and duration in seconds: all recordings that are evaluated, also silent ones.",
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(min=1e-6, help="Seconds, where all the reference's recordings last so.", show_default=False),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="tsv, audacity, raven, jams, or a plugin's; by default the one whose files end so.", show_default=False
        ),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            help="Vocabulary: names between commas, or a file with one a line; by default the reference's names.",
            show_default=False,
        ),
    ] = None,
    criterion: Annotated[
        list[str] | None,
        typer.Option(help=f"May be repeated; by default {', '.join(CRITERIA)}.", show_default=False),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="Option of a criterion, such as --set segment.segment_s=0.1", show_default=False),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Resamples of the bootstrap over recordings.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Decides the draws of the bootstrap.")] = 0,
    confidence: Annotated[float, typer.Option(min=0.01, max=0.999, help="Of the intervals.")] = 0.95,
    output: Annotated[
        Path | None, typer.Option(help="Also write all scores here, as .csv or .json.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no tables.")] = False,
) -> None:
    """Score detected events against annotated ones: per class and averaged, with bootstrap intervals.

    Example: earmark evaluate --reference ref.tsv --estimated est.tsv --durations durations.tsv
    """
    if durations is not None and duration is not None:
        raise typer.BadParameter("say either --durations or --duration")
    if output is not None and output.suffix not in (".csv", ".json"):
        raise typer.BadParameter(f"--output {output}: a file that ends in .csv or .json is wanted")
    import numpy as np

    from earmark.evaluation.compared_sets import compared_sets
    from earmark.evaluation.files import read_durations, read_set
    from earmark.evaluation.report import Report
    from earmark.evaluation.scoring import count_events, count_scenes, score_rows
    from earmark.plugins import plugins

    names = criterion or CRITERIA
    options = _options(option or [], names)
    manager = plugins()
    criteria = [manager.build("criterion", name, options.get(name, {}), "earmark evaluate") for name in names]
    annotated = read_set(reference, format, "--reference")
    paths = named_paths(estimated, "systems")
    systems = {name: read_set(path, format, "--estimated") for name, path in paths.items()}
    sets = compared_sets(
        annotated,
        systems,
        durations_s=read_durations(durations) if durations is not None else duration,
        vocabulary=None if events is None else listed_names(events, "--events"),
        by_stem=any(path.is_dir() for path in (reference, *paths.values())),
    )
    _check_times(sets, names)
    lists = {name: side.lists for name, side in sets.estimated.items()}
    counted = count_events(sets.reference.lists, lists, criteria if sets.reference.lists.vocabulary else [])
    if sets.scenes:
        for system, scenes in sets.estimated_scenes.items():
            counted[system].append(count_scenes(sets.scenes, scenes))
    rows = score_rows(counted, n_resamples=resamples, confidence=confidence, generator=np.random.default_rng(seed))
    report = Report(sets=sets, rows=rows, n_resamples=resamples, seed=seed, confidence=confidence)
    if output is not None:
        report.write(output)
    if not quiet:
        report.print()


def _options(settings: Sequence[str], criteria: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """Options by criterion, from CRITERION.OPTION=VALUE."""
    options: dict[str, dict[str, Any]] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        criterion, dot, name = key.strip().partition(".")
        if not equals or not dot:
            raise typer.BadParameter(f"--set wants CRITERION.OPTION=VALUE, got {setting!r}")
        if criterion not in criteria:
            raise typer.BadParameter(
                f"--set {setting}: no criterion {criterion!r} here; {', '.join(criteria)} are used"
            )
        of_criterion = options.setdefault(criterion, {})
        of_criterion[name] = option_value(value)
    return options


def _check_times(sets: ComparedSets, criteria: Sequence[str]) -> None:
    from earmark.errors import AnnotationError

    if sets.without_times and set(criteria) != {"clip"}:
        raise AnnotationError(
            f"{sets.without_times[0]} names events without times, of which only presence in a recording can be judged. "
            "Add --criterion clip."
        )
