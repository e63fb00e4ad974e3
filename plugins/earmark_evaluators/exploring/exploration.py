"""Everything of one study that a person explores, computed when it is asked for and once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError, suggestion
from earmark.frames import events_of
from earmark.study import Job, Study
from earmark_evaluators.errors import EvaluationError
from earmark_evaluators.exploring import figures
from earmark_evaluators.exploring.clips import ORDERS, clips_worst_first, occurrences_of_clip
from earmark_evaluators.exploring.confusion import confusion_in_time
from earmark_evaluators.exploring.error_kinds import KINDS
from earmark_evaluators.exploring.label_layers import (
    Refined,
    change_table,
    layers_of_clip,
    refined,
)
from earmark_evaluators.exploring.recall import recall_by_duration, recall_by_polyphony
from earmark_evaluators.exploring.runs import ExploredRun, explorable, explored_run, seeds_done
from earmark_evaluators.exploring.two_runs import compared, largest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from earmark.recordings import Event


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """Tables and figures of a study's runs, for a notebook and for the widgets of `earmark_lab.explorer`."""

    study: Study
    runs: dict[str, Job]
    """By title, in the experiment's order; each is read when it is first looked at."""
    notes: tuple[str, ...]
    """One sentence for each run that cannot be explored."""
    kinds: tuple[str, ...] = KINDS
    orders: tuple[str, ...] = tuple(ORDERS)
    _read: dict[str, ExploredRun] = field(default_factory=dict, repr=False)
    _refined: dict[str, Refined] = field(default_factory=dict, repr=False)

    @property
    def scenes(self) -> tuple[str, ...]:
        """Scenes of the test clips."""
        there = {clip.scene for clip in self.study.clips["test"]}
        return tuple(scene for scene in self.study.dataset.scenes if scene in there)

    @property
    def events(self) -> tuple[str, ...]:
        return self.study.dataset.events

    @property
    def refining_stages(self) -> tuple[str, ...]:
        """Stages whose labels an earlier one refines."""
        stages = self.study.experiment.stages
        return tuple(name for name, stage in stages.items() if any(label.refined_by for label in stage.labels))

    @cached_property
    def training_clips(self) -> tuple[str, ...]:
        """Clips whose label layers can be looked at: refined ones first, in which more refined frames changed."""
        clips = [clip.id for clip in self.study.clips["train"]]
        moved: dict[str, int] = {}
        for stage in self.refining_stages:
            try:
                found = self.refined(stage)
            except EarmarkError:
                continue
            wrong = (found.after != found.annotated).sum(axis=(1, 2))
            moved |= {clip.id: int(n) for clip, n in zip(found.clips, wrong, strict=True)}
        return tuple(sorted(clips, key=lambda name: -moved.get(name, -1)))

    def run(self, title: str) -> ExploredRun:
        """One of the runs.

        Raises:
            EvaluationError: there is none of that title; the message says which can be explored, and why others not.
        """
        if title not in self.runs:
            known = ", ".join(self.runs) or "none"
            raise EvaluationError(
                f"No run {title!r} can be explored. {suggestion(title, self.runs)}Runs: {known}. {' '.join(self.notes)}"
            )
        if title not in self._read:
            self._read[title] = explored_run(self.study, self.runs[title])
        return self._read[title]

    def clips(
        self,
        run: str,
        *,
        scene: str | None = None,
        event: str | None = None,
        kind: str | None = None,
        by: str = "frame F",
    ) -> pd.DataFrame:
        """Clips of a run, the worst first; see `earmark_evaluators.exploring.clips`."""
        return clips_worst_first(self.run(run), scene=scene, event=event, kind=kind, by=by)

    def occurrences(self, run: str, clip: str) -> pd.DataFrame:
        """What a run made of one clip."""
        return occurrences_of_clip(self.run(run), clip)

    def confusion(self, run: str, scene: str | None = None) -> Figure:
        """What is heard in the frames of missed events."""
        return figures.confusion(confusion_in_time(self.run(run), scene), self._title(run, scene))

    def recall(self, run: str, scene: str | None = None) -> Figure:
        """Recall by duration and by the number of events at once."""
        table = self.run(run).occurrences
        if scene is not None:
            table = table[table["scene"] == scene]
        return figures.recall(recall_by_duration(table), recall_by_polyphony(table), self._title(run, scene))

    def two_runs(
        self, first: str, second: str, *, scene: str | None = None, event: str | None = None
    ) -> tuple[Figure, pd.DataFrame]:
        """Two runs clip by clip: the figure, and the clips with the largest gains and losses."""
        table = compared(self.run(first), self.run(second), scene=scene, event=event)
        said = " · ".join(name for name in (event, scene, self.study.dataset.title) if name)
        return figures.two_runs(table, said), largest(table).rename(columns={"first": first, "second": second})

    def changed_labels(self, stage: str) -> tuple[Figure, pd.DataFrame]:
        """What refining changed in the labels of a stage: the figure and the table, per event."""
        table = change_table(self.refined(stage))
        said = f"{stage}, seed {self._seed} · {self.study.dataset.title}"
        return figures.label_changes(table, said), table

    def refined(self, stage: str) -> Refined:
        """Labels of a stage before and after refining, with the first seed that has run."""
        if stage not in self._refined:
            self._refined[stage] = refined(self.study, Job(stage, self._seed))
        return self._refined[stage]

    def layers(self, clip: str) -> tuple[dict[str, list[Event]], list[str]]:
        """Label layers of a clip, and what cannot be said of it."""
        found: list[Refined] = []
        notes: list[str] = []
        for stage in self.refining_stages:
            try:
                found.append(self.refined(stage))
            except EarmarkError as error:
                notes.append(str(error))
        known = self.study.clip(clip)
        layers, more = layers_of_clip(self.study, known, found)
        return layers, [*notes, *more]

    def layers_figure(self, clip: str) -> Figure:
        """Label layers of a clip beside each other."""
        layers, _ = self.layers(clip)
        return figures.lanes(layers, self.study.clip(clip).duration_s, f"{clip} · {self.study.dataset.title}")

    def decisions_figure(self, clip: str, runs: tuple[str, ...]) -> Figure:
        """Annotated events of a test clip, and what runs decided."""
        known = self.study.clip(clip)
        layers = {} if known.recording.events is None else {figures.ANNOTATION: list(known.events)}
        for title in runs:
            run = self.run(title)
            row = run.reference.clip_ids.index(clip)
            layers[title] = events_of(run.decision[row], run.reference.events, run.reference.grid.hop_s)
        scene = f" · {known.scene}" if known.scene else ""
        return figures.lanes(layers, known.duration_s, f"{clip}{scene} · {self.study.dataset.title}")

    def predictions(self, runs: tuple[str, ...]) -> dict[str, xr.Dataset]:
        """Posteriors of runs on the test clips, opened lazily: what the player draws."""
        jobs = {title: self.run(title).job for title in runs}
        return {title: self.study.predictions(job.stage, job.seed) for title, job in jobs.items()}

    @cached_property
    def _seed(self) -> int:
        return (*seeds_done(self.study), *self.study.experiment.seeds)[0]

    def _title(self, run: str, scene: str | None) -> str:
        return " · ".join(name for name in (run, scene, self.study.dataset.title) if name)


def exploration(study: Study, methods: tuple[str, ...] = ()) -> Exploration:
    """Open all that can be explored of a study; nothing is trained.

    Args:
        study: experiment, dataset and store.
        methods: titles of the methods that are wanted; all of them where empty.
    """
    runs, notes = explorable(study, methods)
    return Exploration(study=study, runs=runs, notes=tuple(notes))
