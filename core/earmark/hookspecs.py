"""The hooks of Earmark: one a plugin kind, five that follow what is done, one for a search's end, one for a report.

A hook of the first sort returns a mapping from names to factories; what a factory must make is the protocol of
the same name in `earmark.protocols`. Names are unique over all plugins: a second owner is an error, never a rename.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from earmark.protocols import Factory
    from earmark.study import Study
    from earmark.tuning.results import Found

PROJECT = "earmark"
"""Name of the pluggy project and of the entry point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin module as the implementation of a hook."""

KINDS = {
    "corpus": "earmark_corpora",
    "synthesizer": "earmark_synthesizers",
    "frontend": "earmark_frontends",
    "label source": "earmark_label_sources",
    "labeller": "earmark_labellers",
    "model": "earmark_models",
    "loss": "earmark_losses",
    "sampler": "earmark_samplers",
    "refiner": "earmark_refiners",
    "evaluator": "earmark_evaluators",
    "store": "earmark_stores",
    "engine": "earmark_engines",
    "annotation format": "earmark_annotation_formats",
    "post-processor": "earmark_post_processors",
    "criterion": "earmark_criteria",
    "download": "earmark_downloads",
}
"""Plugin kinds, in the words that people use, with the hook of each."""


@hookspec
def earmark_corpora() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Corpus readers."""


@hookspec
def earmark_synthesizers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Writers of synthetic stand-ins, under the name of the corpus whose layout they write."""


@hookspec
def earmark_frontends() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Front ends."""


@hookspec
def earmark_label_sources() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Label sources."""


@hookspec
def earmark_labellers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Labellers: they make the tables that label sources read."""


@hookspec
def earmark_models() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Models."""


@hookspec
def earmark_losses() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Losses."""


@hookspec
def earmark_samplers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Samplers of batches."""


@hookspec
def earmark_refiners() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Refiners."""


@hookspec
def earmark_evaluators() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Evaluators."""


@hookspec
def earmark_stores() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Stores: where features, runs and predictions rest."""


@hookspec
def earmark_engines() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Engines: where runs run."""


@hookspec
def earmark_annotation_formats() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Formats in which events are read and written."""


@hookspec
def earmark_post_processors() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Steps from posteriors to decisions."""


@hookspec
def earmark_criteria() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Criteria by which lists of events are compared."""


@hookspec
def earmark_downloads() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Published files that can be fetched."""


@hookspec
def earmark_stage_started(stage: str, seed: int, n_epochs: int, first_epoch: int) -> None:
    """A stage begins to train, or goes on after an interruption at ``first_epoch`` > 0."""


@hookspec
def earmark_epoch_ended(stage: str, seed: int, epoch: int, n_epochs: int, losses: Mapping[str, float]) -> None:
    """An epoch of training ended; losses are means over the epoch's batches, by name, and ``total``."""


@hookspec
def earmark_run_finished(stage: str, seed: int, address: str) -> None:
    """A stage with this seed is whole in the store, under this address."""


@hookspec
def earmark_run_evaluated(stage: str, seed: int, address: str, scores: Mapping[str, float]) -> None:
    """A whole run has new results; scores are the scalars among them, as ``evaluator.score``."""


@hookspec
def earmark_piece_done(work: str, start: int, stop: int) -> None:
    """An engine's worker has done clips or recordings ``start`` to ``stop - 1`` of a work that falls into pieces."""


@hookspec
def earmark_search_ended(found: Found, folder: Path) -> None:
    """A search for hyper-parameters has ended; whoever has something to show of it writes it into the folder."""


@hookspec(firstresult=True)
def earmark_report(studies: Sequence[Study], addresses: Collection[str], folder: Path) -> Path | None:
    """Write a page about an experiment into the folder and return it; None leaves it to another plugin.

    The studies are one, or one a fold; the addresses are those of their whole runs that the page is to be about. The
    page must open from disk without a network, stand there whole or not at all, and trust no name that it prints.
    """
