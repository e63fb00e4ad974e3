"""The publications that the papers stand on: where each file lies, how large it is and how it is checked.

`downloads.csv` beside this module has a line for every file. Sizes and checksums are those of dcase_util 0.2.20 for
the TUT sets and SINS; of several public pins each for MUSAN and the PANNs; of the repository for the annotations.
Where ``exact`` is "no" a size is rounded (SINS), known to be stale (TUT Sound Events 2017, evaluation) or from one
source only: it is shown, and never tested. DESED publishes no checksum that was found.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from earmark.fetching.downloads import Download, RemoteFile

TABLE = Path(__file__).with_name("downloads.csv")

_TUT = "Non-commercial use only, under the EULA.pdf of the set (in its doc archive); acknowledge the source."
_ANNOTATIONS = "https://github.com/KeisukeImoto/metadata_SEDandASC01"
_TOGETHER = "The corpus `tut` is read from one folder that holds all its sets: give each the same --to, or fetch `tut`."


def _zenodo(record: int) -> str:
    return f"https://zenodo.org/records/{record}"


SETS: dict[str, tuple[str, str, str, str]] = {
    "tut-sound-events-2016-development": ("TUT Sound Events 2016, development", _zenodo(45759), _TUT, _TOGETHER),
    "tut-sound-events-2016-evaluation": ("TUT Sound Events 2016, evaluation", _zenodo(996424), _TUT, _TOGETHER),
    "tut-sound-events-2017-development": ("TUT Sound Events 2017, development", _zenodo(814831), _TUT, _TOGETHER),
    "tut-sound-events-2017-evaluation": ("TUT Sound Events 2017, evaluation", _zenodo(1040179), _TUT, _TOGETHER),
    "tut-acoustic-scenes-2016-development": ("TUT Acoustic Scenes 2016, development", _zenodo(45739), _TUT, _TOGETHER),
    "tut-acoustic-scenes-2016-evaluation": ("TUT Acoustic Scenes 2016, evaluation", _zenodo(165995), _TUT, _TOGETHER),
    "tut-acoustic-scenes-2017-development": (
        "TUT Acoustic Scenes 2017, development",
        _zenodo(400515),
        _TUT,
        "The four-scene corpus does not need it; DESED of 2020 takes backgrounds from it.",
    ),
    "tut-acoustic-scenes-2017-evaluation": ("TUT Acoustic Scenes 2017, evaluation", _zenodo(1040168), _TUT, _TOGETHER),
    "tut-urban-acoustic-scenes-2018-development": (
        "TUT Urban Acoustic Scenes 2018, development",
        _zenodo(1228142),
        "Experimental and non-commercial use only; acknowledge the source.",
        "",
    ),
    "tut-annotations": (
        "Joint annotations of events and scenes for the TUT sets, by Keisuke Imoto",
        _ANNOTATIONS,
        "The repository states no licence; the sound that they describe is for non-commercial use.",
        _TOGETHER,
    ),
    "desed-soundbank": (
        "DESED soundbank, foreground and evaluation background sounds",
        _zenodo(4307908),
        "Creative Commons as listed by the record; each file's own in license_training.tsv and license_eval.tsv.",
        "Its training backgrounds are those segments of `sins` that are labelled other.",
    ),
    "sins": (
        "SINS as cut for DCASE 2018 task 5, development",
        _zenodo(1247102),
        "Non-commercial use only, under the EULA.pdf of the set (in its doc archive).",
        "DESED takes as training backgrounds the 2,060 segments that meta.txt labels other.",
    ),
    "musan": (
        "MUSAN, music, speech and noise (OpenSLR 17)",
        "https://www.openslr.org/17/",
        "CC BY 4.0 for the collection; each folder has a LICENSE file on its sounds.",
        "",
    ),
    "panns": (
        "PANNs, checkpoints trained on AudioSet",
        _zenodo(3987831),
        "CC BY 4.0 for the weights, MIT for the code.",
        "Without --file: the 16 kHz CNN14 and the class list; all others by name, such as --file 'Cnn14_mAP*'. "
        "A checkpoint is a Python pickle: it can run code when it is loaded, so load it as weights only.",
    ),
}
"""Title, homepage, licence and hint by name."""

GROUPS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "tut": (
        "All that the four-scene corpus `tut` needs",
        "`earmark data check tut FOLDER` says what the folder holds.",
        (
            "tut-annotations",
            "tut-sound-events-2016-development",
            "tut-sound-events-2016-evaluation",
            "tut-sound-events-2017-development",
            "tut-sound-events-2017-evaluation",
            "tut-acoustic-scenes-2016-development",
            "tut-acoustic-scenes-2016-evaluation",
            "tut-acoustic-scenes-2017-evaluation",
        ),
    ),
    "tut2018": ("All that the corpus `tut2018` needs", "", ("tut-urban-acoustic-scenes-2018-development",)),
    "desed": (
        "All that the corpus `desed` needs",
        "`musan` is not needed: the soundbank holds its own evaluation backgrounds.",
        ("desed-soundbank", "sins"),
    ),
}
"""Title, hint and members by name."""


def published(name: str) -> Download:
    """One publication, or a group of them as one."""
    files = _files()
    if name in GROUPS:
        title, hint, members = GROUPS[name]
        licences: dict[str, list[str]] = {}
        for member in members:
            licences.setdefault(SETS[member][2], []).append(member)
        terms = ["Each set's own."]
        for licence, names in licences.items():
            terms.append(f"{', '.join(names) if len(names) < 3 else f'The other {len(names)}'}: {licence}")
        return Download(
            title=f"{title}: {', '.join(members)}",
            homepage=", ".join(SETS[member][1] for member in members),
            licence=" ".join(terms),
            files=tuple(file for member in members for file in files[member]),
            hint=hint,
        )
    title, homepage, licence, hint = SETS[name]
    return Download(title=title, homepage=homepage, licence=licence, files=tuple(files[name]), hint=hint)


def factories() -> Mapping[str, Callable[[], Download]]:
    """What the plugin gives; the table is read only when one of them is called."""

    def factory(name: str) -> Callable[[], Download]:
        return lambda: published(name)

    return {name: factory(name) for name in (*SETS, *GROUPS)}


def _files() -> dict[str, list[RemoteFile]]:
    files: dict[str, list[RemoteFile]] = {name: [] for name in SETS}
    with open(TABLE, encoding="utf-8", newline="") as table:
        for line in csv.DictReader(table):
            # `=` in a name of the PANNs must be escaped; Zenodo has two paths, today's and the one of old.
            name, record = quote(line["file"]), line["source"].removeprefix("zenodo:")
            if record == line["source"]:
                addresses = [f"{line['source']}{name}"]
            else:
                paths = ("records", "record")
                addresses = [f"https://zenodo.org/{path}/{record}/files/{name}?download=1" for path in paths]
            size = int(line["bytes"]) if line["bytes"] else None
            files[line["set"]].append(
                RemoteFile(
                    url=addresses[0],
                    also_at=tuple(addresses[1:]),
                    name=line["file"],
                    folder=line["folder"],
                    part=line["part"],
                    n_bytes=size if line["exact"] == "yes" else None,
                    about_bytes=None if line["exact"] == "yes" else size,
                    md5=line["md5"] or None,
                    sha256=line["sha256"] or None,
                    expansion=float(line["expansion"] or 1.2),
                    only_by_name=line["only_by_name"] == "yes",
                )
            )
    return files
