"""Time lines: when events sound, as annotated and as methods decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from earmark.audio import read_clip
from earmark.errors import suggestion
from earmark.recordings import Clip, Event
from earmark.reference import Reference
from earmark.spans import spans
from earmark_evaluators.alignment import event_decision
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.figures_style import INK, WIDTH_IN, colours_of, legend_above, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL_HOP_S = 0.05
"""Resolution of the level that is drawn where nothing is annotated."""


def time_line(
    reference: Reference,
    predictions_by_method: Mapping[str, xr.Dataset],
    where: str,
    *,
    corpus: str,
    threshold: float = 0.5,
    least_spans: int = 1,
    sound: Path | None = None,
) -> Figure:
    """Draw when events sound, as annotated and as each method decides.

    Source: [partial_labels], Figs. 8 and 9.

    Args:
        reference: holds the clip or recording.
        predictions_by_method: frame posteriors of each method; they may hold other clips too.
        where: id of a clip, or path of a recording, whose clips are then drawn one after the other.
        corpus: its title, which says where it is synthetic.
        threshold: an event is decided to sound where its posterior is at least this.
        least_spans: the paper draws only events with several references or detections: 2.
        sound: root of the corpus, to draw below the events how loud it is wherever nothing is annotated.

    Returns:
        A figure with a row for each event that occurs at least so often in the reference or in one of the methods.

    Raises:
        EvaluationError: there is no such clip or recording, or predictions do not fit.
        AudioError: the sound is to be drawn and cannot be read.
    """
    clips = _clips_of(reference, where)
    here = replace(reference, clips=clips)
    spans = {"Annotation": _annotated(clips)}
    for method, predictions in predictions_by_method.items():
        spans[method] = _decided(here, predictions, threshold)
    heard = {
        label
        for events in spans.values()
        for label, n in Counter(event.label for event in events).items()
        if n >= least_spans
    }
    rows = [event for event in reference.events if event in heard]
    begin_s, end_s = clips[0].start_s, clips[-1].start_s + clips[-1].duration_s

    n_rows = max(1, len(rows)) + (sound is not None)
    height_in = 1.15 + n_rows * (0.12 + 0.085 * len(spans))
    figure, axes = new_figure(WIDTH_IN, height_in)
    colours = {"Annotation": INK, **colours_of(predictions_by_method)}
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
    names = list(rows)
    if sound is not None:
        names += [""] * (n_rows - 1 - len(names)) + ["no annotated event"]
        _draw_unannotated(axes, clips, sound, n_rows - 1)
    axes.set_ylim(n_rows - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Time (s)")
    if not rows:
        nothing = "no event annotated or detected" + (f" {least_spans} times" if least_spans > 1 else "")
        axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", va="center")
    scene = f" · {clips[0].scene}" if clips[0].scene else ""
    legend_above(figure, [(name, colours[name]) for name in spans], title=f"{where}{scene} · {corpus}")
    return figure


def _draw_unannotated(axes: Axes, clips: Sequence[Clip], root: Path, row: int) -> None:
    """Fill a row with the sound's level wherever no event is annotated: 60 dB from its bottom to its top."""
    begin_s = clips[0].start_s
    level_db = np.concatenate([_level_db(root / clip.recording.path, clip) for clip in clips])
    at_s = begin_s + (np.arange(len(level_db)) + 0.5) * LEVEL_HOP_S
    silent = np.ones(len(level_db), dtype=bool)
    for event in _annotated(clips):
        silent &= (at_s < event.onset_s) | (at_s >= event.offset_s)
    height = np.clip((level_db - level_db.max()) / 60 + 1, 0.02, 1) * 0.84
    axes.fill_between(
        at_s, row + 0.42, row + 0.42 - height, where=silent, color="0.6", lw=0, step="mid", label="no annotated event"
    )


def _level_db(path: Path, clip: Clip) -> npt.NDArray[np.float64]:
    """Level (step,) of a clip's sound in dB below full scale, over steps of `LEVEL_HOP_S`."""
    rate_hz = clip.recording.rate_hz
    samples = read_clip(path, clip.start_s, clip.sounding_s, rate_hz).mean(axis=0, dtype=np.float64)
    step = round(LEVEL_HOP_S * rate_hz)
    power = np.square(samples[: len(samples) // step * step]).reshape(-1, step).mean(axis=1)
    level: npt.NDArray[np.float64] = 10 * np.log10(power + 1e-10)
    return level


def recording_to_show(clips: Sequence[Clip], name: str, scene: str) -> str:
    """Path of a paper's recording where the corpus has it, else of the one of that scene with most annotated events.

    Source: [partial_labels], Figs. 8 and 9, which show ``276.wav`` (office) and ``b043.wav`` (home).

    Args:
        clips: those that are evaluated.
        name: of the recording's file.
        scene: of the recording; another corpus' file of the same name does not count.

    Raises:
        EvaluationError: no recording is of that scene.
    """
    recordings = {clip.recording.path: clip.recording for clip in clips if clip.scene == scene}
    if not recordings:
        scenes = sorted({clip.scene for clip in clips if clip.scene})
        raise EvaluationError(
            f"No evaluated recording is of the scene {scene!r}. {suggestion(scene, scenes)}"
            f"Scenes: {', '.join(scenes) or 'none'}."
        )
    named = [path for path in recordings if path.rsplit("/", 1)[-1] == name]
    return named[0] if named else max(recordings, key=lambda path: (len(recordings[path].events or ()), path))


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
