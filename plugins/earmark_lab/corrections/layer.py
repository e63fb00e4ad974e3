"""A label layer: labels that people corrected, as a file of their edits, who made them and when."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from earmark.errors import suggestion
from earmark.recordings import Clip, Dataset, Event, Recording, check_event, to_us
from earmark_lab.corrections.changes import Change, Checked, Do, Edit, Entry, exact, read_line, written
from earmark_lab.corrections.errors import LayerError
from earmark_lab.corrections.head import ANNOTATIONS, GIVEN, Base, new_head, read_given, read_head
from earmark_lab.corrections.labels import Labels
from earmark_lab.corrections.line_file import LineFile
from earmark_lab.corrections.naming import author_here


class CorrectionLayer:
    """Labels with the edits of people, in a file that only grows by whole lines.

    Several may write at once: a writer holds a lock beside the file, reads what the others have added, and adds a line
    only where it still fits. Lines are on the disk before a call returns.
    """

    def __init__(self, path: Path, dataset: Dataset, author: str | None = None) -> None:
        """Read a layer that is there; see `open` and `read`."""
        self.path = path
        self._dataset = dataset
        self._author = author
        self._recordings = {recording.path: recording for recording in dataset.recordings}
        self._vocabulary = set(dataset.events)
        self._file = LineFile(path)
        self._begin()
        self._refresh()
        if not self._n_lines:
            raise LayerError(f"{path}: not a label layer: it holds no whole line. Name another file.")

    @classmethod
    def open(
        cls, path: Path, dataset: Dataset, *, author: str | None = None, base: Base = ANNOTATIONS
    ) -> CorrectionLayer:
        """Open a layer, or begin a new one.

        Args:
            path: its file; `layer_file` gives one under the stores.
            dataset: the corpus.
            author: whose edits these are; see `author_here` for the default.
            base: labels from which a new layer starts; without meaning for one that is there.

        Raises:
            LayerError: the file is no layer of this corpus, contradicts itself, or cannot be written.
            AnnotationError: an event contradicts its recording or the vocabulary.
        """
        if not path.is_file():
            file = LineFile(path)
            lines = new_head(dataset, base, str(path))
            with file.locked():
                file.create(lines)
        return cls(path, dataset, author)

    @classmethod
    def read(cls, path: Path, dataset: Dataset) -> CorrectionLayer:
        """Open a layer that is there already, such as to train on it.

        Raises:
            LayerError, AnnotationError: as `open`; or there is none.
        """
        if not path.is_file():
            raise LayerError(
                f"{path}: no such label layer. Correct labels in the player first (`earmark lab`), or begin a layer "
                "with CorrectionLayer.open."
            )
        return cls(path, dataset)

    @property
    def author(self) -> str:
        """Whose edits are made here."""
        return self._author or author_here()

    def by(self, author: str) -> CorrectionLayer:
        """The same layer, for the edits of somebody."""
        return CorrectionLayer(self.path, self._dataset, author)

    @property
    def base(self) -> str:
        """Where its labels started: "annotations", "nothing" or "given"."""
        return self._base

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing that was left out in reading."""
        self._refresh()
        where = f"{self.path}, line {self._n_lines + 1}"
        torn = f"{where}: torn, as when a computer is switched off in the middle of writing; it is left out."
        return (torn,) if self._file.torn else ()

    def events(self, recording: str) -> tuple[Event, ...]:
        """Events of a recording as they stand, in order, in seconds from its start."""
        self._refresh()
        self._known(recording, str(self.path))
        return self._labels.events(recording)

    def checked(self, recording: str) -> tuple[tuple[float, float], ...]:
        """Parts of a recording that somebody has looked at, in seconds, in order, none touching another."""
        self._refresh()
        return self._labels.checked(recording)

    def is_checked(self, clip: Clip) -> bool:
        """Whether somebody has looked at the whole clip."""
        self._refresh()
        seen = Checked.clip(clip)
        return self._labels.covers(seen.recording, seen.start_s, seen.end_s)

    def touched(self) -> tuple[str, ...]:
        """Recordings of which an edit or a check speaks."""
        self._refresh()
        return tuple(self._labels.touched())

    def history(self) -> tuple[Entry, ...]:
        """Every edit, check, undo and redo, in order."""
        self._refresh()
        return tuple(self._entries.values())

    @property
    def undoable(self) -> tuple[int, ...]:
        """Lines of this author that `undo` would take back, the last one first to go."""
        self._refresh()
        return tuple(self._undoable.get(self.author, ()))

    @property
    def redoable(self) -> tuple[int, ...]:
        """Lines of this author that `redo` would do again, the last one first."""
        self._refresh()
        return tuple(self._redoable.get(self.author, ()))

    def stands(self, entry: Entry) -> bool:
        """Whether an edit or a check counts: it was not undone, or was done again."""
        return entry.line in self._undoable.get(entry.author, ())

    def apply(self, *changes: Change) -> tuple[Entry, ...]:
        """Make changes, all or none; a line each.

        Raises:
            LayerError: an event is not there any more, or the file cannot be written.
            AnnotationError: an event contradicts its recording or the vocabulary.
        """
        for change in changes:
            self._known(change.recording, str(self.path))
        said: list[_Said] = [("check" if isinstance(c, Checked) else c.do, c, None) for c in map(_exact, changes)]
        return self._add(lambda: said)

    def undo(self) -> Entry | None:
        """Take back this author's last change that stands; None where there is none.

        Raises:
            LayerError: somebody has changed the same event since.
        """
        return self._take_back("undo")

    def redo(self) -> Entry | None:
        """Do again what this author undid last; None where there is nothing, or another change was made since.

        Raises:
            LayerError: somebody has changed the same event since.
        """
        return self._take_back("redo")

    def _take_back(self, do: Do) -> Entry | None:
        stack = self._undoable if do == "undo" else self._redoable

        def said() -> list[_Said]:
            lines = stack.get(self.author, [])
            return [(do, None, lines[-1])] if lines else []

        return next(iter(self._add(said)), None)

    def _begin(self) -> None:
        self._file.rewind()
        self._n_lines = 0
        self._base = ""
        self._given: dict[str, list[Event]] = {}
        self._labels = Labels(self._start)
        self._entries: dict[int, Entry] = {}
        self._undoable: dict[str, list[int]] = {}
        self._redoable: dict[str, list[int]] = {}

    def _start(self, recording: str) -> tuple[Event, ...]:
        """Events of a recording before any edit."""
        if self._base == ANNOTATIONS:
            return self._recordings[recording].events or ()
        return tuple(self._given.get(recording, ()))

    def _refresh(self) -> None:
        """Follow what was added since."""
        for line in self._file.read():
            self._take(line)

    def _take(self, line: bytes) -> None:
        self._n_lines += 1
        where = f"{self.path}, line {self._n_lines}"
        if self._n_lines == 1:
            self._base = read_head(line, self._dataset, where)
        elif not line.strip():
            return
        elif self._base == GIVEN and not self._entries and (given := read_given(line)):
            recording, events = given
            for event in events:
                self._fits(Edit(recording, None, event), where)
            self._given[recording] = events
        else:
            entry = read_line(line, self._n_lines, where)
            self._follow(entry, where)
            self._entries[entry.line] = entry

    def _follow(self, entry: Entry, where: str) -> None:
        undoable = self._undoable.setdefault(entry.author, [])
        redoable = self._redoable.setdefault(entry.author, [])
        change = entry.change
        if change is not None:
            self._change(self._labels.do, change, where)
            undoable.append(entry.line)
            redoable.clear()
            return
        taken, put, make = (undoable, redoable, self._labels.undo)
        if entry.do == "redo":
            taken, put, make = (redoable, undoable, self._labels.do)
        if not taken or taken[-1] != entry.of_line:
            raise LayerError(
                f"{where}: line {entry.of_line} is not what {entry.author} could {entry.do} here. Correct the line, or "
                "restore the file."
            )
        of = self._entries[taken[-1]].change
        assert of is not None  # only changes are on the stacks
        self._change(make, of, where)
        put.append(taken.pop())

    def _change(self, make: Callable[[Change], None], change: Change, where: str) -> None:
        if self._fits(change, where):
            try:
                make(change)
            except LayerError as error:
                raise LayerError(f"{where}: {error}") from None

    def _fits(self, change: Change, where: str) -> bool:
        """Whether a change is of a recording here; False for one that this dataset leaves out, as in cross-validation.

        Raises:
            LayerError, AnnotationError: what it says cannot be.
        """
        if change.recording not in self._recordings and self._left_out(change.recording):
            return False
        recording = self._known(change.recording, where)
        if isinstance(change, Checked):
            if not 0 <= change.start_s < change.end_s or to_us(change.end_s) > to_us(recording.duration_s):
                raise LayerError(
                    f"{where}: {recording.path} lasts {recording.duration_s:g} s and cannot have been checked from "
                    f"{change.start_s:g} s to {change.end_s:g} s. Correct or remove the line."
                )
            return True
        for event in (change.event, change.to):
            if event is not None:
                check_event(event, recording, self._vocabulary, f"{where}: {recording.path}")
        return True

    def _known(self, name: str, where: str) -> Recording:
        if name not in self._recordings:
            raise LayerError(
                f"{where}: {self._dataset.title} has no recording {name!r}. {suggestion(name, self._recordings)}"
                "Is it a layer of another copy of the corpus?"
            )
        return self._recordings[name]

    def _left_out(self, name: str) -> bool:
        path = PurePosixPath(name)
        inside = not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:\0]", name)
        return inside and (self._dataset.root / name).is_file()

    def _add(self, said: Callable[[], list[_Said]]) -> tuple[Entry, ...]:
        """Write lines of which is known, once nobody else writes, that they fit."""
        author = self.author
        with self._file.locked():
            self._refresh()
            before = self._n_lines
            lines = [written(do, author, change, of_line) for do, change, of_line in said()]
            try:
                for line in lines:
                    self._take(line)
                if lines:
                    self._file.append(lines)
            except BaseException:
                self._begin()
                self._refresh()
                raise
        return tuple(entry for entry in self._entries.values() if entry.line > before)


_Said = tuple[Do, Change | None, int | None]
"""What a line says, a change of it, and the line of which it speaks."""


def _exact(change: Change) -> Change:
    if isinstance(change, Checked):
        return change
    return Edit(change.recording, change.event and exact(change.event), change.to and exact(change.to))
