"""What `earmark predict` leaves on disk: events in the format of another program, scenes, posteriors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from earmark.annotations import Annotated
from earmark.bundles.detector import Prediction
from earmark.errors import AudioError, EarmarkError
from earmark.protocols import AnnotationFormat

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".opus", ".w64", ".rf64", ".au", ".caf"})
"""Endings by which recordings are found in a folder; a file that is named is read whatever its ending."""


class DetectionsError(EarmarkError):
    """Detections cannot be written."""


def find_recordings(paths: Sequence[Path]) -> dict[str, Path]:
    """Recordings by name, in order: files as they are, folders searched for all that end like audio.

    A recording is named by its path below the folder that was given, or by its file name; where two would share a
    name, by its whole path.

    Raises:
        AudioError: nothing is there, with where was looked.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            found += [(p.relative_to(path).as_posix(), p) for p in inside if not _hidden(p.relative_to(path))]
        else:
            found.append((path.name, path))
    if not found:
        raise AudioError(
            f"{', '.join(map(str, paths))}: no recording found. Name files, or folders with files that end in "
            f"{', '.join(sorted(SUFFIXES))}."
        )
    names = [name for name, _ in found]
    return {(name if names.count(name) == 1 else _whole_path(path)): path for name, path in found}


def _whole_path(path: Path) -> str:
    """Path from the root of its disk on, without ``..``, so that it can stand below another folder."""
    whole = Path(os.path.abspath(path))
    return whole.relative_to(whole.anchor).as_posix()


class Detections:
    """Collects predictions and writes them: files of single recordings at once, tables at the end."""

    def __init__(self, folder: Path, format: AnnotationFormat, scores: Path | None) -> None:
        self._folder = folder
        self._format = format
        self._scores = scores
        self._annotated: list[Annotated] = []
        self._scenes: list[str] = []
        self._written: list[Path] = []
        if scores is not None and scores.exists() and not (scores / "zarr.json").is_file():
            raise DetectionsError(f"{scores} exists and is not a zarr store. Name another place with --scores.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if scores is not None:
                shutil.rmtree(self._aside(scores), ignore_errors=True)
        except OSError as error:
            raise DetectionsError(f"{folder} cannot be written ({error}). Name another folder with --to.") from None

    def add(self, name: str, prediction: Prediction) -> None:
        """Take one recording's prediction; its events are on disk afterwards where the format has a file for each.

        Raises:
            DetectionsError: the disk is full or not writable.
        """
        scene = prediction.scene
        annotated = Annotated(
            recording=name,
            events=prediction.events,
            scene=scene[0] if scene else None,
            duration_s=prediction.duration_s,
        )
        try:
            if self._format.names_recordings:
                self._annotated.append(annotated)
            else:
                self._write(Path(name).with_suffix(self._format.suffix), [annotated])
            if scene:
                self._scenes.append(_scene_line(name, prediction))
            if self._scores is not None:
                # zarr takes a backslash, which a file's name may hold, for a slash.
                group = name.replace("\\", "_")
                posterior = prediction.posterior.assign_attrs(duration_s=prediction.duration_s)
                # zarr v3 has no specification of NumPy's strings of fixed length.
                names = {dim: posterior[dim].astype(object) for dim in ("event", "scene") if dim in posterior.coords}
                posterior.assign_coords(names).to_zarr(
                    self._aside(self._scores), group=group, mode="a", consolidated=False, zarr_format=3
                )
        except OSError as error:
            raise DetectionsError(f"{self._folder} cannot be written ({error}). Free some space.") from None

    def finish(self) -> list[Path]:
        """Write what holds several recordings, and return all files."""
        if self._annotated:
            self._write(Path(f"events{self._format.suffix}"), self._annotated)
        if self._scenes:
            path = self._folder / "scenes.tsv"
            aside = path.with_name(f"{path.name}.part")
            aside.write_text("\n".join(["filename\tscene_label\tposterior", *self._scenes]) + "\n", encoding="utf-8")
            aside.replace(path)
            self._written.append(path)
        if self._scores is not None and self._aside(self._scores).is_dir():
            shutil.rmtree(self._scores, ignore_errors=True)
            self._aside(self._scores).rename(self._scores)
            self._written.append(self._scores)
        return self._written

    def _write(self, name: Path, annotated: Sequence[Annotated]) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".earmark-{os.getpid()}{path.suffix}")  # no longer than any name may be
        self._format.write(aside, annotated)
        aside.replace(path)
        self._written.append(path)

    @staticmethod
    def _aside(scores: Path) -> Path:
        return scores.with_name(f".{scores.name}.earmark-new")  # a name that nobody else gives


def _scene_line(name: str, prediction: Prediction) -> str:
    assert prediction.scene is not None
    label, posterior = prediction.scene
    return f"{name}\t{label}\t{posterior:.4f}"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
