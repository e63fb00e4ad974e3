from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from earmark import hookimpl
from earmark.candidates.report import report_rows
from earmark.candidates.sets import Counts, agreement, annotated_events, candidate_sets, counts, gaps
from earmark.cli import app
from earmark.errors import AnnotationError
from earmark.plugins import plugins
from earmark.recordings import Dataset, Event, Recording

SCENES, EVENTS = ("street", "park", "cellar"), ("car", "dog", "bird")


def recording(path: str, scene: str, *events: str, split: str = "development", **fields) -> Recording:
    timed = tuple(Event(0.0, 1.0, event) for event in events)
    return Recording(
        path=path, duration_s=10.0, rate_hz=8000, channels=1, split=split, scene=scene,
        **{"events": timed, **fields},
    )  # fmt: skip


TINY = Dataset(
    name="tiny",
    root=Path("nowhere"),
    synthetic=False,
    scenes=SCENES,
    events=EVENTS,
    recordings=(
        recording("a.wav", "street", "car", "car", "dog"),
        recording("b.wav", "street", "car"),
        recording("c.wav", "park", events=None, tags=("bird",)),
        recording("d.wav", "cellar", events=None),
        recording("e.wav", "park", "car", split="evaluation"),
    ),
)


@pytest.fixture
def tiny():
    """A corpus reader whose corpus lies in memory, and a synthesizer that counts its calls."""
    calls = []

    class Reader:
        def read(self, root):
            return TINY

    class StandIn:
        def identity(self, seed):
            return {"tiny": seed}

        def synthesize(self, root, *, seed, advance=None):
            calls.append(root)

    plugin = SimpleNamespace(
        earmark_corpora=hookimpl(lambda: {"tiny": Reader}), earmark_synthesizers=hookimpl(lambda: {"tiny": StandIn})
    )
    plugins().register(plugin, "tiny")
    yield calls
    plugins().unregister("tiny")


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "mine.csv").write_text("scene,event\nstreet,car\nstreet,bird\npark,bird\ncellar,car\n")
    (tmp_path / "theirs.csv").write_text("scene,event\nstreet,car\npark,bird\npark,car\n")
    return tmp_path


def earmark(*arguments: object):
    return CliRunner().invoke(app, ["label", *map(str, arguments)], env={"COLUMNS": "200"})


def sets_of(path: Path):
    return candidate_sets(plugins().build("label source", "partial", {"table": str(path)}, "a test"), TINY)


def test_the_truth_of_a_split_is_what_was_annotated_or_tagged_there():
    assert annotated_events(TINY, "development") == {"street": Counter(car=3, dog=1), "park": Counter(bird=1)}


def test_counts_on_paper(tables):
    mine, truth = sets_of(tables / "mine.csv"), annotated_events(TINY, "development")
    street = counts(mine, truth, ["street"])
    assert street == Counts(candidates=2, true=2, hits=1, instances=4, hit_instances=3)
    assert (street.coverage, street.instance_coverage, street.precision) == (1 / 2, 3 / 4, 1 / 2)
    everything = counts(mine, truth, SCENES)  # of the cellar nobody annotated a recording: its candidate is not judged
    assert everything == Counts(candidates=3, true=3, hits=2, instances=5, hit_instances=4)
    assert math.isnan(counts(mine, truth, ["cellar"]).precision)


def test_agreement_is_the_jaccard_index_over_pairs_of_scene_and_event(tables):
    mine, theirs = sets_of(tables / "mine.csv"), sets_of(tables / "theirs.csv")
    assert agreement(mine, theirs, SCENES) == 2 / 5
    assert agreement(mine, mine, SCENES) == 1
    assert math.isnan(agreement({}, {}, SCENES))


def test_gaps_are_named(tables):
    said = [*gaps({"theirs": sets_of(tables / "theirs.csv")}, annotated_events(TINY, "development"), TINY)]
    assert said == [
        "theirs: no candidate set for cellar.",
        "theirs: annotated, yet no candidate: dog in street (1 instance).",
        "In no candidate set of any table: dog.",
    ]


def test_a_source_of_other_labels_gives_no_candidate_sets():
    with pytest.raises(AnnotationError, match="gives no candidate sets"):
        candidate_sets(plugins().build("label source", "scene", {}, "a test"), TINY)


def test_the_published_sets_cover_the_real_development_set_and_all_but_one_pair_of_the_evaluation_set(shared_data):
    from earmark_corpora.tut.annotations import annotated_recordings
    from earmark_corpora.tut.layout import EVENTS as TUT_EVENTS
    from earmark_corpora.tut.layout import SCENES as TUT_SCENES

    recordings, _ = annotated_recordings(shared_data / "tut_metadata")
    tut = Dataset(
        name="tut", root=Path(), synthetic=False, scenes=TUT_SCENES, events=TUT_EVENTS, recordings=tuple(recordings)
    )
    published = candidate_sets(plugins().build("label source", "partial", {}, "a test"), tut)
    development = counts(published, annotated_events(tut, "development"), TUT_SCENES)
    assert (development.candidates, development.coverage, development.instance_coverage) == (66, 1, 1)
    truth = annotated_events(tut, "evaluation")
    evaluation = counts(published, truth, TUT_SCENES)
    assert evaluation.true - evaluation.hits == 1
    assert [*gaps({"published": published}, truth, tut)] == [
        "published: annotated, yet no candidate: breathing in city_center (11 instances)."
    ]


def test_tables_are_compared_from_the_command_line(tiny, tables):
    ran = earmark(
        "compare", tables / "mine.csv", f"other={tables / 'theirs.csv'}", "--corpus", tables, "--reader", "tiny",
        "--output", tables / "out.csv",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    for sentence in (
        "The published candidate sets are left out: they are for other scenes or events.",
        "mine: annotated, yet no candidate: dog in street (1 instance).",
        "other: no candidate set for cellar.",
        "In no candidate set of any table: dog.",
    ):
        assert sentence in ran.stdout
    with (tables / "out.csv").open() as file:
        rows = {(r["table"], r["compared_with"], r["scene"], r["measure"]): r["value"] for r in csv.DictReader(file)}
    assert rows["mine", "", "all scenes", "size"] == "4"
    assert rows["mine", "", "all scenes", "coverage"] == "0.666667"
    assert rows["mine", "", "all scenes", "coverage_of_instances"] == "0.8"
    assert rows["mine", "", "street", "precision"] == "0.5"
    assert {rows["mine", "", "cellar", measure] for measure in ("true", "hits", "coverage", "precision")} == {""}
    assert rows["mine", "other", "all scenes", "jaccard"] == "0.4"
    assert "66.7" in ran.stdout
    assert "40.0" in ran.stdout


def test_the_published_sets_are_compared_where_they_fit(small_study):
    ran = earmark("compare", "--corpus", "synthetic", "--stores", small_study.store.root)
    assert ran.exit_code == 0, ran.output
    assert "Candidate sets, tut (synthetic)" in ran.stdout
    line = next(line for line in ran.stdout.splitlines() if "all scenes" in line)
    assert "66" in line


def test_without_a_corpus_sizes_and_agreement_remain(tables):
    by_hand = ("--scenes", ",".join(SCENES), "--events", ",".join(EVENTS))
    ran = earmark("compare", tables / "mine.csv", tables / "theirs.csv", *by_hand)
    assert ran.exit_code == 0, ran.output
    assert "40.0" in ran.stdout
    assert "annotated" not in ran.stdout
    assert "coverage" not in ran.stdout


def test_the_rows_hold_every_scene_of_every_table_and_every_pair():
    rows = report_rows({"a": {}, "b": {}, "c": {}}, {}, SCENES)
    assert len(rows) == 3 * 4 * 6 + 3 * 4


def test_a_stand_in_that_lies_in_the_store_is_not_made_again(tiny, tables):
    for _ in range(2):
        ran = earmark(
            "compare", tables / "mine.csv", "--corpus", "synthetic", "--reader", "tiny", "--stores", tables / "stores"
        )
        assert ran.exit_code == 0, ran.output
    assert len(tiny) == 1


def test_errors_name_the_table_the_split_and_the_corpus(tiny, tables):
    corpus = ("--corpus", tables, "--reader", "tiny")
    assert (
        f"{tables}/none.csv: the candidate table cannot be read"
        in earmark("compare", tables / "none.csv", *corpus).stderr
    )
    (tables / "bad.csv").write_text("scene,event\nstreet,cat\n")
    assert (
        "bad.csv, line 2: the corpus 'tiny' has no event 'cat'. Did you mean 'car'?"
        in earmark("compare", tables / "bad.csv", *corpus).stderr
    )
    assert (
        "--split test: nowhere has no such split; it has development, evaluation."
        in earmark("compare", tables / "mine.csv", *corpus, "--split", "test").stderr
    )
    twice = earmark("compare", tables / "mine.csv", f"mine={tables / 'theirs.csv'}", *corpus)
    assert "two tables are named 'mine'; write NAME=PATH" in twice.stderr
    unwritable = earmark("compare", tables / "mine.csv", *corpus, "--output", tables)
    assert f"--output {tables}: cannot be written (Is a directory). Name another file." in unwritable.stderr
    nowhere = earmark("compare", tables / "mine.csv", "--corpus", tables / "none", "--reader", "tiny")
    assert "none: no such folder" in nowhere.stderr
    nobody = earmark("compare", "--corpus", tables, "--reader", "tiny")
    assert "the published candidate table, line 2: the corpus 'tiny' has no scene 'city_center'" in nobody.stderr


@pytest.mark.parametrize("command", [[], ["partial"], ["compare"]], ids=" ".join)
def test_help_answers(command):
    shown = earmark(*command, "--help")
    assert shown.exit_code == 0
    assert not command or "Example: earmark label" in " ".join(shown.stdout.split())
