"""Says in a screenful what a folder of recordings is understood to be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from shlex import quote

from earmark.errors import EarmarkError
from earmark.recordings import Recording
from earmark_corpora.folder.description import FILE
from earmark_corpora.folder.reading import understand
from earmark_corpora.folder.splits import DEVELOPMENT, EVALUATION, VALIDATION
from earmark_corpora.folder.understood import Understood

MOST = 12
"""Lines of a list before it is cut."""


def check(root: Path) -> Iterator[str]:
    """Say in sentences what is there, what is wrong and how to go on."""
    if not root.is_dir():
        yield f"{root}: no such folder."
        return
    try:
        understood = understand(root)
    except EarmarkError as error:
        yield f"Not understood: {error}"
        return
    name = understood.description.name or root.resolve().name
    how = f"by convention, as there is no {FILE}" if understood.by_convention else f"as {FILE} says"
    yield f"{root}: the corpus {name!r}, understood {how}."
    yield from _audio(understood)
    yield from _labels(understood)
    yield from _parts(understood)
    yield from _some("Note: ", understood.notes)
    skipped = understood.description.skip_unreadable
    unreadable = [] if skipped else [*understood.unreadable.values()]
    yield from _some("Cannot be read: ", unreadable, most=len(unreadable))  # every one is named
    yield from _some("Does not match: ", understood.problems)
    yield from _how_to_go_on(understood, bool(unreadable or understood.problems))


def _audio(understood: Understood) -> Iterator[str]:
    infos = understood.files.infos
    kinds = Counter(PurePosixPath(path).suffix[1:].upper() for path in infos)
    rates = Counter(f"{info.rate_hz} Hz" for info in infos.values())
    channels = Counter(
        {1: "mono", 2: "stereo"}.get(info.channels, f"{info.channels} channels") for info in infos.values()
    )
    total_s = sum(info.duration_s for info in infos.values())
    yield f"Recordings: {len(infos)}, {duration(total_s)}. {_counted(kinds)}; {_counted(rates)}; {_counted(channels)}."


def _labels(understood: Understood) -> Iterator[str]:
    recordings = understood.recordings
    strong = [r for r in recordings if r.events is not None]
    weak = [r for r in recordings if r.events is None and r.tags is not None]
    with_tags = f", {len(weak)} with names only" if weak else ""
    yield (
        f"Annotations: {understood.annotations.title}; {len(strong)} recordings with times{with_tags}, "
        f"{len(recordings) - len(strong) - len(weak)} without."
    )
    counts, lengths = Counter[str](), defaultdict[str, float](float)
    for recording in strong:
        for event in recording.events or ():
            counts[event.label] += 1
            lengths[event.label] += event.offset_s - event.onset_s
    tags = Counter(tag for recording in recordings for tag in recording.tags or ())
    lines = []
    for name in sorted(understood.events, key=lambda name: (-counts[name], -tags[name], name)):
        named = f", named in {tags[name]} recordings" if tags[name] else ""
        lines.append(f"{name}: {counts[name]} times, {duration(lengths[name])}{named}")
    if lines:
        yield f"Events: {len(lines)} names, {counts.total()} times, {duration(sum(lengths.values()))}."
        yield from _some("  ", lines)


def _parts(understood: Understood) -> Iterator[str]:
    scenes = Counter(r.scene for r in understood.recordings if r.scene is not None)
    yield f"Scenes ({understood.scenes}): {_counted(scenes)}." if scenes else "Scenes: none."
    groups = len({r.group for r in understood.recordings})
    held = f"; {groups} groups, none torn apart" if groups < len(understood.recordings) else ""
    yield f"Splits ({understood.splits}{held}):"
    splits = {r.split for r in understood.recordings}
    order = [s for s in (DEVELOPMENT, VALIDATION, EVALUATION) if s in splits]
    for split in [*order, *sorted(splits - set(order))]:
        yield f"  {_part(split, [r for r in understood.recordings if r.split == split])}"


def _part(split: str, recordings: list[Recording]) -> str:
    n_events = sum(len(r.events or ()) for r in recordings)
    length = duration(sum(r.duration_s for r in recordings))
    return f"{split}: {len(recordings)} recordings, {length}, {n_events} events"


def _how_to_go_on(understood: Understood, broken: bool) -> Iterator[str]:
    if understood.by_convention:
        yield f"The same, to save as {understood.root / FILE} and to change:"
        yield from (f"  {line}" for line in understood.by_convention.splitlines())
    if broken:
        yield "Mend what is named above and check again; experiments refuse the folder until then."
    elif understood.recordings:
        folder = quote(str(understood.root))
        yield f'The corpus can be read. In an experiment: corpus = "folder", run with --corpus {folder}'


def _some(mark: str, sentences: Iterable[str], most: int = MOST) -> Iterator[str]:
    sentences = list(sentences)
    yield from (f"{mark}{sentence}" for sentence in sentences[:most])
    if len(sentences) > most:
        yield f"{mark}... and {len(sentences) - most} more."


def _counted(counts: Counter[str]) -> str:
    shown = [f"{count} {name}" for name, count in counts.most_common(MOST)]
    return ", ".join([*shown, *([f"{len(counts) - MOST} others"] if len(counts) > MOST else [])]) or "none"


def duration(total_s: float) -> str:
    """Length in the unit that suits it.

    >>> duration(4.25), duration(150), duration(9000)
    ('4.2 s', '2.5 min', '2.5 h')
    """
    if total_s < 60:
        return f"{total_s:.1f} s"
    return f"{total_s / 60:.1f} min" if total_s < 3600 else f"{total_s / 3600:.1f} h"
