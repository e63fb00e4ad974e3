"""JAMS files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.annotations import Annotated
from earmark.errors import AnnotationError
from earmark_formats.gathering import Gathering, seconds, text_of, the_only_one

EVENT_NAMESPACES = ("segment_open", "scaper", "sound_event")
"""Timed events: a name, or, as Scaper writes, an object with label and role; the last name is Scaper's older one."""

TAG_NAMESPACES = ("tag_open", "tag_urbansound", "tag_audioset")

SCHEMA_VERSION = "0.3.4"


@dataclass(frozen=True, kw_only=True, slots=True)
class Jams:
    """JAMS 0.3, as the library of that name and Scaper write it; a file for each recording.

    Source: the JSON schemas of github.com/marl/jams (schemata/jams_schema.json and namespaces). Events come from
    segment_open and scaper, tags from tag_open; all annotations of these are joined. The background of a Scaper
    soundscape is no event: its name is the scene, where there is one background. A scene is written into the sandbox
    of the file, as no namespace has scenes.
    """

    @property
    def suffix(self) -> str:
        return ".jams"

    @property
    def names_recordings(self) -> bool:
        return False

    def read(self, path: Path) -> Sequence[Annotated]:
        """Read the annotations of one recording; its name is the title in the metadata.

        Raises:
            AnnotationError: no JAMS file, no annotation of events or tags in it, or an observation cannot be right.
        """
        try:
            document = json.loads(text_of(path))
        except json.JSONDecodeError as error:
            raise AnnotationError(f"{path}, line {error.lineno}: not JSON ({error.msg}). Export it again.") from None
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, or brackets in brackets
            raise AnnotationError(f"{path}: not JSON that can be read ({error}). Export it again.") from None
        annotations = document.get("annotations") if isinstance(document, dict) else None
        if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
            raise AnnotationError(f"{path}: not a JAMS file, which has a list 'annotations'.")
        about, sandbox = _table(document.get("file_metadata")), _table(document.get("sandbox"))
        gathered = Gathering(recording=_written(about.get("title") or "", f"{path}, file_metadata.title"))
        if isinstance(about.get("duration"), int | float):
            gathered.duration_s = seconds(str(about["duration"]), f"{path}, file_metadata.duration")
        backgrounds: set[str] = set()
        joined = 0
        for index, annotation in enumerate(annotations):
            where = f"{path}, annotations[{index}]"
            namespace = annotation.get("namespace")
            if namespace in EVENT_NAMESPACES:
                joined += 1
                gathered.listened()
                _take_events(gathered, annotation, backgrounds, where)
            elif namespace in TAG_NAMESPACES:
                gathered.tag([_text(value, place) for place, value, _ in _observations(annotation, where)])
        if gathered.events is None and gathered.tags is None and not sandbox.get("scene"):
            there = ", ".join(sorted({str(annotation.get("namespace")) for annotation in annotations}))
            raise AnnotationError(
                f"{path}: no annotation of events. Earmark reads {', '.join((*EVENT_NAMESPACES, *TAG_NAMESPACES))}; "
                f"this file has {there or 'none'}."
            )
        if sandbox.get("scene"):
            gathered.scene = _written(sandbox["scene"], f"{path}, sandbox.scene")
        elif len(backgrounds) == 1:
            gathered.scene = backgrounds.pop()
        if joined > 1:
            gathered.notes.append(f"Joined {joined} annotations of events ({path}).")
        return (gathered.annotated(),)

    def write(self, path: Path, annotated: Sequence[Annotated]) -> None:
        """Write the annotations of one recording."""
        one = the_only_one(path, annotated, "JAMS")
        about: dict[str, Any] = {"title": one.recording, "jams_version": SCHEMA_VERSION, "identifiers": {}}
        if one.duration_s is not None:
            about["duration"] = one.duration_s
        whole_s = one.duration_s or 0.0
        annotations = []
        if one.events is not None:
            spans = [(event.onset_s, event.offset_s - event.onset_s, event.label) for event in one.events]
            annotations.append(_annotation("segment_open", spans, one.duration_s))
        if one.tags is not None:
            annotations.append(_annotation("tag_open", [(0.0, whole_s, tag) for tag in one.tags], one.duration_s))
        sandbox = {} if one.scene is None else {"scene": one.scene}
        document = {"file_metadata": about, "annotations": annotations, "sandbox": sandbox}
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _take_events(gathered: Gathering, annotation: Mapping[str, Any], backgrounds: set[str], where: str) -> None:
    for place, value, span in _observations(annotation, where):
        if isinstance(value, dict) and value.get("role") == "background":
            backgrounds.add(_text(value.get("label"), place))
            continue
        label = _text(value.get("label") if isinstance(value, dict) else value, place)
        onset_s, length_s = (seconds(str(time), place) for time in span)
        # Nanoseconds hide that 0.1 + 0.2 is not 0.3, and are less than a sample.
        gathered.add(onset_s, round(onset_s + length_s, 9), label, place)


def _observations(annotation: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, tuple[Any, Any]]]:
    """Yield place, value and (time, duration) of each observation, whether they lie in a list or, dense, in columns."""
    data = annotation.get("data")
    if isinstance(data, dict) and all(isinstance(data.get(key), list) for key in ("time", "duration", "value")):
        times, lengths, values = data["time"], data["duration"], data["value"]
        if not len(times) == len(lengths) == len(values):
            raise AnnotationError(f"{where}.data: columns of different lengths. Export the file again.")
        data = [{"time": t, "duration": d, "value": v} for t, d, v in zip(times, lengths, values, strict=True)]
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise AnnotationError(f"{where}.data: expected a list of observations. Export the file again.")
    for number, observation in enumerate(data):
        place = f"{where}.data[{number}]"
        if missing := [key for key in ("time", "duration", "value") if key not in observation]:
            raise AnnotationError(f"{place}: no {' and no '.join(missing)}. Export the file again.")
        yield place, observation["value"], (observation["time"], observation["duration"])


def _annotation(namespace: str, spans: Sequence[tuple[float, float, str]], duration_s: float | None) -> dict[str, Any]:
    data = [{"time": t, "duration": round(d, 9), "value": label, "confidence": None} for t, d, label in spans]
    about = {"annotation_tools": "earmark", "data_source": ""}
    whole = {"time": 0.0, "duration": duration_s}
    return {"namespace": namespace, "annotation_metadata": about, "data": data, "sandbox": {}, **whole}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AnnotationError(f"{where}: {value!r} is not the name of an event. Name it.")
    return _written(value.strip(), where)


def _written(value: Any, where: str) -> str:
    text = str(value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise AnnotationError(f"{where}: {text!r} holds half a character, which no text file can. Export it again.")
    return text
