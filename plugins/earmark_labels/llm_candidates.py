"""Candidate sets from a language model, asked once per scene."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earmark.addressing import address_of
from earmark.errors import AnnotationError, EarmarkError, StoreError
from earmark.recordings import Dataset
from earmark_labels.llm_answer import AnswerProblem, Candidate, parse_answer, shown
from earmark_labels.llm_endpoint import DEFAULT_KEY_VARIABLE, BadRequest, Endpoint, EndpointError
from earmark_labels.llm_query import FORMS, Form, Vocabulary, asked_again, question, response_format, wording
from earmark_labels.llm_store import AnswerStore

MOST_REPEATS = 3
"""Times that a scene is asked again after an answer that cannot be used."""

_SAMPLING: Mapping[str, float | int] = {"temperature": 0, "seed": 0}
"""For the same answer another day, as far as the server can; left out where it does not take them."""
_MOST_QUOTED = 4000
"""Characters of an unusable answer that are sent back."""


class AnswerError(EarmarkError):
    """A language model gives no usable answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageModelCandidates:
    """Asks an OpenAI-compatible server, once per scene, which events are likely to be heard there."""

    model: str = "o3-mini"
    """Name at the server; the default is the model of [partial_labels]."""
    base_url: str = "https://api.openai.com/v1"
    """Such as http://localhost:11434/v1 for Ollama."""
    key_variable: str = DEFAULT_KEY_VARIABLE
    """Environment variable that holds the key; may be unset for a server of one's own, empty sends none."""

    def write_table(self, dataset: Dataset, folder: Path, advance: Callable[[int, int], None] | None = None) -> Path:
        """Return the table of candidate sets (``scene,event``) of all scenes, asking only what was never asked.

        Answers lie under ``folder``, in a folder of their own for each question, model and server.

        Raises:
            AnnotationError: there is no scene or no event, or two events cannot be told apart in words.
            EndpointError: the server is away or refuses.
            AnswerError: the model gives no usable answer for a scene; those before are kept.
            StoreError: an answer cannot be kept, or a kept one is damaged.
        """
        if not dataset.scenes or not dataset.events:
            raise AnnotationError(
                f"The corpus {dataset.name!r} has no {'events' if dataset.scenes else 'scenes'} to ask for. Name them "
                "with --scenes and --events."
            )
        vocabulary = Vocabulary(dataset.events)
        endpoint = Endpoint(base_url=self.base_url, key_variable=self.key_variable)
        identity = [self.model, endpoint.name, list(dataset.events), wording(vocabulary), dict(_SAMPLING)]
        store = AnswerStore(folder / address_of(identity))
        conversation = _Conversations(endpoint, self.model, vocabulary)
        candidates: dict[str, list[str]] = {}
        for done, scene in enumerate(dataset.scenes, 1):
            record = store.read(scene) or store.write(scene, conversation.ask(scene))
            candidates[scene] = _events_of(record, vocabulary, store.path(scene))
            if advance is not None:
                advance(done, len(dataset.scenes))
        path = store.folder / f"candidates-{address_of(list(dataset.scenes))[:12]}.csv"
        store.place(path, _table(candidates))
        return path


class _Conversations:
    """Asks for scenes one after the other, in the strictest form that the server has shown to take."""

    def __init__(self, endpoint: Endpoint, model: str, vocabulary: Vocabulary) -> None:
        self._endpoint = endpoint
        self._model = model
        self._vocabulary = vocabulary
        self._forms = list(FORMS)
        self._sampling = dict(_SAMPLING)

    def ask(self, scene: str) -> dict[str, Any]:
        """The record of a usable answer.

        Raises:
            AnswerError: there is none after `MOST_REPEATS` repeats.
        """
        exchanged: list[dict[str, str]] = []
        problem = ""
        for _ in range(1 + MOST_REPEATS):
            answer, form, messages = self._exchange(scene, exchanged)
            try:
                text = _content(answer)
                candidates = parse_answer(text, self._vocabulary)
            except AnswerProblem as error:
                problem = str(error)
                # An empty turn is refused by servers that want turns to alternate.
                given = _text(answer)[:_MOST_QUOTED] or "(nothing)"
                exchanged += [{"role": "assistant", "content": given}, {"role": "problem", "content": problem}]
                continue
            return self._record(messages, form, answer, text, candidates)
        raise AnswerError(
            f"Scene {scene!r}: {shown(self._model)} at {self._endpoint.name} gave no usable answer in "
            f"{1 + MOST_REPEATS} attempts; of the last one: {problem}. Try another --model, or write the table by "
            "hand (a CSV with the columns scene,event)."
        )

    def _exchange(self, scene: str, exchanged: Sequence[dict[str, str]]) -> tuple[Any, Form, list[dict[str, str]]]:
        """One request, made plainer until the server takes it."""
        while True:
            form = self._forms[0]
            messages = [{"role": "user", "content": question(self._vocabulary, scene, form)}]
            messages += [
                {"role": "user", "content": asked_again(turn["content"], form)} if turn["role"] == "problem" else turn
                for turn in exchanged
            ]
            request: dict[str, Any] = {"model": self._model, "messages": messages, **self._sampling}
            if (wanted := response_format(self._vocabulary, form)) is not None:
                request["response_format"] = wanted
            try:
                return self._endpoint.chat(request), form, messages
            except BadRequest as error:
                if not self._made_plainer(error.about):
                    raise EndpointError(
                        f"{self._endpoint.name}: does not take the request (400) {error.about}, not even in its "
                        "plainest form. Check the model's name."
                    ) from None

    def _made_plainer(self, about: str) -> bool:
        """Leave out what the server does not take; False where nothing is left to leave out."""
        named = next((name for name in self._sampling if name in about.lower()), None)
        if named is not None:
            del self._sampling[named]
        elif len(self._forms) > 1:
            del self._forms[0]
        elif self._sampling:
            self._sampling.clear()
        else:
            return False
        return True

    def _record(
        self, messages: list[dict[str, str]], form: Form, answer: Any, text: str, candidates: Iterable[Candidate]
    ) -> dict[str, Any]:
        by = answer.get("model")
        return {
            "model": self._model,
            "model_as_answered": _writable(by) if isinstance(by, str) else None,
            "endpoint": self._endpoint.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "form": form,
            "sampling": dict(self._sampling),
            "prompt": messages,
            "answer": text,
            "candidates": [{"event": one.event, "reason": _writable(one.reason)} for one in candidates],
        }


def _content(answer: Any) -> str:
    """Text of an answer that is one.

    Raises:
        AnswerProblem: the model refused, or was cut.
    """
    choice = answer["choices"][0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if isinstance(message, dict) and isinstance(message.get("refusal"), str) and message["refusal"].strip():
        raise AnswerProblem(f"it is a refusal: {shown(message['refusal'])!r}")
    text = _text(answer)
    reason = choice.get("finish_reason") if isinstance(choice, dict) else None
    if reason == "length":
        raise AnswerProblem("it was cut at the limit of length; keep the reasons short")
    if reason == "content_filter":
        raise AnswerProblem("it is a refusal: the server filtered it")
    return text


def _text(answer: Any) -> str:
    choice = answer["choices"][0]
    message = choice.get("message") if isinstance(choice, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return _writable(content) if isinstance(content, str) else ""


def _writable(text: str) -> str:
    """Text that UTF-8 can hold: JSON can carry halves of characters."""
    return text.encode("utf-8", "replace").decode()


def _events_of(record: Mapping[str, Any], vocabulary: Vocabulary, path: Path) -> list[str]:
    events = [entry["event"] for entry in record["candidates"]]
    if not events or not set(events) <= set(vocabulary.events):
        raise StoreError(f"{path}: this stored answer is of other events. Delete the file to ask again.")
    return events


def _table(candidates: Mapping[str, Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["scene", "event"])
    rows.writerows((scene, event) for scene, events in candidates.items() for event in events)
    return text.getvalue()
