"""Hooks of the label sources."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_labels.annotated import PseudoStrong, Strong, Weak
from earmark_labels.fake_scene import FakeScene
from earmark_labels.fake_strong import FakeStrong
from earmark_labels.llm_candidates import LanguageModelCandidates
from earmark_labels.partial import Partial
from earmark_labels.pseudo_strong_partial import PseudoStrongPartial
from earmark_labels.scene import Scene


@hookimpl
def earmark_label_sources() -> Mapping[str, Factory]:
    """Give a source for every price, from the scene alone to times of every event."""
    return {
        "scene": Scene,
        "strong": Strong,
        "weak": Weak,
        "pseudo-strong": PseudoStrong,
        "partial": Partial,
        "pseudo-strong-partial": PseudoStrongPartial,
        "fake-scene": FakeScene,
        "fake-strong": FakeStrong,
    }


@hookimpl
def earmark_labellers() -> Mapping[str, Factory]:
    """Give what makes labels at a cost, under the name of the label source that reads them."""
    return {"partial": LanguageModelCandidates}
