"""Says of a folder how much of the TUT corpus it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from earmark.audio import audio_info
from earmark.errors import AnnotationError, AudioError, CorpusError
from earmark_corpora.layouts import expect
from earmark_corpora.marker import MARKER
from earmark_corpora.tut.annotations import Annotations, annotation_folder, read_annotations, recordings_of
from earmark_corpora.tut.layout import CHANNELS, DATASETS, EVENT_FREE_LIST, FOLDS, RATE_HZ, SPLITS, fold_file


def check(root: Path) -> Iterator[str]:
    """Say in sentences what is there, what is missing and what does not match."""
    if not root.is_dir():
        yield f"{root}: no such folder. `earmark data synthesize tut` writes a stand-in."
        return
    yield f"{root}: a synthetic stand-in ({MARKER} is there)." if (root / MARKER).is_file() else f"{root}:"
    try:
        annotations = read_annotations(annotation_folder(root))
    except (CorpusError, AnnotationError) as error:
        yield f"Annotations: {error}"
        yield from _folders(root)
        return
    counts = ", ".join(
        f"{sum(map(len, recordings.values()))} events in {len(recordings)} {split} recordings"
        for split, recordings in annotations.lines.items()
    )
    yield f"Annotations in {annotations.folder}: {counts}."
    folds = [fold for fold in FOLDS if (annotations.folder / fold_file(fold, "evaluation")).is_file()]
    yield f"Folds: files of {len(folds)} of {len(FOLDS)} folds, testing {len(annotations.folds)} recordings."
    yield from annotations.notes
    yield from _audio(root, annotations)


def _audio(root: Path, annotations: Annotations) -> Iterator[str]:
    there: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    wanted: dict[tuple[str, str, str], int] = defaultdict(int)
    seconds: dict[tuple[str, str, str], float] = defaultdict(float)
    problems: list[str] = []
    for split, recordings in annotations.lines.items():
        for path, lines in recordings.items():
            key = (split, path.partition("/")[0], lines[0].scene)
            wanted[key] += 1
            if not (root / path).is_file():
                continue
            try:
                info = expect(audio_info(root / path), root / path, RATE_HZ, CHANNELS)
                seconds[key] += info.duration_s
                there[key].append(path)
                # One recording at a time, so that one contradiction does not hide the next.
                alone = Annotations(folder=annotations.folder, lines={split: {path: lines}}, folds={}, notes=())
                recordings_of(alone, {path: info}.__getitem__)
            except (AudioError, AnnotationError) as error:
                problems.append(str(error))
    for key, count in wanted.items():
        split, dataset, scene = key
        state = "complete" if len(there[key]) == count else f"{count - len(there[key])} missing"
        yield f"{dataset}, {scene}: {len(there[key])} of {count} recordings, {seconds[key] / 60:.1f} min, {state}."
    scenes_2017 = "TUT-acoustic-scenes-2017-evaluation"
    if any(dataset == scenes_2017 for _, dataset, _ in wanted) and not (root / scenes_2017 / EVENT_FREE_LIST).is_file():
        yield f"{scenes_2017}/{EVENT_FREE_LIST} is missing: it names the clips without any event."
    for split in SPLITS:
        keys = [key for key in wanted if key[0] == split]
        yield (
            f"{split}: {sum(len(there[key]) for key in keys)} of {sum(wanted[key] for key in keys)} recordings, "
            f"{sum(seconds[key] for key in keys) / 60:.1f} min."
        )
    for problem in problems[:5]:
        yield f"Does not match: {problem}"
    if len(problems) > 5:
        yield f"... and {len(problems) - 5} more that do not match."
    missing = sum(wanted.values()) - sum(map(len, there.values()))
    if not missing and not problems:
        yield "Nothing is missing: the corpus can be read."
    elif missing:
        yield "Unpack the audio archives of the data sets named above into this folder, keeping their folder names."


def _folders(root: Path) -> Iterator[str]:
    for name in DATASETS:
        folder = root / name / "audio"
        yield f"{name}: {len(list(folder.rglob('*.wav')))} audio files." if folder.is_dir() else f"{name}: absent."
