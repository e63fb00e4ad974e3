"""The page: one file, whole or absent, that loads nothing and trusts no name."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from earmark.errors import StoreError
from earmark.workspace import open_store
from earmark_lab.report import render, write_report
from earmark_lab.report.clips import clips_to_show
from earmark_lab.report.finished import finished

KEY = "sk-report-0123456789abcdef"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._within = tag
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self._within not in ("script", "style"):
            self.text.append(data)

    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def all_of(study) -> set[str]:
    return {study.run_address(job) for job in study.jobs()}


@pytest.fixture(scope="session")
def page(small_study) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        return render([small_study], all_of(small_study))


@pytest.fixture
def copied(small_study, copy_small_study, tmp_path):
    """The same study with runs that a test may spoil."""
    return replace(small_study, store=open_store(copy_small_study(tmp_path / "stores", "runs"), small_study.manager))


def test_no_key_of_the_environment_is_in_the_page(page):
    assert KEY not in page


def test_nothing_is_loaded_from_anywhere(page):
    tags = Tags(page).tags
    loaded = [value for _, attrs in tags for name, value in attrs.items() if name in ("src", "href", "srcset", "data")]
    assert {value.partition(",")[0] for value in loaded if not value.startswith("#")} == {
        "data:audio/mpeg;base64", "data:image/png;base64",
    }  # fmt: skip
    assert not re.search(r"url\(|@import|https?:", re.sub(r"base64,[^\"]*", "", page))
    (policy,) = [attrs["content"] for _, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy


def test_it_says_what_was_run_on_what_by_what_and_for_how_long(page, small_study):
    said = Tags(page).said()
    for title in small_study.experiment.methods.values():
        assert title in said
    for address in all_of(small_study):
        assert address in said
    assert "Synthetic sound: these numbers are of a stand-in" in said
    assert "tut (synthetic) · profile smoke" in said
    assert "Labels of 30 % of the clips scene and strong (frame_rule = inner)" in said
    assert "refined by self-distillation (threshold = 0.2" in said
    assert "from the stage distillation" in said
    assert "2 epochs, radam at 0.002, batches shuffled (batch_size = 8)" in said
    assert "torch 2.11" in said
    assert f"cpu ({small_study.facts()['device'][0].partition('(')[2]}" in said
    assert "There is one run of each method here, which gives no interval." in said
    assert str(small_study.dataset.root) not in page
    assert str(small_study.store.root) not in page


def test_numbers_are_those_of_the_store(page, small_study):
    said = Tags(page).said()
    for by_evaluator in small_study.results().values():
        assert f"{100 * float(by_evaluator['segment'][0]['fscore_micro']):.1f}" in said


def test_the_worst_the_median_and_the_best_clip_can_be_heard(page, small_study):
    methods = [stage for stage in finished([small_study], all_of(small_study)) if stage.is_method]
    shown, notes = clips_to_show(methods, {method.title: i for i, method in enumerate(methods)})
    assert [clip.place for clip in shown] == ["Worst", "Median", "Best"]
    scores = [float(clip.fscore) for clip in shown]
    assert scores == sorted(scores)
    assert notes == []
    assert all(clip.audio and clip.picture for clip in shown)
    clips = {clip.id: clip for clip in small_study.clips["test"]}
    for clip in shown:
        drawn = [bar for row in clip.rows for colour, bars in row.lanes if colour < 0 for bar in bars]
        assert len(drawn) == len(clips[clip.name].events)
        assert len(clip.rows[0].lanes) == 1 + 5
    assert page.count("<audio ") == 3


def test_a_page_of_some_runs_holds_these_alone(small_study):
    from earmark.study import Job

    address = small_study.run_address(Job("weak", 0))
    said = Tags(render([small_study], {address})).said()
    assert "1 method 1 run of 6" in said
    assert "Strong MTL" not in said


HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">'\"}}{{ 7 * 7 }}"""


def test_names_from_files_are_text_wherever_they_stand(small_study):
    stages = dict(small_study.experiment.stages)
    stages["weak"] = stages["weak"].model_copy(update={"title": HOSTILE})
    experiment = small_study.experiment.model_copy(update={"stages": stages, "title": HOSTILE})
    hostile = replace(small_study, experiment=experiment)  # a title is no part of an address
    page = render([hostile], all_of(small_study))
    parsed = Tags(page)
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert not [attrs for tag, attrs in parsed.tags if tag == "img" and not attrs["src"].startswith("data:")]
    assert not [name for _, attrs in parsed.tags for name in attrs if name.startswith("on")]
    assert "<script>alert(1)</script>" in parsed.said()
    assert "{{ 7 * 7 }}" in parsed.said()


def test_missing_predictions_are_said_and_the_rest_stands(copied):
    from earmark.study import Job

    shutil.rmtree(copied.shelf(Job("weak", 0)).folder / "predictions-test.zarr")
    said = Tags(render([copied], all_of(copied))).said()
    assert "Weak MTL: not shown: its run holds no predictions of the test clips" in said
    for stage in copied.experiment.methods:
        shutil.rmtree(copied.shelf(Job(stage, 0)).folder / "predictions-test.zarr", ignore_errors=True)
    page = render([copied], all_of(copied))
    assert "Without decisions there is no clip to choose." in Tags(page).said()
    assert "<audio" not in page


def test_sound_that_has_moved_is_said_and_the_pictures_stay(small_study, tmp_path):
    moved = replace(small_study.dataset, root=tmp_path)
    moved.__dict__["digest"] = small_study.dataset.digest  # it moved after the study was opened
    page = render([replace(small_study, dataset=moved)], all_of(small_study))
    said = Tags(page).said()
    assert said.count("is not where it was, or cannot be read. `earmark data check` says what the corpus lacks.") == 3
    assert "<audio" not in page
    assert 'class="reference"' in page


def test_an_evaluation_that_is_missing_leaves_the_others(copied):
    from earmark.study import Job

    shutil.rmtree(copied.shelf(Job("weak", 0)).folder / "evaluations")
    assert "Weak MTL 1 none none" in Tags(render([copied], all_of(copied))).said()


def test_without_a_finished_run_there_is_no_page(small_study, tmp_path):
    with pytest.raises(StoreError, match="partial_labels: none of these runs is finished; there is nothing to report"):
        write_report([small_study], set(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_replaced_as_a_whole_or_not_at_all(small_study, tmp_path, monkeypatch, page):
    monkeypatch.setattr("earmark_lab.report.page.render", lambda studies, addresses: page)
    written = write_report([small_study], all_of(small_study), tmp_path / "new")
    assert written == tmp_path / "new" / "report.html"
    written.write_text("an older page")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"report.html: cannot be written \(No space left on device\). Choose another"):
        write_report([small_study], all_of(small_study), tmp_path / "new")
    assert [path.name for path in written.parent.iterdir()] == ["report.html"]
    assert written.read_text() == "an older page"


def test_folds_are_repetitions_of_one_another(small_study):
    said = Tags(render([small_study, small_study], all_of(small_study))).said()
    assert "2 repetitions in 2 folds" in said
    fscore = 100 * float(small_study.results()["Weak MTL"]["scene"][0]["fscore_micro"])
    assert f"{fscore:.1f} {fscore:.1f} to {fscore:.1f}" in said
