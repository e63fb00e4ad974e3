"""Brings annotations of several origins to one list of recordings, with one vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark.evaluation.event_lists import Gathered, gathered
from earmark.evaluation.files import without_ending


@dataclass(frozen=True, kw_only=True)
class ComparedSets:
    """Both sides of a comparison on the same recordings."""

    reference: Gathered
    estimated: Mapping[str, Gathered]
    """By system."""
    scenes: Mapping[str, str]
    """Annotated scene of each recording that has one, where every system names scenes; else nothing."""
    estimated_scenes: Mapping[str, Mapping[str, str | None]]
    """By system and recording."""
    without_times: tuple[str, ...]
    """Sides that name events without times: only presence in a recording can be judged."""
    notes: tuple[str, ...]
    """What readers left out."""


def compared_sets(
    reference: Mapping[str, Annotated],
    estimated: Mapping[str, Mapping[str, Annotated]],
    *,
    durations_s: Mapping[str, float] | float | None,
    vocabulary: Sequence[str] | None,
    by_stem: bool,
) -> ComparedSets:
    """Check and gather what is compared.

    Args:
        reference: by recording.
        estimated: by system and recording.
        durations_s: by recording, which says what is evaluated, with or without a line on either side; or of each of
            the reference's recordings; None: the reference says the length of each.
        vocabulary: every event that may occur; None: those of the reference.
        by_stem: recordings are compared by name without ending, as one side is a folder of annotation files.

    Raises:
        AnnotationError: see `gathered`; or lengths are not known, or there is nothing to compare with.
    """
    if by_stem:
        reference = _renamed(reference, "The reference")
        estimated = {system: _renamed(side, f"The estimate {system}") for system, side in estimated.items()}
        if isinstance(durations_s, Mapping):
            names = without_ending(durations_s, "The table of durations")
            durations_s = {names[name]: length for name, length in durations_s.items()}
    if isinstance(durations_s, Mapping) and len(durations_s) == 1:
        reference = _named(reference, next(iter(durations_s)))
    lengths_s = _lengths(reference, durations_s)
    if len(lengths_s) == 1:
        estimated = {system: _named(side, next(iter(lengths_s))) for system, side in estimated.items()}
    events = tuple(vocabulary) if vocabulary is not None else _events_of(reference)
    if not lengths_s:
        raise AnnotationError("The reference names no recording; there is nothing to evaluate.")
    sides = {"The reference": reference, **{f"The estimate {name}": side for name, side in estimated.items()}}
    scenes = {name: known.scene for name, known in reference.items() if known.scene is not None}
    estimated_scenes = {s: {name: known.scene for name, known in side.items()} for s, side in estimated.items()}
    silent = [name for name, known in reference.items() if known.events is None and known.tags is None]
    if events and silent:
        raise AnnotationError(
            f"The reference says nothing of the events in {len(silent)} recordings, first {silent[0]!r}, so that every "
            "detection there would count as false. Leave them out, or say that nothing is heard there (in a table: a "
            "line with blank onset, offset and event_label)."
        )
    if not all(any(scene is not None for scene in named.values()) for named in estimated_scenes.values()):
        scenes = {}
    if not events and not scenes:
        raise AnnotationError(
            "There is nothing to evaluate: the reference names no event, and not both sides name scenes. "
            "Name the vocabulary with --events where only false alarms are to be counted."
        )
    return ComparedSets(
        reference=gathered(reference, lengths_s, events, "The reference"),
        estimated={
            system: gathered(side, lengths_s, events, f"The estimate {system}") for system, side in estimated.items()
        },
        scenes=scenes,
        estimated_scenes=estimated_scenes,
        without_times=tuple(
            name
            for name, side in sides.items()
            if any(known.events is None and known.tags is not None for known in side.values())
        ),
        notes=tuple(
            f"{name}: {note}" for name, side in sides.items() for known in side.values() for note in known.notes
        ),
    )


def _lengths(
    reference: Mapping[str, Annotated], durations_s: Mapping[str, float] | float | None
) -> Mapping[str, float]:
    if isinstance(durations_s, Mapping):
        return durations_s
    if durations_s is not None:
        return dict.fromkeys(reference, float(durations_s))
    lengths_s = {name: known.duration_s for name, known in reference.items() if known.duration_s is not None}
    if len(lengths_s) < len(reference):
        raise AnnotationError(
            "How long are the recordings? False alarms in silence and recordings without any event count too. Give a "
            "table with --durations (filename, duration), or --duration SECONDS where all are equally long."
        )
    return lengths_s


def _events_of(reference: Mapping[str, Annotated]) -> tuple[str, ...]:
    timed = {event.label for known in reference.values() for event in known.events or ()}
    named = {tag for known in reference.values() for tag in known.tags or ()}
    return tuple(sorted(timed | named))


def _named(side: Mapping[str, Annotated], only: str) -> Mapping[str, Annotated]:
    """Annotations in which the one recording that has no name has that of the only recording there is."""
    return {only: side[""]} if set(side) == {""} else side


def _renamed(side: Mapping[str, Annotated], where: str) -> dict[str, Annotated]:
    names = without_ending(side, where)
    return {names[name]: known for name, known in side.items()}
