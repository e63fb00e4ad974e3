"""From what a language model wrote to events of the vocabulary: tolerant of the form, strict in the result."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from earmark.errors import suggestion
from earmark_labels.llm_query import Vocabulary

_MOST_NAMED = 5
"""Offending names or lines that a problem quotes."""


class Candidate(NamedTuple):
    """One event that is likely, with the model's reason."""

    event: str
    reason: str


class AnswerProblem(Exception):
    """An answer cannot be used; its text goes back to the model, and into the error if that does not help."""


def parse_answer(answer: str, vocabulary: Vocabulary) -> list[Candidate]:
    """Read an answer: JSON, bare or in a code fence, or lines of CSV or of a bullet list.

    Returns:
        Events of the vocabulary in its order, each once.

    Raises:
        AnswerProblem: the answer is empty, holds prose beside the list, or a name that is not in the vocabulary.
    """
    # Models that think aloud put it first, between tags; it is no part of the answer.
    text = re.sub(r"\A\s*<think>.*?</think>", "", answer, flags=re.DOTALL).strip()
    if not text:
        raise AnswerProblem("it is empty")
    text = _unfenced(text)
    found = list(_from_json(text) if text[:1] in ("{", "[") else _from_lines(text, vocabulary))
    if not found:
        raise AnswerProblem("it names no event")
    reasons: dict[str, str] = {}
    unknown: list[str] = []
    for name, reason in found:
        event = vocabulary.find(name)
        if event is None:
            unknown.append(name)
        else:
            reasons.setdefault(event, reason)
    if unknown:
        known = list(vocabulary.spoken.values())
        hints = (f"{shown(name)!r} ({suggestion(name, known).strip()})".replace(" ()", "") for name in unknown)
        raise AnswerProblem(f"these names are not in the list of events: {_quoted(hints)}")
    return [Candidate(event, reasons[event]) for event in vocabulary.events if event in reasons]


def shown(text: str, most: int = 80) -> str:
    """Text from outside, fit for one line of a terminal: no control characters, not too long."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def _unfenced(text: str) -> str:
    """What stands in the one code fence, or the text itself."""
    fence = re.search(r"^```[\w-]*[ \t]*\n(.*?)\n?```[ \t]*$", text, flags=re.DOTALL | re.MULTILINE)
    if fence is None:
        return text
    if beside := (text[: fence.start()] + text[fence.end() :]).strip():
        raise AnswerProblem(f"there is prose around the list: {shown(beside)!r}")
    return fence[1].strip()


def _from_json(text: str) -> Iterator[tuple[str, str]]:
    """Names and reasons of ``{"events": [...]}`` or of the list alone, whose entries are objects or names."""
    try:
        content, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:  # ValueError: also for a number of thousands of digits
        raise AnswerProblem(f"it is not valid JSON ({error})") from None
    if beside := text[end:].strip():
        raise AnswerProblem(f"there is prose around the list: {shown(beside)!r}")
    entries = content.get("events") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise AnswerProblem('the JSON object has no list "events"')
    for entry in entries:
        name, reason = _entry(entry)
        if not isinstance(name, str) or not name.strip():
            raise AnswerProblem(f"an entry has no name of an event: {shown(json.dumps(entry))}")
        yield name, reason if isinstance(reason, str) else ""


def _entry(entry: Any) -> tuple[Any, Any]:
    return (entry.get("event"), entry.get("reason", "")) if isinstance(entry, dict) else (entry, "")


def _from_lines(text: str, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """Names and reasons of CSV lines or bullets. A line that begins with no event is prose, or a name made up."""
    strays: list[str] = []
    for number, line in enumerate(line for line in text.splitlines() if line.strip()):
        bare = re.sub(r"\A\s*(?:[-*•+]|\d+[.)])\s+", "", line).replace("**", "").strip()
        if number == 0 and re.fullmatch(r'"?event"?\s*,\s*"?reason(?:ing)?"?', bare, flags=re.IGNORECASE):
            continue
        for name, reason in _readings(bare):
            if vocabulary.find(name) is not None:
                yield name, reason
                break
        else:
            strays.append(line)
    if strays:
        raise AnswerProblem(
            "these lines do not begin with the name of an event in the list: "
            + _quoted(repr(shown(line)) for line in strays)
        )


def _readings(line: str) -> Iterator[tuple[str, str]]:
    """A line as a name alone, as CSV, and as a name with a colon or a dash after it."""
    yield line.strip("\"' "), ""
    try:
        fields = next(csv.reader([line], skipinitialspace=True), [""])
    except csv.Error:
        fields = [""]
    yield fields[0].strip(), ",".join(fields[1:]).strip()
    for separator in (":", " - ", " – ", " — "):  # noqa: RUF001  dashes as models type them
        name, found, reason = line.partition(separator)
        if found:
            yield name.strip("\"' "), reason.strip()


def _quoted(items: Iterator[str]) -> str:
    listed: Sequence[str] = list(items)
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return ", ".join(listed[:_MOST_NAMED]) + more
