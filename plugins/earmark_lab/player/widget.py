"""The player: a widget that shows a sound, its events and what methods make of it, and plays it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import anywidget
import traitlets

from earmark.audio import audio_info
from earmark.errors import AudioError
from earmark.frames import FRAME_RULES
from earmark_lab.player.errors import PlayerError
from earmark_lab.player.figure import described, static_png
from earmark_lab.player.lanes import Lane, as_sent, last_s, notes_on, occurring, reference_of, vocabulary_of
from earmark_lab.player.picture import Picture, picture_of
from earmark_lab.player.playing import WAV_S, lower_rate_hz, sound_bytes
from earmark_lab.player.watching import is_watched

SCRIPTS = (
    "numbers",
    "decisions",
    "content",
    "palette",
    "view",
    "painting",
    "lanes",
    "sound",
    "editing",
    "table",
    "controls",
    "pointer",
    "player",
)
"""One concept a file, in the order in which they make one module."""

UNWATCHED = 'export default { render({ el }) { el.textContent = "Run this cell to see the player."; } };'
"""Script of a player in a notebook that a program executes."""


@cache
def script() -> str:
    """The page's side of the player, one ES module."""
    folder = files(__package__) / "js"
    return "\n".join((folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def style() -> str:
    """The page's style sheet."""
    return (files(__package__) / "player.css").read_text("utf-8")


class Player(anywidget.AnyWidget):
    """A sound with its picture, and lanes of events below it. All times are seconds from `start_s` of the file.

    Where a program executes the notebook, and in pages that outlive their kernel, it is a picture (PNG).

    Args:
        sound: the one file that is read. Where it cannot be, a note says so and the lanes are shown without it.
        lanes: from above to below; the first without a track is the reference of all counts.
        start_s: where in the file the clip begins.
        duration_s: of the clip; to the file's end where None.
        scenes: posteriors of scenes by method; of the annotation, 1 for its scene.
        title: stands above.
        notes: what the reader must know, one sentence each.
        frame_rule: how spans become frames when these are counted; see `earmark.frames.FRAME_RULES`.

    Raises:
        PlayerError: two lanes of one title, times or a rule that cannot be.
    """

    _esm = script()
    _css = style()

    _content = traitlets.Dict().tag(sync=True)
    sound = traitlets.Dict().tag(sync=True)
    """``{"type": media type, "data": bytes}``; empty until asked for where it is long; ``{"error": why}``."""
    spans = traitlets.Dict().tag(sync=True)
    """Spans of the editable lanes as the user leaves them: ``{title: [[onset_s, offset_s, label], ...]}``."""
    selected_s = traitlets.Tuple().tag(sync=True)
    """The looped region (from_s, to_s); empty where there is none."""
    thresholds = traitlets.Dict().tag(sync=True)
    """Thresholds by event as far as they were moved; those of the lanes hold for all others."""
    current_s = traitlets.Float(0.0).tag(sync=True)
    """The cursor, told some times a second while it moves; to set it is to seek."""

    def __init__(
        self,
        sound: Path,
        lanes: Sequence[Lane],
        *,
        start_s: float = 0.0,
        duration_s: float | None = None,
        scenes: Mapping[str, Mapping[str, float]] | None = None,
        title: str = "",
        notes: Sequence[str] = (),
        frame_rule: str = "outer",
    ) -> None:
        _check(lanes, start_s, duration_s, frame_rule)
        self._path, self._start_s, self._lanes = Path(sound), float(start_s), tuple(lanes)
        self._scenes = {method: dict(posteriors) for method, posteriors in (scenes or {}).items()}
        self._title, self._frame_rule = title or self._path.name, frame_rule
        heard: list[str] = []
        self._duration_s = self._length(duration_s, heard)
        self._picture = self._drawn(heard)
        self.notes = (*notes, *heard, *notes_on(self._lanes))
        long = self._duration_s > WAV_S
        # Where nobody looks, next to nothing is sent: it would end in the notebook's file.
        values: dict[str, Any] = {"_esm": UNWATCHED, "_css": ""}
        if is_watched():
            values = {"_content": self._described(on_demand=self._picture is not None and long)}
            values["sound"] = {} if self._picture is None or long else self._playable()
        super().__init__(
            **values,
            spans={
                lane.title: [[span.onset_s, span.offset_s, span.label] for span in sorted(lane.spans)]
                for lane in self._lanes
                if lane.editable
            },
        )
        self._encoding: Thread | None = None
        self.on_msg(self._asked)

    def static_png(self) -> bytes:
        """The player as a picture."""
        return static_png(
            self._lanes, self._picture, self._duration_s, title=self._title, scenes=self._scenes, notes=self.notes
        )

    def __repr__(self) -> str:
        return described(self._lanes, self._title, self._duration_s)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The widget where somebody looks; beside it, and alone where nobody does, the picture."""
        data: dict[str, Any] = {"text/plain": repr(self)}
        if is_watched():
            bundle = super()._repr_mimebundle_(**kwargs)
            data = {**(bundle[0] if bundle else {}), **data}
        data["image/png"] = base64.b64encode(self.static_png()).decode()
        return data, {}

    def _length(self, duration_s: float | None, heard: list[str]) -> float:
        """Length of what is shown: as asked for, else the file's, else that of the lanes."""
        try:
            there_s = audio_info(self._path).duration_s - self._start_s
            if there_s <= 0:
                heard.append(f"{self._path}: the file ends before {self._start_s:g} s. Is it another version?")
            elif duration_s is None:
                return there_s
        except AudioError as error:
            heard.append(str(error))
        return duration_s or last_s(self._lanes) or 1.0

    def _drawn(self, heard: list[str]) -> Picture | None:
        if heard:
            return None
        try:
            rate_hz = lower_rate_hz(self._path, self._duration_s)
            if rate_hz is not None:
                heard.append(f"The recording is long: it is played at {rate_hz / 1000:.1f} kHz.")
            return picture_of(self._path, self._start_s, self._duration_s)
        except AudioError as error:
            heard.append(str(error))
            return None

    def _playable(self) -> dict[str, Any]:
        kind, data = sound_bytes(self._path, self._start_s, self._duration_s)
        return {"type": kind, "data": data}

    def _described(self, *, on_demand: bool) -> dict[str, Any]:
        picture = self._picture
        return {
            "title": self._title,
            "duration_s": self._duration_s,
            "scenes": self._scenes,
            "notes": list(self.notes),
            "events": list(vocabulary_of(self._lanes)),
            "shown": list(occurring(self._lanes)),
            "reference": reference_of(self._lanes),
            "frame_rule": self._frame_rule,
            "lanes": [as_sent(lane) for lane in self._lanes],
            "sound_on_demand": on_demand,
            "peaks": None if picture is None else {"hop_s": picture.peak_hop_s, "data": picture.peaks.tobytes()},
            "level": None
            if picture is None
            else {
                "hop_s": picture.level_hop_s,
                "mel_hz": [round(float(hertz), 1) for hertz in picture.mel_hz],
                "data": picture.level.tobytes(),
            },
        }

    def _asked(self, _: Any, message: Any, buffers: Any) -> None:
        """Make and send a long sound when the page asks for it, which it does once its picture is there."""
        asked = isinstance(message, dict) and message.get("kind") == "sound"
        if asked and self._picture is not None and self._encoding is None:
            # Aside: half an hour takes seconds, in which the kernel would run no other cell.
            self._encoding = Thread(target=self._encode, daemon=True)
            self._encoding.start()

    def _encode(self) -> None:
        try:
            self.sound = self._playable()
        except AudioError as error:
            self.sound = {"error": str(error)}


def _check(lanes: Sequence[Lane], start_s: float, duration_s: float | None, frame_rule: str) -> None:
    titles = [lane.title for lane in lanes]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise PlayerError(f"Player: several lanes are titled {twice[0]!r}. Give each a title of its own.")
    if start_s < 0 or (duration_s is not None and duration_s <= 0):
        raise PlayerError(f"Player: start_s = {start_s}, duration_s = {duration_s}; these must be seconds of the file.")
    if frame_rule not in FRAME_RULES:
        raise PlayerError(f"Player: no frame rule named {frame_rule!r}; choose one of {', '.join(FRAME_RULES)}.")
