"""How a stand-in is told from the corpus whose layout it has."""

from __future__ import annotations

MARKER = "SYNTHETIC.json"
"""File below the root that stand-ins alone have; it says what decided them."""
