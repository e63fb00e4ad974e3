"""Hooks of the tagger: its net, its labels and what makes them."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_pann.labeller import PannLabeller
from earmark_pann.labels import TaggedEvents
from earmark_pann.models import Cnn14Tagger, TaggerScene


@hookimpl
def earmark_models() -> Mapping[str, Factory]:
    """Give CNN14 as a tagger, and as what hears for a scene classifier."""
    return {"cnn14": Cnn14Tagger, "tagger-scene": TaggerScene}


@hookimpl
def earmark_label_sources() -> Mapping[str, Factory]:
    """Give the labels of a table that the labeller of the same name has written."""
    return {"pann": TaggedEvents}


@hookimpl
def earmark_labellers() -> Mapping[str, Factory]:
    """Give what runs a tagger over recordings."""
    return {"pann": PannLabeller}
