"""What a plain folder is taken to mean, and how it is explained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earmark.cli import app
from earmark.errors import CorpusError
from earmark_corpora.folder.corpus import FolderCorpus

RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\tWaveform 1\t1\t0\t1\tcar\n"
TABLE = "filename\tonset\toffset\tevent_label\na.wav\t0\t1\tcar\n"
JAMS = json.dumps({"annotations": [{"namespace": "segment_open", "data": []}]})
DRAWN = 'splits = { from = "drawn", validation = 0.1, test = 0.2, seed = 0 }'


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


def lay(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            soundfile.write(root / name, np.zeros(16000), 8000)
        else:
            (root / name).write_text(content)


def toml_said(root):
    lines = list(FolderCorpus().check(root))
    start = next(index for index, line in enumerate(lines) if line.startswith("The same, to save as"))
    return [line.strip() for line in lines[start + 1 :] if line.startswith("  ")]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.wav": None}, []),
        ({"a.wav": None, "a.txt": "0\t1\tcar\n"}, ['annotations = { format = "audacity" }']),
        ({"a.wav": None, "b.wav": None, "a.txt": RAVEN, "b.txt": ""}, ['annotations = { format = "raven" }']),
        ({"a.wav": None, "a.Table.1.selections.txt": RAVEN}, ['annotations = { format = "raven" }']),
        ({"a.wav": None, "a.jams": JAMS, "README.txt": "hello"}, ['annotations = { format = "jams" }']),
        ({"a.wav": None, "e.tsv": TABLE}, ['annotations = { format = "tsv", path = "e.tsv" }']),
        ({"a.wav": None, "a.txt": ""}, ['annotations = { format = "audacity" }']),
        ({"a.wav": None, "labels/a.txt": "0\t1\tcar\n"}, ['annotations = { format = "audacity", path = "labels" }']),
        (
            {"audio/a.wav": None, "labels/a.txt": "0\t1\tcar\n"},
            ['audio = "audio"', 'annotations = { format = "audacity", path = "labels" }'],
        ),
        ({"a.wav": None, "r.csv": "file,scene\na.wav,home\n"}, ['table = "r.csv"']),
        (
            {f"{scene}/{n}.wav": None for scene in ("home", "park") for n in "ab"},
            ['scenes = { from = "folder" }'],
        ),
        ({f"day{day}/{n}.wav": None for day in "12" for n in "ab"}, []),
        ({"home/a.wav": None, "park/b.wav": None}, []),
    ],
)
def test_a_plain_folder_means_what_it_looks_like(root, files, said):
    lay(root, files)
    assert toml_said(root) == ['name = "mine"', *said, DRAWN]


def test_folders_named_train_and_test_are_splits(root):
    lay(root, {f"{split}/{scene}/{n}.wav": None for split in ("train", "test") for scene in ("x", "y") for n in "ab"})
    assert toml_said(root) == ['name = "mine"', 'splits = { from = "folder" }', 'scenes = { from = "folder" }']


def test_the_toml_that_check_prints_reads_the_same_corpus(root):
    lay(
        root, {"home/a.wav": None, "home/b.wav": None, "park/c.wav": None, "park/d.flac": None, "home/a.txt": "0\t1\tx"}
    )
    before = FolderCorpus().read(root)
    (root / "corpus.toml").write_text("\n".join(toml_said(root)))
    after = FolderCorpus().read(root)
    assert after == before
    assert after.recordings[0].events


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a.txt": "0\t1\tcar\n", "b.jams": JAMS},
            r"several kinds of annotation: .*a\.txt \(audacity\), b\.jams \(jams\)",
        ),
        ({"e.tsv": TABLE, "f.tsv": TABLE}, r"several kinds of annotation: e\.tsv \(tsv\), f\.tsv \(tsv\)"),
        ({"a.txt": "0\t1\tcar\n", "labels/a.txt": "0\t1\tcar\n"}, "several kinds of annotation"),
        ({"r.csv": "file,scene\n", "s.csv": "file,group\n"}, r"several tables of recordings: r\.csv, s\.csv"),
    ],
)
def test_a_folder_that_may_mean_several_things_asks_for_a_corpus_toml(root, files, said):
    lay(root, {"a.wav": None, "b.wav": None, **files})
    with pytest.raises(CorpusError, match=said) as error:
        FolderCorpus().read(root)
    assert "Say which one is meant in" in str(error.value)
    assert "corpus.toml" in str(error.value)
    assert list(FolderCorpus().check(root)) == [f"Not understood: {error.value}"]


def test_check_explains_a_folder_in_a_screenful(root):
    lay(
        root,
        {
            "home/a.wav": None,
            "home/b.wav": None,
            "park/c.wav": None,
            "park/d.flac": None,
            "home/a.txt": "0\t1\tspeech\n1\t2.05\tcar\n",
            "home/b.txt": "0\t0.5\tspeech\n",
            "park/c.txt": "",
        },
    )
    (root / "corpus.toml").write_text('annotations = { format = "audacity" }\nscenes = { from = "folder" }')
    lines = list(FolderCorpus().check(root))
    assert lines[:6] == [
        f"{root}: the corpus 'mine', understood as corpus.toml says.",
        "Recordings: 4, 8.0 s. 3 WAV, 1 FLAC; 4 8000 Hz; 4 mono.",
        "Annotations: audacity, one file per recording, beside the audio; 3 recordings with times, 1 without.",
        "Events: 2 names, 3 times, 2.5 s.",
        "  speech: 2 times, 1.5 s",
        "  car: 1 times, 1.0 s",
    ]
    assert lines[6:8] == ["Scenes (by folder): 2 home, 2 park.", "Splits (drawn by recording, seed 0):"]
    assert [line.split(":")[0] for line in lines[8:11]] == ["  development", "  validation", "  evaluation"]
    assert lines[11:14] == [
        "Note: Clamped 1 offsets in 1 recordings to the end of the audio, which they passed by at most 50 ms.",
        "Note: 1 recordings have no annotation and are kept without labels: park/d.flac.",
        "Note: 1 events are in no recording of the split 'development', so that they cannot be learnt: car.",
    ]
    assert lines[14].startswith("The corpus can be read.")
    assert len(lines) == 15


def test_check_names_every_problem_and_still_explains_the_rest(root):
    lay(root, {"a.wav": None, "b.wav": "", "c.wav": "no sound", "a.txt": "0\t9\tcar\n"})
    (root / "corpus.toml").write_text('annotations = { format = "audacity" }')
    lines = list(FolderCorpus().check(root))
    assert "Recordings: 1, 2.0 s. 1 WAV; 1 8000 Hz; 1 mono." in lines
    assert [line.split(":")[0] for line in lines if "wav:" in line or "txt," in line] == [
        "Cannot be read",
        "Cannot be read",
        "Does not match",
    ]
    assert lines[-1] == "Mend what is named above and check again; experiments refuse the folder until then."


def test_long_lists_are_cut_but_unreadable_files_never(root):
    lay(root, {f"{number}.wav": "" for number in range(30)})
    lay(root, {"good.wav": None, "good.txt": "".join(f"0\t1\tevent {number}\n" for number in range(20))})
    (root / "corpus.toml").write_text('annotations = { format = "audacity" }')
    lines = list(FolderCorpus().check(root))
    assert sum(line.startswith("Cannot be read: ") for line in lines) == 30
    assert "  ... and 8 more." in lines


def test_the_command_explains_and_never_ends_in_a_trace(root):
    lay(root, {"a.wav": None})
    (root / "corpus.toml").write_text("sceens = 3")
    result = CliRunner().invoke(app, ["data", "check", "folder", str(root)])
    assert result.exit_code == 0
    assert "sceens: no such field. Did you mean 'scenes'?" in result.output
