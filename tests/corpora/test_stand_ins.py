"""The stand-ins of TUT Urban 2018 and of DESED are whole, repeatable, and read by the readers of the real corpora."""

from __future__ import annotations

import itertools
import json
import shutil

import numpy as np
import pytest
import soundfile

from earmark.errors import CorpusError, OptionError
from earmark_corpora.desed.recorded import Desed
from earmark_corpora.desed.soundbank import DesedSoundbank
from earmark_corpora.synthesis import desed_stand_in, tut2018_stand_in
from earmark_corpora.synthesis.chance import generator
from earmark_corpora.synthesis.desed_plan import clip_events, isolated_duration, polyphony, statistics
from earmark_corpora.synthesis.desed_stand_in import DesedStandIn
from earmark_corpora.synthesis.domestic import DOMESTIC_INSTRUMENTS
from earmark_corpora.synthesis.tut2018_stand_in import Tut2018StandIn
from earmark_corpora.synthesis.urban import TYPICAL, URBAN, URBAN_SCENERIES
from earmark_corpora.tut.urban_2018 import FOLDER, SCENES, Tut2018

URBAN_LEAST = Tut2018StandIn(n_train=10, n_test=10)
DESED_LEAST = DesedStandIn(
    foreground_train=20,
    foreground_eval=10,
    background_train=2,
    background_eval=1,
    n_weak=2,
    n_unlabelled=1,
    n_validation=3,
    n_public=2,
)


def files_of(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def urban(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora") / "urban"
    URBAN_LEAST.synthesize(root, seed=1)
    return root


@pytest.fixture(scope="module")
def desed(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora") / "desed"
    DESED_LEAST.synthesize(root, seed=1)
    return root


def test_the_urban_stand_in_is_read_as_the_real_corpus_and_says_that_it_is_none(urban):
    for root in (urban, urban / FOLDER):
        dataset = Tut2018().read(root)
        assert dataset.synthetic
        assert dataset.notes == ()
        for split in ("development", "evaluation"):
            assert [r.scene for r in dataset.of_split(split)] == list(SCENES)
        groups = {split: {r.group for r in dataset.of_split(split)} for split in ("development", "evaluation")}
        assert not groups["development"] & groups["evaluation"]
    assert list(Tut2018().check(urban))[-1].startswith("Nothing is missing")


def test_urban_audio_is_stereo_24_bit_at_48_khz_and_neither_silent_nor_clipped(urban):
    for path in urban.rglob("*.wav"):
        info = soundfile.info(str(path))
        assert (info.samplerate, info.channels, info.subtype, info.frames) == (48_000, 2, "PCM_24", 480_000)
        sound, _ = soundfile.read(path)
        assert 1e-3 < np.sqrt(np.mean(sound**2)) < 0.2
        assert np.abs(sound).max() < 1


def test_every_scene_has_a_scenery_and_events_that_it_shares_with_another():
    assert set(URBAN_SCENERIES) == set(TYPICAL) == set(SCENES)
    heard = [label for of_scene in TYPICAL.values() for label in of_scene]
    assert set(heard) <= set(URBAN.instruments)
    for scene, of_scene in TYPICAL.items():
        assert any(heard.count(label) > 1 for label in of_scene), scene


def test_clips_are_dealt_out_evenly_over_scenes_and_locations():
    clips = Tut2018StandIn(n_train=83, n_test=40).clips()
    train, test = clips.values()
    assert (len(train), len(test), len({*train, *test})) == (83, 40, 123)
    assert {sum(f"/{scene}-" in path for path in train) for scene in SCENES} == {8, 9}
    assert len({path.split("-")[2] for path in test}) == 20  # at most three clips of each place


def test_the_desed_stand_in_is_read_as_clips_and_as_soundbank(desed):
    clips, bank = Desed().read(desed), DesedSoundbank().read(desed)
    assert clips.synthetic
    assert bank.synthetic
    assert [
        sum(r.split == split for r in clips.recordings) for split in ("development", "validation", "evaluation")
    ] == [
        3,
        3,
        2,
    ]
    assert all(r.tags for r in clips.recordings if "/weak/" in r.path)
    reader = DesedSoundbank()
    for subset in ("train", "valid", "eval"):
        assert len({f.label for f in reader.foreground(desed, subset)}) == 10
    sources = [{f.freesound_id for f in reader.foreground(desed, subset)} for subset in ("train", "valid", "eval")]
    assert sum(map(len, sources)) == len(set.union(*sources))
    assert len(reader.background(desed, "valid")) == len(reader.background(desed, "train")) == 1
    for reading in (Desed(), DesedSoundbank()):
        assert list(reading.check(desed))[-1].startswith("Nothing is missing")


def test_desed_audio_is_mono_at_44100_hz_and_neither_silent_nor_clipped(desed):
    for path in desed.rglob("*.wav"):
        info = soundfile.info(str(path))
        assert (info.samplerate, info.channels) == (44_100, 1)
        sound, _ = soundfile.read(path)
        assert np.sqrt(np.mean(sound**2)) > 1e-3
        assert np.abs(sound).max() < 1


def test_drawn_clips_follow_the_statistics_of_the_real_annotations():
    clips = [clip_events(generator(0, str(number))) for number in range(1500)]
    assert np.mean([len(clip) for clip in clips]) == pytest.approx(3.76, abs=0.5)
    assert np.mean([len({e.label for e in clip}) for clip in clips]) == pytest.approx(1.56, abs=0.06)
    assert max(polyphony(clip) for clip in clips) <= 3
    for label in ("Dishes", "Speech", "Vacuum_cleaner"):
        lengths_s = [e.offset_s - e.onset_s for clip in clips for e in clip if e.label == label]
        median_s = statistics()[label].durations_s[11]
        assert np.median(lengths_s) == pytest.approx(median_s, rel=0.25)
        assert min(lengths_s) >= 0.249
    for clip in clips:
        for label in {event.label for event in clip}:
            for one, other in itertools.pairwise(event for event in clip if event.label == label):
                assert other.onset_s >= one.offset_s + 0.149


def test_isolated_recordings_are_shorter_and_longer_than_annotations_show():
    rng = generator(0, "a test")
    dishes = np.array([isolated_duration("Dishes", rng) for _ in range(800)])
    assert np.mean(dishes < 0.2) == pytest.approx(0.222, abs=0.05)
    frying = np.array([isolated_duration("Frying", rng) for _ in range(400)])
    assert np.mean(frying >= 10) == pytest.approx(0.67, abs=0.1)
    assert not np.any((frying >= 9.5) & (frying < 10))


@pytest.mark.parametrize("label", DOMESTIC_INSTRUMENTS)
@pytest.mark.parametrize("length", [2205, 60_000])
def test_every_domestic_instrument_sounds_at_any_length_and_differs_from_source_to_source(label, length):
    sounds = []
    for source in ("1", "2"):
        sound = DOMESTIC_INSTRUMENTS[label](generator(0, source))(generator(0, "sound"), length)
        assert sound.shape == (length,)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 1e-4
        sounds.append(sound)
    assert not np.array_equal(*sounds)


@pytest.mark.parametrize("by", ["threads", "an engine"])
@pytest.mark.parametrize(("kind", "stand_in"), [("urban", URBAN_LEAST), ("desed", DESED_LEAST)])
def test_an_interrupted_synthesis_goes_on_and_ends_with_the_same_bytes(
    kind, stand_in, by, elsewhere, request, tmp_path
):
    whole = request.getfixturevalue(kind)
    copy = shutil.copytree(whole, tmp_path / "copy")
    first, second, *others = sorted(copy.rglob("*.wav"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:1000])
    kept = {path: path.stat().st_mtime_ns for path in others}
    for listed in [*copy.rglob("*.tsv"), *copy.rglob("*.csv")]:
        listed.unlink()
    with pytest.raises(CorpusError):
        (Tut2018() if kind == "urban" else Desed()).read(copy)
    stand_in.synthesize(copy, seed=1, engine=elsewhere if by == "an engine" else None)
    assert len(elsewhere.jobs) == (2 if by == "an engine" else 0)
    assert files_of(copy) == files_of(whole)
    assert {path: path.stat().st_mtime_ns for path in others} == kept
    assert not list(copy.rglob("*.part"))


def test_another_seed_gives_other_sound_and_another_identity():
    path = next(iter(URBAN_LEAST.clips().values()))[0]
    assert not np.array_equal(tut2018_stand_in._rendered(path, 1), tut2018_stand_in._rendered(path, 2))
    bank = "audio/train/soundbank/foreground/Cat/1.wav"
    one, other = (desed_stand_in.isolated_event(bank, 4410, "Cat", "", seed) for seed in (1, 2))
    assert not np.array_equal(one, other)
    for stand_in in (URBAN_LEAST, DESED_LEAST):
        assert stand_in.identity(1) != stand_in.identity(2)
        json.dumps(stand_in.identity(1))


def test_a_real_corpus_in_the_folder_is_left_alone(tmp_path, text):
    text(tmp_path / "metadata/eval/public.tsv", "filename\n")
    with pytest.raises(CorpusError, match="holds metadata, but no SYNTHETIC.json.*nothing was written"):
        DESED_LEAST.synthesize(tmp_path, seed=1)
    text(tmp_path / "u" / FOLDER / "meta.csv", "filename\n")
    with pytest.raises(CorpusError, match="looks like the real corpus"):
        URBAN_LEAST.synthesize(tmp_path / "u", seed=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tut2018StandIn(n_train=9), "n_train is 9; give at least 10"),
        (lambda: DesedStandIn(foreground_train=19), "foreground_train is 19; give at least 20"),
        (lambda: DesedStandIn(n_public=0), "n_public is 0; give at least 1"),
    ],
)
def test_too_few_are_refused_with_the_least(make, message):
    with pytest.raises(OptionError, match=message):
        make()
