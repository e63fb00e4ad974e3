"""What the guide says of names, files and commands is so."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest
from guide_pages import GUIDE, REPOSITORY, blocks
from typer.testing import CliRunner

from earmark.cli import app
from earmark.experiment import experiment_of, read_experiment
from earmark.plugins import plugins

PAGES = sorted(GUIDE.rglob("*.md"))
COMMANDS = sorted(
    {
        command
        for page in PAGES
        for command in re.findall(r"^    (earmark [a-z].*?)(?:\s+#.*)?$", page.read_text(), re.MULTILINE)
    }
)
PAPERS = dict((section.split("\n", 1)[0], section) for section in (GUIDE / "papers.md").read_text().split("\n## ")[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists_with_its_options(command):
    words = shlex.split(command)[1:]
    path = words[:2] if words[0] in ("runs", "data", "label") else words[:1]
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, command
    for word in words:
        if word.startswith("--"):
            assert word in shown.stdout, f"{command}: no option {word}"


def test_every_toml_block_is_toml():
    for page in PAGES:
        for source in blocks(page, "toml"):
            tomllib.loads(source)


def test_the_page_of_papers_has_every_paper():
    assert set(PAPERS) == {path.name for path in (REPOSITORY / "paper").iterdir() if path.is_dir()}


@pytest.mark.parametrize("key", PAPERS)
def test_files_stages_and_plugins_of_a_paper_exist(key):
    folder = REPOSITORY / "paper" / key
    files = set(re.findall(r"`(\w+\.toml)`", PAPERS[key]))
    assert files
    known = {given.name for given in plugins().given()} | {"scene_ce", "weak_branch", "stopping", "clip_s"}
    for file in files:
        known |= set(read_experiment(folder / file, "smoke").stages)
    rows = [line.split(" | ") for line in PAPERS[key].splitlines() if line.startswith("| ")][2:]
    for row in rows:
        for name in re.findall(r"`([a-z][a-z0-9-]*)`", " ".join(row[1:])):
            assert name in known, f"{key}: {name}"


def test_the_experiment_of_own_recordings_is_one():
    (_, experiment) = (tomllib.loads(source) for source in blocks(GUIDE / "own-recordings.md", "toml"))
    assert experiment_of(experiment).stages["detector"].n_epochs == 20


def test_the_stages_of_concepts_fit_together():
    (source,) = blocks(GUIDE / "concepts.md", "toml")
    document = {
        "name": "shown",
        "corpus": "tut",
        "frontend": "log-mel",
        "defaults": {"model": "mtl-cnn-bigru", "losses": ["strong-bce"], "n_epochs": 1},
        **tomllib.loads(source),
    }
    assert experiment_of(document).in_order() == ["distillation", "student"]


def test_the_python_of_the_page_on_results_works(small_study, monkeypatch):
    """Its blocks, on the study of these tests in place of the page's."""
    text = (GUIDE / "results.md").read_text().split("## Without Earmark")[0]
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ") and not line.startswith("    earmark ")]
    source = "\n".join(line for line in lines if not line.startswith("study = open_study("))
    names = {"study": small_study}
    exec(source, names)
    assert names["every"]["event_frame_posterior"].dims == ("method", "seed", "clip", "frame", "event")
    assert 0 <= float(names["results"]["Strong MTL"]["segment"][0]["fscore_micro"]) <= 1


def test_messages_of_troubleshooting_are_those_of_the_code():
    """The quoted part of each message that holds no example's names occurs in the source."""
    sources = (
        "".join(
            path.read_text() for folder in ("core", "stores", "plugins") for path in (REPOSITORY / folder).rglob("*.py")
        )
        + (REPOSITORY / "Makefile").read_text()
    )
    sources = re.sub(r"[\"']\s*\n\s*f?[\"']", "", sources)  # sentences are broken over lines
    for phrase in (
        "Earmark needs Python 3.11 or newer",
        "cannot be used (",
        "Did you mean",
        "no option ",
        " is given by ",
        "which does not predict the training clips",
        "the shares sum to ",
        "Two label sources both give ",
        "holds no whole clip of ",
        "is not in the vocabulary",
        "after the recording's end at ",
        "the disk is full",
        "is not as it was written: its checksum does not match",
        "The store was changed from outside",
    ):
        assert phrase in sources, phrase
