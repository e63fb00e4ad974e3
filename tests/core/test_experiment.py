from __future__ import annotations

from pathlib import Path

import pytest

from earmark.errors import ExperimentError
from earmark.experiment import experiment_of, merged, read_experiment

DOCUMENT = {
    "name": "small",
    "corpus": "tut",
    "frontend": {"use": "log-mel", "n_mels": 40},
    "defaults": {"model": {"use": "crnn", "units": 64}, "losses": [{"use": "bce", "weight": 0.5}], "n_epochs": 3},
    "profiles": {"quick": {"defaults": {"model": {"units": 8}}, "seeds": [0, 1]}},
    "stages": {
        "teacher": {"labels": [{"sources": ["scene", "strong"]}], "predict": ["train", "test"]},
        "student": {
            "title": "Student",
            "labels": [
                {"share": 0.3, "sources": ["strong"]},
                {
                    "share": 0.7,
                    "sources": ["partial"],
                    "refine": {"use": "distil", "by": "teacher", "threshold": 0.2},
                },
            ],
            "model": {"branch": True},
            "starts_from": "teacher",
        },
    },
}
REPOSITORY = Path(__file__).resolve().parents[2]


def test_defaults_lie_under_every_stage_and_options_are_merged():
    student = experiment_of(DOCUMENT).stages["student"]
    assert student.model.options == {"units": 64, "branch": True}
    assert student.losses[0].weight == 0.5
    assert student.labels[1].refine.options == {"threshold": 0.2}


def test_a_profile_changes_sizes_and_leaves_its_name():
    quick = experiment_of(DOCUMENT, profile="quick")
    assert quick.profile == "quick"
    assert quick.seeds == (0, 1)
    assert quick.stages["student"].model.options == {"units": 8, "branch": True}


def test_options_of_one_plugin_do_not_leak_into_another():
    changed = merged(DOCUMENT, {"stages": {"student": {"model": {"use": "mlp"}}}})
    assert experiment_of(changed).stages["student"].model.options == {"branch": True}  # its own, not the units of crnn


def test_stages_come_after_those_that_they_need():
    stages = dict(reversed(DOCUMENT["stages"].items()))
    assert experiment_of({**DOCUMENT, "stages": stages}).in_order() == ["teacher", "student"]


def test_one_stage_of_an_experiment_brings_those_that_it_needs_and_no_other():
    other = {**DOCUMENT["stages"], "other": {"labels": [{"sources": ["strong"]}]}}
    experiment = experiment_of({**DOCUMENT, "stages": other})
    assert list(experiment.only("student", 3).stages) == ["teacher", "student"]
    assert list(experiment.only("teacher", 3).stages) == ["teacher"]
    assert experiment.only("teacher", 3).seeds == (3,)
    with pytest.raises(ExperimentError, match="no stage 'techer'. Did you mean 'teacher'"):
        experiment.only("techer", 0)


def test_thresholds_are_never_chosen_on_the_evaluated_split():
    with pytest.raises(ExperimentError, match="validation_split and test_split are both 'evaluation'"):
        experiment_of({**DOCUMENT, "validation_split": "evaluation"})


def test_an_experiment_cannot_be_changed():
    with pytest.raises(Exception, match="frozen"):
        experiment_of(DOCUMENT).name = "other"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sedes": [1]}, ["f.toml: sedes: no such field", "Did you mean 'seeds'?"]),
        ({"stages": {"student": {"epochs": 3}}}, ["stages.student.epochs", "Did you mean 'n_epochs'?"]),
        ({"stages": {"student": {"n_epochs": "many"}}}, ["stages.student.n_epochs", "integer", "'many'"]),
        ({"stages": {"student": {"n_epochs": 0}}}, ["stages.student.n_epochs", "greater than or equal to 1"]),
        ({"stages": {"student": {"starts_from": "techer"}}}, ["'techer'", "Did you mean 'teacher'?"]),
        ({"stages": {"teacher": {"starts_from": "student"}}}, ["in a circle: teacher -> student -> teacher"]),
        ({"stages": {"teacher": {"predict": ["test"]}}}, ["does not predict the training clips", "stages.teacher"]),
        ({"stages": {"teacher": {"labels": [{"shar": 1, "sources": ["x"]}]}}}, ["labels.0.shar", "'share'"]),
        ({"stages": {"teacher": {"labels": [{"share": 0.5}]}}}, ["labels.0.sources: missing"]),
        ({"stages": {"student": {"optimiser": {"use": "adma"}}}}, ["optimiser.use", "'radam', 'adam'"]),
        ({"name": "no spaces, please"}, ["name"]),
        ({"frontend": 3}, ["frontend"]),
        (
            {"stages": {"teacher": {"labels": [{"share": 0.6, "sources": ["x"]}, {"share": 0.6, "sources": ["x"]}]}}},
            ["the shares sum to 1.2"],
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_was_meant(change, said):
    with pytest.raises(ExperimentError) as error:
        experiment_of(merged(DOCUMENT, change), "f.toml")
    for part in said:
        assert part in str(error.value)


def test_an_unknown_profile_lists_those_that_exist():
    with pytest.raises(
        ExperimentError, match=r"no profile 'quik'. Did you mean 'quick'\? Profiles of this file: quick"
    ):
        experiment_of(DOCUMENT, profile="quik")


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ExperimentError, match=r"none.toml: no such experiment file"):
        read_experiment(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("name = [")
    with pytest.raises(ExperimentError, match=r"broken.toml: not valid TOML"):
        read_experiment(tmp_path / "broken.toml")


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("paper/*/*.toml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", [None, "smoke", "quick", "full"])
def test_every_experiment_of_the_papers_can_be_read_and_its_plugins_exist(path, profile):
    from earmark.plugins import plugins
    from earmark.study import check_plugins

    check_plugins(read_experiment(path, profile), plugins(), str(path))


def test_paths_among_options_are_taken_from_the_folder_of_the_experiments_file(tmp_path):
    from earmark.plugins import plugins
    from earmark.workspace import beside

    document = {
        "name": "own",
        "corpus": "folder",
        "frontend": "log-mel",
        "defaults": {"model": "mtl-cnn-bigru", "losses": ["candidate-bce"], "n_epochs": 1},
        "stages": {
            "phi-0.1": {"labels": [{"sources": ["scene", {"use": "partial", "table": "mine.csv"}]}]},
            "phi-0.2": {"labels": [{"sources": [{"use": "partial", "table": str(tmp_path / "there.csv")}, "scene"]}]},
        },
    }
    stages = beside(experiment_of(document), Path("files"), plugins()).stages
    assert stages["phi-0.1"].labels[0].sources[1].options == {"table": str(Path("files") / "mine.csv")}
    assert stages["phi-0.2"].labels[0].sources[0].options == {"table": str(tmp_path / "there.csv")}
    assert stages["phi-0.1"].labels[0].sources[0].use == "scene"
