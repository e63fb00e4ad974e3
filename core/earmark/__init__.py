"""Earmark: joint analysis of acoustic scenes and sound events from labels of every price.

What a plugin author needs stands here; `earmark.protocols` says what each kind of plugin must do.
"""

from __future__ import annotations

from earmark.hookspecs import hookimpl

__all__ = ["hookimpl"]
