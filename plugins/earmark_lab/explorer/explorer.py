"""The explorer: choose a run and what went wrong, hear the clips, the worst first, and see what is true of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from earmark.errors import EarmarkError
from earmark.recordings import Event
from earmark_lab.explorer.pages import Chosen, Pages
from earmark_lab.explorer.showing import message, or_said, table, text
from earmark_lab.player.watching import is_watched

if TYPE_CHECKING:
    import pandas as pd

    from earmark_lab.explorer.explored import Explored

Open = Callable[[], "Explored"]
Layers = Mapping[str, Sequence[Event]]
Play = Callable[["Explored", str, tuple[str, ...], Layers], Any]
"""Makes the player of a clip, with the posteriors of some runs and label layers."""

ANY = "all"
NONE = "none"
N_STILL = 10
"""Clips in the table where nothing can be chosen."""


class Explorer:
    """Dropdowns, a list of clips, the player of the chosen one, and pages of figures.

    What cannot be shown is said where it would stand, and everything else goes on.
    """

    def __init__(self, studies: Mapping[str, Open], play: Play) -> None:
        """Show the first of some studies.

        Args:
            studies: for each name what opens the study; it is called when the study is chosen, and once.
            play: makes the player of a clip.
        """
        import ipywidgets

        self._studies, self._play = dict(studies), play
        self._opened: dict[str, Explored] = {}
        self._explored: Explored | None = None
        self._filling = False
        self.worst: pd.DataFrame | None = None
        """Clips of the choice, the worst first."""

        def dropdown(description: str, options: Sequence[str] = ()) -> Any:
            return ipywidgets.Dropdown(options=list(options), description=description, layout={"width": "19em"})

        self.study = dropdown("study", list(studies))
        self.run, self.beside = dropdown("run"), dropdown("beside")
        self.scene, self.event = dropdown("scene"), dropdown("event")
        self.kind, self.order = dropdown("kind"), dropdown("order")
        self.study.layout.width = self.run.layout.width = self.beside.layout.width = "28em"
        self.clips = ipywidgets.Select(rows=7, layout={"width": "auto", "height": "auto"})
        self.player = ipywidgets.VBox()
        self.occurrences = ipywidgets.VBox(layout={"max_height": "18em", "overflow": "auto"})
        self.notes = ipywidgets.VBox()
        self.pages = Pages(self._listen)
        wrapped = {"flex_flow": "row wrap"}
        self.view = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.study, self.run, self.beside], layout=wrapped),
                ipywidgets.HBox([self.scene, self.event, self.kind, self.order], layout=wrapped),
                self.notes,
                self.clips,
                self.player,
                self.occurrences,
                self.pages.view,
            ]
        )
        self.study.observe(lambda _: self._open(), "value")
        for chosen in (self.run, self.scene, self.event, self.kind, self.order):
            chosen.observe(lambda _: self._list(), "value")
        self.beside.observe(lambda _: self._beside(), "value")
        self.clips.observe(lambda _: self._show(), "value")
        self._open()

    def _ipython_display_(self) -> None:
        """Show the widgets; where a program executes the notebook, the list and the worst clip as a picture."""
        from IPython.display import display

        if is_watched():
            display(self.view)  # type: ignore[no-untyped-call]
        else:
            still = (
                [self.worst.head(N_STILL)] if self.worst is not None else [text(note) for note in self.notes.children]
            )
            display(*still, *(text(said) for said in self.player.children))  # type: ignore[no-untyped-call]

    def _open(self) -> None:
        """Open the chosen study and offer what it holds."""
        name = self.study.value
        if name is None:
            self.notes.children = (message(["There is no study to explore yet."]),)
            return
        self._explored = self.worst = None
        try:
            if name not in self._opened:
                self.notes.children = (message([f"Opening {name} …"]),)
                self._opened[name] = self._studies[name]()
        except EarmarkError as error:
            self._clear([str(error)])
            return
        explored = self._opened[name]
        if not explored.runs:
            self._clear(["No run of this study can be explored yet.", *explored.notes])
            return
        self._explored = explored
        self.notes.children = (message(explored.notes),) if explored.notes else ()
        self._filling = True  # else the list of clips would be made anew for each dropdown
        try:
            _offer(self.run, list(explored.runs))
            _offer(self.beside, [NONE, *explored.runs])
            _offer(self.scene, [ANY, *explored.scenes])
            _offer(self.event, [ANY, *explored.events])
            _offer(self.kind, [ANY, *explored.kinds])
            _offer(self.order, list(explored.orders))
        finally:
            self._filling = False
        self._list()

    def _clear(self, said: Sequence[str]) -> None:
        """Say why there is nothing to choose from."""
        self._filling = True
        try:
            for dropdown in (self.run, self.beside, self.scene, self.event, self.kind, self.order):
                dropdown.options = []
            self.clips.options = []
        finally:
            self._filling = False
        self.player.children = self.occurrences.children = ()
        self.notes.children = (message(said),)

    def _list(self) -> None:
        """List the clips of the choice, and show the first."""
        if self._filling or self._explored is None:
            return
        try:
            clips = self._explored.clips(
                self.run.value,
                scene=_one(self.scene.value),
                event=_one(self.event.value),
                kind=_one(self.kind.value),
                by=self.order.value,
            )
        except EarmarkError as error:
            self.notes.children = (message([str(error)]),)
            return
        self.worst = clips
        columns = (clips[name].tolist() for name in ("clip", "scene", "fscore", "n_errors"))
        rows = [(_line(*row), row[0]) for row in zip(*columns, strict=True)]
        self._filling = True
        try:
            self.clips.options = rows
            self.clips.value = rows[0][1] if rows else None
        finally:
            self._filling = False
        self._show()
        self._page()

    def _beside(self) -> None:
        if not self._filling:
            self._show()
            self._page()

    def _show(self) -> None:
        """Show the chosen clip."""
        if self._filling or self._explored is None:
            return
        explored, clip = self._explored, self.clips.value
        if clip is None:
            self.player.children = (message(["No clip is of this choice. Choose “all” in one of the lists above."]),)
            self.occurrences.children = ()
            return
        runs = tuple(dict.fromkeys(run for run in (self.run.value, _one(self.beside.value)) if run))
        self._release()
        self.player.children = or_said(lambda: [self._play(explored, clip, runs, {})])
        self.occurrences.children = or_said(lambda: [table(explored.occurrences(self.run.value, clip))])

    def _listen(self, clip: str) -> None:
        """Open a training clip with its label layers in the player."""
        explored = self._explored
        if explored is not None:
            self._release()
            self.player.children = or_said(lambda: [self._play(explored, clip, (), _beside_strong(explored, clip))])
            self.occurrences.children = ()

    def _release(self) -> None:
        """Close the players that are shown: each holds a clip's sound and pictures, here and in the browser."""
        shown, self.player.children = self.player.children, ()
        for player in shown:
            player.close()

    def _page(self) -> None:
        if self._explored is not None and self.run.value is not None:
            self.pages.choose(
                Chosen(
                    explored=self._explored,
                    run=self.run.value,
                    beside=_one(self.beside.value),
                    scene=_one(self.scene.value),
                    event=_one(self.event.value),
                )
            )


def _beside_strong(explored: Explored, clip: str) -> Layers:
    """Label layers without the annotated times, which the player shows anyway."""
    return {name: spans for name, spans in explored.layers(clip)[0].items() if name != "strong"}


def _offer(dropdown: Any, options: Sequence[str]) -> None:
    """Give a dropdown other options, and choose the first."""
    dropdown.options = options
    dropdown.value = options[0]


def _one(value: str | None) -> str | None:
    return None if value in (None, ANY, NONE) else value


def _line(clip: str, scene: str, fscore: float, n_errors: int) -> str:
    """A clip in a line of the list.

    >>> _line("audio/home/a030.wav@10000", "home", 0.5, 3)
    'F 0.50 · 3 errors · a030.wav at 10 s · home'
    """
    path, _, start_ms = clip.rpartition("@")
    said = "no F" if math.isnan(fscore) else f"F {fscore:.2f}"
    errors = "1 error" if n_errors == 1 else f"{n_errors} errors"
    return f"{said} · {errors} · {path.rpartition('/')[2]} at {int(start_ms) / 1000:g} s · {scene}"
