"""A few clips to listen to: the worst, the median and the best one, with what was annotated and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.audio import read_filled
from earmark.errors import AudioError, EarmarkError
from earmark.evaluation.scores import cell_counts, fscore_micro
from earmark.judging import fitted_steps
from earmark.postprocessing import DECISION, decisions
from earmark.recordings import Clip
from earmark.reference import Reference
from earmark.spans import spans
from earmark_lab.player.picture import picture_of
from earmark_lab.report.finished import Run, StageRuns
from earmark_lab.report.sound import mp3, mp3_rate, spectrogram

MOST_METHODS = 6
"""More lanes than this under each other cannot be compared by eye."""
MOST_S = 60.0
"""Length of the longest sound that a page takes in."""

MEASURE = (
    "Clips are ordered by the F-score of their frames, all events pooled, after the experiment's post-processing and "
    "at a posterior of 0.5, as a mean over the methods that are shown, each with its first run. Clips in which nothing "
    "is annotated and nothing decided have none."
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, in percent of the clip."""

    left: float
    width: float
    said: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event with a lane of the reference and one of each method."""

    label: str
    lanes: list[tuple[int, list[Bar]]]
    """Colour (-1 for the reference) and stretches."""


@dataclass(frozen=True, slots=True)
class Method:
    """What a method makes of a clip as a whole."""

    title: str
    colour: int
    fscore: str
    scene: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A clip on the page."""

    place: str
    """Worst, median or best."""
    name: str
    scene: str
    fscore: str
    start_s: float
    duration_s: float
    rows: list[EventRow]
    methods: list[Method]
    audio: str
    """Data URI; empty where the sound cannot be had."""
    picture: str
    note: str


@dataclass(frozen=True)
class _Decided:
    """Decisions of one method for all clips of the reference."""

    title: str
    colour: int
    active: npt.NDArray[np.bool_]
    fscore: npt.NDArray[np.float64]
    scenes: list[str]


def clips_to_show(methods: Sequence[StageRuns], colours: dict[str, int]) -> tuple[list[Shown], list[str]]:
    """The clips, and a sentence for each thing that is not shown."""
    if not methods:
        return [], []
    study = methods[0].runs[0].study
    notes: list[str] = []
    if len(methods) > MOST_METHODS:
        left = len(methods) - MOST_METHODS
        notes.append(f"Of {len(methods)} methods the first {MOST_METHODS} are shown; {left} are left out here.")
    clips = tuple(clip for clip in study.clips["test"] if clip.recording.events is not None)
    if not clips:
        return [], [*notes, "No test clip is annotated with times: there is nothing to set decisions beside."]
    rows = [row for row, clip in enumerate(study.clips["test"]) if clip.recording.events is not None]
    reference = study.reference_of("test", rows)
    decided: list[_Decided] = []
    for method in methods[:MOST_METHODS]:
        run = next((run for run in method.runs if run.study is study), None)
        try:
            if run is None:
                raise EarmarkError("it has no run in the first fold.")
            decided.append(_decided(run, method.title, colours[method.title], reference))
        except (EarmarkError, OSError) as error:
            notes.append(f"{method.title}: not shown: {_without_folders(str(error), run)}")
    if not decided:
        return [], [*notes, "Without decisions there is no clip to choose."]
    root = study.dataset.root
    return [
        _shown(place, row, score, reference, decided, root) for place, row, score in _chosen(reference, decided)
    ], notes


def _decided(run: Run, title: str, colour: int, reference: Reference) -> _Decided:
    """Decisions of a run.

    Raises:
        EarmarkError: there are no predictions, or they are of other events, clips or frames.
    """
    study = run.study
    if not run.shelf.has_predictions("test"):
        raise EarmarkError("its run holds no predictions of the test clips; they may have been removed.")
    predictions = run.shelf.open_predictions("test")
    if "event_frame_posterior" not in predictions:
        raise EarmarkError("it gives no posteriors of frames.")
    names = [str(name) for name in predictions["event"].values]
    known = {str(name) for name in predictions["clip"].values}
    if sorted(names) != sorted(reference.events):
        raise EarmarkError(f"its {len(names)} events are not those of the corpus.")
    if set(reference.clip_ids) - known or predictions.sizes["frame"] != reference.grid.n_frames:
        raise EarmarkError("its predictions are of other clips or frames than the corpus has now.")
    predictions = predictions.sel(clip=list(reference.clip_ids), event=list(reference.events)).load()
    after = decisions(fitted_steps(study, run.job), predictions, reference.grid.hop_s, study.manager)
    active = after["event_frame_posterior"].transpose("clip", "frame", "event").values >= DECISION
    scenes = []
    if "scene_posterior" in predictions:
        order = predictions["scene_posterior"].transpose("clip", "scene").values.argmax(1)
        scenes = [str(predictions["scene"].values[index]) for index in order]
    fscore = np.asarray(fscore_micro(cell_counts(reference.activity, active)))
    return _Decided(title, colour, np.asarray(active), fscore, scenes)


def _chosen(reference: Reference, decided: Sequence[_Decided]) -> list[tuple[str, int, float]]:
    """Worst, median and best row with its F-score; of equal ones, that with the most to hear."""
    scores = np.stack([one.fscore for one in decided])
    known = np.isfinite(scores).any(axis=0)
    total = np.nansum(scores, axis=0) / np.maximum(np.isfinite(scores).sum(axis=0), 1)
    amount = reference.activity.sum(axis=(1, 2))
    upwards = sorted(np.flatnonzero(known).tolist(), key=lambda row: (total[row], amount[row]))
    if not upwards:
        return []
    worst = max((row for row in upwards if total[row] == total[upwards[0]]), key=lambda row: amount[row])
    picks = {"Worst": worst, "Median": upwards[len(upwards) // 2], "Best": upwards[-1]}
    taken: dict[int, str] = {}
    for place, row in picks.items():
        taken.setdefault(row, place)
    return [(place, row, float(total[row])) for row, place in taken.items()]


def _shown(place: str, row: int, score: float, reference: Reference, decided: Sequence[_Decided], root: Path) -> Shown:
    clip = reference.clips[row]
    shown_s = min(clip.duration_s, MOST_S)
    found = {one.colour: _bars(one.active[row], reference, shown_s) for one in decided}
    found[-1] = _annotated(clip, shown_s)
    present = {label for bars in found.values() for label, _ in bars}
    order = [-1, *(one.colour for one in decided)]
    rows = [
        EventRow(label, [(colour, [bar for name, bar in found[colour] if name == label]) for colour in order])
        for label in reference.events
        if label in present
    ]
    audio, picture, note = _sound(root, clip, shown_s)
    if shown_s < clip.duration_s:
        note = f"The first {shown_s:g} s of {clip.duration_s:g} s. {note}".strip()
    return Shown(
        place=place,
        name=clip.id,
        scene=clip.scene or "",
        fscore=f"{100 * score:.1f}",
        start_s=clip.start_s,
        duration_s=shown_s,
        rows=rows,
        methods=[
            Method(
                one.title,
                one.colour,
                "" if np.isnan(one.fscore[row]) else f"{100 * one.fscore[row]:.1f}",
                one.scenes[row] if one.scenes else "",
            )
            for one in decided
        ],
        audio=audio,
        picture=picture,
        note=note,
    )


def _annotated(clip: Clip, shown_s: float) -> list[tuple[str, Bar]]:
    return [
        (event.label, _bar(event.onset_s, min(event.offset_s, shown_s), shown_s))
        for event in clip.events
        if event.onset_s < shown_s
    ]


def _bars(active: npt.NDArray[np.bool_], reference: Reference, shown_s: float) -> list[tuple[str, Bar]]:
    """Stretches of an activity (frame, event)."""
    hop_s, found = reference.grid.hop_s, spans(active[None])
    return [
        (reference.events[event], _bar(first * hop_s, min(end * hop_s, shown_s), shown_s))
        for event, first, end in zip(found.event.tolist(), found.first.tolist(), found.end.tolist(), strict=True)
        if first * hop_s < shown_s
    ]


def _bar(onset_s: float, offset_s: float, shown_s: float) -> Bar:
    left, width = 100 * onset_s / shown_s, 100 * (offset_s - onset_s) / shown_s
    return Bar(round(left, 3), round(width, 3), f"{onset_s:.2f} to {offset_s:.2f} s")


def _sound(root: Path, clip: Clip, shown_s: float) -> tuple[str, str, str]:
    """Sound and picture as data URIs, empty where they cannot be had, and a sentence that says why."""
    import soundfile

    path, rate_hz = root / clip.recording.path, mp3_rate(clip.recording.rate_hz)
    try:
        samples = read_filled(path, clip.start_s, min(clip.sounding_s, shown_s), shown_s, rate_hz).mean(axis=0)
        picture = spectrogram(picture_of(path, clip.start_s, shown_s))
    except (AudioError, OSError):
        said = "is not where it was, or cannot be read. `earmark data check` says what the corpus lacks."
        return "", "", f"The sound of {clip.recording.path} {said}"
    try:
        return mp3(samples, rate_hz), picture, ""
    except soundfile.LibsndfileError:
        return "", picture, "The sound is left out: this libsndfile is too old to write MP3."


def _without_folders(text: str, run: Run | None) -> str:
    """A message without the folders of the machine on which the page is made, which is nobody else's business."""
    roots = [] if run is None else [run.study.dataset.root, getattr(run.study.store, "root", run.study.dataset.root)]
    for root in roots:
        text = text.replace(f"{root}/", "")
    return text
