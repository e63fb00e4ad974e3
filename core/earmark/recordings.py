"""Recordings, the events heard in them, and the clips that they are cut into."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from earmark.errors import AnnotationError

# Times are compared as whole microseconds: the annotations carry six decimals, and floor(50 * t) on floats
# starts every eighth 20 ms event one frame early.
US_PER_S = 1_000_000


LONGEST_S = 1e9
"""Thirty years: no recording lasts longer, and up to it floats tell microseconds apart."""


def to_us(seconds: float) -> int:
    """Return the time as whole microseconds.

    >>> to_us(0.3)
    300000
    """
    return round(seconds * US_PER_S)


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One annotated sound event; times in seconds from the start of its recording or clip."""

    onset_s: float
    offset_s: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One audio file with all that is known of it."""

    path: str
    """Relative to the corpus root, with forward slashes; the key of the recording, as names alone are not unique."""
    duration_s: float
    """True length of the audio, never the last offset."""
    rate_hz: int
    channels: int
    split: str
    """Such as "development" or "evaluation"."""
    scene: str | None = None
    fold: int | None = None
    """Cross-validation fold in which the recording is tested."""
    group: str | None = None
    """Location or session: recordings of one group never stand on both sides of a split."""
    events: tuple[Event, ...] | None = ()
    """None where nobody has annotated the recording; empty where somebody did and heard no event."""
    tags: tuple[str, ...] | None = None
    """Events that somebody named as present in the recording without saying when (weak labels); None where nobody did.
    What `events` says needs no tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """An excerpt of a recording: the unit of training, labelling and scene classification."""

    recording: Recording
    start_s: float
    duration_s: float

    @property
    def id(self) -> str:
        """The recording's path and the start in milliseconds, such as ``audio/home/a030.wav@10000``."""
        return f"{self.recording.path}@{to_us(self.start_s) // 1000}"

    @property
    def scene(self) -> str | None:
        return self.recording.scene

    @property
    def sounding_s(self) -> float:
        """Seconds until the recording ends; less than `duration_s` in a last clip that is filled up with silence."""
        return min(self.duration_s, self.recording.duration_s - self.start_s)

    @property
    def events(self) -> tuple[Event, ...]:
        """Events that sound within the clip, cut at its borders, in seconds from its start."""
        end_s = self.start_s + self.duration_s
        return tuple(
            Event(
                max(event.onset_s, self.start_s) - self.start_s,
                min(event.offset_s, end_s) - self.start_s,
                event.label,
            )
            for event in self.recording.events or ()
            if event.onset_s < end_s and event.offset_s > self.start_s
        )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What a corpus reader found: recordings, vocabularies, and what it had to mend."""

    name: str
    root: Path
    synthetic: bool
    """True for stand-in audio: every figure and table then says so."""
    scenes: tuple[str, ...]
    events: tuple[str, ...]
    recordings: tuple[Recording, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)
    """One sentence for each thing that the reader mended, clamped or dropped."""

    def __post_init__(self) -> None:
        scenes, events = set(self.scenes), set(self.events)
        for recording in self.recordings:
            if recording.scene is not None and recording.scene not in scenes:
                raise AnnotationError(
                    f"{self.root / recording.path}: scene {recording.scene!r} is not among {', '.join(self.scenes)}. "
                    "Correct the annotation, or add the scene to the corpus' vocabulary."
                )
            for event in recording.events or ():
                check_event(event, recording, events, f"{self.root / recording.path}")
            for tag in recording.tags or ():
                check_label(tag, events, f"{self.root / recording.path}")

    @property
    def title(self) -> str:
        """Name as every figure and table gives it, such as "tut (synthetic)"."""
        return f"{self.name} (synthetic)" if self.synthetic else self.name

    @cached_property
    def digest(self) -> str:
        """Address of the content: vocabularies, annotations and, sampled, the audio itself.

        The audio's part is its size and three blocks of 64 KiB of each file (head, middle, tail), as reading
        gigabytes before every run would cost more than most runs.
        """
        content = hashlib.blake2b(digest_size=16)
        content.update(json.dumps([self.name, self.synthetic, self.scenes, self.events]).encode())
        for recording in sorted(self.recordings, key=lambda r: r.path):
            known = [recording.path, recording.duration_s, recording.split, recording.scene, recording.fold]
            events = [[e.onset_s, e.offset_s, e.label] for e in recording.events or ()]
            tags = [] if recording.tags is None else [list(recording.tags)]
            content.update(json.dumps([*known, recording.events is None, events, *tags]).encode())
            content.update(_sampled(self.root / recording.path))
        return content.hexdigest()

    def of_split(self, split: str) -> tuple[Recording, ...]:
        """Recordings of a split, in the corpus' order."""
        return tuple(r for r in self.recordings if r.split == split)


def check_event(event: Event, recording: Recording, vocabulary: set[str], where: str) -> None:
    """Raise where an event contradicts its recording.

    Raises:
        AnnotationError: it ends before it begins, lies outside the recording, or its name is unknown.
    """
    check_label(event.label, vocabulary, where)
    if not 0 <= event.onset_s < event.offset_s:
        raise AnnotationError(
            f"{where}: {event.label!r} from {event.onset_s} s to {event.offset_s} s does not end after it begins. "
            "Correct or remove the line."
        )
    if to_us(event.offset_s) > to_us(recording.duration_s):
        raise AnnotationError(
            f"{where}: {event.label!r} ends at {event.offset_s} s, after the recording's end at "
            f"{recording.duration_s} s. Is this the annotation of another file?"
        )


def check_label(label: str, vocabulary: set[str], where: str) -> None:
    """Raise where the name of an event is unknown.

    Raises:
        AnnotationError: with the names that exist.
    """
    if label not in vocabulary:
        raise AnnotationError(
            f"{where}: event {label!r} is not in the vocabulary ({', '.join(sorted(vocabulary))}). "
            "Correct the name, or add it to the vocabulary."
        )


def cut(recordings: Iterable[Recording], clip_s: float, *, pad: bool = False) -> tuple[Clip, ...]:
    """Cut recordings at 0, clip_s, 2 clip_s, ...

    Source: [partial_labels] drops the last incomplete clip, by true audio length; recovered from its reference counts
    (Table 8).

    Args:
        recordings: of any lengths.
        clip_s: length of every clip.
        pad: keep the last incomplete clip of each recording, to be filled up with silence, instead of dropping it.

    >>> recording = Recording(path="a.wav", duration_s=25.0, rate_hz=44100, channels=2, split="evaluation")
    >>> [clip.start_s for clip in cut([recording], 10.0)]
    [0.0, 10.0]
    >>> [clip.sounding_s for clip in cut([recording], 10.0, pad=True)]
    [10.0, 10.0, 5.0]
    """
    step_us = to_us(clip_s)
    return tuple(
        Clip(recording=recording, start_s=index * step_us / US_PER_S, duration_s=clip_s)
        for recording in recordings
        for index in range((to_us(recording.duration_s) + (step_us - 1 if pad else 0)) // step_us)
    )


def clips_digest(clips: Sequence[Clip]) -> str:
    """Address of a choice of clips (their ids and lengths, in order)."""
    content = hashlib.blake2b(digest_size=16)
    for clip in clips:
        content.update(f"{clip.id}+{clip.duration_s}\n".encode())
    return content.hexdigest()


def _sampled(path: Path, block: int = 1 << 16) -> bytes:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            content = hashlib.blake2b(str(size).encode(), digest_size=16)
            for offset in sorted({0, max(size // 2 - block // 2, 0), max(size - block, 0)}):
                file.seek(offset)
                content.update(file.read(block))
    except FileNotFoundError:
        return b"absent"
    return content.digest()
