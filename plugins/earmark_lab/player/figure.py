"""The player as a picture, for pages in which no widget can run."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earmark_lab.player.lanes import Lane, Track, occurring, quantised, reference_of
from earmark_lab.player.picture import Picture, pooled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE, HIT, LAYER = "#1f2328", "#636c76", "#d5d9de", "#0072b2", "#009e73"
RAMP = ["#ffffff", "#e3ecf4", "#b3cbe3", "#7fa3d0", "#5b76b6", "#473f8f", "#2b1055", "#12021f"]
"""As in palette.js, for light pages."""
WIDTH_IN = 8.6
DPI = 110
COLUMNS = 900
"""Frames of spectrogram and posteriors are pooled to as many as there are pixels."""


def static_png(
    lanes: Sequence[Lane],
    picture: Picture | None,
    duration_s: float,
    *,
    title: str,
    scenes: Mapping[str, Mapping[str, float]],
    notes: Sequence[str],
) -> bytes:
    """Draw waveform, spectrogram and lanes as PNG.

    Args:
        lanes: with an event that occurs in one of them in a row of each.
        picture: of the sound; None where it cannot be read.
        duration_s: of the time axis.
        title: stands above, beside what the methods say of the scene.
        scenes: posteriors of scenes by method.
        notes: stand below.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    events = occurring(lanes)
    rows = [(lane, [event for event in events if _in(lane, event, index, lanes)]) for index, lane in enumerate(lanes)]
    heights = [0.5, 1.1, *(0.17 * max(len(shown), 1) * (1.5 if lane.track is not None else 1) for lane, shown in rows)]
    heights_in = [heights[0] + 0.06, *(height + 0.21 for height in heights[1:])]
    above_in, below_in = 0.32 + 0.16 * len(scenes), 0.28 + 0.16 * len(notes)
    figure = Figure(figsize=(WIDTH_IN, sum(heights_in) + above_in + below_in), dpi=DPI, facecolor="white")
    total_in = figure.get_figheight()
    top_in = total_in - above_in
    panels = []
    for height, place in zip(heights, heights_in, strict=True):
        panels.append(figure.add_axes((0.17, (top_in - height) / total_in, 0.81, height / total_in)))
        top_in -= place
    for axes in panels:
        _plain(axes, duration_s)
    _draw_sound(panels[0], panels[1], picture, duration_s)
    for axes, (lane, shown), index in zip(panels[2:], rows, range(len(rows)), strict=True):
        _draw_lane(axes, lane, shown, HIT if lane.track else INK if index == reference_of(lanes) else LAYER)
    panels[-1].tick_params(axis="x", labelbottom=True, length=2)
    panels[-1].set_xlabel("Time (s)", fontsize=8, color=INK)
    _write(figure, title, scenes, notes, total_in)
    file = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def _in(lane: Lane, event: str, index: int, lanes: Sequence[Lane]) -> bool:
    """Whether a lane has a row for an event, as on the page."""
    if lane.track is not None and event in lane.track.events:
        return True
    if any(span.label == event for span in lane.spans):
        return True
    return lane.track is None and (lane.editable or index == reference_of(lanes))


def _plain(axes: Axes, duration_s: float) -> None:
    axes.set_xlim(0, duration_s)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelsize=7.5, color=LINE, labelcolor=MUTED, labelbottom=False, length=0)
    for spine in axes.spines.values():
        spine.set_color(LINE)
        spine.set_linewidth(0.6)


def _draw_sound(wave: Axes, spectrogram: Axes, picture: Picture | None, duration_s: float) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    if picture is None:
        for axes, what in ((wave, "no waveform"), (spectrogram, "no sound to show")):
            axes.text(0.5, 0.5, what, transform=axes.transAxes, ha="center", va="center", fontsize=8, color=MUTED)
        return
    # Offset by 128 so that one pooling, of greatest bytes, serves lowest samples too.
    shifted = (picture.peaks.astype(np.int16) + 128).astype(np.uint8)
    high = pooled(shifted[:, 1], COLUMNS).astype(float) - 128
    low = 127 - pooled(255 - shifted[:, 0], COLUMNS).astype(float)
    wave.fill_between(np.linspace(0, duration_s, len(high)), low, high, color="#3b4754", lw=0.3)
    wave.set_ylim(-130, 130)
    spectrogram.imshow(
        pooled(picture.level, COLUMNS).T,
        origin="lower",
        aspect="auto",
        extent=(0, duration_s, 0, len(picture.mel_hz)),
        cmap=LinearSegmentedColormap.from_list("ramp", RAMP),
        interpolation="bilinear",
    )
    marks = [hertz for hertz in (500, 2000, 8000) if picture.mel_hz[0] < hertz < picture.mel_hz[-1]]
    names = [f"{hertz} Hz" if hertz < 1000 else f"{hertz // 1000} kHz" for hertz in marks]
    places = np.interp(marks, picture.mel_hz, np.arange(len(picture.mel_hz)) + 0.5)
    spectrogram.set_yticks(places, names, fontsize=7.5, color=MUTED)
    spectrogram.tick_params(axis="y", length=2, color=LINE)


def _draw_lane(axes: Axes, lane: Lane, events: Sequence[str], colour: str) -> None:
    """One row for each event: posteriors as a curve with its threshold, decisions as bars below, or spans alone.

    What is alike is one collection a lane: as patches and lines of their own, 25 rows would take seconds.
    """
    from matplotlib.collections import LineCollection, PolyCollection

    curves, bars, thresholds, row_of = [], [], [], {event: row for row, event in enumerate(events)}
    with_curve = set() if lane.track is None else set(lane.track.events)
    end_s = axes.get_xlim()[1]
    bands = [[(0, row), (end_s, row), (end_s, row + 1), (0, row + 1)] for row in range(1, len(events), 2)]
    axes.add_collection(PolyCollection(bands, facecolor="#f3f5f7", lw=0), autolim=False)
    for event, row in row_of.items():
        if lane.track is not None and event in with_curve:
            curves.append(_curve(lane.track, event, row))
            level = row + 0.68 - 0.6 * lane.threshold
            thresholds.append([(0.0, level), (end_s, level)])
    for event, onset, offset in _stretches(lane):
        if event in row_of:
            row = row_of[event]
            top, end = (row + 0.72, row + 0.94) if event in with_curve else (row + 0.18, row + 0.82)
            bars.append([(onset, top), (offset, top), (offset, end), (onset, end)])
    # The edge keeps spans of a few frames visible.
    axes.add_collection(PolyCollection(bars, facecolor=colour, edgecolor=colour, lw=0.4), autolim=False)
    axes.add_collection(PolyCollection(curves, facecolor=HIT, alpha=0.25, lw=0), autolim=False)
    axes.add_collection(LineCollection([curve[1:-1] for curve in curves], colors=HIT, lw=0.6), autolim=False)
    axes.add_collection(LineCollection(thresholds, colors=INK, lw=0.5, ls=(0, (3, 3))), autolim=False)
    axes.set_ylim(max(len(events), 1), 0)
    # Not as ticks, each of which also brings lines and marks that nobody sees: they would take longer than all else.
    beside = axes.get_yaxis_transform()
    name: dict[str, Any] = {"fontsize": 7.5, "color": INK, "ha": "right", "va": "center", "parse_math": False}
    for event, row in row_of.items():
        axes.text(-0.005, row + 0.5, _short(event), transform=beside, **name)
    note: dict[str, Any] = {"fontsize": 8, "loc": "left", "pad": 2.5, "color": INK}
    axes.set_title(f"{lane.title} — {lane.note}" if lane.note else lane.title, **note)
    if not events:
        axes.text(0.01, 0.5, "no event", transform=axes.transAxes, va="center", fontsize=7.5, color=MUTED)


def _stretches(lane: Lane) -> Iterator[tuple[str, float, float]]:
    """Event, onset and offset in seconds of what a lane holds; decisions on posteriors as fine as the picture is."""
    if lane.spans or lane.track is None:
        yield from ((span.label, span.onset_s, span.offset_s) for span in lane.spans)
        return
    track = lane.track
    for index, event in enumerate(track.events):
        active = pooled((np.asarray(track.posterior[:, index]) >= lane.threshold).astype(np.uint8), COLUMNS)
        column_s = len(track.posterior) * track.hop_s / max(len(active), 1)
        edges = np.flatnonzero(np.diff(active.astype(np.int8), prepend=0, append=0))
        for first, end in edges.reshape(-1, 2).tolist():
            yield event, first * column_s, end * column_s


def _curve(track: Track, event: str, row: int) -> npt.NDArray[np.float64]:
    """Outline (point, 2) of an event's posteriors in its row, pooled, with a corner on the row's base at both ends."""
    column = quantised(track.posterior[:, track.events.index(event)])
    values = pooled(column, COLUMNS).astype(float) / 255
    edges = np.linspace(0, len(column) * track.hop_s, len(values) + 1)
    x = np.repeat(edges, 2)
    y = np.concatenate([[0.0], np.repeat(values, 2), [0.0]])
    return np.stack([x, row + 0.68 - 0.6 * y], axis=1)


def _short(text: str, n: int = 22) -> str:
    return text if len(text) <= n else text[: n - 1] + "…"


def _write(
    figure: Figure,
    title: str,
    scenes: Mapping[str, Mapping[str, float]],
    notes: Sequence[str],
    total_in: float,
) -> None:
    figure.text(0.01, 1 - 0.17 / total_in, title, fontsize=9.5, color=INK, va="center", parse_math=False)
    for line, (method, posteriors) in enumerate(scenes.items()):
        best = sorted(posteriors.items(), key=lambda pair: -pair[1])[:3]
        words = " · ".join(f"{scene} {share:.0%}" for scene, share in best)
        y = 1 - (0.34 + 0.16 * line) / total_in
        figure.text(0.01, y, f"scene, {method}: {words}", fontsize=7.5, color=MUTED, va="center", parse_math=False)
    for line, note in enumerate(reversed(notes)):
        y = (0.08 + 0.16 * line) / total_in
        figure.text(0.01, y, f"! {_short(note, 130)}", fontsize=7.5, color="#8a5a00", va="center", parse_math=False)


def described(lanes: Sequence[Lane], title: str, duration_s: float) -> str:
    """The player in one line of text, for terminals and readers of screens."""
    counts = ", ".join(f"{lane.title}: {_counted(lane.n_decisions())}" for lane in lanes)
    return f"Player {title} ({duration_s:g} s)" + (f" · {counts}" if counts else "")


def _counted(n: int) -> str:
    return f"{n} span{'' if n == 1 else 's'}"
