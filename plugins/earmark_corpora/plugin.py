"""Gives the corpora and their synthetic stand-ins to Earmark."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_corpora.synthesis.tut_stand_in import TutStandIn
from earmark_corpora.tut import TutCorpus


@hookimpl
def earmark_corpora() -> Mapping[str, Factory]:
    """Corpus readers."""
    return {"tut": TutCorpus}


@hookimpl
def earmark_synthesizers() -> Mapping[str, Factory]:
    """Writers of stand-ins."""
    return {"tut": TutStandIn}
