"""What can be wrong with a label layer."""

from __future__ import annotations

from earmark.errors import EarmarkError


class LayerError(EarmarkError, ValueError):
    """A label layer is damaged, belongs to another corpus, or contradicts an edit."""
