"""What can be wrong between an annotation and the predictions that are compared with it."""

from __future__ import annotations

from earmark.errors import EarmarkError


class EvaluationError(EarmarkError, ValueError):
    """Reference and predictions do not fit each other, or one of them cannot be evaluated."""
