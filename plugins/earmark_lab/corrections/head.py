"""How a layer begins: its corpus, and the labels that its edits change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic

from earmark.recordings import Dataset, Event, check_event
from earmark_lab.corrections.changes import EventLine, as_json, exact, problem
from earmark_lab.corrections.errors import LayerError

FORMAT = 1
ANNOTATIONS, NOTHING, GIVEN = "annotations", "nothing", "given"

Base = Mapping[str, Sequence[Event]] | str
"""Labels from which a layer starts: "annotations" (the corpus' own), "nothing", or events by recording."""


class _Head(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    label_layer: int
    corpus: str
    base: str


class _Given(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    recording: str
    base: list[EventLine]


def new_head(dataset: Dataset, base: Base, where: str) -> list[bytes]:
    """Lines with which a new layer of a corpus begins: one that says so, and one a recording whose events are given.

    Raises:
        LayerError: the base is none, or names a recording that the corpus does not have.
        AnnotationError: an event contradicts its recording or the vocabulary.
    """
    if isinstance(base, str):
        if base not in (ANNOTATIONS, NOTHING):
            raise LayerError(f"{where}: no base {base!r}. Say {ANNOTATIONS!r}, {NOTHING!r}, or events by recording.")
        return [_line({"label_layer": FORMAT, "corpus": dataset.title, "base": base})]
    recordings = {recording.path: recording for recording in dataset.recordings}
    lines = [_line({"label_layer": FORMAT, "corpus": dataset.title, "base": GIVEN})]
    for name, events in base.items():
        if name not in recordings:
            raise LayerError(f"{where}: the base names {name!r}, which is no recording of {dataset.title}.")
        for event in map(exact, events):
            check_event(event, recordings[name], set(dataset.events), f"{where}, base: {name}")
        lines.append(_line({"recording": name, "base": [as_json(exact(event)) for event in events]}))
    return lines


def read_head(line: bytes, dataset: Dataset, where: str) -> str:
    """Base of a layer, from its first line.

    Raises:
        LayerError: the file is no layer, of another version, or of another corpus.
    """
    try:
        head = _Head.model_validate_json(line)
    except pydantic.ValidationError as error:
        raise LayerError(f"{where}: not a label layer: {problem(error)}. Name another file.") from None
    if head.label_layer != FORMAT:
        raise LayerError(f"{where}: a label layer of version {head.label_layer}; this Earmark reads version {FORMAT}.")
    if head.corpus != dataset.title:
        raise LayerError(
            f"{where}: a layer of the corpus {head.corpus!r}, and this is {dataset.title!r}. Open it with its own "
            "corpus, or begin another layer."
        )
    if head.base not in (ANNOTATIONS, NOTHING, GIVEN):
        raise LayerError(f"{where}: base: {head.base!r} is none. Correct the line, or restore the file.")
    return head.base


def read_given(line: bytes) -> tuple[str, list[Event]] | None:
    """Recording and events of a line that gives some to start from; None where it is of another sort."""
    try:
        given = _Given.model_validate_json(line)
    except pydantic.ValidationError:
        return None
    return given.recording, [times.event() for times in given.base]


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
