"""Tables of event posteriors or decisions for whole clips: one file, read without running anything that is in it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.errors import EarmarkError
from earmark.recordings import Clip, to_us

VALUES = ("posteriors", "labels")
"""Names of the array (clip, event) in a file: floating point in [0, 1], or bool."""


class ClipTableError(EarmarkError, ValueError):
    """A file is not a table of clips and events, or does not hold the clips that are asked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipTable:
    """What a tagger said of clips.

    The file is a NumPy archive: ``posteriors`` or ``labels`` (clip, event), the names ``clips`` and ``events`` and,
    where somebody said, ``about``, a text in JSON. Published labels of [relation_guided] have the same form.
    """

    clips: tuple[str, ...]
    """Names of the rows; see `name_of`."""
    events: tuple[str, ...]
    values: npt.NDArray[Any]
    """(clip, event): bool, or floating point in [0, 1]."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Who made it, of what, by which versions."""

    @property
    def decided(self) -> bool:
        """True where it holds decisions, False where posteriors."""
        return bool(self.values.dtype == np.bool_)

    def to_bytes(self) -> bytes:
        """The file; the same for the same table."""
        arrays = {
            "labels" if self.decided else "posteriors": self.values,
            "clips": np.array(self.clips, dtype=np.str_),
            "events": np.array(self.events, dtype=np.str_),
            "about": np.array(json.dumps(dict(self.about), sort_keys=True, ensure_ascii=False)),
        }
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        return content.getvalue()


def read_clip_table(path: Path) -> ClipTable:
    """Read a table.

    Raises:
        ClipTableError: it is missing, damaged, of another form, or its values lie outside [0, 1].
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*VALUES, "clips", "events", "about") if name in file}
    except FileNotFoundError:
        raise ClipTableError(f"{path}: no such table. Make one with `earmark label pann`.") from None
    except Exception as error:  # a damaged archive may raise anything
        raise ClipTableError(
            f"{path}: not a table of clips and events that can be read without running code ({error}). Make it again "
            "with `earmark label pann`, or convert it: arrays labels or posteriors, clips, events."
        ) from None
    problem = _problem(arrays)
    if problem:
        raise ClipTableError(f"{path}: {problem}. Make the table again with `earmark label pann`.")
    about = json.loads(str(arrays["about"])) if "about" in arrays else {}
    return ClipTable(
        clips=tuple(arrays["clips"].tolist()),
        events=tuple(arrays["events"].tolist()),
        values=arrays[next(name for name in VALUES if name in arrays)],
        about=about,
    )


def _problem(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """What is wrong with the arrays of a file; empty where nothing is."""
    given = [name for name in VALUES if name in arrays]
    if len(given) != 1 or "clips" not in arrays or "events" not in arrays:
        found = ", ".join(arrays) or "none of them"
        return f"needed are the arrays clips, events and either labels or posteriors; it holds {found}"
    values, clips, events = arrays[given[0]], arrays["clips"], arrays["events"]
    if any(names.ndim != 1 or names.dtype.kind != "U" for names in (clips, events)):
        return "clips and events must be lists of text"
    if values.shape != (len(clips), len(events)):
        return f"{given[0]} has shape {values.shape} for {len(clips)} clips and {len(events)} events"
    if values.dtype.kind != ("b" if given[0] == "labels" else "f"):
        return f"{given[0]} is of type {values.dtype}; labels are bool, posteriors floating point"
    if values.dtype.kind == "f" and not ((values >= 0) & (values <= 1)).all():
        return "posteriors must lie in [0, 1]"
    for kind, names in (("clip", clips.tolist()), ("event", events.tolist())):
        if len(set(names)) < len(names):
            return f"the {kind} {next(name for name in names if names.count(name) > 1)!r} stands there twice"
    if "about" in arrays:
        try:
            if not isinstance(json.loads(str(arrays["about"])), dict):
                return "about is no JSON object"
        except (ValueError, RecursionError):
            return "about is not JSON"
    return ""


def name_of(clip: Clip) -> str:
    """Name of a clip that is a whole recording: its file name without ending, as published labels have it; else its id.

    >>> from earmark.recordings import Recording
    >>> whole = Recording(path="audio/park-1.wav", duration_s=10.0, rate_hz=48000, channels=2, split="test")
    >>> name_of(Clip(recording=whole, start_s=0.0, duration_s=10.0))
    'park-1'
    >>> name_of(Clip(recording=whole, start_s=5.0, duration_s=5.0))
    'audio/park-1.wav@5000'
    """
    whole = clip.start_s == 0 and to_us(clip.duration_s) >= to_us(clip.recording.duration_s)
    return PurePosixPath(clip.recording.path).stem if whole else clip.id


def names_of(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Names of clips in a table: those of `name_of`, or all ids where two recordings have one file name."""
    names = tuple(map(name_of, clips))
    return names if len(set(names)) == len(names) else tuple(clip.id for clip in clips)


def rows_of(table: ClipTable, clips: Sequence[Clip], where: str) -> list[int]:
    """Row of each clip, by its id or by `name_of`.

    Raises:
        ClipTableError: clips are missing, two of them share a row, or the table is of clips of another length.
    """
    row_of = {name: row for row, name in enumerate(table.clips)}
    rows, missing = [], []
    for clip in clips:
        row = row_of.get(clip.id, row_of.get(name_of(clip)))
        rows.append(-1 if row is None else row)
        if row is None:
            missing.append(name_of(clip))
    if missing:
        raise ClipTableError(
            f"{where}: no row for {len(missing)} of {len(clips)} clips: {_shortened(missing)}. It holds "
            f"{len(table.clips)}, such as {_shortened(table.clips)}. Label the corpus that the experiment is run on."
        )
    if len(set(rows)) < len(rows):
        taken: dict[int, Clip] = {}
        for row, clip in zip(rows, clips, strict=True):
            if taken.setdefault(row, clip) is not clip:
                raise ClipTableError(
                    f"{where}: {taken[row].id} and {clip.id} both mean the row {table.clips[row]!r}. Label the corpus "
                    "with `earmark label pann --corpus`, which then names rows by path."
                )
    length_s = table.about.get("clip_s")
    if clips and isinstance(length_s, (int, float)) and to_us(length_s) != to_us(clips[0].duration_s):
        raise ClipTableError(
            f"{where}: its clips are of {length_s:g} s, those of the experiment of {clips[0].duration_s:g} s. Give "
            "both the same clip_s."
        )
    return rows


def labels_per_clip(posterior: npt.NDArray[Any], threshold: float) -> float:
    """Mean number of events (clip, event) at or above a threshold."""
    return float((posterior >= threshold).sum() / max(len(posterior), 1))


def calibrated_threshold(posterior: npt.NDArray[Any], per_clip: float) -> float:
    """The threshold at which clips have so many labels on average, or as near as ties allow.

    Source: [relation_guided] publishes decisions with 3.067 labels a clip, and not the threshold behind them.

    Args:
        posterior: (clip, event), at least one above 0.
        per_clip: mean number of labels wanted, above 0.

    Returns:
        A posterior that occurs; an event is present from it on.

    >>> calibrated_threshold(np.array([[0.9, 0.3], [0.6, 0.1]]), 1.5)
    0.3
    """
    values, counts = np.unique(posterior[posterior > 0], return_counts=True)
    if not len(values) or not 0 < per_clip <= posterior.shape[1]:
        raise ClipTableError(
            f"no threshold gives {per_clip:g} labels a clip; choose a mean above 0 and up to the {posterior.shape[1]} "
            "events, and posteriors above 0."
        )
    reached = np.cumsum(counts[::-1])[::-1]  # labels at a threshold of each value
    return float(values[np.abs(reached - per_clip * len(posterior)).argmin()])


def _shortened(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
