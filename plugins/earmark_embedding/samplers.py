"""Batches in which every class has the same part: one clip of each, triplets, episodes.

A clip's class is the one event that its weak label holds. All classes of the vocabulary take part, in its order; an
epoch goes on as long as the class with the fewest clips lasts, and takes others of the larger classes each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from earmark.errors import OptionError, TargetsError
from earmark.targets import Targets


@dataclass(frozen=True, slots=True)
class Classes:
    """Clips, class after class."""

    clips: Tensor
    """Indices (clip,) of all clips, those of the first class first."""
    counts: Tensor
    """Clips of each class (class,)."""

    @property
    def starts(self) -> Tensor:
        """Where each class begins among the clips (class,)."""
        return self.counts.cumsum(0) - self.counts

    @property
    def fewest(self) -> int:
        """Clips of the smallest class."""
        return int(self.counts.min())

    def shuffled(self, generator: torch.Generator) -> Tensor:
        """As many clips of each class as the smallest has (class, clip), in random order, as places in `clips`."""
        rows = [
            start + torch.randperm(count, generator=generator)[: self.fewest]
            for start, count in zip(self.starts.tolist(), self.counts.tolist(), strict=True)
        ]
        return torch.stack(rows)


def classes_of(targets: Targets, sampler: str, at_least: int = 1) -> Classes:
    """Sort clips by their classes.

    Args:
        targets: with weak labels.
        sampler: who asks, for messages.
        at_least: clips that each class must have.

    Raises:
        TargetsError: there are no weak labels, a clip has no or several events, or a class has too few clips.
    """
    if targets.clip_event is None or targets.clip_event_known is None:
        raise TargetsError(
            f"The sampler {sampler!r} needs weak labels, of which there are none. Give the stage the label source "
            '"weak".'
        )
    held = ((targets.clip_event > 0.5) & targets.clip_event_known).cpu()
    n_events = held.sum(dim=1).tolist()
    for clip, n in zip(targets.clips, n_events, strict=True):
        if n != 1:
            raise TargetsError(
                f"The sampler {sampler!r} takes clips of one class, but {clip!r} has {n} known events. Take the "
                'sampler "shuffled", or a corpus with one event a clip.'
            )
    of_clip = held.int().argmax(dim=1)
    counts = torch.bincount(of_clip, minlength=len(targets.events))
    for event, count in zip(targets.events, counts.tolist(), strict=True):
        if count < at_least:
            raise TargetsError(
                f"The sampler {sampler!r} needs at least {at_least} training clips of each class; {event!r} has "
                f"{count}. Take more clips, or a smaller vocabulary."
            )
    return Classes(clips=of_clip.argsort(stable=True), counts=counts)


class Balanced:
    """One clip of each class a batch; no clip twice in an epoch."""

    def __init__(self, targets: Targets) -> None:
        self._classes = classes_of(targets, "balanced")

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield indices (class,) of the clips of each batch."""
        yield from self._classes.clips[self._classes.shuffled(generator)].T.unbind()


class Triplets:
    """An anchor of each class a batch, a positive and a negative for each; no anchor twice in an epoch.

    A positive is drawn among all other clips of the anchor's class, a negative among all clips of all other classes,
    without memory of those drawn before: the authors' code avoids them until none is left, which changes little.

    Source: [weak_label_limits], section 3, and the authors' code.
    """

    def __init__(self, targets: Targets) -> None:
        self._classes = classes_of(targets, "triplets", at_least=2)
        if len(self._classes.counts) < 2:
            raise TargetsError(
                "The sampler 'triplets' needs at least 2 classes, as a negative is of another class than its anchor."
            )

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield indices (3 x class,) of each batch: all anchors, then their positives, then their negatives."""
        clips, counts, starts = self._classes.clips, self._classes.counts, self._classes.starts
        for anchor in self._classes.shuffled(generator).T:
            # One of the others of its class: some way round the circle that these make, but not the whole.
            ahead = 1 + _below(counts - 1, generator)
            positive = starts + (anchor - starts + ahead) % counts
            # One of all that are left when the class is taken out, and then back to where these stand.
            left = _below(len(clips) - counts, generator)
            negative = left + torch.where(left >= starts, counts, 0)
            yield clips[torch.cat([anchor, positive, negative])]


class Episodes:
    """Supports and queries of every class; no clip twice in an epoch.

    Source: [weak_label_limits], sections 2 and 3: n_support and n_query are those of the authors' code.
    """

    def __init__(
        self,
        targets: Targets,
        *,
        n_support: int = 1,
        n_query: int = 1,
        layout: Literal["aligned", "released"] = "aligned",
    ) -> None:
        """Make episodes.

        Args:
            targets: of the training clips.
            n_support: supports of each class.
            n_query: queries of each class.
            layout: "aligned" puts a clip of each class, in the vocabulary's order, then another of each, and so on:
                supports and queries of class j share the index j. "released" puts the clips of a class side by side,
                classes in random order, as the authors' code does: with one support and one query, no query's class
                is then among the prototypes.
        """
        if n_support < 1 or n_query < 1:
            raise OptionError(
                f"episodes: n_support = {n_support} and n_query = {n_query} must be at least 1; the authors' code has "
                "1 and 1."
            )
        self._n_clips = n_support + n_query
        self._classes = classes_of(targets, "episodes", at_least=self._n_clips)
        self._layout = layout

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield indices (class x (n_support + n_query),) of each episode."""
        chosen = self._classes.clips[self._classes.shuffled(generator)]  # (class, clip)
        for first in range(0, chosen.shape[1] - self._n_clips + 1, self._n_clips):
            episode = chosen[:, first : first + self._n_clips]
            if self._layout == "aligned":
                yield episode.T.flatten()
            else:
                yield episode[torch.randperm(len(episode), generator=generator)].flatten()


def _below(limits: Tensor, generator: torch.Generator) -> Tensor:
    """A whole number from 0 to below each limit."""
    drawn = torch.rand(limits.shape, generator=generator, dtype=torch.float64)
    return (drawn * limits).long()
