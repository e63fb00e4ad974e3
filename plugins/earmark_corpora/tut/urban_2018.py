"""TUT Urban Acoustic Scenes 2018, development set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from earmark.errors import AnnotationError, CorpusError, OptionError, suggestion
from earmark.recordings import Dataset
from earmark_corpora.layouts import Layout
from earmark_corpora.plans import Entry, Plan, Publication, prefixed, shortened
from earmark_corpora.tables import Row, inner_path, rows

FOLDER = "TUT-urban-acoustic-scenes-2018-development"
RATE_HZ = 48_000
CHANNELS = 2

SCENES = (
    "airport",
    "bus",
    "metro",
    "metro_station",
    "park",
    "public_square",
    "shopping_mall",
    "street_pedestrian",
    "street_traffic",
    "tram",
)

CITIES = ("barcelona", "helsinki", "london", "paris", "stockholm", "vienna")

META = "meta.csv"
TRAIN = "evaluation_setup/fold1_train.txt"
TEST = "evaluation_setup/fold1_test.txt"
EVALUATE = "evaluation_setup/fold1_evaluate.txt"

UNLISTED = "unlisted"
"""Split of recordings that neither list names."""

PUBLICATION = Publication(
    folder=FOLDER,
    split="development",
    source="Zenodo record 1228142",
    fetch="tut-urban-acoustic-scenes-2018-development",
)


@dataclass(frozen=True, slots=True)
class Segment:
    """What the name of a recording says: scene, city, location, segment, device."""

    scene: str
    city: str
    location: str

    @property
    def group(self) -> str:
        """City and location: recordings of one place never stand on both sides of the split."""
        return f"{self.city}-{self.location}"


def segment(path: str, where: str) -> Segment:
    """Take the name of a recording apart.

    >>> segment("audio/airport-barcelona-0-0-a.wav", "meta.csv, line 2").group
    'barcelona-0'

    Raises:
        AnnotationError: it is not of the published form.
    """
    parts = PurePosixPath(path).stem.split("-")
    if len(parts) != 5 or parts[0] not in SCENES or not (parts[2].isdigit() and parts[3].isdigit()):
        raise AnnotationError(
            f"{where}: {path!r} is not of the form SCENE-CITY-LOCATION-SEGMENT-DEVICE.wav, such as "
            f"airport-barcelona-0-0-a.wav. {suggestion(parts[0], SCENES)}Unpack the meta archive again."
        )
    return Segment(*parts[:3])


def _plan(root: Path, publication: Publication) -> Plan | None:
    folder = publication.located(root)
    if folder is None:
        return None
    if not (folder / META).is_file():
        raise CorpusError(f"{folder}: no {META}. Unpack its meta archive here. {publication.remedy}")
    scenes = _scenes(folder / META)
    splits: dict[str, str] = {}
    for name, split in ((TRAIN, "development"), (TEST, "evaluation"), (EVALUATE, "evaluation")):
        for path, row in _listed(folder / name).items():
            if path not in scenes:
                raise AnnotationError(f"{row.where}: {path} is not in {META}. Unpack the meta archive again.")
            if len(row.fields) > 1 and row.fields[1] and row.fields[1] != scenes[path]:
                raise AnnotationError(
                    f"{row.where}: {path} is {row.fields[1]!r} here and {scenes[path]!r} in {META}. "
                    "Unpack the meta archive again."
                )
            if splits.setdefault(path, split) != split:
                raise AnnotationError(f"{row.where}: {path} is to be tested, but {TRAIN} trains on it.")
    segments = {path: segment(path, str(folder / META)) for path in scenes}
    _keep_apart(folder, splits, segments)
    notes = [
        f"No {name}; {', '.join(lost)}."
        for name, lost in (
            (TRAIN, ["nothing is to be trained on"]),
            (EVALUATE, [f"scenes of the tested recordings come from {META}"]),
        )
        if not (folder / name).is_file()
    ]
    if unlisted := [path for path in scenes if path not in splits]:
        notes.append(
            f"{len(unlisted)} recordings are in {META} but in no list, so in the split {UNLISTED!r}: "
            f"{shortened(unlisted)}."
        )
    prefix = prefixed(root, folder)
    entries = tuple(
        Entry(path=prefix + path, split=splits.get(path, UNLISTED), scene=scene, group=segments[path].group)
        for path, scene in scenes.items()
    )
    return Plan(entries=entries, notes=tuple(notes), rate_hz=RATE_HZ, channels=CHANNELS)


def _scenes(file: Path) -> dict[str, str]:
    scenes: dict[str, str] = {}
    for path, row in _listed(file).items():
        named = segment(path, row.where)
        scene = row.fields[1] if len(row.fields) > 1 else named.scene
        identifier = row.fields[2] if len(row.fields) > 2 else named.group
        if (scene, identifier) != (named.scene, named.group):
            raise AnnotationError(
                f"{row.where}: scene {scene!r} at {identifier!r}, but the name says {named.scene!r} at "
                f"{named.group!r}. Unpack the meta archive again."
            )
        scenes[path] = scene
    return scenes


def _listed(file: Path) -> dict[str, Row]:
    """Rows by recording; later editions begin with a header line, this one may."""
    found = [row for row in rows(file) if row.fields[0] != "filename"] if file.is_file() else []
    return {inner_path(row.fields[0], row.where): row for row in found}


def _keep_apart(folder: Path, splits: dict[str, str], segments: dict[str, Segment]) -> None:
    sides: dict[str, set[str]] = {}
    for path, split in splits.items():
        sides.setdefault(segments[path].group, set()).add(split)
    if both := sorted(group for group, of_group in sides.items() if len(of_group) > 1):
        raise AnnotationError(
            f"{folder}: {len(both)} locations are trained on and tested: {shortened(both)}. "
            "The published lists keep locations apart; unpack the meta archive again."
        )


def held_out(dataset: Dataset, every: int) -> Dataset:
    """A data set every so-manieth training location of which, counted scene by scene, is the split "validation"."""
    training = dataset.of_split("development")
    locations = dict.fromkeys(r.group for scene in dataset.scenes for r in training if r.scene == scene)
    chosen = set(list(locations)[every - 1 :: every])
    recordings = (
        replace(r, split="validation") if r.split == "development" and r.group in chosen else r
        for r in dataset.recordings
    )
    return replace(dataset, recordings=tuple(recordings))


LAYOUT = Layout(name="tut2018", scenes=SCENES, events=(), publications=(PUBLICATION,), plan=_plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tut2018:
    """Reads TUT Urban Acoustic Scenes 2018: its folder, or the folder that holds it.

    Source: [relation_guided], section 2. The train list of the one fold is the split "development", its test list
    the split "evaluation".
    """

    held_out_every: int | None = None
    """Every so-manieth location of the train list, scene by scene, is the split "validation" and trains nothing."""

    def __post_init__(self) -> None:
        if self.held_out_every is not None and self.held_out_every < 2:
            raise OptionError(
                f"Tut2018.held_out_every is {self.held_out_every}; give at least 2, so that locations are left to "
                "train on, or leave it out for no validation part."
            )

    def read(self, root: Path) -> Dataset:
        """Read scenes, split and audio headers; errors as `Layout.read`."""
        dataset = LAYOUT.read(root)
        return dataset if self.held_out_every is None else held_out(dataset, self.held_out_every)

    def check(self, root: Path) -> Iterable[str]:
        """Say what is there, what is missing and what does not match."""
        return LAYOUT.check(root)
