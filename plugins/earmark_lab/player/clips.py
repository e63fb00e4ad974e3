"""A player for a clip of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from earmark_lab.player.lanes import Lane, Track
from earmark_lab.player.widget import Player

if TYPE_CHECKING:
    import xarray as xr

    from earmark.recordings import Clip, Event
    from earmark.study import Study

ANNOTATED, CORRECTED = "annotated", "corrected"
POSTERIOR = "event_frame_posterior"


def play_clip(
    study: Study,
    clip_id: str,
    methods: Mapping[str, xr.Dataset],
    *,
    layers: Mapping[str, Sequence[Event]] | None = None,
    editable: bool = False,
) -> Player:
    """Show a clip of a study: its sound, its annotation, and what methods make of it.

    Args:
        study: has the clip in one of its parts.
        clip_id: such as ``audio/home/a030.wav@10000``.
        methods: predictions of one run each, by title, as `earmark.study.Study.predictions` opens them.
        layers: other labels of the clip, in seconds from its start, by title.
        editable: add a lane "corrected" that can be edited. It begins as the layer of this name where there is one,
            else as the annotation.

    Raises:
        CorpusError: the study has no such clip. All that is wrong with predictions or sound is said in the player.
    """
    clip = study.clip(clip_id)
    notes: list[str] = []
    if clip.recording.events is None:
        notes.append("Nobody has annotated this recording: all decisions count as false alarms.")
    others = {title: tuple(spans) for title, spans in (layers or {}).items()}
    lanes = [Lane(ANNOTATED, clip.events, note="nobody has listened" if clip.recording.events is None else "")]
    if editable:
        lanes.append(Lane(CORRECTED, others.pop(CORRECTED, clip.events), editable=True))
    lanes += [Lane(title, spans) for title, spans in others.items()]
    scenes: dict[str, dict[str, float]] = {} if clip.scene is None else {ANNOTATED: {clip.scene: 1.0}}
    for title, predictions in methods.items():
        here = _of_clip(title, predictions, clip, notes)
        if here is None:
            continue
        if "scene_posterior" in here and here["scene_posterior"].dims == ("scene",):
            values = here["scene_posterior"].values.tolist()
            scenes[title] = dict(zip(map(str, here["scene"].values), values, strict=True))
        track = _track_of(title, here, study, notes)
        if track is not None:
            lanes.append(Lane(title, track=track))
    if study.experiment.postprocessing and any(lane.track for lane in lanes):
        notes.append("Decisions here are by threshold alone; the study's own results are post-processed.")
    return Player(
        study.dataset.root / clip.recording.path,
        lanes,
        start_s=clip.start_s,
        duration_s=clip.duration_s,
        scenes=scenes,
        title=f"{clip.id} · {study.dataset.title}",
        notes=notes,
        frame_rule=study.experiment.frame_rule,
    )


def _of_clip(title: str, predictions: xr.Dataset, clip: Clip, notes: list[str]) -> xr.Dataset | None:
    """Predictions for a clip, loaded; None with a note where there are none."""
    if "clip" not in predictions.coords or clip.id not in predictions["clip"].values:
        notes.append(f"{title}: no predictions of this clip. Did the run predict its part, of this copy of the corpus?")
        return None
    return predictions.sel(clip=clip.id).load()


def _track_of(title: str, here: xr.Dataset, study: Study, notes: list[str]) -> Track | None:
    """Frame posteriors of a clip; None with a note where the run has none."""
    if POSTERIOR not in here:
        said = ""
        if "event_clip_posterior" in here and here["event_clip_posterior"].dims == ("event",):
            values = here["event_clip_posterior"]
            best = np.argsort(-values.values)[:3]
            said = " Of the whole clip: " + ", ".join(
                f"{values['event'].values[index]} {float(values.values[index]):.2f}" for index in best
            )
        notes.append(f"{title}: the run gives no posteriors frame by frame.{said}")
        return None
    posterior = here[POSTERIOR]
    if set(posterior.dims) != {"frame", "event"}:
        extra: list[Any] = [dim for dim in posterior.dims if dim not in ("frame", "event")]
        notes.append(f"{title}: posteriors also run over {', '.join(map(str, extra))}; choose one, as with isel.")
        return None
    events = tuple(map(str, posterior["event"].values))
    shared = set(events) & set(study.dataset.events)
    if len(shared) < len(events):
        notes.append(
            f"{title}: another vocabulary than the corpus, with {len(shared)} of {len(events)} events in common; "
            "the others have rows of their own."
        )
    return Track(posterior.transpose("frame", "event").values, events, _hop_s(posterior, study))


def _hop_s(posterior: xr.DataArray, study: Study) -> float:
    if "frame" in posterior.coords and posterior.sizes["frame"] > 1:
        onset_s = posterior["frame"].values
        return round(float(onset_s[1] - onset_s[0]), 6)
    return study.grid.hop_s
