"""The relation matrix: how often each event occurs in the clips of each scene.

It is made of labels alone, of whatever clip-wise event labels there are: annotated, weak, or a tagger's.

Source: [relation_guided], Eqs. (1) and (2).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from earmark.errors import EarmarkError, suggestion
from earmark.targets import Targets


class RelationError(EarmarkError, ValueError):
    """No relation matrix can be made of these labels, or one does not fit them."""


class Difference(NamedTuple):
    """How far two matrices are from each other."""

    largest: float
    rms: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Relation:
    """The matrix with its two vocabularies."""

    scenes: tuple[str, ...]
    events: tuple[str, ...]
    matrix: Tensor
    """(scene, event) float64, in [0, 1]: the mean label of the event over the clips of the scene."""

    def over(self, scenes: Sequence[str], events: Sequence[str]) -> Relation:
        """The same matrix with its rows and columns in another order.

        Raises:
            RelationError: the vocabularies are not the same ones.
        """
        rows = _places(self.scenes, scenes, "scene")
        columns = _places(self.events, events, "event")
        return Relation(scenes=tuple(scenes), events=tuple(events), matrix=self.matrix[rows][:, columns])

    def difference(self, other: Relation) -> Difference:
        """Largest and root mean square difference of the entries of two matrices of the same vocabularies.

        Raises:
            RelationError: the vocabularies are not the same ones.
        """
        apart = self.matrix - other.over(self.scenes, self.events).matrix
        return Difference(largest=float(apart.abs().max()), rms=float(apart.square().mean().sqrt()))


def relation_of(targets: Targets) -> Relation:
    """The relation matrix of labelled clips: for each scene the mean event label over its clips.

    A clip counts where its scene and the event are known; one with a soft scene counts in several rows, with the
    scene's probability. Sums are of double precision, as the published matrix.

    Args:
        targets: of the training clips and no other: through the matrix, a test clip's labels would enter the training.

    Raises:
        RelationError: no clip has a scene or event labels, or a scene has no such clip.

    >>> one_hot, known = torch.eye(2)[[0, 0, 1]], torch.ones(3, 1, dtype=torch.bool)
    >>> labels = {"clip_event": torch.tensor([[1.0], [0.0], [1.0]]), "clip_event_known": known}
    >>> names = {"clips": ("a", "b", "c"), "events": ("car",), "scenes": ("park", "street")}
    >>> relation_of(Targets(**names, **labels, scene=one_hot, scene_known=known[:, 0])).matrix.tolist()
    [[0.5], [1.0]]
    """
    if targets.scene is None or targets.scene_known is None or not targets.scenes or not targets.scene_known.any():
        raise RelationError(
            "A relation matrix has a row for each scene, but no training clip has one. Add the label source 'scene', "
            "or take a corpus whose recordings have scenes; the losses scene-by-event and event-by-scene need them."
        )
    if targets.clip_event is None or targets.clip_event_known is None or not targets.clip_event_known.any():
        raise RelationError(
            "A relation matrix is a mean of clip-wise event labels, but no training clip has any. Add a label source "
            "that gives them, such as 'pann' or 'weak'."
        )
    known = targets.clip_event_known
    of_scene = torch.where(targets.scene_known[:, None], targets.scene, 0).double().T  # (scene, clip)
    labels = torch.where(known, targets.clip_event, 0).double()  # unknown ones may be NaN
    counts = of_scene @ known.double()
    empty = (counts == 0).nonzero().tolist()
    if empty:
        row, column = empty[0]
        raise RelationError(
            f"No training clip of the scene {targets.scenes[row]!r} has a label of the event "
            f"{targets.events[column]!r}, so that {len(empty)} of {counts.numel()} entries of the relation matrix are "
            "not known. Label clips of every scene, or give a matrix as a file: matrix = FILE.csv."
        )
    return Relation(scenes=targets.scenes, events=targets.events, matrix=(of_scene @ labels) / counts)


def write_relation(relation: Relation, path: Path) -> None:
    """Write a matrix as the published one: a header ``scene`` and the events, then a row per scene, exact doubles."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["scene", *relation.events])
        for scene, row in zip(relation.scenes, relation.matrix.tolist(), strict=True):
            rows.writerow([scene, *map(repr, row)])


def read_relation(path: Path) -> Relation:
    """Read a matrix that `write_relation` wrote, or the published one.

    Raises:
        RelationError: there is no such file, or it holds no relation matrix; the message names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RelationError(f"{path}: not a readable relation matrix: {error}.") from None
    scenes, events = tuple(row[0] for row in rows if row), tuple(header[1:])
    if header[:1] != ["scene"] or not events or not rows:
        raise RelationError(
            f"{path}: a relation matrix has a header, 'scene' and the names of the events, and a row for each scene."
        )
    for names, kind in ((scenes, "scene"), (events, "event")):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise RelationError(f"{path}: the {kind} {twice[0]!r} stands there twice. Keep one of them.")
    values: list[list[float]] = []
    for line, row in enumerate(rows, start=2):
        try:
            entries = [float(entry) for entry in row[1:]]
        except ValueError as error:
            raise RelationError(f"{path}, line {line}: {error}.") from None
        if len(entries) != len(events) or not all(0 <= entry <= 1 for entry in entries):
            raise RelationError(
                f"{path}, line {line}: {len(entries)} entries for {len(events)} events; each must be in [0, 1], as it "
                "is a share of clips."
            )
        values.append(entries)
    return Relation(scenes=scenes, events=events, matrix=torch.tensor(values, dtype=torch.float64))


def read_released_order(path: Path) -> tuple[int, ...]:
    """Which AudioSet class each column of the matrix that the authors released stands for.

    Their columns are shuffled, their label vectors are not: multiplied as they are, names and numbers do not belong
    together. A released matrix (scene, event) in AudioSet's order is ``matrix[:, argsort(order)]``.

    Args:
        path: table with the columns ``released_column`` and ``audioset_index``.

    Raises:
        RelationError: it is no permutation.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            pairs = [(int(row["released_column"]), int(row["audioset_index"])) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as error:
        raise RelationError(f"{path}: not a readable table of columns: {error}.") from None
    wanted = list(range(len(pairs)))
    if not pairs or any(sorted(side) != wanted for side in zip(*pairs, strict=True)):
        raise RelationError(f"{path}: released_column and audioset_index must each hold 0, 1, 2, ... once.")
    return tuple(index for _, index in sorted(pairs))


def _places(own: Sequence[str], wanted: Sequence[str], kind: str) -> list[int]:
    """Where in a vocabulary each wanted name stands."""
    place = {name: index for index, name in enumerate(own)}
    missing = [name for name in wanted if name not in place]
    extra = sorted(set(own) - set(wanted))
    if missing or extra:
        near = suggestion(missing[0], extra) if missing and extra else ""
        parts = [
            f"it lacks the {kind} {missing[0]!r} ({len(missing)} in all). {near}" if missing else "",
            f"It holds the {kind} {extra[0]!r}, which the labels lack ({len(extra)} in all). " if extra else "",
        ]
        raise RelationError(
            f"The relation matrix does not fit the labels: {''.join(parts)}Both need one vocabulary of {kind}s; "
            "without the option matrix, one is made of the training labels."
        )
    return [place[name] for name in wanted]
