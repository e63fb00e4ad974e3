"""Errors of this package."""

from __future__ import annotations

from earmark.errors import EarmarkError


class CheckpointError(EarmarkError):
    """A file does not hold the weights that are needed, or is not safe to load."""


FETCH = "Fetch it with `earmark data fetch panns --to DIR`"
"""The way to a released checkpoint."""

STAND_IN = "train the stand-in tagger: `earmark train paper/relation_guided/tagger.toml --profile quick`"
"""The way without one."""
