"""The recipe of a mix: everything that decides its samples, kept as JAMS in the words of Scaper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from earmark.errors import AnnotationError
from earmark.recordings import LONGEST_S
from earmark_corpora.desed.layout import EVENTS
from earmark_corpora.tables import inner_path
from earmark_corpora.waa.layout import CLIP_N, CLIP_S, RATE_HZ, to_n

REFERENCE_LUFS = -50.0
"""Loudness of every background; source: [weak_label_limits], released code, and the DESED recipes of 2019."""

FADE_S = 0.01

RENDERING = 1
"""Raised whenever the same recipe gives other samples."""

_JAMS = "0.3.4"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One event on one background.

    Times are whole samples at 44.1 kHz, in seconds; files are below the root of the soundbank.
    """

    clip: str
    """Subset and file name, such as "train/Cat_0001.wav"."""
    label: str
    source_file: str
    source_start_s: float
    """Start of the event in its file."""
    onset_s: float
    duration_s: float
    snr_db: float
    """Loudness of the event alone above that of the whole background, in LU."""
    pitch_shift: float
    """Semitones."""
    background_file: str
    background_start_s: float

    @property
    def offset_s(self) -> float:
        return round(self.onset_s + self.duration_s, 9)


def as_jams(recipe: Recipe) -> str:
    """The text of the recipe's file."""
    background = {
        "label": PurePosixPath(recipe.background_file).parent.name,
        "source_file": recipe.background_file,
        "source_time": recipe.background_start_s,
        "event_time": 0.0,
        "event_duration": CLIP_S,
        "snr": 0.0,
        "role": "background",
        "pitch_shift": None,
        "time_stretch": None,
    }
    foreground = {
        "label": recipe.label,
        "source_file": recipe.source_file,
        "source_time": recipe.source_start_s,
        "event_time": recipe.onset_s,
        "event_duration": recipe.duration_s,
        "snr": recipe.snr_db,
        "role": "foreground",
        "pitch_shift": recipe.pitch_shift,
        "time_stretch": None,
    }
    observations = [
        {"time": v["event_time"], "duration": v["event_duration"], "value": v, "confidence": 1.0}
        for v in (background, foreground)
    ]
    mixing = {
        "duration": CLIP_S,
        "sr": RATE_HZ,
        "n_channels": 1,
        "ref_db": REFERENCE_LUFS,
        "fade_in_len": FADE_S,
        "fade_out_len": FADE_S,
        "reverb": None,
    }
    annotation = {
        "namespace": "scaper",
        "annotation_metadata": {"annotation_tools": "earmark", "data_source": ""},
        "data": observations,
        "sandbox": {"scaper": mixing},
        "time": 0.0,
        "duration": CLIP_S,
    }
    document = {
        "file_metadata": {"title": recipe.clip, "duration": CLIP_S, "jams_version": _JAMS, "identifiers": {}},
        "annotations": [annotation],
        "sandbox": {"earmark": {"rendering": RENDERING}},
    }
    return json.dumps(document, indent=1) + "\n"


def read_recipe(file: Path) -> Recipe:
    """Read a recipe back; nothing in it is trusted.

    Raises:
        AnnotationError: no recipe, of another version, a path that leads out of the soundbank, or a number that
            cannot be.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        version = document["sandbox"]["earmark"]["rendering"]
        (annotation,) = document["annotations"]
        values = {one["value"]["role"]: one["value"] for one in annotation["data"]}
        background, foreground = values["background"], values["foreground"]
        recipe = Recipe(
            clip=str(document["file_metadata"]["title"]),
            label=str(foreground["label"]),
            source_file=inner_path(str(foreground["source_file"]), str(file)),
            source_start_s=_number(foreground, "source_time"),
            onset_s=_number(foreground, "event_time"),
            duration_s=_number(foreground, "event_duration"),
            snr_db=_number(foreground, "snr"),
            pitch_shift=_number(foreground, "pitch_shift"),
            background_file=inner_path(str(background["source_file"]), str(file)),
            background_start_s=_number(background, "source_time"),
        )
        mixing = annotation["sandbox"]["scaper"]
        settled = (mixing["ref_db"], mixing["sr"], mixing["duration"], mixing["fade_in_len"], mixing["fade_out_len"])
    except OSError as error:
        raise AnnotationError(f"{file}: the recipe cannot be read ({error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, AnnotationError):
            raise
        raise AnnotationError(
            f"{file}: not a recipe of WAA ({type(error).__name__}: {error}). "
            "`earmark data synthesize waa` writes it again."
        ) from error
    if version != RENDERING or settled != (REFERENCE_LUFS, RATE_HZ, CLIP_S, FADE_S, FADE_S):
        raise AnnotationError(
            f"{file}: this recipe is for rendering {version!r} with {settled}, and this version of Earmark renders "
            f"{RENDERING} with {(REFERENCE_LUFS, RATE_HZ, CLIP_S, FADE_S, FADE_S)} (reference in LUFS, rate, seconds "
            "of the clip and of both fades). Render it with the version that wrote it, or synthesise the corpus again."
        )
    _check(recipe, file)
    return recipe


def _number(value: Mapping[str, Any], name: str) -> float:
    number = float(value[name])
    if not abs(number) <= LONGEST_S:
        raise ValueError(f"{name} is {number}")
    return number


def _check(recipe: Recipe, file: Path) -> None:
    sound = (
        recipe.label in EVENTS
        and min(recipe.source_start_s, recipe.background_start_s, recipe.onset_s) >= 0
        and to_n(recipe.duration_s) > 0
        and to_n(recipe.onset_s) + to_n(recipe.duration_s) <= CLIP_N
        and abs(recipe.snr_db) <= 100
        and abs(recipe.pitch_shift) <= 12
    )
    if not sound:
        raise AnnotationError(
            f"{file}: {recipe.label!r} from {recipe.onset_s:g} s for {recipe.duration_s:g} s at {recipe.snr_db:g} dB "
            f"and {recipe.pitch_shift:+g} semitones, from {recipe.source_start_s:g} s of its file and "
            f"{recipe.background_start_s:g} s of the background's, cannot be mixed into {CLIP_S:g} s. "
            "Correct the recipe, or synthesise the corpus again."
        )
