"""Figures of exploration: confusion, recall by duration and overlap, two runs, label layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earmark_evaluators.exploring.confusion import NOTHING
from earmark_evaluators.exploring.label_layers import ANNOTATED, CHANGES
from earmark_evaluators.exploring.recall import ALL
from earmark_evaluators.figures_style import INK, WIDTH_IN, colours_of, legend_above, new_figure

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from earmark.recordings import Event

N_EVENTS = 12
"""Rows of a figure with a row for each event: those with most to show."""
N_RELABELLED = 30
"""Likewise for labels, where events with few changed frames may be those that became most wrong."""
LEAST_SHARE = 0.02
"""An event that is falsely active in no larger share of any row gets no column in the figure of confusion."""


LEAST_PANEL = 0.2
"""Share of a figure's width that frames added, or removed, have at least."""
LEAST_GAIN = 0.05
"""The axis of gains reaches at least so far to either side."""
ANNOTATION = "annotation"
"""Name of the annotated events beside decisions."""


def confusion(found: xr.Dataset, title: str) -> Figure:
    """Draw what is heard in the frames of missed events: a row for each event, in percent.

    Args:
        found: made by `earmark_evaluators.exploring.confusion.confusion_in_time`; the events with most frames are
            shown, and only columns with more than `LEAST_SHARE` in one of their rows.
        title: run and corpus, which says where it is synthetic.
    """
    frames = found["n_frames"].values
    rows = [int(row) for row in np.argsort(-frames, kind="stable")[:N_EVENTS] if frames[row] > 0]
    if not rows:
        return _empty("no event was missed", title)
    names = [str(name) for name in found["heard"].values]
    share = found["share"].values[rows]
    columns = [place for place, name in enumerate(names) if name == NOTHING or np.nanmax(share[:, place]) > LEAST_SHARE]
    hop_s = found.attrs["hop_s"]
    events = [f"{found['event'].values[row]} · {frames[row] * hop_s:.1f} s" for row in rows]
    width_in = min(WIDTH_IN, max(4.5, 2.4 + 0.4 * len(columns)))
    figure, axes = new_figure(width_in, 1.6 + 0.24 * len(rows))
    _heat(axes, share[:, columns], rows=events, columns=[names[place] for place in columns])
    axes.set_ylabel("missed, and for how long in all")
    axes.set_xlabel("falsely active meanwhile (% of frames)")
    legend_above(figure, [], title=title)
    return figure


def recall(by_duration: pd.DataFrame, by_polyphony: pd.DataFrame, title: str) -> Figure:
    """Draw how many annotated events were found, by duration and by the number that sound at once.

    Args:
        by_duration: made by `earmark_evaluators.exploring.recall.recall_by_duration`.
        by_polyphony: made by `earmark_evaluators.exploring.recall.recall_by_polyphony` of the same run.
        title: run and corpus, which says where it is synthetic.
    """
    sums = by_duration[by_duration["event"] != ALL].groupby("event")["n_reference"].sum()
    events = [ALL, *sums.sort_values(ascending=False, kind="stable").index[:N_EVENTS]]
    figure, both = new_figure(WIDTH_IN, 1.5 + 0.24 * len(events), 1, 2, sharey=True)
    sides = ((by_duration, "duration"), (by_polyphony, "annotated events at once"))
    for axes, (table, said) in zip(both, sides, strict=True):
        bins = list(dict.fromkeys(table["bin"]))
        cells = table.set_index(["event", "bin"])
        share = np.array([[cells.loc[(event, name), "recall"] for name in bins] for event in events], dtype=np.float64)
        number = [[int(cells.loc[(event, name), "n_reference"]) for name in bins] for event in events]
        _heat(axes, share, rows=events, columns=bins, number=number)
        axes.axhline(0.5, color="white", lw=2)
        axes.set_xlabel(said)
    legend_above(figure, [], title=f"{title}\nrecall in %, small: number of annotated events")
    return figure


def two_runs(table: pd.DataFrame, title: str) -> Figure:
    """Draw two runs clip by clip: one against the other, and what the second gains, sorted.

    Args:
        table: made by `earmark_evaluators.exploring.two_runs.compared`.
        title: what is compared, and on which corpus.
    """
    shown = table[table["gain"].notna()]
    if shown.empty:
        return _empty("no clip has an F in both runs", title)
    first, second = table.attrs.get("first", "first"), table.attrs.get("second", "second")
    colours = dict(zip((first, second), colours_of((first, second, "")).values(), strict=False))
    gain = shown["gain"].to_numpy()
    better = [colours[second] if value > 0 else colours[first] if value < 0 else "0.6" for value in gain]
    figure, (points, bars) = new_figure(WIDTH_IN, 3.3, 1, 2)
    points.plot([0, 1], [0, 1], color="0.7", lw=0.8, zorder=0)
    points.scatter(shown["first"], shown["second"], c=better, s=14, lw=0, alpha=0.8, clip_on=False)
    points.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"frame F of a clip: {first}", ylabel=f"frame F: {second}")
    points.set_aspect("equal")
    points.grid(axis="y")
    bars.bar(np.arange(len(gain)), gain, width=1.0, color=better, lw=0)
    bars.axhline(0, color=INK, lw=0.6)
    bars.axhline(gain.mean(), color=INK, lw=0.9, ls=(0, (4, 2)))
    # Beside the bars of the other sign, which leave this half of the axis empty.
    place, side = (0, "left") if gain.mean() < 0 else (1, "right")
    bars.annotate(
        f"mean {gain.mean():+.3f}", (place, gain.mean()), xycoords=("axes fraction", "data"),
        xytext=(4 - 8 * place, 3), textcoords="offset points", ha=side, fontsize=7.5,
    )  # fmt: skip
    # Differences of nothing must not fill the axis.
    bars.set_ylim(min(1.05 * float(gain.min()), -LEAST_GAIN), max(1.05 * float(gain.max()), LEAST_GAIN))
    bars.set_xlim(-0.5, len(gain) - 0.5)
    bars.set(xlabel=f"{len(gain)} clips, sorted", ylabel="gain in frame F")
    bars.grid(visible=False)
    wins = {second: int((gain > 0).sum()), first: int((gain < 0).sum())}
    entries = [(f"{name} better in {n} clips", colours[name]) for name, n in wins.items()]
    legend_above(figure, entries, title=title)
    return figure


def label_changes(table: pd.DataFrame, title: str) -> Figure:
    """Draw the frames that refining added and removed, right and wrong, for the events with most of them.

    Args:
        table: made by `earmark_evaluators.exploring.label_layers.change_table`.
        title: stage and corpus, which says where it is synthetic.
    """
    shown = table[table[list(CHANGES)].sum(axis=1) > 0].head(N_RELABELLED)
    if shown.empty:
        return _empty("refining changed no label", title)
    right, wrong = colours_of(("right", "wrong")).values()
    colours = {name: right if name.endswith("right") else wrong for name in CHANGES}
    most = {verb: float(shown[[f"{verb} right", f"{verb} wrong"]].sum(axis=1).max()) for verb in ("added", "removed")}
    # Both on one scale, or a hundred frames added would look like the thousands that were removed.
    share = {verb: min(max(most[verb] / sum(most.values()), LEAST_PANEL), 1 - LEAST_PANEL) for verb in most}
    reach = 1.05 * max(most[verb] / share[verb] for verb in most)
    figure, both = new_figure(
        WIDTH_IN, 1.3 + 0.2 * len(shown), 1, 2, sharey=True, gridspec_kw={"width_ratios": list(share.values())}
    )
    for axes, verb in zip(both, most, strict=True):
        left = np.zeros(len(shown))
        for name in CHANGES:
            if name.startswith(verb):
                axes.barh(range(len(shown)), shown[name], left=left, height=0.7, color=colours[name], lw=0)
                left += shown[name].to_numpy()
        axes.set_xlabel(f"frames {verb}")
        axes.ticklabel_format(axis="x", style="plain")
        axes.set_xlim(0, share[verb] * reach)
        axes.locator_params(axis="x", nbins=max(round(8 * share[verb]), 2))
    both[0].set_yticks(range(len(shown)), list(shown["event"]))
    both[0].invert_yaxis()
    for axes in both:
        axes.tick_params(axis="y", length=0)
    entries = [("right, by the annotation", right), ("wrong", wrong)]
    legend_above(figure, entries, title=title)
    return figure


def lanes(layers: Mapping[str, Sequence[Event]], duration_s: float, title: str) -> Figure:
    """Draw lists of events of one clip beside each other: a row for each event, a bar of its own for each list.

    Args:
        layers: events in seconds from the clip's start, such as annotated times, label layers or decisions.
        duration_s: of the clip.
        title: clip and corpus, which says where it is synthetic.
    """
    rows = sorted({event.label for events in layers.values() for event in events})
    figure, axes = new_figure(WIDTH_IN, 1.15 + max(1, len(rows)) * (0.12 + 0.085 * max(1, len(layers))))
    others = colours_of(name for name in layers if name not in (ANNOTATED, ANNOTATION))
    colours = {name: others.get(name, INK) for name in layers}
    for row in range(0, len(rows), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
    bar = 0.84 / max(1, len(layers))
    for lane, (name, events) in enumerate(layers.items()):
        for row, label in enumerate(rows):
            times = [(event.onset_s, event.offset_s - event.onset_s) for event in events if event.label == label]
            # The edge keeps events of a few frames visible.
            axes.broken_barh(
                times, (row - 0.42 + lane * bar, 0.9 * bar), facecolor=colours[name], edgecolor=colours[name], lw=0.5
            )
    axes.set_xlim(0, duration_s)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Time (s)")
    if not rows:
        axes.text(0.5, 0.5, "no event in any layer", transform=axes.transAxes, ha="center", va="center")
    legend_above(figure, list(colours.items()), title=title)
    return figure


def _heat(
    axes: Axes,
    share: npt.NDArray[np.float64],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    number: Sequence[Sequence[int]] | None = None,
) -> None:
    """A table of shares (row, column) as colours with the percentage in each cell; empty where there is none."""
    import matplotlib as mpl

    axes.imshow(np.ma.masked_invalid(share), cmap=mpl.colormaps["Blues"], vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(share):
        if np.isnan(value):
            continue
        colour: Any = "white" if value > 0.55 else INK
        place: dict[str, Any] = {"ha": "center", "va": "center", "color": colour}
        if number is None:
            axes.text(column, row, f"{100 * value:.0f}", fontsize=7, **place)
        else:
            axes.text(column - 0.08, row, f"{100 * value:.0f}", fontsize=7, **{**place, "ha": "right"})
            axes.text(column + 0.04, row, f"{number[row][column]}", fontsize=5.5, **{**place, "ha": "left"})
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _empty(said: str, title: str) -> Figure:
    """A figure that says why it shows nothing."""
    figure, axes = new_figure(WIDTH_IN, 1.2)
    axes.axis("off")
    axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", va="center")
    legend_above(figure, [], title=title)
    return figure
