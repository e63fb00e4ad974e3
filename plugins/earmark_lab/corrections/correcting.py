"""A player connected with a label layer: what is edited in the one is kept in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earmark.recordings import Clip, Event
from earmark_lab.corrections.changes import Checked, Entry
from earmark_lab.corrections.cutting import Shown, edits_between, paired, shown_in
from earmark_lab.corrections.errors import LayerError
from earmark_lab.corrections.layer import CorrectionLayer

if TYPE_CHECKING:
    from earmark_lab.player import Player


def corrected(
    player: Player, layer: CorrectionLayer, clip: Clip, author: str | None = None, *, lane: str | None = None
) -> Correcting:
    """Keep what is edited in a player of a clip, edit by edit.

    The lane shows what the layer says of the clip, from now on. Whoever edits a clip has looked at it: with the first
    edit it is marked as checked. Times of the player are seconds from the clip's start, those of the layer from the
    recording's.

    Args:
        player: shows the clip, with an editable lane.
        layer: of the clip's corpus.
        clip: that the player shows.
        author: whose edits these are; the layer's author where None.
        lane: title of the editable lane, where there are several.

    Raises:
        LayerError: the player has no such lane.
    """
    editable = list(player.spans)
    if lane is None and len(editable) == 1:
        lane = editable[0]
    if lane not in editable:
        asked = "which lane is edited" if lane is None else f"no editable lane {lane!r}"
        raise LayerError(
            f"{clip.id}: {asked}? Editable lanes of this player: {', '.join(editable) or 'none'}. Make one with "
            "play_clip(..., editable=True) and name it as lane=."
        )
    return Correcting(player, layer if author is None else layer.by(author), clip, lane)


@dataclass(frozen=True, slots=True)
class _Step:
    """One gesture in the player."""

    before: list[Event]
    after: list[Event]
    lines: list[int]
    """Of its edits in the layer."""


class Correcting:
    """A player and a layer that follow each other, until `stop`."""

    def __init__(self, player: Player, layer: CorrectionLayer, clip: Clip, lane: str) -> None:
        self.player = player
        self.layer = layer
        self.clip = clip
        self.lane = lane
        self._shown: list[Shown] = []
        self._past: list[_Step] = []
        self._future: list[_Step] = []
        self._listens = False
        self.refresh()
        player.observe(self._edited, "spans")

    @property
    def is_checked(self) -> bool:
        """Whether somebody has looked at the clip."""
        return self.layer.is_checked(self.clip)

    def check(self) -> Entry | None:
        """Mark the clip as looked at, with nothing to correct; None where it is marked already."""
        return None if self.is_checked else self.layer.apply(Checked.clip(self.clip))[0]

    def undo(self) -> Entry | None:
        """Take back the author's last change of the layer, in this clip or another one; see `CorrectionLayer.undo`."""
        entry = self.layer.undo()
        self.refresh()
        return entry

    def redo(self) -> Entry | None:
        """Do again what was undone last; see `CorrectionLayer.redo`."""
        entry = self.layer.redo()
        self.refresh()
        return entry

    def refresh(self) -> None:
        """Show what the layer says of the clip now."""
        self._shown = shown_in(self.clip, self.layer.events(self.clip.recording.path))
        self._past, self._future = [], []
        self._listens = False
        try:
            self.player.spans = {
                **self.player.spans,
                self.lane: [[one.span.onset_s, one.span.offset_s, one.span.label] for one in self._shown],
            }
        finally:
            self._listens = True

    def stop(self) -> None:
        """Keep nothing more of what is edited."""
        self.player.unobserve(self._edited, "spans")

    def _edited(self, change: Any) -> None:
        """Keep an edit; where the layer refuses it, the player shows again what the layer says."""
        if not self._listens:
            return
        try:
            self._keep(sorted(Event(float(on), float(off), str(label)) for on, off, label in change["new"][self.lane]))
        except Exception:
            self.refresh()
            raise

    def _keep(self, now: list[Event]) -> None:
        before = [one.span for one in self._shown]
        if now == before:
            return
        # The player has an undo of its own; in the layer, too, it is one.
        if self._past and now == self._past[-1].before and self._are_last(self._past[-1].lines, self.layer.undoable):
            step = self._past.pop()
            self._future.append(step)
            for _ in step.lines:
                self.layer.undo()
        elif (
            self._future
            and now == self._future[-1].after
            and self._are_last(self._future[-1].lines[::-1], self.layer.redoable)
        ):
            step = self._future.pop()
            self._past.append(step)
            for _ in step.lines:
                self.layer.redo()
        else:
            edits, self._shown = edits_between(self.clip, self._shown, now)
            if edits:
                self.check()
                entries = self.layer.apply(*edits)
                self._past.append(_Step(before, now, [entry.line for entry in entries]))
                self._future = []
            return
        there = shown_in(self.clip, self.layer.events(self.clip.recording.path))
        self._shown = [Shown(span or one.span, one.event) for one, span in paired(there, now)[0]]

    @staticmethod
    def _are_last(lines: Sequence[int], of: Sequence[int]) -> bool:
        return list(of[-len(lines) :]) == list(lines)
