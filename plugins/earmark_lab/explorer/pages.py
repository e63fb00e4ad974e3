"""The pages below the player: what is true of a whole run, and of the labels that it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from earmark_lab.explorer.showing import message, or_said, picture, table

if TYPE_CHECKING:
    from earmark_lab.explorer.explored import Explored

TITLES = ("Confusion in time", "Duration and overlap", "Two runs", "Label layers")


@dataclass(frozen=True)
class Chosen:
    """What a person has chosen."""

    explored: Explored
    run: str
    beside: str | None
    """A second run."""
    scene: str | None
    event: str | None


class Pages:
    """One page a tab; a page is made when it is looked at, and made anew when the choice has changed."""

    def __init__(self, listen: Callable[[str], None]) -> None:
        """Args: what is called with a training clip that is to be heard."""
        import ipywidgets

        self._listen = listen
        self._chosen: Chosen | None = None
        self._shown: dict[int, Chosen] = {}
        boxes = [ipywidgets.VBox() for _ in TITLES]
        self.view = ipywidgets.Tab(children=boxes, titles=TITLES)
        self.view.observe(lambda _: self._show(), "selected_index")

    def choose(self, chosen: Chosen) -> None:
        """Show what belongs to a choice."""
        self._chosen = chosen
        self._show()

    def _show(self) -> None:
        place, chosen = self.view.selected_index or 0, self._chosen
        if chosen is None or self._shown.get(place) == chosen:
            return
        made = (self._confusion, self._recall, self._two_runs, self._labels)[place]
        self.view.children[place].children = or_said(lambda: made(chosen))
        self._shown[place] = chosen

    def _confusion(self, chosen: Chosen) -> list[Any]:
        return [picture(chosen.explored.confusion(chosen.run, chosen.scene))]

    def _recall(self, chosen: Chosen) -> list[Any]:
        return [picture(chosen.explored.recall(chosen.run, chosen.scene))]

    def _two_runs(self, chosen: Chosen) -> list[Any]:
        if chosen.beside is None:
            return [message(["Choose a second run above, in “beside”."])]
        figure, short = chosen.explored.two_runs(chosen.run, chosen.beside, scene=chosen.scene, event=chosen.event)
        return [picture(figure), table(short)]

    def _labels(self, chosen: Chosen) -> list[Any]:
        import ipywidgets

        explored = chosen.explored
        clips = ipywidgets.Dropdown(options=list(explored.training_clips), description="clip", layout={"width": "60%"})
        listen = ipywidgets.Button(description="Listen", icon="play", tooltip="Open the clip in the player above")
        layers = ipywidgets.VBox()

        def layered() -> list[Any]:
            _, notes = explored.layers(clips.value)
            return [picture(explored.layers_figure(clips.value)), *([message(notes)] if notes else [])]

        def changed(stage: str) -> list[Any]:
            figure, counts = explored.changed_labels(stage)
            return [picture(figure), table(counts)]

        def show(_: Any = None) -> None:
            layers.children = or_said(layered)

        clips.observe(show, "value")
        listen.on_click(lambda _: self._listen(clips.value))
        if clips.value is not None:
            show()
        # Each for itself: a stage that cannot be told must not hide the others.
        changes = [one for stage in explored.refining_stages for one in or_said(partial(changed, stage))]
        changes = changes or [message(["No stage of this experiment refines its labels."])]
        return [ipywidgets.HBox([clips, listen]), layers, *changes]
