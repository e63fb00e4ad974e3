"""What the readers of official layouts have in common: plan from lists, then look at the audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earmark.audio import AudioInfo, audio_info
from earmark.errors import AnnotationError, AudioError, CorpusError, EarmarkError
from earmark.recordings import Dataset, Event, Recording
from earmark_corpora.marker import MARKER
from earmark_corpora.plans import Entry, Plan, Publication, absent, shortened
from earmark_corpora.tables import within

N_SAMPLED = 50
"""Headers that are read of a publication too large to open every file of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A corpus of publications, each of which may be absent."""

    name: str
    scenes: tuple[str, ...]
    events: tuple[str, ...]
    publications: tuple[Publication, ...]
    plan: Callable[[Path, Publication], Plan | None]
    """Reads the lists of one publication below a root; None where it is absent."""

    def read(self, root: Path) -> Dataset:
        """Join lists and audio headers.

        Raises:
            CorpusError: no publication is there, or recordings are missing; the message names the archives.
            AnnotationError: a line cannot be right; the message names file and line.
            AudioError: an audio file is not readable, or of another rate or number of channels than published.
        """
        root = Path(root)
        recordings: list[Recording] = []
        notes: list[str] = []
        planned = [(publication, self.plan(root, publication)) for publication in self.publications]
        found = [(publication, plan) for publication, plan in planned if plan is not None]
        if not found:
            names = ", ".join(publication.folder for publication in self.publications)
            raise CorpusError(
                f"{root}: none of {names} is here. Give the folder of one, or the folder that holds them. "
                f"{self.publications[0].remedy}"
            )
        for publication, plan in found:
            missing = absent(root, plan.entries)
            if missing:
                raise CorpusError(
                    f"{root}: {len(missing)} of {len(plan.entries)} recordings of {publication.folder} are missing: "
                    f"{shortened(missing)}. {publication.remedy} "
                    f"`earmark data check {self.name} {root}` says what else is missing."
                )
            joined, mended = _joined(root, plan)
            recordings += joined
            notes += [*plan.notes, *mended]
        return Dataset(
            name=self.name,
            root=root,
            synthetic=self._synthetic(root),
            scenes=self.scenes,
            events=self.events,
            recordings=tuple(recordings),
            notes=tuple(notes),
        )

    def check(self, root: Path) -> Iterator[str]:
        """Say in a screenful what is there, what is missing and what does not match; works on partial copies."""
        root = Path(root)
        if not root.is_dir():
            yield f"{root}: no such folder. {self.publications[0].remedy}"
            return
        yield f"{root}: a synthetic stand-in ({MARKER} is there)." if self._synthetic(root) else f"{root}:"
        n_found, complete, lacking = 0, True, []
        for publication in self.publications:
            try:
                plan = self.plan(root, publication)
            except EarmarkError as error:
                n_found, complete = n_found + 1, False
                yield f"{publication.folder} does not match: {error}"
                continue
            if plan is None:
                lacking.append(publication)
                continue
            n_found += 1
            for sentence, sound in _state(root, publication, plan, self):
                complete = complete and sound
                yield sentence
        if lacking:
            yield f"Absent: {', '.join(publication.folder for publication in lacking)}."
        if not n_found:
            yield f"Nothing of it is here. {self.publications[0].remedy}"
        elif complete:
            yield "Nothing is missing of what is listed: the corpus can be read."

    def _synthetic(self, root: Path) -> bool:
        # The marker lies beside the data set folders: whoever names one of them must be told as well.
        inside = any(publication.folder == root.resolve().name for publication in self.publications)
        return (root / MARKER).is_file() or (inside and (root.resolve().parent / MARKER).is_file())


def expect(info: AudioInfo, path: Path, rate_hz: int | None, channels: int | None) -> AudioInfo:
    """The header, if it is as published.

    Raises:
        AudioError: of another rate, or another number of channels.
    """
    # Whatever rate a corpus announces is resampled later without a word, so its reader must object here.
    if rate_hz is not None and info.rate_hz != rate_hz:
        raise AudioError(
            f"{path}: {info.rate_hz} Hz, but this data set is published at {rate_hz} Hz. Unpack its audio archive "
            "again; a converted copy can be read as a folder of your own recordings."
        )
    if channels is not None and info.channels != channels:
        raise AudioError(
            f"{path}: {info.channels} channel{'s' * (info.channels != 1)}, but this data set is published with "
            f"{channels}. Unpack its audio archive again; a converted copy can be read as a folder of your own "
            "recordings."
        )
    return info


def _joined(root: Path, plan: Plan) -> tuple[list[Recording], list[str]]:
    recordings: list[Recording] = []
    clamped: list[float] = []
    n_touched = 0
    dropped: list[str] = []
    infos, notes = _infos(root, plan)
    for entry, info in zip(plan.entries, infos, strict=True):
        recording, overshoots_s, empty = _recording(entry, info)
        recordings.append(recording)
        clamped += overshoots_s
        n_touched += bool(overshoots_s)
        dropped += empty
    if clamped:
        notes.append(
            f"Clamped {len(clamped)} offsets in {n_touched} recordings to the end of the audio, which they passed by "
            f"at most {1000 * max(clamped):.3f} ms."
        )
    if dropped:
        notes.append(f"Dropped {len(dropped)} events of zero length: {shortened(dropped)}.")
    return recordings, notes


def _recording(entry: Entry, info: AudioInfo) -> tuple[Recording, list[float], list[str]]:
    """The recording, by how much its events passed its end, and the events that last no time."""
    kept: list[Event] = []
    overshoots_s: list[float] = []
    dropped: list[str] = []
    for line in entry.lines or ():
        event, overshoot_s = within(line, entry.path, info.duration_s)
        if overshoot_s > 0:
            overshoots_s.append(overshoot_s)
        if event.onset_s == event.offset_s:
            dropped.append(f"{event.label} ({line.where})")
        else:
            kept.append(event)
    events: tuple[Event, ...] | None = None if entry.lines is None else tuple(sorted(kept))
    if entry.whole is not None:
        events = (Event(0.0, info.duration_s, entry.whole),)
    recording = Recording(
        path=entry.path,
        duration_s=info.duration_s,
        rate_hz=info.rate_hz,
        channels=info.channels,
        split=entry.split,
        scene=entry.scene,
        fold=entry.fold,
        group=entry.group,
        events=events,
        tags=entry.tags,
    )
    return recording, overshoots_s, dropped


def _infos(root: Path, plan: Plan) -> tuple[list[AudioInfo], list[str]]:
    if plan.nominal is None:
        headers = (audio_info(root / entry.path) for entry in plan.entries)
        return [
            expect(info, root / entry.path, plan.rate_hz, plan.channels)
            for entry, info in zip(plan.entries, headers, strict=True)
        ], []
    sampled = plan.entries[:: max(1, len(plan.entries) // N_SAMPLED)]
    for entry in sampled:
        _hold_against(root / entry.path, plan.nominal)
    return [plan.nominal] * len(plan.entries), [
        f"Opened {len(sampled)} of {len(plan.entries)} audio files; the others are taken to be of "
        f"{plan.nominal.duration_s:g} s, {plan.nominal.rate_hz} Hz and {plan.nominal.channels} channels too."
    ]


def _hold_against(path: Path, nominal: AudioInfo) -> None:
    info = expect(audio_info(path), path, nominal.rate_hz, nominal.channels)
    if abs(info.duration_s - nominal.duration_s) > 1e-3:
        raise AudioError(
            f"{path}: {info.duration_s:g} s, but all recordings of this data set last {nominal.duration_s:g} s. "
            "Unpack its audio archive again."
        )


def _state(root: Path, publication: Publication, plan: Plan, layout: Layout) -> Iterator[tuple[str, bool]]:
    """Sentences on one publication, each with whether it leaves the corpus readable."""
    missing = set(absent(root, plan.entries))
    there = [entry for entry in plan.entries if entry.path not in missing]
    looked_at = there if plan.nominal is None else there[:: max(1, len(there) // N_SAMPLED)]
    length_s, problems = 0.0, []
    for entry in looked_at:
        path = root / entry.path
        try:
            if plan.nominal is not None:
                _hold_against(path, plan.nominal)
            info = expect(audio_info(path), path, plan.rate_hz, plan.channels)
            length_s += info.duration_s
            _recording(entry, info)
        except (AudioError, AnnotationError) as error:
            problems.append(str(error))
    if plan.nominal is not None:
        length_s = plan.nominal.duration_s * len(there)
    state = "complete" if not missing else f"{len(missing)} missing"
    known = []
    if layout.events:
        annotated = [entry for entry in plan.entries if entry.lines is not None or entry.whole is not None]
        n_events = sum(1 if entry.whole is not None else len(entry.lines or ()) for entry in annotated)
        tagged = [entry for entry in plan.entries if entry.tags] if not annotated else []
        if tagged:
            known.append(f"weak labels of {len(tagged)} recordings")
        else:
            known.append(f"{n_events} events in {len(annotated)} recordings")
    if layout.scenes:
        known.append(f"{len({entry.scene for entry in plan.entries} - {None})} of {len(layout.scenes)} scenes")
    yield (
        f"{publication.folder}: {len(there)} of {len(plan.entries)} recordings, {length_s / 60:.1f} min, {state}; "
        f"{', '.join(known) or 'no annotations'}.",
        not missing,
    )
    for note in plan.notes:
        yield note, True
    for problem in problems[:5]:
        yield f"Does not match: {problem}", False
    if len(problems) > 5:
        yield f"... and {len(problems) - 5} more that do not match.", False
    if missing:
        yield f"Missing: {shortened(sorted(missing))}. {publication.remedy}", False
