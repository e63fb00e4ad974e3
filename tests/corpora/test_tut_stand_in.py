"""A stand-in is written whole, repeatably, and in the layout that the reader of the real corpus reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

from earmark.errors import CorpusError, OptionError
from earmark.plugins import PluginManager
from earmark_corpora import plugin
from earmark_corpora.synthesis import tut_writing
from earmark_corpora.synthesis.plan import sampled_recordings
from earmark_corpora.synthesis.tut_stand_in import TutStandIn
from earmark_corpora.synthesis.tut_writing import write_stand_in
from earmark_corpora.tut.four_scenes import TutCorpus

LEAST = {"development_min": 1.34, "evaluation_min": 1.34}


def audio_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.wav"))}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("corpora") / "stand in"
    TutStandIn(**LEAST).synthesize(root, seed=1)
    return root


@pytest.fixture
def copy(stand_in, tmp_path) -> Path:
    return Path(shutil.copytree(stand_in, tmp_path / "copy"))


def test_the_plugin_gives_reader_and_synthesizer_under_one_name():
    manager = PluginManager()
    manager.register(plugin, "corpora")
    assert {"desed", "tut", "tut2018"} <= set(manager.names("synthesizer"))
    assert set(manager.names("synthesizer")) <= set(manager.names("corpus"))
    for kind in ("corpus", "synthesizer"):
        for name in manager.names(kind):
            manager.build(kind, name, {}, "a test")
    options = {"development_min": 2, "annotations": None}
    assert manager.build("synthesizer", "tut", options, "a test") == TutStandIn(development_min=2.0)


def test_the_reader_of_the_real_corpus_reads_what_was_planned(stand_in):
    dataset = TutCorpus().read(stand_in)
    assert dataset.synthetic
    planned = {r.path: r for r in sampled_recordings({"development": 1.34, "evaluation": 1.34}, 1)}
    assert {r.path for r in dataset.recordings} == set(planned)
    for recording in dataset.recordings:
        plan = planned[recording.path]
        assert (recording.split, recording.scene, recording.fold, recording.group) == (
            plan.split,
            plan.scene,
            plan.fold,
            plan.group,
        )
        assert recording.duration_s == pytest.approx(plan.duration_s, abs=1e-4)
        assert [event.label for event in recording.events] == [event.label for event in plan.events]
        for event, expected in zip(recording.events, plan.events, strict=True):
            assert event.onset_s == pytest.approx(expected.onset_s, abs=2e-6)
            assert event.offset_s == pytest.approx(expected.offset_s, abs=1e-4)


def test_check_finds_a_stand_in_complete_and_names_it(stand_in):
    said = list(TutCorpus().check(stand_in))
    assert "a synthetic stand-in" in said[0]
    assert said[-1] == "Nothing is missing: the corpus can be read."


def test_audio_is_stereo_24_bit_at_44100_hz(stand_in):
    for path in stand_in.rglob("*.wav"):
        info = soundfile.info(str(path))
        assert (info.samplerate, info.channels, info.subtype) == (44_100, 2, "PCM_24")


def test_the_marker_says_seed_version_and_options(stand_in):
    marker = json.loads((stand_in / "SYNTHETIC.json").read_text())
    assert (marker["corpus"], marker["seed"]) == ("tut", 1)
    assert marker["options"] == {"development_min": 1.34, "evaluation_min": 1.34, "annotations": None}


def test_nothing_is_left_lying_aside(stand_in):
    assert not list(stand_in.rglob("*.part"))


@pytest.mark.parametrize("workers", [1, 3])
def test_neither_order_nor_number_of_workers_changes_the_sound(stand_in, tmp_path, workers):
    recordings = sampled_recordings({"development": 1.34, "evaluation": 1.34}, 1)
    chosen = tuple(r for r in reversed(recordings) if r.scene in ("home", "city_center"))
    write_stand_in(tmp_path, chosen, {}, seed=1, workers=workers)
    written = audio_of(tmp_path)
    assert len(written) == len(chosen)
    assert written == {path: sound for path, sound in audio_of(stand_in).items() if path in written}


def test_a_second_call_renders_nothing_again(copy, monkeypatch):
    monkeypatch.setattr(tut_writing, "render", lambda *_: pytest.fail("rendered again"))
    steps = []
    TutStandIn(**LEAST).synthesize(copy, seed=1, advance=lambda done, total: steps.append((done, total)))
    assert steps == [(i + 1, len(audio_of(copy))) for i in range(len(audio_of(copy)))]


def test_an_interrupted_synthesis_goes_on_and_ends_with_the_same_files(stand_in, copy):
    whole = audio_of(copy)
    first, second = sorted(copy.rglob("*.wav"))[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:5000])  # cut off behind Earmark's back
    first.with_name(f"{first.name}.part").write_bytes(b"left by a killed process")
    shutil.rmtree(copy / "metadata_SEDandASC01")
    TutStandIn(**LEAST).synthesize(copy, seed=1)
    assert audio_of(copy) == whole
    assert not list(copy.rglob("*.part"))
    assert TutCorpus().read(copy).recordings == TutCorpus().read(stand_in).recordings


def test_an_engine_renders_what_is_missing_with_the_same_bytes(copy, elsewhere):
    whole, steps = audio_of(copy), []
    for path in sorted(copy.rglob("*.wav"))[:2]:
        path.unlink()
    options = {"seed": 1, "advance": lambda done, total: steps.append((done, total))}
    TutStandIn(**LEAST).synthesize(copy, **options, engine=elsewhere)
    assert audio_of(copy) == whole
    assert steps == [(len(whole) - 1, len(whole)), (len(whole), len(whole))]
    assert str(elsewhere.jobs[0]).startswith(f"sounds of {copy}, ")


def test_an_engine_that_writes_into_another_folder_of_this_name_is_found_out(copy):
    next(iter(copy.rglob("*.wav"))).unlink()
    far_away = SimpleNamespace(execute=lambda jobs, work: None)
    with pytest.raises(CorpusError, match=r"\.wav was written by a worker, but is not here. Choose a folder that ev"):
        TutStandIn(**LEAST).synthesize(copy, seed=1, engine=far_away)


def test_a_stand_in_without_its_annotations_is_not_read_as_whole(copy):
    shutil.rmtree(copy / "metadata_SEDandASC01")
    with pytest.raises(CorpusError, match="`earmark data synthesize tut` write or complete a stand-in"):
        TutCorpus().read(copy)


def test_interrupting_stops_the_work_that_has_not_begun(tmp_path, monkeypatch):
    def interrupt(done, total):
        raise KeyboardInterrupt

    monkeypatch.setattr("earmark_corpora.synthesis.tut_stand_in.n_processors", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        TutStandIn(**LEAST).synthesize(tmp_path / "new", seed=1, advance=interrupt)
    assert 1 <= len(audio_of(tmp_path / "new")) <= 3
    assert not list((tmp_path / "new").rglob("*.part"))


def test_another_stand_in_in_the_folder_is_an_error(copy):
    with pytest.raises(CorpusError, match=r"holds another stand-in.*\"seed\": 1.*\"seed\": 2.*another folder"):
        TutStandIn(**LEAST).synthesize(copy, seed=2)


def test_a_damaged_marker_is_an_error(copy):
    (copy / "SYNTHETIC.json").write_text("{")
    with pytest.raises(CorpusError, match="something unreadable"):
        TutStandIn(**LEAST).synthesize(copy, seed=1)


def test_a_folder_with_real_recordings_is_left_alone(corpus_root):
    before = sorted(corpus_root.rglob("*"))
    with pytest.raises(CorpusError, match="looks like the real corpus.*nothing was written"):
        TutStandIn(**LEAST).synthesize(corpus_root, seed=1)
    assert sorted(corpus_root.rglob("*")) == before


def test_a_full_disk_is_said_and_leaves_nothing_half_written(tmp_path):
    resource = pytest.importorskip("resource", reason="limits on file sizes are those of Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(CorpusError, match=r"cannot be written .*Free some space.*goes on from there"):
            TutStandIn(**LEAST).synthesize(tmp_path / "full", seed=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "full").rglob("*.wav*"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="cannot be written"):
        TutStandIn(**LEAST).synthesize(tmp_path / "file" / "below", seed=1)


@pytest.mark.parametrize("minutes", [0.0, -3.0, 1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("split", ["development", "evaluation"])
def test_too_few_minutes_are_refused_with_the_least(split, minutes):
    with pytest.raises(OptionError, match=rf"{split}_min is .*give at least 1\.33 minutes"):
        TutStandIn(**{f"{split}_min": minutes})


def test_minutes_and_annotations_exclude_each_other(tmp_path):
    with pytest.raises(OptionError, match="development_min is 5, but the annotations in .* Give one or the other"):
        TutStandIn(development_min=5.0, annotations=tmp_path)


def test_a_missing_annotation_folder_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"no meta/meta_development\.txt"):
        TutStandIn(annotations=tmp_path / "nowhere").synthesize(tmp_path / "new", seed=1)
    assert not (tmp_path / "new").exists()


def test_given_annotations_are_followed_recording_by_recording(corpus_root, tmp_path):
    annotations = corpus_root / "metadata_SEDandASC01"
    TutStandIn(annotations=annotations).synthesize(tmp_path / "new", seed=1)
    real, followed = TutCorpus().read(corpus_root), TutCorpus().read(tmp_path / "new")
    assert followed.synthetic
    for one, other in zip(real.recordings, followed.recordings, strict=True):
        assert (one.path, one.scene, one.split, one.fold, one.group) == (
            other.path,
            other.scene,
            other.split,
            other.fold,
            other.group,
        )
        assert one.events == other.events
    assert {r.path: r.duration_s for r in followed.recordings}[real.recordings[0].path] == pytest.approx(7.5)


def test_the_published_annotations_can_be_followed(shared_data):
    stand_in = TutStandIn(annotations=shared_data / "tut_metadata")
    recordings = stand_in.recordings(seed=1)
    assert len(recordings) == 112 + 136
    assert sum(len(r.events) for r in recordings) == 4674 + 1634
