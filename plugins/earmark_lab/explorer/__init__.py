"""Widgets with which a person goes through the clips of a study, the worst first."""

from earmark_lab.explorer.explorer import Explorer

__all__ = ["Explorer"]
