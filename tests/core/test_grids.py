from __future__ import annotations

import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark import hookimpl
from earmark.cli import app
from earmark.errors import CorpusError, ExperimentError
from earmark.experiment import experiment_of, read_experiment
from earmark.folds import FoldJob, FoldWork, run_studies, with_fold
from earmark.grids import expanded
from earmark.judging import evaluate
from earmark.progress import Reporter
from earmark.standing import Standing, standing
from earmark.study import Job, Study
from earmark.workspace import open_store, open_studies, open_study

PAPER = Path(__file__).resolve().parents[2] / "paper/partial_labels"
SHARE = {
    "cases": [{"percent": 10, "strong": 0.9}, {"percent": 70, "strong": 0.3}],
    "stages": {
        "teacher-{percent}": {"labels": [{"share": "{strong}", "sources": ["strong"]}], "predict": ["train"]},
        "student-{percent}": {
            "title": "Student, {percent} %",
            "at": {"percent": "{percent}", "curve": "students"},
            "starts_from": "teacher-{percent}",
            "labels": [{"share": "{strong}", "sources": ["strong"]}],
        },
    },
}
DOCUMENT = {
    "name": "swept",
    "corpus": "tut",
    "frontend": "log-mel",
    "defaults": {"model": "crnn", "losses": ["bce"], "n_epochs": 3},
    "profiles": {"smoke": {"grids": {"share": {"cases": [{"percent": 50, "strong": 0.5}]}}}},
    "stages": {"strong": {"title": "Strong", "labels": [{"sources": ["strong"]}]}},
    "grids": {"share": SHARE},
}


def test_a_grid_becomes_ordinary_stages_that_know_their_place():
    experiment = experiment_of(DOCUMENT)
    assert list(experiment.stages) == ["strong", "teacher-10", "student-10", "teacher-70", "student-70"]
    student = experiment.stages["student-70"]
    assert student.title == "Student, 70 %"
    assert student.at == {"percent": 70, "curve": "students"}
    assert isinstance(student.at["percent"], int)  # with its type, not as text
    assert student.labels[0].share == 0.3
    assert student.starts_from == ("teacher-70",)
    assert student.n_epochs == 3  # the defaults lie under them too


def test_a_profile_replaces_the_cases_of_a_grid():
    assert list(experiment_of(DOCUMENT, profile="smoke").stages) == ["strong", "teacher-50", "student-50"]


def test_a_file_without_grids_stays_as_it_is():
    document = {key: value for key, value in DOCUMENT.items() if key != "grids"}
    assert expanded(document, "f.toml") == document


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({**SHARE, "case": []}, ["f.toml: grids.share.case: no such field", "Did you mean 'cases'?"]),
        ({**SHARE, "cases": []}, ["grids.share.cases: must be a list of at least one table"]),
        ({**SHARE, "cases": {"percent": 10}}, ["grids.share.cases: must be a list"]),
        ({"cases": SHARE["cases"]}, ["grids.share.stages: must hold at least one stage"]),
        (3, ["grids.share: must be a table with cases and stages, got 3"]),
        (
            {**SHARE, "cases": [{"percent": 10, "strong": 0.9}, {"percnt": 20, "strong": 0.9}]},
            ["grids.share.stages.teacher-{percent}, case 2", "Did you mean 'percnt'?", "Values: percnt, strong"],
        ),
        ({"cases": [{"n": 1}], "stages": {"strong": {}}}, ["there is a stage 'strong' already", "net-{value}"]),
        ({"cases": [{"n": 1}, {"n": 2}], "stages": {"net": {}}}, ["case 2: there is a stage 'net' already"]),
    ],
)
def test_a_grid_that_cannot_be_is_named_with_what_was_meant(grid, said):
    with pytest.raises(ExperimentError) as error:
        experiment_of({**DOCUMENT, "grids": {"share": grid}}, "f.toml")
    for part in said:
        assert part in str(error.value)


def test_two_methods_of_one_title_would_hide_each_other_and_are_refused():
    twice = {**DOCUMENT["stages"], "again": DOCUMENT["stages"]["strong"]}
    with pytest.raises(ExperimentError, match=r"stages.strong and stages.again have the same title 'Strong'"):
        experiment_of({**DOCUMENT, "stages": twice})


def described(study: Study, file: str, profile: str) -> Study:
    """The study's corpus and store with another experiment."""
    return replace(study, experiment=read_experiment(PAPER / file, profile))


@pytest.mark.parametrize("profile", ["smoke", "quick", "full"])
def test_what_table_5_has_trained_the_sweep_finds_done(small_study, profile):
    table5 = described(small_study, "table5.toml", profile)
    sweep = described(small_study, "sweep.toml", profile)
    same = {
        "strong": "strong",
        "weak": "weak",
        "strong-reduced": "strong-reduced-70",
        "semi-weak": "semi-weak-70",
        "distillation": "distillation-70",
        "semi-partial": "semi-partial-70",
    }
    for one, other in same.items():
        assert table5.run_address(Job(one, 0)) == sweep.run_address(Job(other, 0))
    assert set(sweep.experiment.seeds) <= set(table5.experiment.seeds)
    assert len({sweep.run_address(job) for job in sweep.jobs()}) == len(sweep.jobs())


def test_the_coordinates_of_a_stage_do_not_move_its_address(small_study):
    here = small_study.run_address(Job("strong", 0))
    stage = small_study.experiment.stages["strong"].model_copy(update={"at": {"percent": 3}})
    stages = {**small_study.experiment.stages, "strong": stage}
    moved = replace(small_study, experiment=small_study.experiment.model_copy(update={"stages": stages}))
    assert moved.run_address(Job("strong", 0)) == here


def test_a_fold_takes_the_place_of_the_test_split_and_the_evaluation_set_is_not_there(small_study):
    dataset = small_study.dataset
    folded = with_fold(dataset, 2, train_split="development", test_split="evaluation")
    tested = folded.of_split("evaluation")
    assert {r.path for r in tested} == {r.path for r in dataset.recordings if r.fold == 2}
    assert {r.fold for r in folded.of_split("development")} == {1, 3}
    assert len(folded.recordings) == len(dataset.of_split("development"))
    assert folded.digest != dataset.digest
    with pytest.raises(CorpusError, match=r"fold 7 does not divide the split 'development'.*Folds.*: 1, 2, 3\."):
        with_fold(dataset, 7, train_split="development", test_split="evaluation")
    without = replace(dataset, recordings=tuple(replace(r, fold=None) for r in dataset.recordings))
    with pytest.raises(CorpusError, match=r"Folds of its recordings: none"):
        with_fold(without, 1, train_split="development", test_split="evaluation")


def test_an_experiment_with_folds_is_a_study_each(small_study):
    folds = open_studies(PAPER / "phi.toml", profile="smoke", stores=small_study.store.root)
    assert [study.experiment.folds for study in folds] == [(1,), (2,)]
    addresses = {study.run_address(job) for study in folds for job in study.jobs()}
    assert len(addresses) == sum(len(study.jobs()) for study in folds)  # a fold shares nothing with another
    assert list(standing(folds).rows)[:2] == ["distillation, fold 1", "semi-partial-0.2, fold 1"]
    with pytest.raises(ExperimentError, match=r"phi.toml: 2 folds are a study each.*open_studies"):
        open_study(PAPER / "phi.toml", profile="smoke", stores=small_study.store.root)


def jobs_asked(studies, monkeypatch) -> list[FoldJob]:
    """Jobs that an engine is given for studies of which nothing is done, and of which it does none."""
    asked: list[FoldJob] = []

    class Recorded:
        def execute(self, jobs, work):
            asked.extend(jobs)
            raise KeyboardInterrupt

    monkeypatch.setattr("earmark.pipeline.extracted", lambda *arguments: None)
    monkeypatch.setattr(type(studies[0].manager), "build", lambda *arguments, **options: Recorded())
    monkeypatch.setattr(Study, "missing", Study.jobs)
    with pytest.raises(KeyboardInterrupt):
        run_studies(studies, device="cpu", engine="local")
    return asked


def test_folds_run_side_by_side_each_after_what_it_needs(small_study, monkeypatch):
    folds = open_studies(PAPER / "phi.toml", profile="smoke", stores=small_study.store.root)
    asked = jobs_asked(folds, monkeypatch)
    assert {job.study for job in asked} == {0, 1}  # one call of the engine for all folds
    (needed,) = next(job for job in asked if job.study == 1 and job.job.stage == "semi-partial-0.2").needs
    assert needed == FoldJob(1, Job("distillation", 0))


def test_a_run_that_two_studies_share_is_made_once_and_the_other_comes_after_it(small_study, monkeypatch):
    asked = jobs_asked([small_study, small_study], monkeypatch)
    (distillation,) = [job for job in asked if job.study == 1 and job.job.stage == "distillation"]
    assert FoldJob(0, Job("distillation", 0)) in distillation.needs
    assert not [job for job in asked if job.study == 0 and any(needed.study == 1 for needed in job.needs)]


def test_two_processes_that_evaluate_the_same_run_do_it_once(small_study, copy_small_study, tmp_path):
    study = replace(small_study, store=open_store(copy_small_study(tmp_path / "stores", "runs"), small_study.manager))
    job = Job("weak", 0)
    shutil.rmtree(study.shelf(job).folder / "evaluations")
    evaluated = []

    class Listener:
        @hookimpl
        def earmark_run_evaluated(self, stage, seed, address, scores):
            evaluated.append(stage)

    study.manager.register(Listener(), "listener")
    try:
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda _: evaluate(study, job), range(3)))
    finally:
        study.manager.unregister("listener")
    assert evaluated == ["weak"]


def test_the_work_of_a_fold_is_done_by_its_study():
    done = []
    FoldWork([lambda job: done.append(("first", job)), lambda job: done.append(("second", job))])(FoldJob(1, "a job"))
    assert done == [("second", "a job")]


def test_a_standing_tells_a_run_that_is_running_from_an_interrupted_one(small_study, tmp_path):
    assert set(standing([small_study]).rows["strong"]) == {"done"}
    seeds = small_study.experiment.model_copy(update={"seeds": (0, 1, 2)})
    wider = replace(small_study, experiment=seeds)
    job = Job("strong", 1)
    try:
        wider.shelf(job).begin({"stage": "strong"})
        shown = standing([wider])
        assert shown.rows["strong"] == ("done", "interrupted", "left")
        assert shown.sentence() == "18 runs: 6 done, 1 interrupted, 11 left"
        with wider.store.lock(wider.run_address(job)):
            assert standing([wider]).rows["strong"] == ("done", "running", "left")
    finally:
        wider.store.remove(wider.run_address(job))


def test_a_standing_is_one_line_a_stage_in_a_log():
    from rich.console import Console

    log = io.StringIO()
    Console(width=80, file=log).print(
        Standing({"strong": ("done", "running"), "weak": ("left", "left")}, (3, 5)).table()
    )
    lines = [line.split() for line in log.getvalue().splitlines() if line.strip()]
    assert lines[0] == ["stage", "seeds", "3", "to", "5", "done", "running", "interrupted", "left"]
    assert lines[2:4] == [["strong", "#>", "1", "1"], ["weak", "..", "2"]]


def test_a_log_says_after_each_run_how_many_are_done_running_and_left(capsys):
    reporter = Reporter()
    reporter.expect(3)
    for stage in ("a", "b"):
        reporter.earmark_stage_started(stage=stage, seed=0, n_epochs=2, first_epoch=0)
    reporter.earmark_epoch_ended(stage="a", seed=0, epoch=1, n_epochs=2, losses={"total": 0.5})
    reporter.earmark_run_finished(stage="a", seed=0, address="x")
    assert capsys.readouterr().out.splitlines() == [
        "a, seed 0: epoch 2 of 2, loss 0.5000",
        "a, seed 0: done in 0 s; 1 of 3 done, 1 running, 1 left",
    ]


def test_the_command_shows_the_standing_without_running_anything(small_study):
    root = small_study.store.root
    command = ["run", str(PAPER / "sweep.toml"), "--profile", "smoke", "--stores", str(root), "--status"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "7 runs: 6 done, 1 left" in shown.stdout
    assert "epoch" not in shown.stdout
