"""The lists of WAA: what each mix was made of, and when its event sounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.errors import AnnotationError, CorpusError
from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.tables import inner_path, rows, seconds
from earmark_corpora.waa.layout import SUBSETS, list_path
from earmark_corpora.waa.recipe import Recipe

COLUMNS = (
    "filename",
    "onset",
    "offset",
    "event_label",
    "source_file",
    "background_file",
    "snr_db",
    "pitch_shift",
    "source_start",
    "true_duration",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """A line of a list."""

    clip: str
    """File name."""
    label: str
    duration_s: float
    """Of the event in the clip, never lengthened to the 250 ms of other annotations of DESED."""
    source_file: str
    background_file: str


def as_list(recipes: Iterable[Recipe]) -> str:
    """The text of a list."""
    lines = ["\t".join(COLUMNS)]
    for r in recipes:
        lines.append(
            f"{r.clip.rpartition('/')[2]}\t{r.onset_s:.3f}\t{r.offset_s:.3f}\t{r.label}\t{r.source_file}\t"
            f"{r.background_file}\t{r.snr_db:.6f}\t{r.pitch_shift:.6f}\t{r.source_start_s:.6f}\t{r.duration_s:.6f}"
        )
    return "\n".join(lines) + "\n"


def mixes(root: Path, dataset: str, subset: str) -> tuple[Mix, ...]:
    """Read the list of a subset: "train", "valid" or "eval" of "waa1" or "200ms".

    Raises:
        CorpusError: it is not there.
        AnnotationError: a line cannot be right.
    """
    file = Path(root) / list_path(dataset, subset)
    if not file.is_file():
        raise CorpusError(f"{file}: no such list. `earmark data synthesize waa` makes the corpus.")
    found = []
    for row in rows(file):
        if row.fields == COLUMNS:
            continue
        if len(row.fields) != len(COLUMNS):
            raise AnnotationError(f"{row.where}: {len(row.fields)} fields, expected {', '.join(COLUMNS)}.")
        clip, label = inner_path(row.fields[0], row.where), row.fields[3]
        duration_s = seconds(row.fields[-1], row.where)
        if label not in EVENTS or "/" in clip or not duration_s > 0:
            raise AnnotationError(
                f"{row.where}: {label!r} for {duration_s:g} s in {clip!r} is no mix of WAA. "
                "`earmark data synthesize waa` writes the list again."
            )
        source_file, background_file = (inner_path(path, row.where) for path in row.fields[4:6])
        found.append(
            Mix(
                clip=clip,
                label=label,
                duration_s=duration_s,
                source_file=source_file,
                background_file=background_file,
            )
        )
    return tuple(found)


def durations(root: Path, dataset: str = "waa1", subset: str = "train") -> dict[str, list[float]]:
    """Seconds that the events of each class last, one a clip: what [weak_label_limits], Fig. 1, is drawn from.

    Raises:
        CorpusError: the list is not there.
        AnnotationError: a line of it cannot be right.
    """
    by_class: dict[str, list[float]] = {label: [] for label in EVENTS}
    for mix in mixes(root, dataset, subset):
        by_class[mix.label].append(mix.duration_s)
    return by_class


def unique_foreground_files(root: Path) -> dict[str, dict[str, int]]:
    """How many foreground files each subset uses, by subset and class: [weak_label_limits], Table 1.

    Raises:
        CorpusError: a list is not there.
        AnnotationError: a line of one cannot be right.
    """
    counts = {}
    for subset in SUBSETS:
        used: dict[str, set[str]] = {label: set() for label in EVENTS}
        for mix in mixes(root, "waa1", subset):
            used[mix.label].add(mix.source_file)
        counts[subset] = {label: len(files) for label, files in used.items()}
    return counts
