"""Annotation files spoilt by chance, and what reads them.

A file is a valid one after some edits, each a triple of numbers (what, where, with what) that hypothesis or a plain
generator draws: bytes are changed, cut out, doubled and put in; fields, lines and values of JSON are exchanged for
such as cannot be right.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from broken_files import TSV_HEADER

from earmark.errors import EarmarkError
from earmark.evaluation.event_lists import gathered
from earmark.evaluation.files import read_durations, read_set
from earmark.frames import FrameGrid
from earmark.plugins import plugins
from earmark.testing import small_dataset
from earmark_corpora.desed.recorded import Desed
from earmark_corpora.desed.soundbank import DesedSoundbank
from earmark_corpora.folder.corpus import FolderCorpus
from earmark_corpora.isolated import IsolatedEvents
from earmark_corpora.tut.acoustic_scenes import TutAcousticScenes
from earmark_corpora.tut.four_scenes import TutCorpus
from earmark_corpora.tut.sound_events import TutSoundEvents
from earmark_corpora.tut.urban_2018 import Tut2018
from earmark_corpora.waa.lists import durations
from earmark_corpora.waa.recipe import Recipe, as_jams, read_recipe
from earmark_lab.corrections.layer import CorrectionLayer
from earmark_rgasc.relation import read_relation

Edit = tuple[int, float, int]
"""Kind of the edit, place as a share of the file, and which of the things that are put in."""

STREET = "TUT-sound-events-2017-development/audio/street/a001.wav"
OFFICE = "TUT-acoustic-scenes-2017-evaluation/audio/1.wav"
_TUT = "metadata_SEDandASC01"
_LIST = "filename onset offset event_label source_file background_file snr_db pitch_shift source_start true_duration"


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of annotation file: a valid one, its neighbours, and what reads it."""

    file: str
    """Path below the folder."""
    valid: str
    read: Callable[[Path], object]
    """Takes the folder."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Other files, by path."""
    sounds: Mapping[str, int] = field(default_factory=dict)
    """Sound files of two seconds at 44.1 kHz, by path, with their channels."""

    def lay(self, folder: Path) -> None:
        """Write everything but the file itself."""
        for name, text in self.beside.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        for name, channels in self.sounds.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / name, np.full((88_200, channels), 0.1), 44_100)
        (folder / self.file).parent.mkdir(parents=True, exist_ok=True)


def _exchanged(name: str, file: str) -> Callable[[Path], object]:
    """Reads a file of an annotation format as `earmark evaluate` does, and writes it in every format again."""

    def read(folder: Path) -> None:
        found = read_set(folder / file, name, "test")
        named = {name for one in found.values() for name in (*(e.label for e in one.events or ()), *(one.tags or ()))}
        gathered(found, dict.fromkeys(found, 2.0), sorted(named), file)
        for other in ("tsv", "audacity", "raven", "jams"):
            with contextlib.suppress(EarmarkError):  # not all can be said in all of them
                plugins().build("annotation format", other, {}, "test").write(folder / "again", list(found.values()))

    return read


def _candidates(folder: Path) -> object:
    source = plugins().build("label source", "partial", {"table": str(folder / "mine.csv")}, "test")
    return source.label(small_dataset(), (), FrameGrid(n_frames=1, hop_s=1.0))


_EVENT = {"time": 0.1, "duration": 0.9, "value": "car"}
_SCAPER = {"label": "Dog", "role": "foreground", "snr": 3.0}
_EDIT = {"time": "2026-01-01T00:00:00Z", "author": "me", "recording": "audio/0.wav"}
_SPAN = {"onset_s": 0.25, "offset_s": 1.25, "label": "car"}
_LAYER = (
    {"label_layer": 1, "corpus": "small (synthetic)", "base": "annotations"},
    {**_EDIT, "do": "add", "to": _SPAN},
    {**_EDIT, "do": "relabel", "event": _SPAN, "to": {**_SPAN, "label": "people talking"}},
    {**_EDIT, "do": "check", "start_s": 0.0, "end_s": 2.0},
    {"time": "2026-01-01T00:00:01Z", "author": "me", "do": "undo", "line": 4},
)

FORMATS: dict[str, Format] = {
    "tsv": Format(
        file="a.tsv",
        valid=TSV_HEADER + "home/a.wav\t0.1\t1.25\tcar\thome\nhome/a.wav\t0.5\t2\tdog\thome\nb.wav\t\t\t\tpark\n",
        read=_exchanged("tsv", "a.tsv"),
    ),
    "weak tsv": Format(
        file="a.tsv",
        valid='filename,event_labels\na.wav,"car,bird"\nb.wav,\n',
        read=_exchanged("tsv", "a.tsv"),
    ),
    "tsv without header": Format(
        file="a.tsv", valid="0.0\t1,5\tcar\n0.25\t2.0\tbird singing\n", read=_exchanged("tsv", "a.tsv")
    ),
    "audacity": Format(
        file="a.txt",
        valid="0.000000\t1.500000\tcar\n\\\t100.0\t8000.0\n0.25\t2.0\tbird singing\n1.5\t1.5\tmark\n",
        read=_exchanged("audacity", "a.txt"),
    ),
    "raven": Format(
        file="a.selections.txt",
        valid="Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tAnnotation\n"
        "1\tWaveform 1\t1\t0.5\t1.5\ta.wav\t0.5\tcar\n1\tSpectrogram 1\t1\t0.5\t1.5\ta.wav\t0.5\tcar\n"
        "2\tSpectrogram 1\t1\t1.0\t2.0\ta.wav\t1.0\tdog\n",
        read=_exchanged("raven", "a.selections.txt"),
    ),
    "jams": Format(
        file="a.jams",
        valid=json.dumps(
            {
                "file_metadata": {"title": "a.wav", "duration": 2.0, "jams_version": "0.3.4"},
                "annotations": [
                    {"namespace": "segment_open", "data": [_EVENT]},
                    {"namespace": "tag_open", "data": [{"time": 0, "duration": 2, "value": "dog"}]},
                ],
                "sandbox": {"scene": "home"},
            }
        ),
        read=_exchanged("jams", "a.jams"),
    ),
    "scaper": Format(
        file="a.jams",
        valid=json.dumps(
            {
                "annotations": [
                    {
                        "namespace": "scaper",
                        "data": {
                            "time": [0, 0.5],
                            "duration": [2, 1],
                            "value": [{"label": "park", "role": "background"}, _SCAPER],
                        },
                    }
                ]
            }
        ),
        read=_exchanged("jams", "a.jams"),
    ),
    "durations": Format(
        file="d.tsv",
        valid="filename\tduration\nhome/a.wav\t10.0\nb.wav\t2.5\n",
        read=lambda folder: read_durations(folder / "d.tsv"),
    ),
    "candidates": Format(file="mine.csv", valid="scene,event\nstreet,car\npark,bird singing\n", read=_candidates),
    "label layer": Format(
        file="l.jsonl",
        valid="".join(json.dumps(line) + "\n" for line in _LAYER),
        read=lambda folder: CorrectionLayer.read(folder / "l.jsonl", small_dataset()).events("audio/0.wav"),
    ),
    "tut": Format(
        file=f"{_TUT}/meta/meta_development.txt",
        valid=f"path\tscene_label\tevent_start_time\tevent_end_time\tevent_label\n{STREET}\tcity_center\t0\t1.5\tcar\n"
        f"{STREET}\tcity_center\t0.25\t2.000023\tpeople talking\n",
        beside={
            f"{_TUT}/meta/meta_evaluation.txt": f"{OFFICE}\tcity_center\t0\t1\tcar\n",
            f"{_TUT}/crossvaridation/meta_fold01_evaluation.txt": f"{STREET}\tcity_center\t0\t1\tcar\n",
        },
        sounds={STREET: 2, OFFICE: 2},
        read=lambda folder: TutCorpus().read(folder),
    ),
    "tut folds": Format(
        file=f"{_TUT}/crossvaridation/meta_fold01_evaluation.txt",
        valid=f"{STREET}\tcity_center\t0\t1\tcar\n",
        beside={
            f"{_TUT}/meta/meta_development.txt": f"{STREET}\tcity_center\t0\t1\tcar\n",
            f"{_TUT}/meta/meta_evaluation.txt": f"{OFFICE}\tcity_center\t0\t1\tcar\n",
        },
        sounds={STREET: 2, OFFICE: 2},
        read=lambda folder: TutCorpus().read(folder),
    ),
    "tut event-free clips": Format(
        file="TUT-acoustic-scenes-2017-evaluation/evaluation_setup/evaluate.txt",
        valid="audio/1.wav\tcity_center\naudio/2.wav\tcity_center\naudio/3.wav\tpark\n",
        beside={
            f"{_TUT}/meta/meta_development.txt": f"{STREET}\tcity_center\t0\t1\tcar\n",
            f"{_TUT}/meta/meta_evaluation.txt": f"{OFFICE}\tcity_center\t0\t1\tcar\n",
        },
        sounds={STREET: 2, OFFICE: 2, OFFICE.replace("1.wav", "2.wav"): 2},
        read=lambda folder: TutCorpus().read(folder),
    ),
    "tut sound events": Format(
        file="TUT-sound-events-2016-development/meta/home/a001.ann",
        valid="0.1\t1.5\tcupboard\n0,25\t1,75\t(object) rustling\naudio/home/a001.wav\thome\t1\t2\tdrawer\n",
        beside={"TUT-sound-events-2016-development/evaluation_setup/home_fold1_test.txt": "audio/home/a001.wav\n"},
        sounds={"TUT-sound-events-2016-development/audio/home/a001.wav": 2},
        read=lambda folder: TutSoundEvents().read(folder),
    ),
    "tut acoustic scenes": Format(
        file="TUT-acoustic-scenes-2016-development/meta.txt",
        valid="audio/a_0.wav\tbeach\taudio/a.wav\naudio/b_0.wav\tcafe/restaurant\n",
        beside={"TUT-acoustic-scenes-2016-development/evaluation_setup/fold1_test.txt": "audio/a_0.wav\n"},
        sounds={f"TUT-acoustic-scenes-2016-development/audio/{name}_0.wav": 2 for name in "ab"},
        read=lambda folder: TutAcousticScenes().read(folder),
    ),
    "tut 2018": Format(
        file="TUT-urban-acoustic-scenes-2018-development/meta.csv",
        valid="filename\tscene_label\tidentifier\tsource_label\naudio/park-paris-0-0-a.wav\tpark\tparis-0\ta\n",
        read=lambda folder: list(Tut2018().check(folder)),
    ),
    "desed strong": Format(
        file="metadata/validation/validation.tsv",
        valid="filename\tonset\toffset\tevent_label\na.wav\t0.1\t1.5\tSpeech\na.wav\t1\t2\tDog\nb.wav\t\t\t\n",
        sounds={"audio/validation/a.wav": 1, "audio/validation/b.wav": 1},
        read=lambda folder: Desed().read(folder),
    ),
    "desed weak": Format(
        file="metadata/train/weak.tsv",
        valid="filename\tevent_labels\na.wav\tSpeech,Dog\nb.wav\tCat\n",
        sounds={"audio/train/weak/a.wav": 1, "audio/train/weak/b.wav": 1},
        read=lambda folder: Desed().read(folder),
    ),
    "soundbank": Format(
        file="soundbank_validation.tsv",
        valid="filepath\naudio/validation/soundbank/foreground/Cat/1_1.wav\n",
        sounds={f"audio/train/soundbank/foreground/Cat/{number}_1.wav": 1 for number in (1, 2)},
        read=lambda folder: DesedSoundbank().read(folder),
    ),
    "waa": Format(
        file="waa1/train.tsv",
        valid="\t".join(_LIST.split()) + "\nCat_1.wav\t0.1\t1.1\tCat\tf/Cat/1_1.wav\tb/x/1.wav\t3.0\t0.0\t0.0\t1.0\n",
        read=lambda folder: durations(folder),
    ),
    "waa recipe": Format(
        file="Cat_1.jams",
        valid=as_jams(
            Recipe(
                clip="train/Cat_1.wav",
                label="Cat",
                source_file="foreground/Cat/1_1.wav",
                source_start_s=0.0,
                onset_s=0.1,
                duration_s=1.0,
                snr_db=3.0,
                pitch_shift=0.0,
                background_file="background/x/1.wav",
                background_start_s=0.0,
            )
        ).replace("\n", ""),
        read=lambda folder: read_recipe(folder / "Cat_1.jams"),
    ),
    "relation matrix": Format(
        file="m.csv",
        valid="scene,car,bird\npark,0.25,1.0\nstreet,0.75,0.0\n",
        read=lambda folder: read_relation(folder / "m.csv"),
    ),
    "isolated": Format(
        file="tags.tsv",
        valid="file\ttags\naudio/train/a.wav\tCat|Animal\naudio/test/b.wav\tDog\n",
        sounds={"audio/train/a.wav": 1, "audio/test/b.wav": 1},
        read=lambda folder: IsolatedEvents().read(folder),
    ),
    "folder description": Format(
        file="corpus.toml",
        valid='name = "mine"\naudio = "audio"\nannotations = { format = "tsv", path = "e.tsv" }\nevents = ["car"]\n'
        'rename = { Car = "car" }\ntable = "r.csv"\nscenes = { from = "column" }\n'
        'splits = { from = "drawn", test = 0.5, validation = 0.0, seed = 1 }\n',
        beside={"e.tsv": TSV_HEADER + "a.wav\t0\t1\tCar\t\n", "r.csv": "file,scene\na.wav,home\n"},
        sounds={"audio/a.wav": 1, "audio/b.wav": 1},
        read=lambda folder: FolderCorpus().read(folder),
    ),
    "folder table": Format(
        file="r.csv",
        valid='file;scene;split;group\na.wav;home;train;g1\n"b.wav";park;test;g2\n',
        sounds={"a.wav": 1, "b.wav": 1},
        read=lambda folder: FolderCorpus().read(folder),
    ),
    "folder annotations": Format(
        file="a.txt",
        valid="0.0\t1.5\tcar\n1.0\t2.05\tdog\n",
        sounds={"a.wav": 1, "b.wav": 1},
        read=lambda folder: FolderCorpus().read(folder),
    ),
}

_NUMBERS = ("-1", "nan", "inf", "-inf", "1e308", "1e400", "9" * 5000, "0x1", "1_0", "1,5", "1.2.3", "", "٣", "1e-320")
_TEXTS = ("\0", "\r", "\ufeff", '"', '""', "\\", "../../x", "/etc/passwd", "C:\\x", "\u2028", "é" * 50, "x" * 300)
_BYTES = (b"\xff", b"\xff\xfe", b"\xed\xa0\x80", b"\x80", b"\x1a", b"\xc3")
_LONG = ("x" * 140_000, "[" * 20_000, "\t" * 500, "\n" * 50, "," * 500)
TOKENS: tuple[bytes, ...] = (*(text.encode() for text in (*_NUMBERS, *_TEXTS, *_LONG)), *_BYTES, b"\t", b"\n", b",")
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e308,
    float("nan"),
    10**400,
    "",
    "x",
    "\ud83d",
    "\0",
    [],
    {},
    [[]],
    {"a": 1},
)


def mutated(valid: str, edits: Sequence[Edit]) -> bytes:
    """A file after some edits."""
    content = valid.encode()
    for kind, place, choice in edits:
        content = EDITS[kind % len(EDITS)](content, place, choice)
    return content


def _spot(content: bytes, place: float) -> int:
    return min(int(place * len(content)), max(len(content) - 1, 0))


def _flip(content: bytes, place: float, choice: int) -> bytes:
    at = _spot(content, place)
    return content[:at] + bytes([content[at] ^ (1 << choice % 8)]) + content[at + 1 :] if content else content


def _cut_out(content: bytes, place: float, choice: int) -> bytes:
    at = _spot(content, place)
    return content[:at] + content[at + 1 + choice % 20 :]


def _cut_off(content: bytes, place: float, choice: int) -> bytes:
    return content[: _spot(content, place)]


def _double(content: bytes, place: float, choice: int) -> bytes:
    at = _spot(content, place)
    return content[:at] + content[at : at + 1 + choice % 40] * 2 + content[at + 1 + choice % 40 :]


def _put_in(content: bytes, place: float, choice: int) -> bytes:
    at = _spot(content, place)
    return content[:at] + TOKENS[choice % len(TOKENS)] + content[at:]


def _field(content: bytes, place: float, choice: int) -> bytes:
    """One field of a line exchanged for something else."""
    lines = content.split(b"\n")
    row = min(int(place * len(lines)), len(lines) - 1)
    mark = next((mark for mark in (b"\t", b";", b",") if mark in lines[row]), b"\t")
    fields = lines[row].split(mark)
    fields[choice % len(fields)] = TOKENS[choice // 7 % len(TOKENS)]
    lines[row] = mark.join(fields)
    return b"\n".join(lines)


def _lines(content: bytes, place: float, choice: int) -> bytes:
    """A line repeated, moved or left out."""
    lines = content.split(b"\n")
    line = lines.pop(min(int(place * len(lines)), len(lines) - 1))
    at = choice // 3 % (len(lines) + 1)
    return b"\n".join([*lines[:at], *([line] * (choice % 3)), *lines[at:]])


def _coded(content: bytes, place: float, choice: int) -> bytes:
    """The text in another encoding, or with other ends of lines."""
    text = content.decode("utf-8", "replace")
    recoded = (
        text.encode("utf-16"),
        text.encode("utf-16-le"),
        text.encode("latin-1", "replace"),
        text.encode("utf-32"),
    )
    ends = (text.replace("\n", "\r"), text.replace("\n", "\r\n"), text.replace("\t", ","), text.replace("\t", "  "))
    return (*recoded, *(other.encode() for other in ends))[choice % 8]


def _json(content: bytes, place: float, choice: int) -> bytes:
    """One value of JSON, or of one of its lines, exchanged for something else."""
    lines = content.split(b"\n")
    row = min(int(place * len(lines)), len(lines) - 1)
    try:
        document = json.loads(lines[row])
    except (ValueError, RecursionError):
        return _put_in(content, place, choice)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])

    walk(document)
    if not places:
        return _put_in(content, place, choice)
    holder, key = places[choice % len(places)]
    what = choice // len(places) % (len(VALUES) + 1)
    if what == len(VALUES):
        del holder[key]
    else:
        holder[key] = VALUES[what]
    # Not json.dumps alone: it refuses numbers as long as those that it would have to read.
    lines[row] = json.dumps(document, default=str).encode()
    return b"\n".join(lines)


EDITS: tuple[Callable[[bytes, float, int], bytes], ...] = (
    *(_flip, _cut_out, _cut_off, _double, _put_in, _field, _field, _lines, _coded, _json, _json),
)


def outcome(kind: Format, folder: Path, content: bytes) -> str | None:
    """Read a spoilt file in a folder that `Format.lay` has prepared.

    Returns:
        What the error says, None where it was read. Any other error than those for people is raised.
    """
    (folder / kind.file).write_bytes(content)
    try:
        kind.read(folder)
    except EarmarkError as error:
        return str(error)
    return None
