"""Candidate sets of events beside what was annotated, and beside each other: size, coverage, precision, agreement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from earmark.errors import AnnotationError
from earmark.frames import FrameGrid
from earmark.protocols import LabelSource
from earmark.recordings import Clip, Dataset, Recording

Sets = Mapping[str, frozenset[str]]
"""Candidates by scene; a scene without a set is absent."""

Truth = Mapping[str, Counter[str]]
"""Annotated instances of each event by scene; a scene of which nobody annotated a recording is absent."""


class Counts(NamedTuple):
    """What coverage and precision are made of; these add over scenes."""

    candidates: int
    """Pairs of a scene and an event in the sets."""
    true: int
    """Pairs that were annotated."""
    hits: int
    """Pairs that are both."""
    instances: int
    """Annotated instances of events."""
    hit_instances: int
    """Instances whose pair is in the sets."""

    def plus(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def coverage(self) -> float:
        """Share of the true pairs that the sets hold; partial labels ask for 1. NaN where nothing is true."""
        return self.hits / self.true if self.true else math.nan

    @property
    def instance_coverage(self) -> float:
        """Share of the annotated instances that the sets hold; NaN where there is none."""
        return self.hit_instances / self.instances if self.instances else math.nan

    @property
    def precision(self) -> float:
        """Share of the candidates that are true; NaN of an empty set."""
        return self.hits / self.candidates if self.candidates else math.nan


def candidate_sets(source: LabelSource, dataset: Dataset) -> Sets:
    """Candidates of each scene of a dataset, as a label source gives them to a clip of the scene.

    Raises:
        AnnotationError: the source does not fit the dataset, or gives no candidate sets.
    """
    grid = FrameGrid(n_frames=1, hop_s=1.0)
    source.label(dataset, (), grid)  # what is wrong with the source itself shows without any clip
    sets: dict[str, frozenset[str]] = {}
    for scene in dataset.scenes:
        recording = Recording(path=scene, duration_s=1.0, rate_hz=1, channels=1, split="", scene=scene, events=None)
        try:
            targets = source.label(dataset, (Clip(recording=recording, start_s=0.0, duration_s=1.0),), grid)
        except AnnotationError:
            continue  # it has no set for this scene
        if targets.candidate is None:
            raise AnnotationError(f"{source!r} gives no candidate sets. Name a source of partial labels.")
        sets[scene] = frozenset(
            event for event, is_in in zip(dataset.events, targets.candidate[0].tolist(), strict=True) if is_in
        )
    return sets


def annotated_events(dataset: Dataset, split: str) -> Truth:
    """What is known to be heard in the scenes of a split; tags stand in where nobody gave times."""
    truth: dict[str, Counter[str]] = {}
    for recording in dataset.of_split(split):
        heard = recording.tags if recording.events is None else [event.label for event in recording.events]
        if recording.scene is not None and heard is not None:
            truth.setdefault(recording.scene, Counter()).update(heard)
    return truth


def counts(sets: Sets, truth: Truth, scenes: Iterable[str]) -> Counts:
    """Counts over those of the scenes of which somebody annotated a recording.

    >>> sets, truth = {"street": frozenset({"car", "dog"})}, {"street": Counter(car=3, bird=1)}
    >>> counts(sets, truth, ["street", "park"])
    Counts(candidates=2, true=2, hits=1, instances=4, hit_instances=3)
    """
    total = Counts(0, 0, 0, 0, 0)
    for scene in scenes:
        if scene in truth:
            chosen, true = sets.get(scene, frozenset()), truth[scene]
            hit = [event for event in true if event in chosen]
            hit_instances = sum(true[event] for event in hit)
            total = total.plus(Counts(len(chosen), len(true), len(hit), true.total(), hit_instances))
    return total


def agreement(one: Sets, other: Sets, scenes: Iterable[str]) -> float:
    """Jaccard index of the pairs of scene and event: those in both over those in either; NaN where there is none.

    >>> agreement({"street": frozenset({"car", "dog"})}, {"street": frozenset({"car"})}, ["street"])
    0.5
    """
    in_both = in_either = 0
    for scene in scenes:
        mine, others = one.get(scene, frozenset()), other.get(scene, frozenset())
        in_both += len(mine & others)
        in_either += len(mine | others)
    return in_both / in_either if in_either else math.nan


def gaps(tables: Mapping[str, Sets], truth: Truth, dataset: Dataset) -> Iterator[str]:
    """Sentences for scenes without a set, true events that sets miss, and events that no set of any table holds."""
    for name, sets in tables.items():
        if without := [scene for scene in dataset.scenes if scene not in sets]:
            yield f"{name}: no candidate set for {', '.join(without)}."
        missed = [
            f"{event} in {scene} ({n} {'instance' if n == 1 else 'instances'})"
            for scene, true in truth.items()
            for event, n in true.items()
            if event not in sets.get(scene, frozenset())
        ]
        if missed:
            yield f"{name}: annotated, yet no candidate: {', '.join(missed)}."
    chosen = {event for sets in tables.values() for events in sets.values() for event in events}
    if never := [event for event in dataset.events if event not in chosen]:
        yield f"In no candidate set of any table: {', '.join(never)}."
