"""Scene sets of 2016, 2017 and 2018 are read with their splits, folds and places."""

from __future__ import annotations

import pytest

from earmark.errors import AnnotationError, AudioError, CorpusError, OptionError
from earmark_corpora.tut.acoustic_scenes import TutAcousticScenes
from earmark_corpora.tut.urban_2018 import FOLDER, SCENES, Tut2018

DEV = "TUT-acoustic-scenes-2016-development"
EVA = "TUT-acoustic-scenes-2017-evaluation"


@pytest.fixture
def scene_sets(tmp_path, silence, text):
    for name in ("a099_0_30", "a099_30_60", "b020_0_30"):
        silence(tmp_path / DEV / f"audio/{name}.wav")
    meta = (
        "audio/a099_0_30.wav\toffice\r\naudio/a099_30_60.wav\toffice\r\naudio/b020_0_30.wav\tcafe-restaurant\tb020\r\n"
    )
    text(tmp_path / DEV / "meta.txt", meta)
    text(tmp_path / DEV / "error.txt", "audio/a099_0_30.wav\t1,5\t2.75\terror\n")
    text(tmp_path / DEV / "evaluation_setup/fold1_evaluate.txt", "audio/a099_0_30.wav\toffice\n")
    text(tmp_path / DEV / "evaluation_setup/fold1_test.txt", "audio/a099_0_30.wav\naudio/a099_30_60.wav\n")
    for number in (1, 2, 3):
        silence(tmp_path / EVA / f"audio/{number}.wav")
    text(
        tmp_path / EVA / "evaluation_setup/evaluate.txt", "audio/1.wav\tbeach\naudio/2.wav\ttram\taudio/a003_0_10.wav\n"
    )
    text(tmp_path / EVA / "evaluation_setup/test.txt", "audio/1.wav\naudio/3.wav\n")
    text(tmp_path / EVA / "evaluation_setup/map.txt", "audio/a001_0_10.wav\taudio/1.wav\n")
    return tmp_path


def test_scenes_folds_and_original_recordings_are_read(scene_sets):
    dataset = TutAcousticScenes().read(scene_sets)
    known = {r.path: (r.split, r.scene, r.fold, r.group) for r in dataset.recordings}
    assert known == {
        f"{DEV}/audio/a099_0_30.wav": ("development", "office", 1, "a099"),
        f"{DEV}/audio/a099_30_60.wav": ("development", "office", 1, "a099"),
        f"{DEV}/audio/b020_0_30.wav": ("development", "cafe/restaurant", None, "b020"),
        f"{EVA}/audio/1.wav": ("evaluation", "beach", None, "a001"),
        f"{EVA}/audio/2.wav": ("evaluation", "tram", None, "a003"),
        f"{EVA}/audio/3.wav": ("evaluation", None, None, None),
    }
    assert {r.events for r in dataset.recordings} == {None}
    notes = "\n".join(dataset.notes)
    assert "error.txt marks 1.2 s in 1 recordings as faulty" in notes
    assert "1 recordings have no scene: audio/3.wav" in notes
    assert "1 recordings are tested in no fold" in notes


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("audio/x.wav", "meta.txt, line 1: expected an audio file, a tab and a scene"),
        ("audio/x.wav\toffce", r"meta.txt, line 1: unknown scene 'offce'. Did you mean 'office'\?"),
        ("audio/x.wav\toffice\naudio/x.wav\tbus", "line 2: audio/x.wav is 'bus' here and 'office' above"),
        ("audio/x.wav\toffice", "fold lists name audio/a099_0_30.wav"),
    ],
)
def test_scene_lists_that_cannot_be_right_are_named(scene_sets, text, line, message):
    text(scene_sets / DEV / "meta.txt", line)
    with pytest.raises(AnnotationError, match=message):
        TutAcousticScenes().read(scene_sets)


def test_a_scene_set_without_its_lists_names_the_archive(scene_sets):
    (scene_sets / DEV / "meta.txt").unlink()
    with pytest.raises(CorpusError, match=r"no meta\.txt\. Unpack its meta archive here.*record 45739"):
        TutAcousticScenes().read(scene_sets)
    page = "\n".join(TutAcousticScenes().check(scene_sets))
    assert f"{DEV} does not match:" in page
    assert f"{EVA}: 3 of 3 recordings" in page


NAMES = ("airport-barcelona-0-0-a", "airport-barcelona-0-1-a", "tram-paris-285-2-a", "park-vienna-7-3-a")


@pytest.fixture
def urban(tmp_path, silence, text):
    folder = tmp_path / FOLDER
    for name in NAMES:
        silence(folder / f"audio/{name}.wav", 1.0, 48_000)
    lines = [f"audio/{n}.wav\t{n.split('-')[0]}\t{'-'.join(n.split('-')[1:3])}\ta" for n in NAMES]
    text(folder / "meta.csv", "\r\n".join(["filename\tscene_label\tidentifier\tsource_label", *lines]))
    text(folder / "evaluation_setup/fold1_train.txt", "".join(f"audio/{n}.wav\tairport\n" for n in NAMES[:2]))
    text(folder / "evaluation_setup/fold1_test.txt", f"filename\naudio/{NAMES[2]}.wav\n")
    text(folder / "evaluation_setup/fold1_evaluate.txt", f"audio/{NAMES[2]}.wav\ttram\n")
    return tmp_path


def test_the_official_fold_gives_the_splits_and_the_name_the_place(urban):
    dataset = Tut2018().read(urban)
    assert dataset.scenes == SCENES
    assert not dataset.synthetic
    assert [(r.split, r.scene, r.group) for r in dataset.recordings] == [
        ("development", "airport", "barcelona-0"),
        ("development", "airport", "barcelona-0"),
        ("evaluation", "tram", "paris-285"),
        ("unlisted", "park", "vienna-7"),
    ]
    assert "1 recordings are in meta.csv but in no list, so in the split 'unlisted': audio/park" in dataset.notes[0]


def test_whole_training_locations_are_held_out_scene_by_scene(tmp_path, silence, text):
    train = [
        f"{scene}-london-{place}-{n}-a"
        for scene, places in (("bus", "0123"), ("tram", "45"))
        for place in places
        for n in (0, 1)
    ]
    lists = {"fold1_train.txt": train, "fold1_test.txt": ["park-vienna-7-3-a"]}
    for name, names in lists.items():
        text(
            tmp_path / FOLDER / "evaluation_setup" / name, "".join(f"audio/{n}.wav\t{n.split('-')[0]}\n" for n in names)
        )
    for name in (*train, "park-vienna-7-3-a"):
        silence(tmp_path / FOLDER / f"audio/{name}.wav", 1.0, 48_000)
    lines = [f"audio/{n}.wav\t{n.split('-')[0]}\tlondon-{n.split('-')[2]}\ta" for n in train]
    text(tmp_path / FOLDER / "meta.csv", "\n".join([*lines, "audio/park-vienna-7-3-a.wav\tpark\tvienna-7\ta"]))
    dataset = Tut2018(held_out_every=2).read(tmp_path)
    places = {
        split: {r.group for r in dataset.of_split(split)} for split in ("development", "validation", "evaluation")
    }
    assert places == {
        "development": {"london-0", "london-2", "london-4"},
        "validation": {"london-1", "london-3", "london-5"},
        "evaluation": {"vienna-7"},
    }
    assert len(dataset.of_split("validation")) == 6
    with pytest.raises(OptionError, match="held_out_every is 1; give at least 2"):
        Tut2018(held_out_every=1)


def test_lists_with_a_header_and_without_are_the_same(urban, text):
    setup = urban / FOLDER / "evaluation_setup"
    before = Tut2018().read(urban)
    text(setup / "fold1_train.txt", "filename\tscene_label\n" + (setup / "fold1_train.txt").read_text())
    assert Tut2018().read(urban) == before


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("meta.csv", "audio/airprt-barcelona-0-0-a.wav\tairport", r"line 1: .* is not of the form SCENE.*'airport'\?"),
        ("meta.csv", f"audio/{NAMES[0]}.wav\ttram\tbarcelona-0", "line 1: scene 'tram' at 'barcelona-0', but the name"),
        ("evaluation_setup/fold1_train.txt", f"audio/{NAMES[0]}.wav\tbus", "line 1: .* is 'bus' here and 'airport'"),
        ("evaluation_setup/fold1_train.txt", "audio/x.wav\tbus", r"line 1: audio/x\.wav is not in meta\.csv"),
        ("evaluation_setup/fold1_test.txt", f"audio/{NAMES[0]}.wav", "line 1: .* is to be tested, but"),
        ("evaluation_setup/fold1_train.txt", f"audio/{NAMES[0]}.wav", None),
    ],
)
def test_urban_lists_that_contradict_each_other_are_named(urban, text, name, line, message):
    text(urban / FOLDER / name, line)
    if message is None:  # a place on both sides
        text(urban / FOLDER / "evaluation_setup/fold1_test.txt", f"audio/{NAMES[1]}.wav")
        message = "1 locations are trained on and tested: barcelona-0"
    with pytest.raises(AnnotationError, match=message):
        Tut2018().read(urban)


def test_urban_audio_of_another_rate_is_refused(urban, silence):
    silence(urban / FOLDER / f"audio/{NAMES[0]}.wav", 1.0, 44_100)
    with pytest.raises(AudioError, match="44100 Hz, but this data set is published at 48000 Hz"):
        Tut2018().read(urban)


def test_urban_check_counts_and_names_what_is_missing(urban):
    (urban / FOLDER / f"audio/{NAMES[0]}.wav").unlink()
    (urban / FOLDER / "evaluation_setup/fold1_evaluate.txt").unlink()
    page = "\n".join(Tut2018().check(urban))
    assert "3 of 4 recordings, 0.1 min, 1 missing; 3 of 10 scenes." in page
    assert "No evaluation_setup/fold1_evaluate.txt; scenes of the tested recordings come from meta.csv." in page
    assert "`earmark data fetch tut-urban-acoustic-scenes-2018-development`" in page
    (urban / FOLDER / "meta.csv").unlink()
    with pytest.raises(CorpusError, match=r"no meta\.csv. Unpack its meta archive here.*1228142"):
        Tut2018().read(urban)
