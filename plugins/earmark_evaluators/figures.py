"""Figures of any paper: time lines, training curves, and scores beside the printed ones.

Each function returns a matplotlib Figure that no global state knows of, so that a notebook shows it once and a loop
leaks none. Colours are safe for colour-blind readers; a method keeps its colour within a figure by its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from earmark.errors import suggestion
from earmark.recordings import Clip, Event
from earmark.reference import Reference
from earmark.spans import spans
from earmark_evaluators.alignment import event_decision
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.tables import cell, columns_of, is_percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]
"""Losses of one training: ``history[epoch][loss]``, with ``wall_s`` beside them."""

_INK = "#262626"
_WIDTH_IN = 7.2
"""Width of a page's text in inches."""


def time_line(
    reference: Reference,
    predictions_by_method: Mapping[str, xr.Dataset],
    where: str,
    *,
    corpus: str,
    threshold: float = 0.5,
) -> Figure:
    """Draw when events sound, as annotated and as each method decides.

    Source: [partial_labels], Figs. 8 and 9.

    Args:
        reference: holds the clip or recording.
        predictions_by_method: frame posteriors of each method; they may hold other clips too.
        where: id of a clip, or path of a recording, whose clips are then drawn one after the other.
        corpus: its title, which says where it is synthetic.
        threshold: an event is decided to sound where its posterior is at least this.

    Returns:
        A figure with a row for each event that occurs in the reference or in any method.

    Raises:
        EvaluationError: there is no such clip or recording, or predictions do not fit.
    """
    clips = _clips_of(reference, where)
    here = replace(reference, clips=clips)
    spans = {"Annotation": _annotated(clips)}
    for method, predictions in predictions_by_method.items():
        spans[method] = _decided(here, predictions, threshold)
    heard = {event.label for events in spans.values() for event in events}
    rows = [event for event in reference.events if event in heard]
    begin_s, end_s = clips[0].start_s, clips[-1].start_s + clips[-1].duration_s

    height_in = 1.15 + max(1, len(rows)) * (0.12 + 0.085 * len(spans))
    figure, axes = _figure(_WIDTH_IN, height_in)
    colours = {"Annotation": _INK, **_colours(predictions_by_method)}
    bar = 0.84 / len(spans)
    for row in range(0, len(rows), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
    for lane, (name, events) in enumerate(spans.items()):
        for row, label in enumerate(rows):
            bars = [(event.onset_s, event.offset_s - event.onset_s) for event in events if event.label == label]
            # The edge keeps events of a few frames visible.
            axes.broken_barh(
                bars, (row - 0.42 + lane * bar, 0.9 * bar), facecolor=colours[name], edgecolor=colours[name], lw=0.5
            )
    for clip in clips[1:]:
        axes.axvline(clip.start_s, color="0.75", lw=0.6, ls=(0, (2, 2)), zorder=0.5)
    axes.set_xlim(begin_s, end_s)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Time (s)")
    if not rows:
        axes.text(0.5, 0.5, "no event annotated or detected", transform=axes.transAxes, ha="center", va="center")
    scene = f" · {clips[0].scene}" if clips[0].scene else ""
    _legend_above(figure, [(name, colours[name]) for name in spans], title=f"{where}{scene} · {corpus}")
    return figure


def training_curves(histories: Mapping[str, Sequence[History]]) -> Figure:
    """Draw each loss over the epochs: the mean over repetitions, and the range from the lowest to the highest.

    Args:
        histories: ``histories[method][repetition][epoch][loss]``; methods may have different losses and lengths.

    Raises:
        EvaluationError: no training has an epoch.
    """
    losses = list(
        dict.fromkeys(
            name
            for repetitions in histories.values()
            for history in repetitions
            for epoch in history[:1]
            for name in epoch
            if name != "wall_s"
        )
    )
    if not losses:
        raise EvaluationError("There is no training curve to draw: no history has an epoch. Train for at least one.")
    n_columns = 2 if len(losses) in (2, 4) else min(3, len(losses))
    n_rows = -(-len(losses) // n_columns)
    figure, grid = _figure(_WIDTH_IN, 0.7 + 1.9 * n_rows, n_rows, n_columns)
    colours = _colours(histories)
    panels = np.atleast_1d(grid).ravel()
    for axes, loss in zip(panels, losses, strict=False):
        for method, repetitions in histories.items():
            curves = [[epoch[loss] for epoch in history if loss in epoch] for history in repetitions]
            length = min((len(curve) for curve in curves), default=0)
            if length:
                curve = np.array([values[:length] for values in curves])  # (repetition, epoch)
                epochs = np.arange(1, length + 1)
                marker = "o" if length == 1 else None
                axes.plot(epochs, curve.mean(axis=0), color=colours[method], lw=1.3, marker=marker, ms=3)
                axes.fill_between(epochs, curve.min(axis=0), curve.max(axis=0), color=colours[method], alpha=0.18, lw=0)
        axes.set_title(loss, fontsize=8.5)
        axes.set_xlabel("Epoch")
        if all(line.get_ydata().min() > 0 for line in axes.lines):
            _logarithmic(axes)
        axes.grid(axis="y", color="0.92", lw=0.5)
    for axes in panels[len(losses) :]:
        axes.set_visible(False)
    panels[0].set_ylabel("Loss")
    _legend_above(figure, list(colours.items()))
    return figure


def score_table_figure(table: pd.DataFrame) -> Figure:
    """Draw a table of scores: a panel per metric, a row per method, a colour per average, deviations as bars.

    Args:
        table: made by `earmark_evaluators.tables.score_table`; after `beside_paper` the paper's numbers appear as
            hollow markers.
    """
    keys = columns_of(table)
    panels = list(dict.fromkeys((target, metric) for target, metric, _ in keys))
    averages = list(dict.fromkeys(average for *_, average in keys))
    methods = [str(method) for method in table.index]
    figure, grid = _figure(_WIDTH_IN, 1.2 + 0.36 * len(methods), 1, len(panels), sharey=True)
    colours = _colours(averages)
    for axes, (target, metric) in zip(np.atleast_1d(grid), panels, strict=True):
        for row in range(0, len(methods), 2):
            axes.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
        shown = [average for average in averages if (target, metric, average) in keys]
        for lane, average in enumerate(shown):
            for row, method in enumerate(methods):
                height = row + (lane - (len(shown) - 1) / 2) * 0.3
                _score(axes, cell(table, method, (target, metric, average)), metric, height, colours[average])
        unit = " (%)" if is_percent(metric) else ""
        axes.set_xlabel(f"{target}: {_words(metric)}{unit}")
        axes.margins(x=0.08)
    first = np.atleast_1d(grid)[0]
    first.set_yticks(range(len(methods)), methods)
    first.set_ylim(len(methods) - 0.5, -0.5)
    for axes in np.atleast_1d(grid):
        axes.tick_params(axis="y", length=0)
    _legend_above(figure, list(colours.items()), with_paper=_has_paper(table), marker=True)
    return figure


def scores_by_event(table: pd.DataFrame) -> Figure:
    """Draw the scores of each class: a row per class, a colour per method, deviations as bars.

    Args:
        table: made by `earmark_evaluators.tables.class_table`; after `beside_paper` the paper's numbers appear as
            hollow markers. Classes without a number in any method are left out.
    """
    methods = [str(method) for method in table.index]
    keys = [key for key in columns_of(table) if table[(*key, "n")].max() > 0]
    metric = columns_of(table)[0][1]
    figure, axes = _figure(_WIDTH_IN * 0.8, 1.15 + max(1, len(keys)) * (0.12 + 0.075 * len(methods)))
    colours = _colours(methods)
    for row in range(0, len(keys), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
    for row, key in enumerate(keys):
        for lane, method in enumerate(methods):
            height = row + (lane - (len(methods) - 1) / 2) * 0.8 / len(methods)
            _score(axes, cell(table, method, key), metric, height, colours[method], size=3.6)
    axes.set_yticks(range(len(keys)), [key[0] for key in keys])
    axes.set_ylim(max(1, len(keys)) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(_words(metric) + (" (%)" if is_percent(metric) else ""))
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    _legend_above(figure, list(colours.items()), with_paper=_has_paper(table), marker=True)
    return figure


def _score(axes: Axes, score: Mapping[str, float], metric: str, height: float, colour: Any, size: float = 4.5) -> None:
    """One filled marker with its deviation, and the paper's as a hollow one; what is not a number is not drawn."""
    scale = 100.0 if is_percent(metric) else 1.0
    line: dict[str, Any] = {"color": colour, "capsize": 0}
    if np.isfinite(score["mean"]):
        deviation = score["sd"] * scale if score["n"] > 1 else None
        axes.errorbar(score["mean"] * scale, height, xerr=deviation, fmt="o", ms=size, elinewidth=1.1, zorder=3, **line)
    if np.isfinite(score.get("paper_mean", np.nan)):
        deviation = score["paper_sd"] * scale if np.isfinite(score["paper_sd"]) else None
        line |= {"mfc": "white", "ms": size - 0.6, "elinewidth": 0.7}
        # Raised a little, so that equal numbers do not hide each other.
        axes.errorbar(score["paper_mean"] * scale, height - 0.07, xerr=deviation, fmt="D", zorder=2, **line)


def _figure(
    width_in: float, height_in: float, n_rows: int = 1, n_columns: int = 1, **options: Any
) -> tuple[Figure, Any]:
    import matplotlib.pyplot as plt
    import seaborn as sns

    style: dict[Any, Any] = {
        "font.size": 8,
        "axes.labelsize": 8,
        "axes.edgecolor": "0.6",
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "x",
        "grid.color": "0.88",
        "grid.linewidth": 0.6,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 8,
        "xtick.color": _INK,
    }
    with sns.axes_style("ticks"), plt.rc_context(style):
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=(width_in, height_in), layout="constrained", dpi=150, **options
        )
    # Made through pyplot, which tells a notebook how to show figures; closed, so that it shows this one only once.
    plt.close(figure)
    return figure, axes


def _colours(names: Iterable[str]) -> dict[str, Any]:
    import seaborn as sns

    listed = list(names)
    return dict(zip(listed, sns.color_palette("colorblind", max(1, len(listed))), strict=False))


def _legend_above(
    figure: Figure,
    entries: Sequence[tuple[str, Any]],
    *,
    title: str | None = None,
    with_paper: bool = False,
    marker: bool = False,
) -> None:
    from matplotlib.lines import Line2D

    shape: dict[str, Any] = {"marker": "o", "ls": "", "ms": 5} if marker else {"lw": 4, "solid_capstyle": "butt"}
    handles = [Line2D([], [], color=colour, label=name, **shape) for name, colour in entries]
    if with_paper:
        handles.append(
            Line2D([], [], color="0.35", mfc="white", marker="D", ls="", ms=4.5, label="paper, on its corpus")
        )
    # The title is the legend's: a figure's own title and a legend outside the axes would lie on each other.
    for n_columns in (3, 2, 1):
        legend = figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=n_columns,
            frameon=False,
            fontsize=8,
            title=title,
            title_fontsize=9,
            alignment="left",
        )
        if n_columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    legend.get_title().set_color(_INK)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis with plain numbers, where matplotlib would write powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _words(metric: str) -> str:
    """A metric's name in words.

    >>> _words("segment_fscore")
    'segment F-score'
    """
    return metric.replace("fscore", "F-score").replace("_", " ")


def _has_paper(table: pd.DataFrame) -> bool:
    return any(column[-1] == "paper_mean" for column in table.columns)


def _clips_of(reference: Reference, where: str) -> tuple[Clip, ...]:
    clips = [clip for clip in reference.clips if where in (clip.id, clip.recording.path)]
    if not clips:
        names = sorted({name for clip in reference.clips for name in (clip.id, clip.recording.path)})
        raise EvaluationError(
            f"The reference has no clip or recording {where!r}. {suggestion(where, names)}"
            f"Name a recording's path or a clip's id, such as {names[0] if names else 'audio/a.wav@0'!r}."
        )
    return tuple(sorted(clips, key=lambda clip: clip.start_s))


def _annotated(clips: Sequence[Clip]) -> list[Event]:
    return [
        Event(event.onset_s + clip.start_s, event.offset_s + clip.start_s, event.label)
        for clip in clips
        for event in clip.events
    ]


def _decided(here: Reference, predictions: xr.Dataset, threshold: float) -> list[Event]:
    if "clip" in predictions.coords:
        wanted = set(here.clip_ids)
        names = predictions["clip"].values.tolist()
        predictions = predictions.isel(clip=[index for index, name in enumerate(names) if name in wanted])
    found = spans(event_decision(here, predictions, threshold))
    start_s = np.array([clip.start_s for clip in here.clips])[found.clip]
    return [
        Event(float(onset), float(offset), here.events[event])
        for onset, offset, event in zip(
            start_s + found.first * here.grid.hop_s, start_s + found.end * here.grid.hop_s, found.event, strict=True
        )
    ]
