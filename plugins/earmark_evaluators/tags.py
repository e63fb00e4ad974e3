"""What is said of whole clips: the events that sound in them, at any time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.reference import Reference
from earmark_evaluators.errors import EvaluationError


def clip_events(reference: Reference) -> npt.NDArray[np.bool_]:
    """Whether each event sounds in each clip (clip, event), by its times or, where there are none, by its tags.

    Raises:
        EvaluationError: a clip has neither, or is a part of a recording of which only tags are known.
    """
    column = {event: index for index, event in enumerate(reference.events)}
    sounds = np.zeros((len(reference.clips), len(reference.events)), dtype=bool)
    for row, clip in enumerate(reference.clips):
        if clip.recording.events is not None:
            heard = [event.label for event in clip.events]
        elif clip.recording.tags is None:
            raise EvaluationError(
                f"{clip.id!r} of the reference: nobody has said which events sound there. Evaluate annotated or "
                "tagged clips only."
            )
        elif clip.sounding_s < clip.recording.duration_s:
            raise EvaluationError(
                f"{clip.id!r} of the reference is a part of a recording whose tags do not say when events sound. Cut "
                "clips as long as the recordings."
            )
        else:
            heard = list(clip.recording.tags)
        sounds[row, [column[event] for event in heard]] = True
    return sounds


def clip_class(reference: Reference) -> npt.NDArray[np.int64]:
    """The one event of each clip (clip,), as its place in the vocabulary.

    Raises:
        EvaluationError: a clip has no event or several; see also `clip_events`.
    """
    sounds = clip_events(reference)
    for clip, n in zip(reference.clips, sounds.sum(axis=1).tolist(), strict=True):
        if n != 1:
            raise EvaluationError(
                f"{clip.id!r} of the reference has {n} events, but classes of embeddings need one event a clip. "
                "Leave this evaluator out."
            )
    return np.asarray(sounds.argmax(axis=1), dtype=np.int64)
