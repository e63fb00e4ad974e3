"""Labels of training clips beside each other: what each source says, and what refining made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earmark.errors import EarmarkError
from earmark.experiment import ITSELF, PluginRef
from earmark.frames import clip_activity, events_of
from earmark.labelling import labelled
from earmark.mixing import draw
from earmark.recordings import Clip, Event
from earmark_evaluators.errors import EvaluationError

if TYPE_CHECKING:
    import pandas as pd

    from earmark.study import Job, Study
    from earmark.targets import Targets

BoolArray = npt.NDArray[np.bool_]

CHANGES = ("added right", "added wrong", "removed right", "removed wrong")
ANNOTATED = "strong"
"""Layer of the annotated times, whatever labels the stages use."""
LABELLED = 0.5
"""A label from here on says that the event sounds."""


@dataclass(frozen=True, kw_only=True)
class Refined:
    """Labels of the clips of a stage that were refined once, before and after.

    Before refining, an event is *allowed* in a frame where a strong label says so, and where there is none, in every
    frame of a clip whose weak label or candidate set holds it. After refining, it is *labelled* where the strong
    label made from it is at least `LABELLED`.
    """

    stage: str
    clips: tuple[Clip, ...]
    events: tuple[str, ...]
    annotated: BoolArray
    """(clip, frame, event), by the experiment's frame rule."""
    before: BoolArray
    after: BoolArray


def refined(study: Study, job: Job) -> Refined:
    """Make the labels of a stage once with and once without its refiners; clips and chance are those of its training.

    Raises:
        EvaluationError: no earlier stage refines its labels, they are no frame labels of the corpus' events, or nobody
            has annotated their clips.
        StoreError: the run that refines them has not been done.
    """
    stage = study.stage(job)
    refining = [number for number, label in enumerate(stage.labels) if label.refined_by]
    if not refining:
        others = [name for name, one in study.experiment.stages.items() if any(lab.refined_by for lab in one.labels)]
        own = any(label.refine and label.refine.by == ITSELF for label in stage.labels)
        raise EvaluationError(
            f"The labels of the stage {job.stage!r} are "
            f"{'refined while it is trained, and not kept' if own else 'used as they are'}. "
            f"Stages whose labels are refined once: {', '.join(others) or 'none'}."
        )
    after, before = labelled(study, job), labelled(_unrefined(study, job), job)
    chosen = draw(len(study.clips["train"]), [label.share for label in stage.labels], job.seed)
    # A share that holds no clip is left out of what `labelled` gives.
    shares = [label for label, rows in zip(stage.labels, chosen, strict=True) if len(rows)]
    known = {clip.id: clip for clip in study.clips["train"]}
    clips: list[Clip] = []
    parts: list[tuple[BoolArray, BoolArray, BoolArray]] = []
    for label, old, new in zip(shares, before.shares, after.shares, strict=True):
        heard = [row for row, name in enumerate(new.clips) if known[name].recording.events is not None]
        if not label.refined_by or new.events != study.dataset.events or new.frame_event is None or not heard:
            continue
        here = [known[new.clips[row]] for row in heard]
        annotated = clip_activity(here, new.events, study.grid, study.experiment.frame_rule)
        labels = np.asarray(new.frame_event.numpy()[heard] >= LABELLED)
        parts.append((annotated, allowed(old, study.grid.n_frames)[heard], labels))
        clips += here
    if not parts:
        raise EvaluationError(
            f"What refining changed in the labels of the stage {job.stage!r} cannot be told: it gives no frame labels "
            "of the corpus' events, or nobody has annotated its clips."
        )
    joined = [np.concatenate(side) for side in zip(*parts, strict=True)]
    return Refined(
        stage=job.stage,
        clips=tuple(clips),
        events=study.dataset.events,
        annotated=joined[0],
        before=joined[1],
        after=joined[2],
    )


def changes(before: BoolArray, after: BoolArray, annotated: BoolArray) -> dict[str, npt.NDArray[np.int64]]:
    """Count frames (event,) that refining added or removed, and whether the annotation says that it was right to.

    Args:
        before: labels (clip, frame, event).
        after: likewise.
        annotated: likewise; an added frame is right where it is active, a removed one where it is not.

    >>> frames = [np.array(row, dtype=bool).reshape(1, 4, 1) for row in ([1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0])]
    >>> {name: int(count[0]) for name, count in changes(*frames).items()}
    {'added right': 1, 'added wrong': 0, 'removed right': 0, 'removed wrong': 1}
    """
    added, removed = after & ~before, before & ~after
    cells = (added & annotated, added & ~annotated, removed & ~annotated, removed & annotated)
    return {name: np.count_nonzero(cell, axis=(0, 1)) for name, cell in zip(CHANGES, cells, strict=True)}


def change_table(found: Refined) -> pd.DataFrame:
    """What refining changed, per event, and how well the labels agree with the annotation before and after.

    Returns:
        Columns ``event``, ``n_annotated`` (frames), those of `CHANGES`, and ``fscore_before`` and ``fscore_after``
        (frame-based, labels against the annotation; NaN where neither holds the event). Events of which nothing was
        annotated, allowed or labelled are left out; those with most changed frames stand first.
    """
    import pandas as pd

    from earmark.evaluation.scores import cell_counts, class_fscore

    counted = changes(found.before, found.after, found.annotated)
    fscores = [class_fscore(cell_counts(found.annotated, side).total()) for side in (found.before, found.after)]
    table = pd.DataFrame(
        {
            "event": found.events,
            "n_annotated": np.count_nonzero(found.annotated, axis=(0, 1)),
            **counted,
            "fscore_before": fscores[0],
            "fscore_after": fscores[1],
        }
    )
    table = table[table[["fscore_before", "fscore_after"]].notna().any(axis=1)]
    order = table[list(CHANGES)].sum(axis=1).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def layers_of_clip(study: Study, clip: Clip, found: Sequence[Refined] = ()) -> tuple[dict[str, list[Event]], list[str]]:
    """What every label source of a study says of a clip, as events, by the source's name.

    The annotated times stand first; a source that says only what the clip holds, or may hold, gives events as long as
    the clip. Sources of other events than the corpus', and of scenes alone, give no layer.

    Args:
        study: whose stages name the sources.
        clip: of any part.
        found: refined labels, of which those of this clip are added.

    Returns:
        Events of each layer, and a sentence for each source that cannot answer.
    """
    layers: dict[str, list[Event]] = {}
    notes: list[str] = []
    if clip.recording.events is not None:
        layers[ANNOTATED] = list(clip.events)
    else:
        notes.append(f"{clip.id}: nobody has annotated the times of its events.")
    for name, ref in _sources(study).items():
        if ref.use == ANNOTATED:
            continue
        try:
            source = study.manager.build("label source", ref.use, ref.options, f"{study.experiment.name}: labels")
            of_run = getattr(source, "of_run", None)
            drawn = of_run(study.experiment.seeds[0]) if of_run else source
            targets = drawn.label(study.dataset, [clip], study.grid)
        except EarmarkError as error:
            notes.append(f"{name}: {error}")
            continue
        if targets.tells_events and targets.events == study.dataset.events:
            layers[name] = events_of(allowed(targets, study.grid.n_frames)[0], targets.events, study.grid.hop_s)
    for one in found:
        ids = [known.id for known in one.clips]
        if clip.id in ids:
            layers[f"refined ({one.stage})"] = events_of(one.after[ids.index(clip.id)], one.events, study.grid.hop_s)
    return layers, notes


def allowed(targets: Targets, n_frames: int) -> BoolArray:
    """Events that labels allow (clip, frame, event): strong ones where known, else weak ones, else candidates.

    What no label is known of is not allowed.
    """
    n_clips, n_events = len(targets), len(targets.events)
    active = np.zeros((n_clips, n_frames, n_events), dtype=np.bool_)
    open_ = np.ones((n_clips, n_events), dtype=np.bool_)
    if targets.frame_event is not None and targets.frame_event_known is not None:
        known = targets.frame_event_known.numpy()
        active |= (targets.frame_event.numpy() >= LABELLED) & known[:, None]
        open_ &= ~known
    if targets.clip_event is not None and targets.clip_event_known is not None:
        known = targets.clip_event_known.numpy()
        active |= ((targets.clip_event.numpy() >= LABELLED) & known & open_)[:, None]
        open_ &= ~known
    if targets.candidate is not None and targets.candidate_known is not None:
        active |= (targets.candidate.numpy() & targets.candidate_known.numpy()[:, None] & open_)[:, None]
    return active


def _unrefined(study: Study, job: Job) -> Study:
    """The same study with the labels of a stage as their sources give them."""
    stage = study.stage(job)
    labels = tuple(label.model_copy(update={"refine": None}) for label in stage.labels)
    stages = {**study.experiment.stages, job.stage: stage.model_copy(update={"labels": labels})}
    return replace(study, experiment=study.experiment.model_copy(update={"stages": stages}))


def _sources(study: Study) -> dict[str, PluginRef]:
    """Label sources that any stage names, by name; a second one of the same name with other options is numbered."""
    found: dict[str, PluginRef] = {}
    for stage in study.experiment.stages.values():
        for label in stage.labels:
            for ref in label.sources:
                if ref in found.values():
                    continue
                n = sum(other.use == ref.use for other in found.values())
                found[f"{ref.use} ({n + 1})" if n else ref.use] = ref
    return found
