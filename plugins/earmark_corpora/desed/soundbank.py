"""The DESED soundbank: isolated foreground events by class, and backgrounds to put them on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.audio import audio_info
from earmark.errors import AnnotationError, CorpusError, suggestion
from earmark.recordings import Dataset
from earmark_corpora.desed.layout import EVENTS, base_of, split_variant
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication
from earmark_corpora.tables import inner_path, rows

SUBSETS = {"train": "development", "valid": "validation", "eval": "evaluation"}
"""Subsets in the words of [weak_label_limits], with the split that each is."""

VALIDATION_LIST = "soundbank_validation.tsv"

PUBLICATIONS = tuple(
    Publication(folder=f"soundbank {subset}", split=split, source="Zenodo record 4307908", fetch="desed-soundbank")
    for subset, split in SUBSETS.items()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreground:
    """An isolated event."""

    path: str
    label: str
    variant: str
    """What the file lacks: "", "_nOn", "_nOff" or "_nOn_nOff"."""
    freesound_id: str
    duration_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Background:
    """Sound of a place in which hardly any event of the classes is heard."""

    path: str
    group: str
    """Folder that it lies in, such as "sins", "freesound" or "youtube"."""
    duration_s: float


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    subset: str
    kind: str
    """Such as "foreground" or "background"."""
    folder: str


def _files(root: Path) -> tuple[Path, list[_File]] | None:
    """All files of the soundbank in sorted order, with the subset that the list, not the folder, decides."""
    base = next((b for sub in ("eval", "train", "validation") if (b := base_of(root, f"audio/{sub}/soundbank"))), None)
    if base is None:
        return None
    listed = _validation(root, base)
    found = []
    for part, subset in (("train", "train"), ("validation", "valid"), ("eval", "eval")):
        bank = base / "audio" / part / "soundbank"
        for kind in ("foreground", "background"):
            for file in sorted((bank / kind).glob("*/*.wav")):
                if file.name.startswith("._"):
                    continue
                inner = f"{kind}/{file.parent.name}/{file.name}"
                # Who has split the bank has moved the listed files; who has not finds them under train/.
                of_list = "valid" if part == "train" and inner in listed else subset
                path = file.relative_to(root).as_posix()
                found.append(_File(path, of_list, kind, file.parent.name))
    return base, found


def _validation(root: Path, base: Path) -> set[str]:
    """What the list names, from ``foreground/`` or ``background/`` on."""
    file = next((f for f in (base / VALIDATION_LIST, root / VALIDATION_LIST) if f.is_file()), None)
    inner = set()
    for row in rows(file) if file else ():
        if row.fields[0] == "filepath":
            continue
        parts = PurePosixPath(inner_path(row.fields[0], row.where)).parts
        if "soundbank" not in parts:
            raise AnnotationError(
                f"{row.where}: {row.fields[0]!r} is not of the form audio/validation/soundbank/... "
                f"Fetch {VALIDATION_LIST} again."
            )
        inner.add("/".join(parts[parts.index("soundbank") + 1 :]))
    return inner


def _plan(root: Path, publication: Publication) -> Plan | None:
    found = _files(root)
    if found is None:
        return None
    base, files = found
    subset = publication.folder.removeprefix("soundbank ")
    of_subset = [file for file in files if file.subset == subset]
    if not of_subset:
        return None
    entries = []
    for file in of_subset:
        label = _label(root, file) if file.kind == "foreground" else None
        entries.append(
            Entry(
                path=file.path,
                split=publication.split,
                group=_source(file) if label else file.folder,
                whole=label,
            )
        )
    return Plan(entries=tuple(entries), notes=tuple(_notes(root, base, subset, of_subset)))


def _notes(root: Path, base: Path, subset: str, files: list[_File]) -> Iterator[str]:
    foreground = [file for file in files if file.kind == "foreground"]
    variants: dict[str, int] = {}
    for file in foreground:
        variant = split_variant(file.folder)[1]
        if variant:
            variants[variant] = variants.get(variant, 0) + 1
    lacking = "".join(f", {count} {variant}" for variant, count in sorted(variants.items()))
    labels = {split_variant(file.folder)[0] for file in foreground}
    yield (
        f"{subset}: {len(foreground)} foreground files of {len(labels)} of {len(EVENTS)} classes{lacking}; "
        f"{len(files) - len(foreground)} backgrounds."
    )
    if subset == "train" and len(files) == len(foreground):
        yield (
            "train has no backgrounds, which no archive of the soundbank holds: they are the 2,060 segments of DCASE "
            "2018 task 5 whose label is 'other' (`earmark data fetch sins`), in audio/train/soundbank/background/sins/."
        )
    if subset == "train" and not any((b / VALIDATION_LIST).is_file() for b in (base, root)):
        yield (
            f"No {VALIDATION_LIST}: nothing but audio/validation/, if it is there, is for validation. "
            "`earmark data fetch desed-soundbank` gets the list."
        )


def _label(root: Path, file: _File) -> str:
    label = split_variant(file.folder)[0]
    if label not in EVENTS:
        raise AnnotationError(
            f"{root / file.path}: the folder {file.folder!r} is no class of DESED. {suggestion(label, EVENTS)}"
            f"They are {', '.join(EVENTS)}, with _nOn, _nOff or _nOn_nOff behind them."
        )
    return label


def _source(file: _File) -> str:
    """Freesound recording that a foreground file is a piece of.

    >>> _source(_File("foreground/Cat/56380_4.wav", "train", "foreground", "Cat"))
    '56380'
    """
    return PurePosixPath(file.path).stem.partition("_")[0]


LAYOUT = Layout(name="desed-soundbank", scenes=(), events=EVENTS, publications=PUBLICATIONS, plan=_plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class DesedSoundbank:
    """Reads the soundbank: each foreground file is a recording that its event fills, each background has no labels.

    Source: [weak_label_limits], section 3 of its specification. `foreground` and `background` list the files with
    what a mixer has to know of them.
    """

    def read(self, root: Path) -> Dataset:
        """Read all files' headers; errors as `Layout.read`."""
        return LAYOUT.read(root)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)

    def foreground(self, root: Path, subset: str) -> tuple[Foreground, ...]:
        """Foreground files of "train", "valid" or "eval", sorted by path.

        Raises:
            CorpusError: there are none, or no such subset.
            AudioError: a file is not readable.
        """
        root = Path(root)
        return tuple(
            Foreground(
                path=file.path,
                label=_label(root, file),
                variant=split_variant(file.folder)[1],
                freesound_id=_source(file),
                duration_s=audio_info(root / file.path).duration_s,
            )
            for file in _chosen(root, subset, "foreground")
        )

    def background(self, root: Path, subset: str) -> tuple[Background, ...]:
        """Background files of "train", "valid" or "eval", sorted by path.

        Raises:
            CorpusError: there are none, or no such subset.
            AudioError: a file is not readable.
        """
        root = Path(root)
        return tuple(
            Background(path=file.path, group=file.folder, duration_s=audio_info(root / file.path).duration_s)
            for file in _chosen(root, subset, "background")
        )


def _chosen(root: Path, subset: str, kind: str) -> list[_File]:
    if subset not in SUBSETS:
        raise CorpusError(f"{root}: no subset {subset!r} of the soundbank. They are {', '.join(SUBSETS)}.")
    found = _files(root)
    chosen = [f for f in found[1] if (f.subset, f.kind) == (subset, kind)] if found else []
    if not chosen:
        part = "eval" if subset == "eval" else "train"
        raise CorpusError(
            f"{root}: no {kind} files for {subset!r} in audio/{part}/soundbank/{kind}/. {PUBLICATIONS[0].remedy}"
        )
    return sorted(chosen, key=lambda file: file.path)
