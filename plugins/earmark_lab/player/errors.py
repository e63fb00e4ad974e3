"""Errors of the player."""

from __future__ import annotations

from earmark.errors import EarmarkError


class PlayerError(EarmarkError, ValueError):
    """What is to be shown contradicts itself, or is not there."""
