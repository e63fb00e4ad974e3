"""Labels of every price at once, each with a mask that says where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from earmark.errors import TargetsError

_LABELS = ("frame_event", "clip_event", "candidate", "scene")


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """Labels of a number of clips.

    Every label kind is optional (None: nobody gave it), and has a mask of the same name with ``_known``: mixing
    30 % strong with 70 % partial labels is data, not a special case in a loss. The Kronecker deltas of
    [partial_labels], Eqs. (8) and (9), are these masks.
    """

    clips: tuple[str, ...]
    events: tuple[str, ...]
    """Vocabulary of the labels, which need not be that of the corpus: a tagger names its own."""
    scenes: tuple[str, ...]

    frame_event: Tensor | None = None
    """Strong labels (clip, frame, event), in [0, 1]."""
    frame_event_known: Tensor | None = None
    """(clip, event), bool."""
    clip_event: Tensor | None = None
    """Weak labels (clip, event), in [0, 1]."""
    clip_event_known: Tensor | None = None
    """(clip, event), bool."""
    candidate: Tensor | None = None
    """Partial labels (clip, event), bool: a set that holds every true event and may hold others."""
    candidate_known: Tensor | None = None
    """(clip,), bool."""
    scene: Tensor | None = None
    """Distribution (clip, scene), rows summing to 1; one-hot for hard labels."""
    scene_known: Tensor | None = None
    """(clip,), bool."""

    def __post_init__(self) -> None:
        n_clips, n_events, n_scenes = len(self.clips), len(self.events), len(self.scenes)
        n_frames = self.frame_event.shape[1] if self.frame_event is not None and self.frame_event.ndim == 3 else 0
        shapes = {
            "frame_event": ((n_clips, n_frames, n_events), (n_clips, n_events)),
            "clip_event": ((n_clips, n_events), (n_clips, n_events)),
            "candidate": ((n_clips, n_events), (n_clips,)),
            "scene": ((n_clips, n_scenes), (n_clips,)),
        }
        for name, (label_shape, known_shape) in shapes.items():
            label, known = getattr(self, name), getattr(self, f"{name}_known")
            if (label is None) != (known is None):
                raise TargetsError(f"Targets.{name} and Targets.{name}_known go together; one of them is missing.")
            if label is None:
                continue
            if tuple(label.shape) != label_shape or tuple(known.shape) != known_shape:
                raise TargetsError(
                    f"Targets.{name} has shape {tuple(label.shape)} with a mask of {tuple(known.shape)}; "
                    f"expected {label_shape} with {known_shape} for {n_clips} clips, {n_events} events and "
                    f"{n_scenes} scenes."
                )
            if known.dtype != torch.bool:
                raise TargetsError(f"Targets.{name}_known must be bool, is {known.dtype}.")

    def __len__(self) -> int:
        return len(self.clips)

    def to(self, device: torch.device | str) -> Self:
        """The same labels, with every tensor on a device."""
        moved: dict[str, Any] = {name: tensor.to(device) for name, tensor in self._tensors().items()}
        return replace(self, **moved)

    def select(self, index: Tensor) -> Self:
        """The clips at an index (n,), in its order; the index lies on the CPU, wherever the labels are."""
        tensors = self._tensors()
        device = next(iter(tensors.values())).device if tensors else index.device
        here = index.to(device, non_blocking=True)
        rows: dict[str, Any] = {name: tensor[here] for name, tensor in tensors.items()}
        return replace(self, clips=tuple(self.clips[row] for row in index.tolist()), **rows)

    @property
    def tells_events(self) -> bool:
        """Whether any label is of events; where none is, the vocabulary of events says nothing."""
        return any(label is not None for label in (self.frame_event, self.clip_event, self.candidate))

    def merge(self, other: Targets) -> Self:
        """Labels of other kinds for the same clips, side by side with these.

        Raises:
            TargetsError: the clips or vocabularies differ, or both give the same kind of label.
        """
        if (self.clips, self.scenes) != (other.clips, other.scenes):
            raise TargetsError("Only targets of the same clips, events and scenes can be merged.")
        both = sorted(self._tensors().keys() & other._tensors().keys())
        if both:
            raise TargetsError(
                f"Two label sources both give {', '.join(n for n in both if not n.endswith('_known'))} for the same "
                "clips. Keep one of them, or give each a share of the clips."
            )
        added: dict[str, Any] = dict(other._tensors())
        return replace(self, events=_events_of((self, other)), **added)

    def _tensors(self) -> dict[str, Tensor]:
        names = (*_LABELS, *(f"{name}_known" for name in _LABELS))
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def concatenate(parts: Sequence[Targets]) -> Targets:
    """Targets of different clips as one; a kind that a part lacks is masked there.

    Raises:
        TargetsError: nothing to join, other vocabularies, or a clip in two parts.
    """
    if not parts:
        raise TargetsError("No targets to concatenate.")
    scenes, events = parts[0].scenes, _events_of(parts)
    if any(part.scenes != scenes for part in parts):
        raise TargetsError("Targets of different scenes cannot be joined.")
    clips = tuple(clip for part in parts for clip in part.clips)
    if len(set(clips)) != len(clips):
        raise TargetsError("A clip stands in two parts of the targets; shares must not overlap.")
    joined: dict[str, Tensor] = {}
    for name in _LABELS:
        present = [getattr(part, name) for part in parts if getattr(part, name) is not None]
        if not present:
            continue
        like, known_like = present[0], getattr(next(p for p in parts if getattr(p, name) is not None), f"{name}_known")
        labels, masks = [], []
        for part in parts:
            label, known = getattr(part, name), getattr(part, f"{name}_known")
            if label is None:
                label = like.new_zeros((len(part), *like.shape[1:]))
                known = known_like.new_zeros((len(part), *known_like.shape[1:]))
            labels.append(label)
            masks.append(known)
        joined[name], joined[f"{name}_known"] = torch.cat(labels), torch.cat(masks)
    return Targets(clips=clips, events=events, scenes=scenes, **joined)


def _events_of(parts: Sequence[Targets]) -> tuple[str, ...]:
    """Vocabulary of events of parts that belong together: that of those which label any event."""
    telling = {part.events for part in parts if part.tells_events}
    if len(telling) > 1:
        sizes = " and ".join(sorted(str(len(events)) for events in telling))
        raise TargetsError(
            f"Targets of different vocabularies ({sizes} events) cannot be joined. Let all label sources of a stage "
            "name the same events in the same order."
        )
    return telling.pop() if telling else parts[0].events
