"""Files that cannot be right, by what reads them: what each holds, and what the message must say.

A row is ``name: (content, message)``. Content is text, bytes, or a function that writes to a path or changes what lies
there. The message must name the file by itself; the expression asks for the reason and the way out.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

Content = str | bytes | Callable[[Path], object] | None
Rows = dict[str, tuple[Content, str]]

DEEP = "[" * 100_000
LONG = "9" * 5000


def sound(path: Path, samples: object = None, **options: object) -> None:
    """A second of noise, or these samples."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000) if samples is None else samples
    soundfile.write(path, noise, 16_000, **options)


def patched(at: int, form: str, *values: int) -> Callable[[Path], None]:
    """A sound file whose header says something else."""

    def write(path: Path) -> None:
        sound(path)
        content = bytearray(path.read_bytes())
        struct.pack_into(form, content, at, *values)
        path.write_bytes(content)

    return write


def cut(n_bytes: int, **options: object) -> Callable[[Path], None]:
    """A sound file of which only the beginning is left."""

    def write(path: Path) -> None:
        sound(path, **options)
        path.write_bytes(path.read_bytes()[:n_bytes])

    return write


COPY = "(Copy|Export).*again"

AUDIO: Rows = {
    "missing": (None, "no such file. `earmark data check`"),
    "empty": (b"", f"the file is empty. {COPY}"),
    "a folder": (Path.mkdir, "no such file. `earmark data check`"),
    "text": ("hello", f"not a readable sound file .*{COPY}"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), f"not a readable sound file .*{COPY}"),
    "noise": (bytes(range(256)) * 20, f"not a readable sound file .*{COPY}"),
    "half a header": (cut(20), f"not a readable sound file .*{COPY}"),
    "a header alone": (lambda path: sound(path, np.zeros(0)), f"no samples. {COPY}"),
    "cut in the middle": (
        cut(16_000),
        f"ends 0.4.* s in, 1.000 s were announced. The file is truncated; {COPY.lower()}",
    ),
    "a FLAC cut in the middle": (cut(9000, format="FLAC"), COPY.replace("(Copy|Export)", "(C|c)opy")),
    "an Ogg cut at its head": (cut(60, format="OGG"), f"not a readable sound file .*{COPY}"),
    "NaN": (lambda path: sound(path, np.full(16_000, np.nan), subtype="FLOAT"), f"NaN or infinite samples .*{COPY}"),
    "infinite": (lambda path: sound(path, np.full(16_000, np.inf), subtype="FLOAT"), f"NaN or infinite .*{COPY}"),
    "no channels": (patched(22, "<H", 0), f"not a readable sound file .*{COPY}"),
    "no rate": (patched(24, "<I", 0), COPY),
    "a rate of 4 GHz": (patched(24, "<I", 2**31 - 1), "(C|c)opy"),
    "no bits": (patched(34, "<H", 0), f"not a readable sound file .*{COPY}"),
}

ANY_TEXT: Rows = {
    "missing": (None, "no such annotation file"),
    "a folder": (Path.mkdir, "cannot be read"),
    "binary": (b"\0\1\2\3" * 30, "not a text file. Is it an annotation"),
    "Latin-1": ("0\t1\tVögel".encode("latin-1"), "Save it again as UTF-8"),
    "half a UTF-16 character": (b"\xff\xfe0\0\t\0\xd8", "Save it again as UTF-8"),
}

AUDACITY: Rows = {
    **ANY_TEXT,
    "no tab": ("0 1 car\n", "line 1: expected start, tab, end.* Is this a label track"),
    "a time in words": ("zero\t1\tcar\n", "line 1: 'zero' is not a time in seconds. Correct it"),
    "ends before it begins": ("2\t1\tcar\n", "line 1: .*ends before it begins. Correct or remove"),
    "before the recording": ("-1\t1\tcar\n", "line 1: -1 s lies before the recording begins. Correct"),
    "no name": ("0\t1\t\n", "line 1: the event from 0 s to 1 s has no name. Name it"),
    "beyond any recording": ("0\t1e305\tcar\n", "line 1: 1e.305 s lies behind the end of any recording. Correct"),
    "no number": ("0\tnan\tcar\n", "line 1: 'nan' is not a time in seconds. Correct it"),
    "a table of Raven": ("Selection\tView\n", "not a label track of Audacity. The format 'raven' reads"),
}

RAVEN_HEADER = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tAnnotation\n"
RAVEN: Rows = {
    "empty": ("", "no columns 'Begin Time .* Columns: none"),
    "no times": ("Selection\tAnnotation\n1\tcar\n", "no columns 'Begin Time .* Columns: Selection"),
    "no names": ("Begin Time (s)\tEnd Time (s)\n0\t1\n", "no column with names. .*Say which one names the events"),
    "a time in words": (RAVEN_HEADER + "1\tS\tnow\t1\tcar\n", "line 2: 'now' is not a time in seconds. Correct"),
    "ends before it begins": (RAVEN_HEADER + "1\tS\t2\t1\tcar\n", "line 2: .*ends before it begins. Correct"),
    "a short row": (RAVEN_HEADER + "1\tS\n", "line 2: '' is not a time in seconds. Correct"),
    "a field without end": (RAVEN_HEADER + "1\tS\t0\t1\t" + "x" * 200_000, "line 2: field larger than .*Correct"),
}

TSV_HEADER = "filename\tonset\toffset\tevent_label\tscene_label\n"
TSV: Rows = {
    "another table": ("a\tb\n1\t2\n", "no table of events. It needs a header with filename.* Columns: a, b"),
    "too many fields": ("filename,event_labels\na.wav,b,c\n", "line 2: 3 fields under 2 columns. Put names"),
    "an open quotation": (TSV_HEADER + '"a.wav\t0\t1\tcar\n', "line 2: .*Correct the quotation marks"),
    "no recording": (TSV_HEADER + "\t0\t1\tcar\n", "line 2: no filename. Name the recording"),
    "half an event": (TSV_HEADER + "a.wav\t0\t\tcar\n", "line 2: an event with no offset. Complete the line"),
    "two scenes": (TSV_HEADER + "a\t0\t1\tc\thome\na\t0\t1\tc\toffice\n", "line 3: scene 'office', .*Correct one"),
    "no header, two fields": ("0\t1\n", "line 1: 2 fields; a file without header has onset"),
    "a time in words": (TSV_HEADER + "a.wav\tx\t1\tcar\n", "line 2: 'x' is not a time in seconds. Correct"),
    "beyond any recording": (TSV_HEADER + "a.wav\t0\t1e300\tcar\n", "line 2: 1e.300 s lies behind .*Correct"),
}


def jams(data: object, namespace: str = "segment_open", **more: object) -> str:
    """A JAMS file with one annotation."""
    return json.dumps({"annotations": [{"namespace": namespace, "data": data}], **more})


EVENT = {"time": 0, "duration": 1, "value": "car"}
JAMS: Rows = {
    "not JSON": ('{"annotations": [', "line 1: not JSON .*Export it again"),
    "brackets in brackets": (DEEP, "not JSON that can be read .*Export it again"),
    "a number without end": (f'{{"annotations": [], "x": {LONG}}}', "not JSON that can be read .*Export it again"),
    "a list": ("[]", "not a JAMS file, which has a list 'annotations'"),
    "no events": (jams([], "beat"), "no annotation of events. Earmark reads segment_open, .*this file has beat"),
    "columns of two lengths": (jams({"time": [0], "duration": [], "value": []}), r"\[0\].data: columns .*Export"),
    "no list": (jams(3), r"\[0\].data: expected a list of observations. Export"),
    "no duration": (jams([{"time": 0, "value": "car"}]), r"data\[0\]: no duration. Export"),
    "a number for a name": (jams([{**EVENT, "value": 3}]), r"data\[0\]: 3 is not the name of an event. Name it"),
    "no time": (jams([{**EVENT, "time": None}]), r"data\[0\]: 'None' is not a time in seconds. Correct"),
    "an endless time": (jams([{**EVENT, "duration": 1e308}]), r"data\[0\]: 1e.308 s lies behind .*Correct"),
    "half a character": (jams([{**EVENT, "value": "\ud83d"}]), r"data\[0\]: .* holds half a character.* Export it"),
    "a length that is no number": (jams([EVENT], file_metadata={"duration": float("nan")}), "duration: .*Correct it"),
}

DURATIONS: Rows = {
    "missing": (None, "no such table of durations"),
    "Latin-1": ("filename\tduration\nV\xf6gel.wav\t1\n".encode("latin-1"), "not a text file that can be read"),
    "another header": ("a\tb\n", "needs a header with filename and duration; it has a, b"),
    "a word": ("filename\tduration\na.wav\tlong\n", "line 2: 'a.wav' lasts 'long', which is not a length.* Correct it"),
    "nothing": ("filename\tduration\na.wav\t0\n", "line 2: 'a.wav' lasts '0'.* Correct it"),
    "for ever": ("filename\tduration\na.wav\t1e306\n", "line 2: 'a.wav' lasts '1e306'.* Correct it"),
    "twice": ("filename\tduration\na.wav\t1\na.wav\t2\n", "line 3: a.wav lasts 1 s above. Keep one"),
    "a field without end": ("filename\tduration\n" + "x" * 200_000, "field larger than .*Save the table again"),
}

CANDIDATES: Rows = {
    "missing": (None, "the candidate table cannot be read .*Correct the option table"),
    "another header": ("a,b\n", "needs a header line with scene,event; found a,b"),
    "an unknown scene": ("scene,event\nmoon,car\n", "line 2: .*no scene 'moon'. .*It has: street, park"),
    "an unknown event": ("scene,event\npark,cra\n", "line 2: .*no event 'cra'. Did you mean 'car'"),
    "a field without end": ("scene,event\npark," + "x" * 200_000, "not a table .*Save it again as CSV"),
    "no candidates for a scene": ("scene,event\npark,car\n", "no candidate set for street. Add a line"),
}

CORPUS: Rows = {
    "not TOML": ("name = \n", "not valid TOML"),
    "brackets in brackets": ("name = " + DEEP, "not valid TOML"),
    "an unknown field": ('nam = "x"\n', "nam: no such field. Did you mean 'name'"),
    "a name with a folder": ('name = "../x"\n', "name: String should match pattern"),
    "an audio folder elsewhere": ('audio = "../x"\n', "'../x' leaves the folder. Use a path inside"),
    "an audio folder that is no name": ('audio = "a\\u0000"\n', "leaves the folder. Use a path inside"),
    "an audio folder that is not there": ('audio = "adio"\n', "no folder 'adio'. .*Folders there"),
    "an audio folder too long for a name": (f'audio = "{"x" * 300}"\n', "no folder .*Folders there"),
    "shares above 1": ('splits = { from = "drawn", test = 0.9, validation = 0.9 }\n', "shares sum to 1.8, must be 1"),
    "a column without a table": ('scenes = { from = "column" }\n', "there is no table. Add table ="),
    "an unknown format": ('annotations = { format = "wurst" }\n', "no annotation format named 'wurst'.* Installed"),
    "annotations elsewhere": ('annotations = { format = "tsv", path = "/etc/passwd" }\n', "leaves the folder. Use"),
    "a table that is not there": ('table = "r.csv"\n', "table: no file 'r.csv'"),
}

TUT: Rows = {
    "three fields": ("a\tb\tc\n", "line 1: 3 fields, expected 5 with tabs"),
    "an unknown event": (
        "{p}\tcity_center\t0\t1\tcra\n",
        "line 1: unknown event 'cra'. Did you mean .*Correct the line",
    ),
    "another scene": ("{p}\thome\t0\t1\tcar\n", "lies in the folder 'street', but its scene is given as 'home'"),
    "a path elsewhere": ("TUT-sound-events-2017-development/audio/../x\thome\t0\t1\tcar\n", "is not of the form"),
    "a path of Windows": ("TUT-sound-events-2017-development/audio/..\\x\thome\t0\t1\tcar\n", "is not of the form"),
    "an endless event": ("{p}\tcity_center\t0\t1e306\tcar\n", "'1e306' is not a time in seconds, .*Correct the line"),
    "Latin-1": ("Vögel\n".encode("latin-1"), "not a UTF-8 text file .*Copy or download it again"),
}
TUT = {
    name: (content.replace("{p}", "TUT-sound-events-2017-development/audio/street/a.wav"), says)
    if isinstance(content, str)
    else (content, says)
    for name, (content, says) in TUT.items()
}

_BASE = {
    "name": '"x"',
    "corpus": '"tut"',
    "frontend": '"log-mel"',
}
STAGE = (
    '[stages.a]\nlabels = [{ sources = ["strong"] }]\nmodel = "mtl-cnn-bigru"\nlosses = ["strong-bce"]\nn_epochs = 1\n'
)


def experiment(stage: str = STAGE, **changes: str | None) -> str:
    """An experiment file with fields changed, or left out where None."""
    fields = {**_BASE, **changes}
    return "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None) + stage


EXPERIMENT: Rows = {
    "missing": (None, "no such experiment file"),
    "a folder": (Path.mkdir, "cannot be read .*Name an experiment file"),
    "Latin-1": ("name = 'ö'".encode("latin-1"), "not valid TOML"),
    "not TOML": ("name: x", "not valid TOML"),
    "brackets in brackets": ("a = " + DEEP, "not valid TOML"),
    "empty": ("", "name: missing. corpus: missing"),
    "an unknown field": (experiment(clip_z="3"), "clip_z: no such field. .*Fields: "),
    "a name with a folder": (experiment(name='"../x"'), "name: String should match pattern"),
    "stages that are no table": (experiment("", stages="3"), r"stages: must be a table such as \[stages\], got 3"),
    "a stage that is no table": (experiment("", stages="{ a = 3 }"), "stages.a: Input should be a valid dictionary"),
    "defaults that are no table": (experiment(defaults="3"), "defaults: must be a table"),
    "profiles that are no table": (experiment(profiles='["smoke"]'), "profiles: must be a table"),
    "a profile that is no table": (experiment(profiles="{ smoke = 3 }"), "profiles.smoke: must be a table, got 3"),
    "no such profile": (experiment(profiles="{ smok = { clip_s = 3 } }"), "no profile 'smoke'. Did you mean 'smok'"),
    "a grid without cases": (experiment(grids="{ g = { stages = {} } }"), "grids.g.cases: must be a list of at least"),
    "clips of no length": (experiment(clip_s="0"), "clip_s: Input should be greater than 0, got 0"),
    "no seeds": (experiment(seeds="[]"), "seeds: .*at least 1"),
    "shares above 1": (
        experiment(STAGE.replace("] }]", '] }, { share = 0.1, sources = ["weak"] }]', 1)),
        "the shares sum to 1.1; at most 1",
    ),
    "a circle": (experiment(STAGE + 'starts_from = "a"\n'), "stages need each other in a circle: a -> a"),
    "a stage that does not exist": (experiment(STAGE + 'starts_from = "b"\n'), "needs the stage 'b'.* Stages: a"),
    "an unknown model": (experiment(STAGE.replace("bigru", "bigur")), "stages.a.model: no model named .*Did you mean"),
    "a model elsewhere": (experiment(STAGE.replace("mtl-cnn-bigru", "../../x")), "no model named .*Installed: "),
    "an unknown option": (
        experiment(STAGE.replace('"mtl-cnn-bigru"', '{ use = "mtl-cnn-bigru", gru_unit = 3 }')),
        "no option 'gru_unit'. Did you mean 'gru_units'. .*Options: ",
    ),
    "an option of another type": (
        experiment(STAGE.replace('"mtl-cnn-bigru"', '{ use = "mtl-cnn-bigru", gru_units = "many" }')),
        "option 'gru_units' is 'many'.* Options: ",
    ),
}


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.filename = info.orig_filename = name
            info.compress_type = compression
            archive.writestr(info, data)
    return content.getvalue()


def tarred(name: str, size: int = 3, **facts: object) -> bytes:
    """A tar.gz archive with one member."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = size
        for fact, value in facts.items():
            setattr(info, fact, value)
        archive.addfile(info, io.BytesIO(bytes(size)))
    return content.getvalue()


AGAIN = "(Delete it and fetch it again|tell them; if not, delete it|make room or mend)"
ZIP: Rows = {
    "empty": (b"", f"damaged .*{AGAIN}"),
    "text": ("hello", f"damaged .*{AGAIN}"),
    "cut": (zipped(("a", b"x" * 1000))[:-30], f"damaged .*{AGAIN}"),
    "a name that is no text": (zipped(("ä", b"x")).replace("ä".encode(), b"\xff\xfe"), f"damaged .*{AGAIN}"),
    "content changed": (zipped(("a", b"x" * 1000)).replace(b"\xab\xa8", b"\xab\xa9", 1), f"damaged .*{AGAIN}"),
    "content changed, packed otherwise": (
        (lambda content: content[:50] + b"\xff\xff\xff\xff" + content[54:])(
            zipped(("a", bytes(range(256)) * 4), compression=zipfile.ZIP_LZMA)
        ),
        f"damaged .*{AGAIN}",
    ),
    "a name that leads out": (zipped(("../x", b"x")), f"leads out of the folder. .*{AGAIN}"),
    "an absolute name": (zipped(("/x", b"x")), f"has an absolute path. .*{AGAIN}"),
    "a name too long for the disk": (zipped(("x" * 300, b"x")), f"File name too long.*{AGAIN}"),
    "a bomb": (zipped(("x", bytes(10))).replace(struct.pack("<I", 10), struct.pack("<I", 2**31)), f"bomb.*{AGAIN}"),
}
TAR: Rows = {
    "empty": (b"", f"damaged .*{AGAIN}"),
    "cut": (tarred("a", 100_000)[:80], f"damaged .*{AGAIN}"),
    "its checksum changed": (tarred("a")[:-8] + bytes(8), f"damaged .*{AGAIN}"),
    "a link": (tarred("a", 0, type=tarfile.SYMTYPE, linkname="/etc"), f"is a link. .*{AGAIN}"),
    "a device": (tarred("a", 0, type=tarfile.CHRTYPE), f"is a device. .*{AGAIN}"),
    "a name that leads out": (tarred("a/../../x"), f"leads out of the folder. .*{AGAIN}"),
}
