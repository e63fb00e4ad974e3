"""The reader of WAA: every segment a recording with the one class that somebody named in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from earmark.audio import AudioInfo
from earmark.errors import OptionError
from earmark.recordings import Dataset
from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication
from earmark_corpora.waa.bank import disjoint, freesound_id
from earmark_corpora.waa.layout import RATE_HZ, SEGMENTS_S, SUBSETS, list_path, segment_path
from earmark_corpora.waa.lists import Mix, mixes

SOURCE = "what `earmark data synthesize waa` makes"


@dataclass(frozen=True, kw_only=True, slots=True)
class WaaCorpus:
    """Reads WAA, one event of ten classes in each clip, as segments of the length that is the study's ``clip_s``.

    The splits are "train", "valid" and "eval". A segment has its class as a tag, and no events, as a weak label has no
    times; `lists.durations` has those of the events.

    Source: [weak_label_limits], sections 2.6 and 2.7 of its specification.
    """

    dataset: Literal["waa1", "200ms"] = "waa1"
    """Mixes with whole events, or the same with at most 200 ms of each."""
    segment_s: float = 10.0
    """Length of the segments: 0.2, 1 or 10 s."""
    rule: Literal["paper", "released"] = "paper"
    """How segments were placed: as the paper says, so that they hold the event or lie in it, or as its code does."""

    def __post_init__(self) -> None:
        if self.segment_s not in SEGMENTS_S:
            raise OptionError(
                f"WaaCorpus.segment_s is {self.segment_s:g}; segments last {', '.join(f'{s:g}' for s in SEGMENTS_S)} s."
            )

    def read(self, root: Path) -> Dataset:
        """Join lists and segments; some headers are opened.

        Raises:
            CorpusError: lists or segments are missing, or a source file is on two sides.
            AnnotationError: a line of a list cannot be right.
            AudioError: a segment is not as long as it should be.
        """
        _hold_disjoint(Path(root), self.dataset)
        return self._layout().read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, from how many sources, and what is missing."""
        return self._layout().check(root)

    def _layout(self) -> Layout:
        publications = tuple(Publication(folder=f"{self.dataset} {s}", split=s, source=SOURCE) for s in SUBSETS)
        return Layout(name="waa", scenes=(), events=EVENTS, publications=publications, plan=partial(_plan, self))


def _plan(corpus: WaaCorpus, root: Path, publication: Publication) -> Plan | None:
    subset = publication.split
    if not (root / list_path(corpus.dataset, subset)).is_file():
        return None
    found = mixes(root, corpus.dataset, subset)
    entries = tuple(
        Entry(
            path=segment_path(corpus.dataset, subset, mix.clip, corpus.segment_s, corpus.rule),
            split=subset,
            group=mix.source_file,
            tags=(mix.label,),
        )
        for mix in found
    )
    nominal = AudioInfo(corpus.segment_s, RATE_HZ, 1)
    return Plan(entries=entries, notes=_notes(corpus, root, subset, found), nominal=nominal)


def _notes(corpus: WaaCorpus, root: Path, subset: str, found: tuple[Mix, ...]) -> tuple[str, ...]:
    counts = {label: sum(mix.label == label for mix in found) for label in EVENTS}
    fewest, most = min(counts.values()), max(counts.values())
    each = f"{most} of each class" if fewest == most else f"{fewest} to {most} of a class"
    notes = [
        f"{subset}: {len(found)} segments of {corpus.segment_s:g} s, {each}, from "
        f"{len({mix.source_file for mix in found})} foreground files and "
        f"{len({mix.background_file for mix in found})} backgrounds."
    ]
    if subset == "valid" and (root / list_path(corpus.dataset, "train")).is_file():
        train = {freesound_id(mix.source_file) for mix in mixes(root, corpus.dataset, "train")}
        both = train & {freesound_id(mix.source_file) for mix in found}
        notes.append(f"{len(both)} Freesound recordings have pieces in train and others in valid.")
    return tuple(notes)


def _hold_disjoint(root: Path, dataset: str) -> None:
    there = {subset: root / list_path(dataset, subset) for subset in SUBSETS}
    disjoint(
        root,
        {
            subset: [path for mix in mixes(root, dataset, subset) for path in (mix.source_file, mix.background_file)]
            for subset, file in there.items()
            if file.is_file()
        },
    )
