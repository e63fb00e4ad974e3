"""WAA has the sizes, the balance and the segments that the paper says, and is read for a study of any length."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from earmark.errors import AnnotationError, AudioError, CorpusError, OptionError
from earmark.plugins import PluginManager
from earmark.recordings import cut
from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.desed.soundbank import Background, DesedSoundbank, Foreground
from earmark_corpora.synthesis.chance import generator
from earmark_corpora.synthesis.soundbank_stand_in import BACKGROUND, FOREGROUND, SoundbankStandIn
from earmark_corpora.waa.bank import Side, sides, variant_of
from earmark_corpora.waa.corpus import WaaCorpus
from earmark_corpora.waa.drawing import shortened_event, waa1
from earmark_corpora.waa.layout import PER_CLASS, to_n
from earmark_corpora.waa.lists import durations, mixes, unique_foreground_files
from earmark_corpora.waa.recipe import read_recipe
from earmark_corpora.waa.segments import paper_start, released_start
from earmark_corpora.waa.synthesizer import Waa

SMALL = (3, 1, 2)
LEAST = 1e-4


def files_of(root):
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.name.endswith(".lock")
    }


def drawn(subset, n, length_s=2.0):
    """Recipes from a soundbank in memory that has every variant of every class, five files each."""
    variants = ("", "_nOn", "_nOff", "_nOn_nOff")
    side = Side(
        foreground={
            label: tuple(
                Foreground(
                    path=f"audio/train/soundbank/foreground/{label}{variant}/{number}.wav",
                    label=label,
                    variant=variant,
                    freesound_id=str(number),
                    duration_s=(length_s, 17.3)[bool(variant)],
                )
                for variant in variants
                for number in range(5)
            )
            for label in EVENTS
        },
        background=(Background(path="audio/train/soundbank/background/sins/a.wav", group="sins", duration_s=12.0),),
    )
    return waa1("bank", subset, side, n, 0)


def test_the_paper_s_sizes_are_the_default_and_classes_and_variants_have_their_shares():
    assert PER_CLASS == Waa().per_class == (270, 30, 75)
    for subset, n in zip(("train", "valid", "eval"), PER_CLASS, strict=True):
        recipes = drawn(subset, n)
        assert Counter(r.label for r in recipes) == dict.fromkeys(EVENTS, n)
        variants = Counter((r.label, variant_of(r.source_file)) for r in recipes)
        frying = [variants["Frying", v] for v in ("", "_nOff", "_nOn_nOff")]
        assert frying == {270: [27, 189, 54], 30: [3, 21, 6], 75: [8, 52, 15]}[n]
        if subset == "eval":  # 67.5 and 7.5; 63.75, 7.5 and 3.75; 52.5 and three times 7.5
            assert [variants["Blender", v] for v in ("", "_nOff")] == [68, 7]
            assert [variants["Running_water", v] for v in ("", "_nOn", "_nOn_nOff")] == [64, 7, 4]
            assert sum(variants["Vacuum_cleaner", v] for v in ("", "_nOff", "_nOn", "_nOn_nOff")) == 75


def test_onset_and_length_follow_what_the_file_lacks():
    for recipe in drawn("eval", 75):
        variant, end = variant_of(recipe.source_file), to_n(recipe.onset_s) + to_n(recipe.duration_s)
        assert end <= to_n(10.0)
        assert to_n(recipe.duration_s) >= to_n(0.25)
        assert recipe.background_start_s <= 2.0
        assert 6 <= recipe.snr_db <= 30
        assert -3 <= recipe.pitch_shift <= 3
        if variant in ("", "_nOff"):
            assert recipe.source_start_s == 0
        else:
            assert recipe.onset_s == 0
            assert to_n(recipe.source_start_s) + to_n(recipe.duration_s) <= to_n(17.3)
        if variant == "":
            assert recipe.duration_s == pytest.approx(min(2.0, 10 - recipe.onset_s), abs=1e-6)
        if variant == "_nOff":
            assert end == to_n(10.0)
        if variant == "_nOn_nOff":
            assert recipe.duration_s == 10


def test_the_200_ms_come_from_anywhere_in_the_event_that_the_clip_holds():
    places = []
    for recipe in drawn("train", 60):
        short = shortened_event(recipe, 0, lambda recipe: True)
        assert short.duration_s == 0.2
        free_s = recipe.duration_s - 0.2
        places.append((short.source_start_s - recipe.source_start_s) / free_s)
    assert min(places) >= 0
    assert max(places) <= 1
    assert np.mean(places) == pytest.approx(0.5, abs=0.05)
    own = replace(drawn("train", 1)[0], duration_s=0.1)
    assert shortened_event(own, 0, lambda recipe: False) == own


def test_an_excerpt_never_falls_into_a_pause_of_its_event():
    recipe = replace(drawn("train", 1)[0], source_start_s=0.0, duration_s=5.0)

    def in_the_first_second(recipe):
        return recipe.source_start_s < 0.8

    found = [shortened_event(replace(recipe, clip=f"train/{n}.wav"), 0, in_the_first_second) for n in range(20)]
    assert all(map(in_the_first_second, found))
    assert len({short.source_start_s for short in found}) == 20
    assert shortened_event(recipe, 0, lambda recipe: False).duration_s == 0.2  # whoever renders it says which file


def test_subsets_are_balanced_and_no_source_is_on_two_sides(waa, whole_bank):
    used = {}
    for subset, n in zip(("train", "valid", "eval"), SMALL, strict=True):
        for dataset in ("waa1", "200ms"):
            found = mixes(waa, dataset, subset)
            assert Counter(mix.label for mix in found) == dict.fromkeys(EVENTS, n)
            assert len(list((waa / dataset / "clips" / subset).glob("*.wav"))) == len(found)
            assert len(list((waa / dataset / "clips" / subset).glob("*.jams"))) == len(found)
        used[subset] = {path for mix in found for path in (mix.source_file, mix.background_file)}
        assert used[subset] <= set(sides(whole_bank)[subset].paths())
    assert not any(used[one] & used[other] for one, other in combinations(used, 2))
    assert unique_foreground_files(waa)["valid"] == dict.fromkeys(EVENTS, 1)


@pytest.mark.parametrize("dataset", ["waa1", "200ms"])
def test_segments_of_the_strong_cut_hold_the_event_or_lie_in_it(waa, dataset):
    with (waa / dataset / "segments.csv").open(encoding="utf-8", newline="") as file:
        starts = list(csv.DictReader(file))
    assert len(starts) == 60 * 2 * 2
    for row in starts:
        recipe = read_recipe(waa / dataset / "clips" / row["subset"] / row["filename"].replace(".wav", ".jams"))
        length, start = to_n(float(row["segment_s"])), int(row["start_sample"])
        onset, end = to_n(recipe.onset_s), to_n(recipe.onset_s) + to_n(recipe.duration_s)
        assert 0 <= start <= to_n(10.0) - length
        assert to_n(float(row["start_s"])) == start
        if row["rule"] == "paper" and end - onset >= length:
            assert onset <= start <= start + length <= end
        elif row["rule"] == "paper":
            assert start <= onset < end <= start + length
        assert start < end  # even as released, some of the event is there
    paper = {(row["filename"], row["subset"]) for row in starts if row["rule"] == "paper"}
    assert len(paper) == 60


def test_a_segment_is_cut_from_its_clip_sample_by_sample(waa):
    with (waa / "waa1/segments.csv").open(encoding="utf-8", newline="") as file:
        for row in list(csv.DictReader(file))[::17]:
            clip, _ = soundfile.read(waa / "waa1/clips" / row["subset"] / row["filename"], dtype="int16")
            folder = waa / "waa1/segments" / row["rule"] / f"{row['segment_s']}s" / row["subset"]
            segment, rate_hz = soundfile.read(folder / row["filename"], dtype="int16")
            start = int(row["start_sample"])
            assert (rate_hz, len(segment)) == (44_100, to_n(float(row["segment_s"])))
            np.testing.assert_array_equal(segment, clip[start : start + len(segment)])


@pytest.mark.parametrize(
    ("length_s", "duration_s", "released", "paper"),
    [  # the specification's table, section 2.6
        (0.2, 0.1, 0.38, 0.50),
        (0.2, 0.2, 0.50, 1.00),
        (0.2, 0.25, 0.61, 1.00),
        (0.2, 1.0, 0.75, 1.00),
        (1.0, 0.2, 0.18, 0.20),
        (1.0, 0.5, 0.38, 0.50),
        (1.0, 1.0, 0.50, 1.00),
        (1.0, 2.0, 0.75, 1.00),
    ],
)
def test_the_share_of_event_in_a_segment_is_that_of_the_two_rules(length_s, duration_s, released, paper):
    onset = to_n(5.0 - duration_s / 2)
    offset, length = onset + to_n(duration_s), to_n(length_s)
    for place, expected in ((released_start, released), (paper_start, paper)):
        rng = generator(0, "a test")
        starts = np.array([place(onset, offset, length, rng) for _ in range(4000)])
        shares = (np.minimum(starts + length, offset) - np.maximum(starts, onset)) / length
        assert np.mean(shares) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("segment_s", [0.2, 1.0, 10.0])
@pytest.mark.parametrize("dataset", ["waa1", "200ms"])
def test_every_length_is_read_as_one_tagged_clip_a_segment(waa, dataset, segment_s):
    corpus = (
        PluginManager.of_environment()
        .build("corpus", "waa", {"dataset": dataset, "segment_s": segment_s, "rule": "released"}, "a test")
        .read(waa)
    )
    assert [len(corpus.of_split(split)) for split in ("train", "valid", "eval")] == [30, 10, 20]
    assert (corpus.events, corpus.scenes) == (EVENTS, ())
    assert len(cut(corpus.recordings, segment_s)) == 60
    for recording in corpus.recordings:
        assert recording.events is None
        assert recording.tags == (recording.path.rpartition("/")[2].rpartition("_")[0],)
        assert recording.duration_s == segment_s == soundfile.info(str(waa / recording.path)).duration


def test_what_is_mixed_from_a_real_soundbank_is_no_stand_in_and_what_is_not_says_so(waa, whole_bank, tmp_path):
    assert not WaaCorpus().read(waa).synthetic
    marked = shutil.copytree(whole_bank, tmp_path / "bank")
    (marked / "SYNTHETIC.json").write_text("{}")
    Waa(soundbank=marked, per_class=(1, 1, 1)).synthesize(tmp_path / "waa", seed=0)
    assert WaaCorpus().read(tmp_path / "waa").synthetic


def test_settings_that_read_other_audio_have_other_addresses(waa):
    readers = [
        WaaCorpus(),
        WaaCorpus(segment_s=1.0),
        WaaCorpus(segment_s=1.0, rule="released"),
        WaaCorpus(dataset="200ms"),
    ]
    assert len({reader.read(waa).digest for reader in readers}) == 4


def test_true_durations_are_those_of_the_recipes_and_never_lengthened(waa):
    by_class = durations(waa)
    assert {len(of_class) for of_class in by_class.values()} == {3}
    recipes = [read_recipe(file) for file in (waa / "waa1/clips/train").glob("*.jams")]
    expected = sorted(r.duration_s for r in recipes if r.label == "Cat")
    assert sorted(by_class["Cat"]) == pytest.approx(expected, abs=1e-6)
    assert min(min(of_class) for of_class in by_class.values()) < 0.25
    assert max(max(of_class) for of_class in durations(waa, "200ms", "eval").values()) == 0.2


def test_check_says_how_much_there_is_and_what_is_missing(waa, tmp_path):
    page = list(WaaCorpus(segment_s=1.0).check(waa))
    assert any(line.startswith("train: 30 segments of 1 s, 3 of each class, from ") for line in page)
    assert "0 Freesound recordings have pieces in train and others in valid." in page
    assert page[-1] == "Nothing is missing of what is listed: the corpus can be read."
    assert any("earmark data synthesize waa" in line for line in WaaCorpus().check(tmp_path))
    with pytest.raises(CorpusError, match="none of waa1 train, waa1 valid, waa1 eval.*earmark data synthesize waa"):
        WaaCorpus().read(tmp_path)
    with pytest.raises(CorpusError, match="train.tsv: no such list. `earmark data synthesize waa` makes"):
        durations(tmp_path)


def test_pieces_of_one_recording_on_both_sides_are_counted_and_reported(waa, tmp_path):
    copy = shutil.copytree(waa, tmp_path / "waa")
    for subset, piece in (("train", "82048_1"), ("valid", "82048_2")):
        listed = copy / f"waa1/{subset}.tsv"
        listed.write_text(re.sub(r"foreground/Dishes/\d+", f"foreground/Dishes/{piece}", listed.read_text()))
    assert "1 Freesound recordings have pieces in train and others in valid." in list(WaaCorpus().check(copy))


def test_damage_is_named(waa, tmp_path):
    copy = shutil.copytree(waa, tmp_path / "waa")
    segment = copy / "waa1/segments/paper/1s/eval/Cat_0000.wav"
    soundfile.write(segment, np.zeros(44_000), 44_100)
    with pytest.raises(AudioError, match="Cat_0000.wav: 0.997732 s, but all recordings of this data set last 1 s"):
        WaaCorpus(segment_s=1.0).read(copy)
    segment.unlink()
    with pytest.raises(CorpusError, match="1 of 20 recordings of waa1 eval are missing: .*Cat_0000.wav"):
        WaaCorpus(segment_s=1.0).read(copy)
    listed = copy / "waa1/valid.tsv"
    header, first, *others = listed.read_text().splitlines()
    for line, error, message in (
        (first.replace("\tAlarm_bell_ringing\t", "\tAlarm\t"), AnnotationError, "line 2: 'Alarm' for .* is no mix"),
        (f"../{first}", AnnotationError, r"line 2: '../Alarm.*' is not the path"),
        (first.rpartition("\t")[0], AnnotationError, "line 2: 9 fields, expected filename, onset"),
        (first.replace("/3.wav", "/0.wav").replace("/2.wav", "/0.wav"), CorpusError, "in train and in valid"),
    ):
        listed.write_text("\n".join([header, line, *others]) + "\n")
        train = copy / "waa1/train.tsv"
        train.write_text(train.read_text().replace("ringing/1.wav", "ringing/0.wav"))
        with pytest.raises(error, match=message):
            WaaCorpus().read(copy)


@pytest.mark.parametrize("by", ["threads", "an engine"])
def test_an_interrupted_rendering_goes_on_and_ends_with_the_same_bytes(waa, whole_bank, by, elsewhere, tmp_path):
    copy = shutil.copytree(waa, tmp_path / "waa")
    first, second, third, *others = sorted(copy.rglob("*.wav"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:1000])
    third.unlink()
    (copy / "waa1/train.tsv").unlink()
    kept = {path: path.stat().st_mtime_ns for path in others}
    said = []
    again = Waa(soundbank=whole_bank, per_class=SMALL)
    engine = elsewhere if by == "an engine" else None
    again.synthesize(copy, seed=0, advance=lambda done, total: said.append((done, total)), engine=engine)
    assert files_of(copy) == files_of(waa)
    assert {path: path.stat().st_mtime_ns for path in others} == kept
    assert said == [(57 + n, 60) for n in range(1, 4)]
    assert not list(copy.rglob("*.part"))


def test_an_engine_that_writes_into_another_folder_of_this_name_is_found_out(waa, whole_bank, tmp_path):
    copy = shutil.copytree(waa, tmp_path / "waa")
    missing = sorted(copy.rglob("*.wav"))[0]
    missing.unlink()
    far_away = SimpleNamespace(execute=lambda jobs, work: None)
    with pytest.raises(CorpusError, match=f"{re.escape(str(missing))} was written by a worker, but is not here"):
        Waa(soundbank=whole_bank, per_class=SMALL).synthesize(copy, seed=0, engine=far_away)


def test_what_decides_the_corpus_is_in_its_identity(whole_bank, bank):
    one = Waa(soundbank=whole_bank, per_class=SMALL)
    assert one.identity(0) == Waa(soundbank=bank, per_class=SMALL).identity(0)  # where it lies does not matter
    assert one.identity(0) != one.identity(1)
    assert one.identity(0) != Waa(soundbank=whole_bank, per_class=(3, 1, 3)).identity(0)
    (bank / "audio/train/soundbank/foreground/Cat/200.wav").write_bytes(
        (bank / "audio/train/soundbank/foreground/Cat/201.wav").read_bytes()
    )
    assert one.identity(0) != Waa(soundbank=bank, per_class=SMALL).identity(0)
    assert Waa(bank_share=0.1).identity(0) != Waa(bank_share=0.2).identity(0)
    json.dumps(Waa().identity(0))


def test_folders_of_others_are_left_alone(waa, whole_bank, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(
        CorpusError, match="holds thesis.txt, but no waa.json.*Choose another folder.*nothing was written"
    ):
        Waa(soundbank=whole_bank, per_class=SMALL).synthesize(tmp_path, seed=0)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(CorpusError, match=r"holds another WAA: its waa.json says .*\"seed\": 0.*remove that one first"):
        Waa(soundbank=whole_bank, per_class=SMALL).synthesize(waa, seed=1)
    (tmp_path / "thesis.txt").unlink()
    (tmp_path / "waa.json").write_text("{")
    with pytest.raises(CorpusError, match='holds another WAA: its waa.json says "something unreadable"'):
        Waa(soundbank=whole_bank, per_class=SMALL).synthesize(tmp_path, seed=0)


def test_a_folder_that_cannot_be_written_is_named(whole_bank, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="cannot be written .*Free some space, or choose another folder"):
        Waa(soundbank=whole_bank, per_class=SMALL).synthesize(tmp_path / "file" / "waa", seed=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Waa(per_class=(4, 0, 2)), r"Waa.per_class is \[4, 0, 2\]; give at least 1"),
        (lambda: Waa(bank_share=0.0), "share is 0; give a part of the real soundbank, up to 1"),
        (lambda: SoundbankStandIn(share=1.5), "share is 1.5; give a part"),
        (lambda: WaaCorpus(segment_s=2.0), "segment_s is 2; segments last 0.2, 1, 10 s"),
    ],
)
def test_options_that_make_no_corpus_are_refused(make, message):
    with pytest.raises(OptionError, match=message):
        make()


def test_without_a_soundbank_one_is_synthesised_inside_and_both_say_that_they_are(tmp_path):
    said = []
    maker = PluginManager.of_environment().build(
        "synthesizer", "waa", {"per_class": [1, 1, 1], "bank_share": LEAST}, "a test"
    )
    maker.synthesize(tmp_path / "waa", seed=0, advance=lambda done, total: said.append((done, total)))
    assert said[-1] == (63 + 30, 63 + 30)
    assert {total for _, total in said} == {93}
    bank = DesedSoundbank().read(tmp_path / "waa/soundbank")
    corpus = WaaCorpus(segment_s=0.2).read(tmp_path / "waa")
    assert corpus.synthetic
    assert bank.synthetic
    assert corpus.title == "waa (synthetic)"
    for path in (tmp_path / "waa/waa1/clips").rglob("*.wav"):
        sound, _ = soundfile.read(path)
        assert np.std(sound) > 1e-3


def test_the_whole_stand_in_has_as_many_files_as_the_paper_used_and_sources_of_one_side_only():
    assert [sum(of_subset) for of_subset in FOREGROUND.values()] == [913, 98, 314]
    bank = SoundbankStandIn()
    sources = {}
    for subset, counts in FOREGROUND.items():
        files = list(bank._foreground(subset, 0))
        assert [sum(file.label == label for file in files) for label in EVENTS] == list(counts)
        assert len({file.path for file in files}) == len(files)
        sources[subset] = {file.path.rpartition("/")[2].partition("_")[0] for file in files}
        rooms = bank._background(subset)
        assert len(set(rooms)) == len(rooms) == BACKGROUND[subset]
        dishes_s = [file.duration_s for file in files if file.label == "Dishes"]
        assert np.median(dishes_s) < 0.6
    assert not any(sources[one] & sources[other] for one, other in combinations(sources, 2))
