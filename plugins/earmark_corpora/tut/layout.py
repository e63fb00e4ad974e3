"""Names and folders of the TUT sets that the four-scene corpus is joined from."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.errors import suggestion

RATE_HZ = 44_100
CHANNELS = 2

SCENES = ("city_center", "home", "office", "residential_area")

EVENTS = (
    "(object) banging",
    "(object) impact",
    "(object) rustling",
    "(object) snapping",
    "(object) squeaking",
    "bird singing",
    "brakes squeaking",
    "breathing",
    "car",
    "children",
    "cupboard",
    "cutlery",
    "dishes",
    "drawer",
    "fan",
    "glass jingling",
    "keyboard typing",
    "large vehicle",
    "mouse clicking",
    "mouse wheeling",
    "people talking",
    "people walking",
    "washing dishes",
    "water tap running",
    "wind blowing",
)
"""In the order of [partial_labels], which is also the order of its code's output units."""

SPLITS = {"development": "meta/meta_development.txt", "evaluation": "meta/meta_evaluation.txt"}
"""Annotation file of each split."""

FOLDS = (1, 2, 3, 4)

ANNOTATION_FOLDER = "metadata_SEDandASC01"
"""Where the annotation repository unpacks, inside the corpus root."""

EVENT_FREE_LIST = "evaluation_setup/evaluate.txt"
"""Scene of every clip of an acoustic scene set; names also the clips in which no event is heard."""


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """One published data set, by the name of the folder in which its archives unpack."""

    name: str
    split: str
    nominal_s: float | None
    """Length of all of its recordings, where the data set has but one; None for recordings of minutes."""


DATASETS = {
    dataset.name: dataset
    for dataset in (
        DatasetFolder("TUT-sound-events-2017-development", "development", None),
        DatasetFolder("TUT-sound-events-2016-development", "development", None),
        DatasetFolder("TUT-acoustic-scenes-2016-development", "development", 30.0),
        DatasetFolder("TUT-sound-events-2017-evaluation", "evaluation", None),
        DatasetFolder("TUT-sound-events-2016-evaluation", "evaluation", None),
        DatasetFolder("TUT-acoustic-scenes-2016-evaluation", "evaluation", 30.0),
        DatasetFolder("TUT-acoustic-scenes-2017-evaluation", "evaluation", 10.0),
    )
}

SCENE_OF_FOLDER = {"street": "city_center", "home": "home", "residential_area": "residential_area"}
"""Scene of the folders below ``audio/``; acoustic scene sets have none."""


def fold_file(fold: int, part: str) -> str:
    """Path of a cross-validation file; the folder's spelling is the publisher's.

    >>> fold_file(1, "evaluation")
    'crossvaridation/meta_fold01_evaluation.txt'
    """
    return f"crossvaridation/meta_fold{fold:02d}_{part}.txt"


def location_of(path: str) -> str | None:
    """Office location of a development clip, the part of its name before the first underscore; None elsewhere.

    >>> location_of("TUT-acoustic-scenes-2016-development/audio/a099_0_30.wav")
    'a099'
    """
    folder, _, name = path.rpartition("/")
    return name.partition("_")[0] if folder == "TUT-acoustic-scenes-2016-development/audio" else None


def path_problem(path: str, split: str, scene: str) -> str | None:
    """Say what is wrong with a recording's path in an annotation of this split and scene, or None."""
    parts = path.split("/")
    dataset = DATASETS.get(parts[0])
    if dataset is None:
        return f"path {path!r} begins with none of the known data set folders. " + (
            suggestion(parts[0], DATASETS) or f"They are {', '.join(DATASETS)}."
        )
    if ".." in parts or len(parts) < 3 or parts[1] != "audio" or any(mark in path for mark in "\\:\0"):
        return f"path {path!r} is not of the form DATASET/audio/[SCENE/]NAME.wav."
    if dataset.split != split:
        return f"{path} belongs to the {dataset.split} set, but stands among the {split} annotations."
    folder = parts[2] if len(parts) > 3 else None
    if folder is not None and SCENE_OF_FOLDER.get(folder, scene) != scene:
        return f"{path} lies in the folder {folder!r}, but its scene is given as {scene!r}."
    return None
