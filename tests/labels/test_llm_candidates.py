from __future__ import annotations

import csv
import datetime
import email.utils
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from llm_server import CUT, Reply, Server, listed, refused, said

from earmark.addressing import address_of
from earmark.errors import AnnotationError, EarmarkError, StoreError
from earmark.frames import FrameGrid
from earmark.plugins import plugins
from earmark.protocols import Labeller
from earmark.recordings import Dataset
from earmark_labels.llm_candidates import AnswerError, LanguageModelCandidates
from earmark_labels.llm_endpoint import Endpoint, EndpointError

EVENTS = ("(object) banging", "car", "dog")


def dataset_of(*scenes: str, events=EVENTS) -> Dataset:
    return Dataset(name="small", root=Path(), synthetic=True, scenes=scenes, events=events, recordings=())


def ask(server: Server, folder: Path, *scenes: str, **options) -> Path:
    labeller = LanguageModelCandidates(model="small", base_url=server.url, **options)
    return labeller.write_table(dataset_of(*(scenes or ("street",))), folder)


def pairs(table: Path) -> list[tuple[str, str]]:
    with table.open() as file:
        return [(row["scene"], row["event"]) for row in csv.DictReader(file)]


def records(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]


def test_each_scene_is_asked_once_and_a_second_call_asks_nothing(server, tmp_path):
    server.script = [listed("car", "Object Banging"), listed("dog"), refused("no more", status=404)]
    table = ask(server, tmp_path, "street", "city_park")
    assert pairs(table) == [("street", "(object) banging"), ("street", "car"), ("city_park", "dog")]
    assert [("city park" in r["messages"][0]["content"]) for r in server.requests] == [False, True]
    assert ask(server, tmp_path, "street", "city_park") == table
    assert len(server.requests) == 2


def test_the_labeller_comes_through_the_plugin_door_and_the_label_source_reads_its_table(server, tmp_path):
    options = {"model": "small", "base_url": server.url}
    labeller = plugins().build("labeller", "partial", options, "a test")
    assert isinstance(labeller, Labeller)
    steps = []
    table = labeller.write_table(dataset_of("street"), tmp_path, lambda *step: steps.append(step))
    assert steps == [(1, 1)]
    source = plugins().build("label source", "partial", {"table": str(table)}, "a test")
    assert source.label(dataset_of("street"), (), FrameGrid(n_frames=1, hop_s=1.0)).events == EVENTS


def test_an_answer_is_kept_with_prompt_model_date_and_hash(server, tmp_path):
    ask(server, tmp_path)
    (record,) = records(tmp_path)
    assert record["prompt"] == server.requests[0]["messages"]
    assert (record["scene"], record["model"], record["model_as_answered"]) == ("street", "small", "small-1")
    assert record["endpoint"] == server.url
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(record["date"])
    assert abs(age.total_seconds()) < 60
    assert json.loads(record["answer"]) == {"events": [{"event": "car", "reason": "there is car"}]}
    assert record["candidates"] == [{"event": "car", "reason": "there is car"}]
    assert record.pop("hash") == address_of(record)


def test_a_stored_answer_that_was_changed_is_not_believed(server, tmp_path):
    ask(server, tmp_path)
    (path,) = tmp_path.rglob("street-*.json")
    path.write_text(path.read_text().replace('"event": "car"', '"event": "dog"'))
    with pytest.raises(StoreError, match=r"this stored answer is not as Earmark has written it\. Delete the file"):
        ask(server, tmp_path)
    path.write_text("{")
    with pytest.raises(StoreError, match="this stored answer cannot be read"):
        ask(server, tmp_path)
    path.unlink()
    ask(server, tmp_path)
    assert len(server.requests) == 2


def test_another_scene_model_or_vocabulary_asks_only_what_is_new(server, tmp_path):
    ask(server, tmp_path, "street")
    ask(server, tmp_path, "street", "park")
    assert len(server.requests) == 2
    LanguageModelCandidates(model="other", base_url=server.url).write_table(dataset_of("street"), tmp_path)
    assert len(server.requests) == 3
    LanguageModelCandidates(model="small", base_url=server.url + "/").write_table(
        dataset_of("street", events=("car",)), tmp_path
    )
    assert len(server.requests) == 4


def test_scenes_of_any_name_have_files_of_their_own_inside_the_folder(server, tmp_path):
    scenes = ("../../up", "a/b", "a b", "ÄÖ", "")
    ask(server, tmp_path / "in", *scenes)
    assert len([*(tmp_path / "in").glob("*/*.json")]) == len(scenes)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_strictest_form_is_asked_for_first(server, tmp_path):
    ask(server, tmp_path)
    (request,) = server.requests
    assert request["response_format"]["type"] == "json_schema"
    assert (request["temperature"], request["seed"], request["model"]) == (0, 0, "small")


def test_a_server_without_schemas_is_asked_for_json_then_for_text_and_stays_there(server, tmp_path):
    def old(request):
        if "response_format" in request:
            return refused(f"unknown response_format {request['response_format']['type']}")
        return said("car,traffic\ndog,walks")

    server.script = [old]
    assert pairs(ask(server, tmp_path, "street", "park"))[-1] == ("park", "dog")
    asked = [request.get("response_format", {}).get("type") for request in server.requests]
    assert asked == ["json_schema", "json_object", None, None]
    assert "JSON object" in server.requests[1]["messages"][0]["content"]
    assert "CSV" in server.requests[2]["messages"][0]["content"]
    assert {record["form"] for record in records(tmp_path)} == {"text"}


def test_a_server_that_takes_no_temperature_is_asked_without_it(server, tmp_path):
    def reasoning(request):
        if "temperature" in request:
            return refused("Unsupported value", param="temperature")
        return listed("dog")

    server.script = [reasoning]
    ask(server, tmp_path)
    assert [r["response_format"]["type"] for r in server.requests] == ["json_schema", "json_schema"]
    assert records(tmp_path)[0]["sampling"] == {"seed": 0}


def test_a_server_that_takes_nothing_says_so_at_last(server, tmp_path):
    server.script = [refused("context too long")]
    with pytest.raises(EndpointError, match=r"does not take the request \(400\) \(context too long\), not even in its"):
        ask(server, tmp_path)
    assert len(server.requests) == 4  # schema, object, text, without sampling


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (listed("tram"), "these names are not in the list of events: 'tram'"),
        (said('{"events": [{"reason": "traffic"}]}'), "an entry has no name of an event"),
        (said('Here you are:\n["car"]'), "do not begin with the name of an event in the list: 'Here you are:'"),
        (said("I cannot help with this request."), "'I cannot help with this request.'"),
        (said(None, refusal="I must not."), "it is a refusal: 'I must not.'"),
        (said("", finish_reason="content_filter"), "it is a refusal: the server filtered it"),
        (said('{"events": ["car', finish_reason="length"), "it was cut at the limit of length"),
        (said(""), "it is empty"),
        (said(None), "it is empty"),
        (listed(), "it names no event"),
        (Reply(200, {"choices": [7]}), "it is empty"),
    ],
    ids=["unknown", "missing", "prose", "refusal", "told refusal", "filter", "cut", "empty", "null", "none", "no turn"],
)
def test_an_unusable_answer_is_asked_again_with_the_reason(server, tmp_path, bad, reason):
    server.script = [bad, listed("dog")]
    assert pairs(ask(server, tmp_path)) == [("street", "dog")]
    first, second = (request["messages"] for request in server.requests)
    assert second[:1] == first
    assert [turn["role"] for turn in second] == ["user", "assistant", "user"]
    assert second[1]["content"]
    assert reason in second[2]["content"]
    assert records(tmp_path)[0]["prompt"] == second


def test_after_three_repeats_the_error_names_scene_model_and_the_last_problem(server, tmp_path):
    server.script = [listed("tram"), listed("tram"), listed("tram"), listed("zeppelin"), listed("car")]
    with pytest.raises(AnswerError) as raised:
        ask(server, tmp_path, "city_park")
    assert str(raised.value) == (
        f"Scene 'city_park': small at {server.url} gave no usable answer in 4 attempts; of the last one: these names "
        "are not in the list of events: 'zeppelin'. Try another --model, or write the table by hand (a CSV with the "
        "columns scene,event)."
    )
    assert len(server.requests) == 4
    assert records(tmp_path) == []


def test_a_busy_server_is_asked_again_after_the_pause_that_it_wants(server, tmp_path, pauses, caplog):
    soon = email.utils.format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90))
    server.script = [
        refused("slow down", status=429, code="rate"),
        Reply(429, {}, Retry_After="30"),
        Reply(503, b"<html>oops", Retry_After=soon),
        CUT,
        listed("car"),
    ]
    with caplog.at_level(logging.WARNING):
        assert pairs(ask(server, tmp_path)) == [("street", "car")]
    assert pauses[:2] == [1.0, 30.0]
    assert 80 < pauses[2] <= 90
    assert pauses[3:] == [40.0]
    assert "the server answers 429 (slow down); trying again in 1 s" in caplog.text


def test_a_server_that_stays_broken_is_given_up_and_what_is_finished_is_kept(server, tmp_path, pauses):
    server.script = [listed("car"), listed("dog"), Reply(500, {"error": "out of memory"})]
    with pytest.raises(EndpointError, match=r"the server answers 500 \(out of memory\), 5 times\. Is the server"):
        ask(server, tmp_path, "street", "park", "home")
    assert pauses == [1.0, 4.0, 15.0, 40.0]
    assert len(server.requests) == 7
    assert {record["scene"] for record in records(tmp_path)} == {"street", "park"}
    server.script = [listed("car")]
    assert pairs(ask(server, tmp_path, "street", "park", "home")) == [
        ("street", "car"), ("park", "dog"), ("home", "car")
    ]  # fmt: skip
    assert len(server.requests) == 8


def test_a_server_that_wants_hours_is_not_waited_for(server, tmp_path, pauses):
    server.script = [Reply(429, {}, Retry_After="7200")]
    with pytest.raises(EndpointError, match="asks to wait 7200 s. Call again then"):
        ask(server, tmp_path)
    assert pauses == []


def test_a_server_that_is_not_there_is_named(tmp_path, server, pauses):
    labeller = LanguageModelCandidates(base_url="http://127.0.0.1:1/v1")
    with pytest.raises(EndpointError, match=r"http://127.0.0.1:1/v1: no connection, or it broke, 5 times\."):
        labeller.write_table(dataset_of("street"), tmp_path)
    assert len(pauses) == 4


def test_silence_is_not_waited_for_for_ever(server, tmp_path, pauses, monkeypatch):
    monkeypatch.setattr("earmark_labels.llm_endpoint._READ_S", 0.05)
    server.script = [lambda request: time.sleep(0.3) or listed("car")]
    with pytest.raises(EndpointError, match="no answer in time, 5 times"):
        ask(server, tmp_path)


def test_an_answer_without_end_is_left(server, tmp_path, pauses, monkeypatch):
    monkeypatch.setattr("earmark_labels.llm_endpoint._MOST_BYTES", 100)
    server.script = [Reply(200, b"x" * 101)]
    with pytest.raises(EndpointError, match="its answer does not end, 5 times"):
        ask(server, tmp_path)


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"{}", b'{"choices": []}', b"[1]", b'{"choices"'])
def test_a_page_that_is_no_endpoint_is_said_to_be_none(server, tmp_path, body):
    server.script = [Reply(200, body)]
    with pytest.raises(EndpointError, match=r"answers, but not as an OpenAI-compatible server does\. Is --base-url"):
        ask(server, tmp_path)


def test_an_unknown_model_is_told_in_the_servers_words(server, tmp_path):
    server.script = [refused("model 'small' not found\x1b[2J", status=404)]
    with pytest.raises(EndpointError, match=r"answers 404 \(model 'small' not found \[2J\)\. Check the model's name"):
        ask(server, tmp_path)


def test_a_redirect_is_named_and_not_followed(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.script = [Reply(307, b"", Location=f"http://elsewhere.example/v1?key={KEY}")]
    with pytest.raises(EndpointError, match=r"leads on to elsewhere.example \(307\), which is not followed") as raised:
        ask(server, tmp_path)
    assert KEY not in str(raised.value)
    assert len(server.requests) == 1


KEY = "sk-loopback-0123456789abcdef/+="


def test_the_key_is_sent_to_the_server_and_to_no_other_place(server, tmp_path, monkeypatch, pauses, caplog, capfd):
    """A server that repeats the key wherever it can: in errors, reasons, names, headers, answers and fields."""
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    echo = json.dumps({"events": [{"event": "car", "reason": f"your key is {KEY}"}]}).replace("/", "\\/")
    server.script = [
        refused(f"bad response_format for {KEY}"),
        refused(f"busy, {KEY}", status=429),
        Reply(500, KEY.encode(), X_Key=KEY),
        listed(f"tram {KEY}"),
        Reply(200, {"model": KEY, "choices": [{"message": {"content": echo.replace("\\/", "/")}}]}),
    ]
    with caplog.at_level(logging.DEBUG):
        ask(server, tmp_path)
        errors = []
        for number, last in enumerate(
            [
                refused(f"Incorrect API key provided: {KEY[:8]}***", status=401),
                refused(f"no model for {KEY}", status=404),
                refused(f"{KEY}", status=400),
                Reply(502, {"error": KEY}),
                listed(KEY),
                said(f"I refuse, {KEY}"),
                Reply(307, b"", Location=f"http://{KEY.replace('/', '')}@elsewhere.example/{KEY}"),
            ]
        ):
            server.script = [last]
            with pytest.raises(EarmarkError) as raised:
                ask(server, tmp_path, f"scene {number}")
            errors.append(str(raised.value) + repr(raised.value))
    assert {headers.get("Authorization") for headers in server.headers} == {f"Bearer {KEY}"}
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    shown = capfd.readouterr()
    assert len(written) == 2
    assert "[key]" in "".join(written)
    for text in (*written, *errors, caplog.text, shown.out, shown.err, *(path.name for path in tmp_path.rglob("*"))):
        assert KEY not in text
        assert KEY[:8] not in text
    assert "access is refused (401). Check the key in OPENAI_API_KEY" in errors[0]


def test_a_server_that_wants_a_key_and_gets_none_says_where_to_put_it(server, tmp_path):
    server.script = [refused("no key", status=401)]
    with pytest.raises(EndpointError, match=r"\(401\)\. Set its key in the environment variable OPENAI_API_KEY, or"):
        ask(server, tmp_path)
    assert "Authorization" not in server.headers[0]


def test_a_netrc_file_adds_no_password(server, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ask(server, tmp_path / "out")
    assert "Authorization" not in server.headers[0]


def test_another_variable_can_hold_the_key_and_must_then_be_set(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-this-one")
    with pytest.raises(EndpointError, match="The environment variable MY_KEY is not set"):
        ask(server, tmp_path, key_variable="MY_KEY")
    monkeypatch.setenv("MY_KEY", "mine")
    ask(server, tmp_path, key_variable="MY_KEY")
    assert server.headers[0]["Authorization"] == "Bearer mine"
    ask(server, tmp_path, "park", key_variable="")
    assert "Authorization" not in server.headers[1]


def test_a_key_that_cannot_be_one_is_refused_without_showing_it(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-top\nsecret")
    with pytest.raises(EndpointError, match="OPENAI_API_KEY holds characters that no key has") as raised:
        ask(server, tmp_path)
    assert "secret" not in str(raised.value)


def test_the_key_does_not_travel_unencrypted_but_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(EndpointError, match=r"would travel unencrypted\. Use https, or leave the key at home"):
        Endpoint(base_url="http://models.example/v1").chat({})


@pytest.mark.parametrize("url", ["http://me:hunter2@host/v1", "https://host/v1?key=hunter2", "https://host/v1#hunter2"])
def test_a_base_url_with_a_secret_is_refused_without_showing_it(url):
    with pytest.raises(EndpointError, match="may not hold a user, a password, a query or a fragment") as raised:
        Endpoint(base_url=url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://host/v1", "", "http://"])
def test_what_is_no_address_is_refused_with_an_example(url):
    with pytest.raises(EndpointError, match="is no base URL of a server; one is http://localhost:11434/v1"):
        Endpoint(base_url=url)


@pytest.mark.parametrize(("scenes", "events", "lacks"), [((), ("car",), "scenes"), (("street",), (), "events")])
def test_a_corpus_without_scenes_or_events_is_not_asked_for(tmp_path, scenes, events, lacks):
    with pytest.raises(AnnotationError, match=f"has no {lacks} to ask for. Name them with --scenes and --events"):
        LanguageModelCandidates().write_table(dataset_of(*scenes, events=events), tmp_path)


def test_a_kill_in_between_loses_no_finished_answer(server, tmp_path):
    server.script = [listed("car"), listed("dog"), lambda request: time.sleep(5) or listed("car")]
    code = (
        "import sys\nfrom pathlib import Path\nfrom earmark.recordings import Dataset\n"
        "from earmark_labels.llm_candidates import LanguageModelCandidates\n"
        "asked = Dataset(name='small', root=Path(), synthetic=True, scenes=('street', 'park', 'home'), "
        "events=('(object) banging', 'car', 'dog'), recordings=())\n"
        "LanguageModelCandidates(model='small', base_url=sys.argv[1]).write_table(asked, Path(sys.argv[2]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, server.url, str(tmp_path)])
    until = time.monotonic() + 60
    while len(server.requests) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert {record["scene"] for record in records(tmp_path)} == {"street", "park"}
    server.script = [listed("car")]
    ask(server, tmp_path, "street", "park", "home")
    assert len(server.requests) == 4
