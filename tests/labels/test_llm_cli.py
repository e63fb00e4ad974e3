from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from llm_server import listed, refused
from typer.testing import CliRunner

from earmark.cli import app


def earmark(*arguments: object):
    return CliRunner().invoke(app, ["label", "partial", *map(str, arguments)], env={"COLUMNS": "200"})


def by_hand(server, tmp_path: Path, *more: object):
    return earmark(
        "--model", "small", "--base-url", server.url, "--scenes", "street,park", "--events", "car,dog",
        "--stores", tmp_path / "stores", *more,
    )  # fmt: skip


def test_scenes_and_events_by_hand_become_a_table_in_the_store(server, tmp_path):
    server.script = [listed("car", "dog"), listed("dog")]
    ran = by_hand(server, tmp_path)
    assert ran.exit_code == 0, ran.output
    assert "Asking small, scenes: 2 of 2" in ran.stdout
    assert "street: 2 of 2 events\npark: 1 of 2 events\n" in ran.stdout
    table = Path(ran.stdout.rsplit("Table  ", 1)[1].strip())
    assert table.is_relative_to(tmp_path / "stores" / "labels" / "partial")
    assert table.read_text() == "scene,event\nstreet,car\nstreet,dog\npark,dog\n"


def test_a_second_call_asks_nothing_and_writes_where_it_is_told(server, tmp_path):
    assert by_hand(server, tmp_path).exit_code == 0
    ran = by_hand(server, tmp_path, "--to", tmp_path / "mine.csv")
    assert ran.exit_code == 0
    assert f"Table  {tmp_path}/mine.csv" in ran.stdout
    assert (tmp_path / "mine.csv").read_text() == "scene,event\nstreet,car\npark,car\n"
    assert len(server.requests) == 2


def test_a_table_that_cannot_be_written_is_named_and_the_answers_are_kept(server, tmp_path):
    ran = by_hand(server, tmp_path, "--to", tmp_path / "none" / "mine.csv")
    assert ran.exit_code == 1
    assert f"--to {tmp_path}/none/mine.csv: cannot be written (No such file or directory)." in ran.stderr
    assert len([*tmp_path.rglob("*.json")]) == 2


def test_scenes_and_events_of_a_corpus_are_asked_for(server, tmp_path, small_study):
    server.script = [lambda request: listed("bird singing", "object impact")]
    ran = earmark(
        "--model", "small", "--base-url", server.url, "--corpus", "synthetic", "--stores", small_study.store.root,
        "--to", tmp_path / "mine.csv",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert len(server.requests) == 4
    with (tmp_path / "mine.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 8
    assert {row["event"] for row in rows} == {"(object) impact", "bird singing"}
    assert {row["scene"] for row in rows} == set(small_study.dataset.scenes)
    asked = json.dumps(server.requests[0]["messages"])
    assert "(object)" not in asked
    assert "object impact" in asked


def test_an_error_of_the_server_is_one_sentence_without_the_key(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    server.script = [refused("bad key sk-0123456789", status=401)]
    ran = by_hand(server, tmp_path)
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"earmark: {server.url}: access is refused (401). Check the key in OPENAI_API_KEY")
    assert "sk-" not in ran.output


@pytest.mark.parametrize(
    "options",
    [[], ["--scenes", "a"], ["--events", "a"], ["--corpus", "x", "--scenes", "a", "--events", "b"]],
    ids=" ".join,
)
def test_scenes_and_events_come_from_one_place(options):
    ran = earmark("--model", "small", *options)
    assert ran.exit_code == 2
    assert "say either --corpus, or both --scenes and --events" in ran.stderr


def test_a_name_twice_or_none_is_an_error():
    assert (
        "--scenes a,a: a name stands there twice."
        in earmark("--model", "small", "--scenes", "a,a", "--events", "b").stderr
    )
    assert "--events ,: no name stands there." in earmark("--model", "small", "--scenes", "a", "--events", ",").stderr


def test_help_has_an_example_to_paste():
    shown = earmark("--help").stdout
    assert "Example: earmark label partial --corpus DIR --model qwen3:8b" in " ".join(shown.split())
