"""Stores in a folder or at an address: features, runs and predictions, each whole or absent."""

from __future__ import annotations

from earmark_stores.local import LocalStore
from earmark_stores.stacking import open_predictions_of

__all__ = ["LocalStore", "open_predictions_of"]
