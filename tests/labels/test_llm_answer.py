from __future__ import annotations

import json

import pytest

from earmark.errors import AnnotationError
from earmark_labels.llm_answer import AnswerProblem, parse_answer, shown
from earmark_labels.llm_query import Vocabulary, question, response_format, spoken

VOCABULARY = Vocabulary(("(object) banging", "car", "people talking", "water_tap"))


def events(answer: str) -> list[str]:
    return [candidate.event for candidate in parse_answer(answer, VOCABULARY)]


ENTRIES = [{"event": "People Talking", "reason": "they shop"}, {"event": "object banging", "reason": "doors"}]
BOTH = ["(object) banging", "people talking"]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"events": ENTRIES}),
        json.dumps(ENTRIES),
        json.dumps({"events": ["people talking", "(Object) Banging"]}),
        "```json\n" + json.dumps({"events": ENTRIES}, indent=2) + "\n```",
        "<think>\nA car? No: [1, 2].\n</think>\n" + json.dumps({"events": ENTRIES}),
        'event,reason\npeople talking,"they shop, and talk"\nobject banging,"doors"\n',
        '"People talking", "they shop"\n"object banging", "doors"',
        "- people talking: they shop\n- **object banging**: doors",
        "* people-talking - they shop\n* Object Banging – doors",  # noqa: RUF001
        "1. object banging\n2) people talking\n\n3. people talking",
        "```\npeople talking,they shop\nobject banging,doors\n```",
    ],
    ids=["schema", "list", "names", "fence", "thoughts", "csv", "quoted", "colons", "dashes", "numbers", "csv fence"],
)
def test_an_answer_is_read_in_any_form_and_gives_the_names_of_the_vocabulary(answer):
    assert events(answer) == BOTH


def test_reasons_are_kept_commas_and_all():
    answer = 'people talking,"they shop, and talk"\ncar: traffic, far away'
    assert [tuple(c) for c in parse_answer(answer, VOCABULARY)] == [
        ("car", "traffic, far away"),
        ("people talking", "they shop, and talk"),
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("<think>hm</think>", "it is empty"),
        ('{"events": []}', "it names no event"),
        ("```json\n\n```", "it names no event"),
        ("event,reason\n", "it names no event"),
        ('{"events": ["cars"]}', "these names are not in the list of events: 'cars' (Did you mean 'car'?)"),
        ('["car", "zither"]', "these names are not in the list of events: 'zither'"),
        ('{"events": [{"reason": "traffic"}]}', """an entry has no name of an event: {"reason": "traffic"}"""),
        ('{"events": [{"event": "", "reason": "x"}]}', "an entry has no name of an event"),
        ('{"events": [7]}', "an entry has no name of an event: 7"),
        ('{"events": [["car"]]}', "an entry has no name of an event"),
        ('{"sounds": ["car"]}', 'the JSON object has no list "events"'),
        ('{"events": {"car": "traffic"}}', 'the JSON object has no list "events"'),
        ('{"events": ["car"', "it is not valid JSON"),
        ("[" * 100_000, "it is not valid JSON"),
        ('["car"] I hope this helps!', "there is prose around the list: 'I hope this helps!'"),
        ('Sure!\n```json\n["car"]\n```', "there is prose around the list: 'Sure!'"),
        ("Likely events:\n- car", "do not begin with the name of an event in the list: 'Likely events:'"),
        ("car,traffic\ncar horn,traffic", "do not begin with the name of an event in the list: 'car horn,traffic'"),
        ("I'm sorry, but I can't help with that.", """in the list: "I'm sorry, but I can't help with that.\""""),
        (",traffic", "do not begin with the name of an event in the list: ',traffic'"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(answer, problem):
    with pytest.raises(AnswerProblem) as raised:
        events(answer)
    assert problem in str(raised.value)


def test_a_long_list_of_made_up_names_is_cut():
    with pytest.raises(AnswerProblem, match="'e0', 'e1', 'e2', 'e3', 'e4' and 5 more"):
        events(json.dumps([f"e{n}" for n in range(10)]))


def test_text_from_outside_cannot_drive_a_terminal():
    assert shown("a\x1b[31m\nb\u202e") == "a [31m b"
    assert shown("x" * 100, most=10) == "xxxxxxx..."


def test_the_question_has_the_ingredients_of_the_papers():
    asked = question(VOCABULARY, "city_center", "text")
    assert "\nobject banging\ncar\npeople talking\nwater tap\n" in asked
    assert '"object" is a sound source that a listener cannot identify' in asked
    assert "The acoustic scene is: city center" in asked
    assert "likely to be heard in this scene?" in asked
    assert "one event that is likely a line" in asked
    assert "reason" in asked
    assert "(object)" not in asked


def test_objects_are_explained_only_where_there_are_some():
    assert "object" not in question(Vocabulary(("car", "dog")), "street", "text")


def test_the_schema_holds_the_answer_to_the_names():
    schema = response_format(VOCABULARY, "json_schema")["json_schema"]
    entry = schema["schema"]["properties"]["events"]["items"]
    assert schema["strict"]
    assert entry["properties"]["event"]["enum"] == ["object banging", "car", "people talking", "water tap"]
    assert entry["required"] == ["event", "reason"]


def test_events_that_sound_the_same_in_words_are_refused():
    with pytest.raises(AnnotationError, match="'dog_bark' and 'Dog bark' cannot be told apart in words"):
        Vocabulary(("dog_bark", "Dog bark"))


def test_names_are_spoken_without_parentheses_and_underscores():
    assert spoken("(object) impact_hard") == "object impact hard"
