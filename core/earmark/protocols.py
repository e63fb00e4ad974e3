"""What Earmark asks of a plugin: one verb a kind, the options as keyword-only arguments of its factory.

A plugin gives *factories* by name (see `earmark.hookspecs`). A factory is a class or function whose keyword-only
arguments are its options, typed, so that an experiment file can be checked before anything runs. `Model` and
`Sampler` factories take one positional argument more, which is said below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from earmark.annotations import Annotated, EventLists
from earmark.frames import FrameGrid
from earmark.outputs import Outputs
from earmark.recordings import Clip, Dataset
from earmark.reference import Reference
from earmark.targets import Targets


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a model has to be made for: sizes of its input and of its outputs."""

    n_frames: int
    n_mels: int
    n_events: int
    n_scenes: int


@runtime_checkable
class LabelSource(Protocol):
    """Says what is known of clips, at some price. Factory: ``(*, options)``.

    The vocabulary of events is the source's own where it has one, such as a tagger's, else that of the dataset.

    A source whose labels are drawn by chance may also have ``of_run(seed: int) -> LabelSource``, which gives the source
    of one repetition; chance must come from that seed and the clip's id alone.
    """

    def label(self, dataset: Dataset, clips: Sequence[Clip], grid: FrameGrid) -> Targets:
        """Return targets for exactly these clips, in this order, over the dataset's vocabularies."""
        ...


@runtime_checkable
class Labeller(Protocol):
    """Makes labels once, at a cost, for a label source to read. Factory: ``(*, options)``.

    A label source is asked before every run and must answer at once, offline and always alike; a labeller is called
    by a person, and what it made lies in a table.

    ``write_table`` may also take ``engine: Engine | None = None``, to which it gives the pieces of its work; see
    `earmark.piecework.spread`.
    """

    def write_table(self, dataset: Dataset, folder: Path, advance: Callable[[int, int], None] | None = None) -> Path:
        """Return a table for the label source of the same name.

        Whatever cost something is kept below ``folder`` as soon as it is there, so that an interrupted call goes on
        and a second one costs nothing. ``advance(done, total)`` is called after each piece.
        """
        ...


@runtime_checkable
class Model(Protocol):
    """A `torch.nn.Module` from features (clip, frame, mel) to outputs. Factory: ``(task: Task, *, options)``.

    Parameters that want no gradient are not trained. A model may also have

    - ``prepared(features: Tensor) -> Tensor``, the part that no training changes, such as a frozen net in front: it is
      applied once to all clips, in evaluation mode, and ``__call__`` takes what it gives, with clips as first axis;
    - ``of_targets(targets: Targets) -> Model``, which gives the model once it knows the labels of all training clips;
      what it learns of them belongs in a buffer;
    - ``parts: int``, where it tells the clips of a training batch apart by their place, such as anchors, positives and
      negatives: of how many parts of one length a batch is made. Place k of all parts belongs together, and apart from
      the other places.

    Several processes may share a batch (``earmark.teams.batches``): its clips may meet in torch's batch normalisation,
    and nowhere else.
    """

    def __call__(self, features: Tensor) -> Outputs: ...

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...


@runtime_checkable
class Loss(Protocol):
    """A pure function of outputs and targets. Factory: ``(*, options)``.

    A loss whose form depends on all training labels may also have ``of_targets(targets: Targets) -> Loss``, which gives
    the loss of one training; it is called once, before the first batch.
    """

    def __call__(self, outputs: Outputs, targets: Targets) -> Tensor:
        """Return a scalar (); exactly 0, with a gradient of 0, where the batch holds no label of the loss's kind."""
        ...


@runtime_checkable
class Refiner(Protocol):
    """Returns better targets, on the same clips and the same vocabulary. Factory: ``(*, options)``."""

    def refine(self, targets: Targets, predictions: xr.Dataset) -> Targets:
        """Refine targets by predictions for the same clips (dims as in `Evaluator`).

        They are those of an earlier stage, once, or those of the stage itself, before each epoch; the targets are the
        original ones each time.
        """
        ...


@runtime_checkable
class Evaluator(Protocol):
    """Compares predictions with annotations. Factory: ``(*, options)``.

    An evaluator that needs the training clips, as for centres of classes, may also have
    ``of_training(reference: Reference, predictions: xr.Dataset) -> Evaluator``: it is given those of the same weights.
    """

    def evaluate(self, reference: Reference, predictions: xr.Dataset) -> xr.Dataset:
        """Return counts and scores, scores as fractions in [0, 1].

        Predictions hold any of ``event_frame_posterior`` (clip, frame, event), ``event_clip_posterior``
        (clip, event), ``scene_posterior`` (clip, scene) and ``embedding`` (clip, dim), with the clips' ids, events
        and scenes as coordinates. Large ones are opened lazily: whoever goes through the clips in blocks
        (`earmark.blocks`) needs no more memory for more clips. A scalar variable is a score of the whole set (its name
        says micro or macro); variables over ``event`` or ``scene`` are per class.
        """
        ...


@runtime_checkable
class Corpus(Protocol):
    """Reads one published layout of files. Factory: ``(*, options)``."""

    def read(self, root: Path) -> Dataset:
        """Read a copy of the corpus; its audio is opened for its length only.

        Raises:
            CorpusError: files are missing, with the list and what to do.
            AnnotationError: an annotation cannot be right.
        """
        ...

    def check(self, root: Path) -> Iterable[str]:
        """Say in sentences, one a line, what is there, what is missing and what does not match."""
        ...


@runtime_checkable
class Synthesizer(Protocol):
    """Writes a synthetic stand-in in the layout that the corpus of the same name reads. Factory: ``(*, options)``.

    ``synthesize`` may also take ``engine: Engine | None = None``, to which it gives its recordings; see
    `earmark.piecework.spread`.
    """

    def identity(self, seed: int) -> Mapping[str, Any]:
        """What decides the stand-in, as JSON: options, contents of files that are followed, version of the sound."""
        ...

    def synthesize(self, root: Path, *, seed: int, advance: Callable[[int, int], None] | None = None) -> None:
        """Write audio and annotations under root; finished recordings are kept, so that a second call goes on.

        ``advance(done, total)`` is called after each recording.
        """
        ...


@runtime_checkable
class Frontend(Protocol):
    """Turns sound into features. Factory: ``(*, options)``."""

    rate_hz: int
    """Rate of the waveforms it takes."""
    hop_s: float
    n_mels: int

    def n_frames(self, duration_s: float) -> int:
        """Number of frames of a clip of this length."""
        ...

    def extract(self, waveform: Tensor) -> Tensor:
        """Features (frame, mel), float32, of a waveform (channel, sample) in [-1, 1]."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """Chooses the clips of each batch. Factory: ``(targets: Targets, *, options)``."""

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Indices (n,) on the CPU, one tensor a batch, for one epoch; chance comes from the generator alone."""
        ...


@runtime_checkable
class AnnotationFormat(Protocol):
    """Reads and writes events as another program does. Factory: ``(*, options)``."""

    @property
    def suffix(self) -> str:
        """Ending of its files, such as ".txt"."""
        ...

    @property
    def names_recordings(self) -> bool:
        """True where one file holds several recordings and names each; False where each recording has its own file."""
        ...

    def read(self, path: Path) -> Sequence[Annotated]:
        """Read one file; `Annotated.recording` is empty where the format does not name it.

        Raises:
            AnnotationError: a line cannot be right; the message names the file and the line.
        """
        ...

    def write(self, path: Path, annotated: Sequence[Annotated]) -> None:
        """Write one file; of exactly one recording where the format does not name recordings."""
        ...


@runtime_checkable
class PostProcessor(Protocol):
    """One step from posteriors to decisions; steps are chained. Factory: ``(*, options)``.

    A step may also have ``fit(posterior, activity, events, hop_s) -> Mapping[str, Any]``: from posteriors
    (clip, frame, event) of clips whose reference activity (clip, frame, event) is known, it returns the options of
    the fitted step, as JSON.
    """

    def process(
        self, activity: npt.NDArray[np.float32], events: Sequence[str], hop_s: float
    ) -> npt.NDArray[np.float32]:
        """Return an activity (clip, frame, event) of the same shape in [0, 1]; decisions are 0 or 1.

        No clip may depend on another: any number of them is given at a time.
        """
        ...


@runtime_checkable
class Criterion(Protocol):
    """Compares what was estimated with what was annotated, event by event. Factory: ``(*, options)``."""

    def count(self, reference: EventLists, estimated: EventLists) -> xr.Dataset:
        """Return counts over the same recordings and vocabulary; of a large set, some recordings are given at a time.

        The variables ``tp``, ``fp`` and ``fn`` (recording, event), integers that add over recordings; where the
        criterion knows them also ``substitutions``, ``deletions`` and ``insertions`` (recording).
        """
        ...


JobT = TypeVar("JobT")


@runtime_checkable
class Engine(Protocol):
    """Where runs run, and the pieces of other works. Factory: ``(*, options)``.

    A job is small, hashable and picklable, and says in ``needs`` which others must be done before it.
    """

    def execute(self, jobs: Sequence[JobT], work: Callable[[JobT], None]) -> None:
        """Do the work of every job; jobs come in an order in which each follows those that it needs."""
        ...


Factory = Callable[..., Any]
"""What hooks return, by name."""
