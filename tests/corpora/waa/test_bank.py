"""What WAA refuses to be mixed from, each with what is wrong and what to do."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile

from earmark.errors import AnnotationError, AudioError, CorpusError
from earmark_corpora.waa.bank import disjoint, sides
from earmark_corpora.waa.synthesizer import Waa

TRAIN = "audio/train/soundbank/foreground"


def refused(bank, error, message):
    root = bank.parent / "refused"
    with pytest.raises(error, match=message):
        Waa(soundbank=bank, per_class=(1, 1, 1)).synthesize(root, seed=0)
    assert not root.exists()  # so that whoever mends the soundbank can use the folder


def silence(path, seconds=1.0):
    soundfile.write(path, np.zeros(round(seconds * 44_100)), 44_100, subtype="PCM_16")


def test_the_list_and_not_the_folder_decides_the_side(whole_bank):
    found = sides(whole_bank)
    assert {len(side.foreground[label]) for side in found.values() for label in side.foreground} == {2}
    assert [len(side.background) for side in found.values()] == [1, 1, 1]


def test_a_folder_without_a_soundbank_is_refused_with_where_to_get_one(tmp_path):
    refused(tmp_path / "nothing", CorpusError, "nothing: none of soundbank train.*earmark data fetch desed-soundbank")


@pytest.mark.parametrize("part", ["train", "eval"])
def test_missing_classes_are_listed_with_their_folders(bank, part):
    for label in ("Cat", "Dog"):
        shutil.rmtree(bank / f"audio/{part}/soundbank/foreground/{label}")
    refused(
        bank,
        CorpusError,
        rf"no files of Cat \(audio/{part}/soundbank/foreground/Cat/\), Dog \(.*all ten classes.*earmark data fetch",
    )


def test_a_class_with_fewer_files_than_the_split_needs_is_named_with_its_counts(bank):
    for number in (200, 201):
        (bank / TRAIN / f"Cat/{number}.wav").unlink()
    refused(bank, CorpusError, r"too few files to split: Cat \(train 0, valid 2\).*correct soundbank_validation.tsv")


def test_a_soundbank_without_its_validation_list_is_refused_with_where_to_get_it(bank):
    (bank / "soundbank_validation.tsv").unlink()
    refused(bank, CorpusError, "no foreground files for 'valid'.*earmark data fetch desed-soundbank")


def test_a_soundbank_without_backgrounds_is_refused(bank):
    shutil.rmtree(bank / "audio/eval/soundbank/background")
    refused(bank, CorpusError, "no background files for 'eval' in audio/eval/soundbank/background/")


def test_a_source_on_two_sides_is_refused_by_name(bank):
    shutil.copy(bank / TRAIN / "Cat/200.wav", bank / "audio/eval/soundbank/foreground/Cat/200.wav")
    refused(bank, CorpusError, "1 source files are in train and in eval: foreground/Cat/200.wav. Take each of them out")


def test_backgrounds_count_as_sources_too():
    room = "soundbank/background/sins/DevNode1_ex1_1.wav"
    with pytest.raises(CorpusError, match="in train and in valid: background/sins/DevNode1_ex1_1.wav"):
        disjoint("bank", {"train": [f"audio/train/{room}"], "valid": [f"audio/validation/{room}"], "eval": []})


def test_an_event_shorter_than_a_window_of_the_features_is_refused(bank, noise):
    noise(bank / TRAIN / "Dishes/1.wav", 0.02)
    refused(bank, AudioError, r"Dishes/1.wav: 20.0 ms, but an event has to last 25 ms, one window of the features")


def test_a_cut_event_shorter_than_what_the_border_leaves_is_refused(bank, noise):
    noise(bank / TRAIN / "Vacuum_cleaner_nOn/1.wav", 0.2)
    refused(bank, AudioError, "1.wav: 200.0 ms, but an event has to last 250 ms, where _nOn says that it is cut")


def test_a_background_shorter_than_a_window_is_refused(bank, noise):
    noise(bank / "audio/eval/soundbank/background/youtube/1.wav", 0.01)
    refused(bank, AudioError, "youtube/1.wav: 10.0 ms, but a background has to last 25 ms")


def test_silent_files_are_counted_and_named_before_anything_is_mixed(bank):
    silence(bank / TRAIN / "Speech/1.wav")
    silence(bank / "audio/eval/soundbank/background/youtube/1.wav", 30.0)
    refused(
        bank,
        AudioError,
        r"2 files are silent \(nothing in them passes -70 LUFS\).*youtube/1.wav, .*Speech/1.wav. Replace them",
    )


def test_a_file_that_is_no_sound_is_named(bank):
    (bank / TRAIN / "Speech/1.wav").write_bytes(b"RIFF and nothing more")
    refused(bank, AudioError, "Speech/1.wav: not a readable sound file")


def test_files_of_variants_alone_that_the_corpus_is_not_made_of_are_refused(bank):
    (bank / TRAIN / "Cat").rename(bank / TRAIN / "Cat_nOff")
    listed = bank / "soundbank_validation.tsv"
    listed.write_text(listed.read_text().replace("/Cat/", "/Cat_nOff/"))
    for file in (bank / TRAIN / "Cat_nOff").iterdir():
        shutil.copy(bank / TRAIN / "Frying_nOff/601.wav", file)
    with pytest.raises(CorpusError, match="all files of Cat for train lie in Cat_nOff; WAA is made of Cat. Add files"):
        Waa(soundbank=bank, per_class=(1, 1, 1)).synthesize(bank.parent / "waa", seed=0)


def test_an_unknown_class_folder_is_named(bank):
    (bank / TRAIN / "Cat").rename(bank / TRAIN / "Cats")
    refused(bank, AnnotationError, "the folder 'Cats' is no class of DESED")
