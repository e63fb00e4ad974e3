"""The question put to a language model: which events are likely to be heard in a scene, and in which form to answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from earmark.errors import AnnotationError

Form = Literal["json_schema", "json_object", "text"]
"""How the answer is asked for; servers know all three, two or only the last."""

FORMS: tuple[Form, ...] = ("json_schema", "json_object", "text")
"""From the strictest to the one that every server has."""

_JSON = (
    'Answer with one JSON object and nothing else: {"events": [{"event": NAME, "reason": REASON}, ...]}, with one '
    "entry for each event that is likely, NAME exactly as in the list, and a short REASON."
)
_ANSWERS: Mapping[Form, str] = {
    "json_schema": _JSON,
    "json_object": _JSON,
    "text": (
        "Answer with a CSV of two columns and nothing else: one event that is likely a line, first its name exactly as "
        "in the list, then a comma, then a short reason in double quotes. No heading, no introduction, no closing "
        "words."
    ),
}
_OBJECT = (
    'In these names, "object" is a sound source that a listener cannot identify, although the way in which it makes '
    "its sound is recognisable. Choose such sounds as well wherever they are plausible."
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Events as the corpus names them, and as a person would say them."""

    events: tuple[str, ...]

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for event in self.events:
            if (other := seen.setdefault(_key(event), event)) != event or not _key(event):
                raise AnnotationError(
                    f"The events {other!r} and {event!r} cannot be told apart in words, so an answer would be "
                    "ambiguous. Rename one of them in the corpus."
                )

    @property
    def spoken(self) -> dict[str, str]:
        """Names for the question, by event."""
        return {event: spoken(event) for event in self.events}

    def find(self, name: str) -> str | None:
        """The event of a name, whatever its case, parentheses, hyphens and spaces; None where there is none.

        >>> Vocabulary(("(object) banging", "car")).find("Object Banging")
        '(object) banging'
        """
        key = _key(name)
        return next((event for event in self.events if _key(event) == key), None)


def spoken(name: str) -> str:
    """A label as a person writes it.

    >>> spoken("(object) banging"), spoken("city_center")
    ('object banging', 'city center')
    """
    return " ".join(re.sub(r"[()_]+", " ", name).split())


def question(vocabulary: Vocabulary, scene: str, form: Form) -> str:
    """The query for one scene, in our words.

    Source: [partial_labels], which describes its query: the list of events without parentheses, what "object" means,
    the scene, which events are likely to be heard there, one event a line with the reasoning.
    """
    names = list(vocabulary.spoken.values())
    parts = [
        "You help to label sound recordings of which only the acoustic scene is known, that is the kind of place in "
        "which they were made. These are the names of the sound events that can be labelled, one a line:",
        "\n".join(names),
        *([_OBJECT] if any(name.split()[0].lower() == "object" for name in names) else []),
        f"The acoustic scene is: {spoken(scene)}",
        "Which of these sound events are likely to be heard in this scene?",
        _ANSWERS[form],
    ]
    return "\n\n".join(parts)


def asked_again(problem: str, form: Form) -> str:
    """What is said after an answer that cannot be used."""
    return f"That answer cannot be used: {problem}. Please answer the question again.\n\n{_ANSWERS[form]}"


def response_format(vocabulary: Vocabulary, form: Form) -> dict[str, Any] | None:
    """What the server is to hold the answer to; None where it cannot."""
    if form == "text":
        return None
    if form == "json_object":
        return {"type": "json_object"}
    entry = _closed_object(
        {"event": {"type": "string", "enum": list(vocabulary.spoken.values())}, "reason": {"type": "string"}}
    )
    schema = _closed_object({"events": {"type": "array", "items": entry}})
    return {"type": "json_schema", "json_schema": {"name": "likely_events", "strict": True, "schema": schema}}


def wording(vocabulary: Vocabulary) -> Sequence[str]:
    """Everything that is asked, whatever the scene; a change of a word is another question."""
    return [question(vocabulary, "SCENE", form) for form in FORMS]


def _closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _key(name: str) -> str:
    return spoken(name.replace("-", " ")).casefold()
