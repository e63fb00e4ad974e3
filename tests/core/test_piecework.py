"""Features, stand-ins and predictions by other engines than this process: the same bits, and nothing done twice."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earmark import hookimpl
from earmark.bundles.export import export
from earmark.cli import app
from earmark.errors import AudioError, UnknownPluginError
from earmark.experiment import experiment_of
from earmark.piecework import Piece, engine_for_pieces, spread, with_engine
from earmark.pipeline import extracted
from earmark.plugins import plugins
from earmark.processes import EngineError, ProcessEngine, _serve, raised_again
from earmark.study import Job, Study
from earmark.workspace import open_store, open_study

EXPERIMENT = {
    "name": "pieces",
    "corpus": "tut",
    "frontend": "log-mel",
    "synthetic": {"development_min": 6, "evaluation_min": 4},
    "train_split": "evaluation",
    "clip_s": 1.0,
    "stages": {
        "one": {"model": "mtl-cnn-bigru", "labels": [{"sources": ["strong"]}], "losses": ["strong-bce"], "n_epochs": 1}
    },
}


@pytest.fixture(autouse=True)
def _one_thread(one_thread, monkeypatch):
    monkeypatch.delenv("EARMARK_ENGINE", raising=False)


@pytest.fixture(scope="module")
def studies(small_study, tmp_path_factory):
    """Makes studies of four pieces and some clips, each with a store of its own; the first one's features are there."""
    opened = open_study(experiment_of(EXPERIMENT), stores=small_study.store.root)

    def study() -> Study:
        return dataclasses.replace(opened, store=open_store(tmp_path_factory.mktemp("store")))

    whole = study()
    extracted(whole)
    return whole, study


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def features_of(study: Study) -> dict[str, bytes]:
    return files_of(study.store.root / "features" / study.feature_address)


def test_an_engine_extracts_the_features_that_threads_extract_and_its_progress_is_told(studies, elsewhere):
    whole, new = studies
    study, told = new(), []
    extracted(study, lambda *step: told.append(step), engine="elsewhere")
    assert features_of(study) == features_of(whole)
    n_clips = len(study.clips_by_id)
    assert len(elsewhere.jobs) == -(-n_clips // 64) >= 4
    last = n_clips - 64 * (len(elsewhere.jobs) - 1)
    assert told == [(last + 64 * n, n_clips) for n in range(len(elsewhere.jobs))]


def test_an_extraction_that_an_engine_has_begun_goes_on_by_any_other(studies, elsewhere):
    whole, new = studies
    study, told = new(), []
    elsewhere.most = 2
    with pytest.raises(EngineError, match="no more"):
        extracted(study, engine="elsewhere")
    assert not study.store.features(study.feature_address).whole
    n_done = sum(job.stop - job.start for job in elsewhere.jobs)
    extracted(study, lambda done, total: told.append(done), engine="local")
    assert told[0] == n_done + 1
    assert features_of(study) == features_of(whole)


def test_a_single_piece_is_not_worth_a_worker(studies, elsewhere):
    study = studies[1]()
    few = dataclasses.replace(study, experiment=study.experiment.model_copy(update={"clip_s": 10.0}))
    assert len(few.clips_by_id) <= 64
    extracted(few, engine="elsewhere")
    assert elsewhere.jobs == []


# Workers are fresh processes, which find functions by import: not those of a test.
WORK = """
import os, signal

from earmark.pipeline import ExtractionWork


class Dying(ExtractionWork):
    def __call__(self, piece):
        if piece.start == 128:
            os.kill(os.getpid(), signal.SIGKILL)
        super().__call__(piece)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "work_in_pieces.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("work_in_pieces")


def test_a_killed_process_costs_its_piece(studies, work, monkeypatch):
    whole, new = studies
    study, told = new(), []
    with monkeypatch.context() as patch:
        patch.setattr("earmark.pipeline.engine_for_pieces", lambda name, manager: ProcessEngine(workers=1))
        patch.setattr("earmark.pipeline.ExtractionWork", work.Dying)
        with pytest.raises(EngineError, match=r"worker of features of tut \(synthetic\), 129 to 192 ended with co"):
            extracted(study, lambda done, total: told.append(done), engine="processes")
    assert told == [64, 128]
    extracted(study, lambda done, total: told.append(done))
    assert told[2] == 129
    assert features_of(study) == features_of(whole)


def test_an_error_leaves_a_process_as_what_it_is(monkeypatch):
    def cannot(piece):
        raise AudioError(f"{piece}: cannot be heard")

    def receive():
        if sent:
            raise EOFError
        return Piece("a work", 0, 1)

    sent = []
    monkeypatch.setattr("earmark.processes.signal.signal", lambda *_: None)
    monkeypatch.setenv("EARMARK_WORKER", "")  # which it sets itself
    _serve(cannot, 0, SimpleNamespace(recv=receive, send=sent.append))
    plugins().unregister("forwarder")
    ((_, said),) = pickle.loads(pickle.dumps(sent))
    with pytest.raises(AudioError, match="^a work, 1: cannot be heard$"):
        raise raised_again(*said)


def test_what_is_said_twice_counts_once_and_what_nobody_says_counts_in_the_end():
    pieces = [Piece("a work", 0, 3), Piece("a work", 3, 5)]
    told = []

    def execute(jobs, work):
        for start, stop in [(0, 3), (0, 3), (5, 9)]:
            plugins().hook.earmark_piece_done(work="a work", start=start, stop=stop)

    engine = SimpleNamespace(execute=execute)
    spread(engine, pieces, print, total=7, advance=lambda *step: told.append(step))
    assert told == [(5, 7), (7, 7)]
    spread(None, [], print, total=7)  # without pieces there is nothing to be done


def test_pieces_stay_in_this_process_unless_an_engine_is_named(elsewhere, monkeypatch):
    assert engine_for_pieces("auto", plugins()) is None
    assert engine_for_pieces("local", plugins()) is None
    assert engine_for_pieces("elsewhere", plugins()) is elsewhere
    monkeypatch.setenv("EARMARK_ENGINE", "elsewhere")
    assert engine_for_pieces("auto", plugins()) is elsewhere
    assert engine_for_pieces("local", plugins()) is None
    with pytest.raises(UnknownPluginError, match="no engine named 'elswhere'. Did you mean 'elsewhere'"):
        engine_for_pieces("elswhere", plugins())


def test_only_a_verb_that_takes_an_engine_is_given_one(elsewhere):
    assert with_engine(lambda root, engine=None: engine, elsewhere)("root") is elsewhere
    assert with_engine(lambda root, engine=None: engine, None)("root") is None
    assert with_engine(lambda root: root, elsewhere)("root") == "root"


def test_the_command_synthesises_by_the_engine_that_is_named_or_by_itself(elsewhere, tmp_path):
    class Given:
        def synthesize(self, root, *, seed, advance=None, engine=None):
            (root / "engine").write_text(type(engine).__name__)

        def identity(self, seed):
            return {}

    plugin = SimpleNamespace(earmark_synthesizers=hookimpl(lambda: {"given": Given}))
    plugins().register(plugin, "given")
    try:
        for to in (["--to", tmp_path / "folder"], ["--stores", tmp_path / "stores"]):
            for engine, name in (("elsewhere", "Elsewhere"), ("local", "NoneType")):
                command = ["data", "synthesize", "given", "--engine", engine, *to, "--seed", len(name)]
                ran = CliRunner().invoke(app, list(map(str, command)))
                assert ran.exit_code == 0, ran.output
                folder = Path(ran.stdout.split("Synthetic given: ")[1].strip())
                assert (folder / "engine").read_text() == name
                (folder.with_suffix(".whole")).unlink(missing_ok=True)
    finally:
        plugins().unregister("given")


# Prediction


@pytest.fixture(scope="module")
def bundle(small_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "strong"
    export(small_study, Job("strong", 0), folder)
    return folder


@pytest.fixture
def recordings(tmp_path) -> Path:
    """Two recordings, one of which is heard in several windows, and a file that is none."""
    (tmp_path / "recordings").mkdir()
    for number, seconds in enumerate((4, 23)):
        noise = np.random.default_rng(number).normal(0, 0.1, seconds * 44_100)
        soundfile.write(tmp_path / "recordings" / f"{number}.wav", noise, 44_100)
    (tmp_path / "recordings" / "none.wav").write_bytes(b"RIFF")
    return tmp_path / "recordings"


def predicted(bundle: Path, recordings: Path, to: Path, *options: object):
    command = ["predict", bundle, recordings, "--to", to, "--scores", to / "scores.zarr", "--device", "cpu", *options]
    return CliRunner().invoke(app, list(map(str, command)), env={"COLUMNS": "200"})


def test_an_engine_predicts_the_files_that_this_process_predicts(bundle, recordings, elsewhere, tmp_path):
    here = predicted(bundle, recordings, tmp_path / "here")
    there = predicted(bundle, recordings, tmp_path / "there", "--engine", "elsewhere")
    assert (here.exit_code, there.exit_code) == (1, 1)
    assert re.sub(r"\d+ s$", "", there.stdout, flags=re.MULTILINE) == re.sub(
        r"\d+ s$", "", here.stdout.replace("here", "there"), flags=re.MULTILINE
    )
    assert here.stderr == there.stderr
    assert "none.wav: not a readable sound file" in there.stderr
    assert "1 of 3 recordings could not be read" in there.stderr
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")
    assert [job.start for job in elsewhere.jobs] == [2, 0, 1]  # as they come last, the largest first


def test_without_scores_the_posteriors_of_frames_do_not_travel(bundle, recordings, elsewhere, tmp_path):
    for to, engine in (("here", "local"), ("there", "elsewhere")):
        command = ["predict", bundle, recordings / "1.wav", "--to", tmp_path / to, "--engine", engine]
        ran = CliRunner().invoke(app, [*map(str, command), "--format", "audacity", "--device", "cpu"])
        assert ran.exit_code == 0, ran.output
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


def test_a_prediction_that_broke_down_goes_on_with_the_recordings_that_are_left(
    bundle, recordings, elsewhere, tmp_path
):
    elsewhere.most = 2  # the file that is none, and the short recording
    broken = predicted(bundle, recordings, tmp_path / "there", "--engine", "elsewhere")
    assert (broken.exit_code, broken.stderr) == (1, "earmark: no more\n")
    kept = tmp_path / "there" / ".earmark-heard"
    (heard,) = kept.glob("*.safetensors")
    (kept / f"{'0' * 24}.safetensors").write_bytes(heard.read_bytes())  # of another command, at the same moment
    elsewhere.most = 9
    again = predicted(bundle, recordings, tmp_path / "there", "--engine", "elsewhere")
    assert (again.exit_code, "1 of 3 recordings could not be read" in again.stderr) == (1, True)
    assert [job.start for job in elsewhere.jobs] == [2, 0, 2, 1]  # what could not be read may have been mended
    assert [path.name for path in kept.iterdir()] == [f"{'0' * 24}.safetensors"]


def test_a_prediction_that_is_cut_off_is_made_again(bundle, recordings, elsewhere, tmp_path):
    elsewhere.most = 2
    predicted(bundle, recordings, tmp_path / "there", "--engine", "elsewhere")
    (heard,) = (tmp_path / "there" / ".earmark-heard").glob("*.safetensors")
    heard.write_bytes(heard.read_bytes()[:100])
    elsewhere.most = 9
    predicted(bundle, recordings, tmp_path / "there", "--engine", "elsewhere")
    assert [job.start for job in elsewhere.jobs] == [2, 0, 2, 0, 1]
    assert not (tmp_path / "there" / ".earmark-heard").exists()


def test_a_worker_that_hears_and_writes_into_another_folder_of_this_name_is_found_out(
    bundle, recordings, tmp_path, monkeypatch
):
    far_away = SimpleNamespace(execute=lambda jobs, work: None)
    monkeypatch.setattr("earmark.piecework.engine_for_pieces", lambda name, manager: far_away)
    ran = predicted(bundle, recordings, tmp_path / "there")
    assert ran.exit_code == 1
    assert "0.wav was heard by a worker, but what it heard is not in" in ran.stderr
    assert "Name a folder with --to that every machine of the cluster reaches under the same name" in ran.stderr


def test_what_is_heard_and_cannot_be_kept_is_said(bundle, recordings, elsewhere, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / ".earmark-heard").write_text("in the way")
    ran = predicted(bundle, recordings, tmp_path / "there", "--engine", "elsewhere")
    assert ran.exit_code == 1
    assert ".earmark-heard cannot be written (" in ran.stderr
